import { KimiError } from "../../errors.ts";
import type { DeploymentPlan, NodeCommand } from "../deployment-plan.ts";
import { quoteForShell } from "../shell-quote.ts";
import { connectionTo, type HostConnection, type Reach } from "./host-connection.ts";
import { exportLines } from "./node-scripts.ts";
import { runScript } from "./run-script.ts";

/** What a host needs before anything is started. */
export interface HostNeeds {
  readonly host: HostConnection;
  readonly nodes: readonly NodeCommand[];
  readonly programs: readonly NeededProgram[];
  readonly modelPath: string | undefined;
  readonly ports: readonly number[];
}

interface NeededProgram {
  readonly name: string;
  /** Of a `python -m`: the package that it is in. */
  readonly pythonPackage: string | undefined;
  /** What is added to the environment for it. */
  readonly env: NodeCommand["env"];
}

/** Each host once, in the plan's order; those of an MPI program, too. */
export function hostNeeds(plan: DeploymentPlan, reach: Reach): HostNeeds[] {
  const { endpoint, mpi, files } = plan;
  const own = new Set(files.map(({ path }) => path));
  const all = new Map<string, HostConnection>();
  for (const host of [...plan.nodes.map((node) => node.host), ...(mpi?.hosts ?? [])]) {
    const connection = connectionTo(host, reach);
    if (!all.has(connection.key)) all.set(connection.key, connection);
  }
  const keyOf = (host: NodeCommand["host"]): string => connectionTo(host, reach).key;
  return [...all.values()].map((host) => {
    const nodes = plan.nodes.filter((node) => keyOf(node.host) === host.key);
    const commands = nodes.map(({ argv, env }) => ({ argv, env }));
    if (mpi?.hosts.some((one) => keyOf(one) === host.key))
      commands.push({ argv: mpi.argv, env: commands[0]?.env ?? {} });
    const ports = nodes.flatMap(({ health, peerPorts = [] }) =>
      health === undefined ? peerPorts : [health.port, ...peerPorts],
    );
    if (keyOf(endpoint.host) === host.key) ports.push(endpoint.port);
    const readsModel = commands.some(({ argv }) => argv.some((word) => word.includes(plan.model)));
    return {
      host,
      nodes,
      programs: commands
        .map(({ argv: [name = "", flag, module], env }) => ({
          name,
          env,
          pythonPackage: flag === "-m" ? module?.split(".")[0] : undefined,
        }))
        .filter(({ name }) => !own.has(name.replace(/^\.\//, ""))),
      modelPath: readsModel && plan.model.startsWith("/") ? plan.model : undefined,
      ports: [...new Set(ports)],
    };
  });
}

export interface PreflightOptions {
  readonly signal: AbortSignal;
  readonly connectTimeoutSeconds: number;
  readonly setup: string | undefined;
}

/** Asks all hosts at once; starts nothing. @throws KimiError of the first host that is not ready. */
export async function preflight(
  needs: readonly HostNeeds[],
  options: PreflightOptions,
): Promise<void> {
  const { signal } = options;
  const timeoutMs = (options.connectTimeoutSeconds + 30) * 1_000;
  const results = await Promise.allSettled(
    needs.map(async (need) => {
      const said = await runScript(need.host, preflightScript(need, options.setup), {
        signal,
        timeoutMs,
      });
      const problem = problemIn(said, need);
      if (problem) throw problem;
    }),
  );
  signal.throwIfAborted();
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  const [first, ...more] = failures;
  if (first === undefined) return;
  if (!(first instanceof KimiError) || more.length === 0) throw first;
  const { code, exitCode, hint = "" } = first;
  const others = more.length === 1 ? "another host is" : `${more.length} other hosts are`;
  throw new KimiError(`${first.message} (${others} not ready either)`, { code, exitCode, hint });
}

const findPackage =
  "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)";

/** Prints a line for each problem. */
function preflightScript({ programs, modelPath, ports }: HostNeeds, setup?: string): string {
  // In a shell of its own: what fails in `.` ends the shell.
  const before = setup === undefined ? "" : `${setup}\n`;
  const lines = programs.flatMap(({ name, pythonPackage, env }, index) => {
    const check = (what: string, command: string): string =>
      `(${exportLines(env)}${before}${command}) </dev/null >/dev/null 2>&1 || echo ${what} ${index}`;
    return [
      check("program", `command -v ${quoteForShell([name])}`),
      ...(pythonPackage === undefined
        ? []
        : [check("package", quoteForShell([name, "-c", findPackage, pythonPackage]))]),
    ];
  });
  if (setup !== undefined)
    lines.unshift(`(${setup}\n) </dev/null >/dev/null 2>&1 || { echo setup; exit 0; }`);
  if (modelPath !== undefined) lines.push(`[ -e ${quoteForShell([modelPath])} ] || echo model`);
  for (const port of ports) {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    // 0A is a socket that listens, on any of the addresses.
    lines.push(
      `cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ': [0-9A-F]*:${hex} [0-9A-F]*:[0-9A-F]* 0A ' && echo port ${port}`,
    );
  }
  return `[ -r /proc/self/stat ] || { echo linux; exit 0; }
command -v setsid >/dev/null 2>&1 || echo setsid
${lines.join("\n")}
exit 0`;
}

function problemIn(said: string, need: HostNeeds): KimiError | undefined {
  const line = said.trim().split("\n")[0] ?? "";
  const name = `host ${need.host.name}`;
  const [what, detail = ""] = line.split(" ");
  const failure = (message: string, hint: string): KimiError =>
    new KimiError(message, { code: "host-not-ready", hint });
  switch (what) {
    case "":
      return undefined;
    case "linux":
      return failure(`${name} does not run Linux`, "Launch on hosts with Linux.");
    case "setsid":
      return failure(`${name} has no setsid`, "Install util-linux there.");
    case "setup":
      return failure(`the --setup command fails on ${name}`, "Try it there, with sh.");
    case "program":
      return failure(
        `there is no program ${need.programs[Number(detail)]?.name} on ${name}`,
        "Install it there, or put it on the path with --setup, such as: . /opt/venv/bin/activate",
      );
    case "package":
      return failure(
        `${need.programs[Number(detail)]?.name} on ${name} has no package ${need.programs[Number(detail)]?.pythonPackage}`,
        "Install it there, or choose another Python with --setup, such as: . /opt/venv/bin/activate",
      );
    case "model":
      return failure(
        `there is no model ${need.modelPath} on ${name}`,
        "Copy it there, to the same path as on the other hosts.",
      );
    case "port":
      return failure(
        `port ${detail} of ${name} is in use`,
        "Stop what listens there, or choose another port.",
      );
    default:
      return failure(`${name} answered: ${line.slice(0, 200)}`, "Log in there, and look.");
  }
}
