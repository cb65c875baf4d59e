import { dirname } from "node:path/posix";
import { usageError } from "../../errors.ts";
import type { DeploymentPlan, PlanFile } from "../deployment-plan.ts";
import { quoteForShell } from "../shell-quote.ts";
import { enterFolder, nodeProgram } from "./node-scripts.ts";
import type { HostNeeds } from "./preflight.ts";
import { runScript, type ScriptOptions } from "./run-script.ts";

export interface Preparation {
  readonly plan: DeploymentPlan;
  readonly needs: readonly HostNeeds[];
  readonly folder: string;
  readonly setup: string | undefined;
}

/**
 * Puts the plan's files and each node's program into the folder, on every host at once; what was put there is taken away
 * again when one host fails.
 */
export async function prepareHosts(
  { plan, needs, folder, setup }: Preparation,
  options: ScriptOptions,
): Promise<void> {
  const filesOf = (need: HostNeeds): PlanFile[] => [
    ...plan.files,
    ...need.nodes.map((node) => ({ path: `${node.name}.sh`, content: nodeProgram(node, setup) })),
  ];
  const results = await Promise.allSettled(
    needs.map((need) => runScript(need.host, writeScript(folder, filesOf(need)), options)),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (!failed) return;
  const remove = (need: HostNeeds): Promise<string> =>
    runScript(need.host, removeScript(folder, filesOf(need)), { timeoutMs: options.timeoutMs });
  await Promise.allSettled(
    needs.filter((_, index) => results[index]?.status === "fulfilled").map(remove),
  );
  throw failed.reason;
}

/** Only the user reads what is in there: logs and commands may hold keys. */
function writeScript(folder: string, files: readonly PlanFile[]): string {
  const lines = files.flatMap(({ path, content, isExecutable }) => {
    const [to = "", draft = ""] = [path, `${path}.new`].map((name) => quoteForShell([name]));
    return [
      `mkdir -p ${quoteForShell([dirname(path)])}`,
      `printf %s ${quoteForShell([content])} > ${draft} && chmod ${isExecutable ? 755 : 644} ${draft} && mv -f ${draft} ${to} || exit 1`,
    ];
  });
  return [
    `cd && (umask 077; mkdir -p ${quoteForShell([folder])}) || exit 1`,
    enterFolder(folder),
    ...lines,
  ].join("\n");
}

function removeScript(folder: string, files: readonly PlanFile[]): string {
  const paths = quoteForShell(files.map(({ path }) => path));
  return `${enterFolder(folder)}\nrm -f ${paths}\ncd .. && rmdir ${quoteForShell([folder])} 2>/dev/null\nexit 0`;
}

/** @throws KimiError for a plan whose names would lead out of its folder or of a shell's line. */
export function checkPlan({ nodes, files }: DeploymentPlan): void {
  const bad = (what: string): never => {
    throw usageError(`the plan has ${what}`, "Plan it again with this version of kimi.");
  };
  for (const { name, env, argv } of nodes) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) bad(`a node named ${JSON.stringify(name)}`);
    if (argv.length === 0) bad(`no command for ${name}`);
    for (const key of Object.keys(env))
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) bad(`an environment variable ${key}`);
  }
  if (nodes.length === 0) bad("no nodes");
  if (new Set(nodes.map(({ name }) => name)).size < nodes.length) bad("two nodes of one name");
  for (const { path } of files)
    if (path.startsWith("/") || path.split("/").includes("..")) bad(`a file ${path}`);
}
