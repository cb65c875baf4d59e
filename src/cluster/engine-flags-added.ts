/** A person's own flags, at the end of every command that serves the model. */
import { usageError } from "../errors.ts";
import { checkArguments } from "./check-arguments.ts";
import type { DeploymentPlan, NodeCommand } from "./deployment-plan.ts";
import type { EngineFlags } from "./engine-flags.ts";

/** @throws KimiError for what the engine's parser would not take. */
export function withEngineFlags(
  plan: DeploymentPlan,
  added: readonly string[],
  flags: EngineFlags,
): DeploymentPlan {
  if (added.length === 0) return plan;
  refuseContradictions(plan, added, flags);
  const nodes = plan.nodes.map((node) =>
    servesModel(node, plan) ? { ...node, argv: [...node.argv, ...added] } : node,
  );
  for (const { argv } of nodes) {
    const [problem] = checkArguments(flags, argv);
    if (problem !== undefined)
      throw usageError(
        problem.replace(/\.$/, ""),
        "What stands behind -- has to be flags of that version; --engine-version names another.",
      );
  }
  const { mpi } = plan;
  return {
    ...plan,
    nodes,
    ...(mpi ? { mpi: { ...mpi, argv: [...mpi.argv, ...added] } } : {}),
  };
}

/** @throws KimiError for a flag that the plan has already: which of the two holds, the engine decides. */
function refuseContradictions(
  { nodes }: DeploymentPlan,
  added: readonly string[],
  { commands }: EngineFlags,
): void {
  const all = Object.values(commands).flatMap((command) => command.flags);
  for (const word of added.filter((one) => one.startsWith("-"))) {
    const name = word.replace(/=.*$/, "");
    const names = all.find((flag) => flag.names.includes(name))?.names ?? [name];
    if (nodes.some(({ argv }) => argv.some((one) => names.includes(one.replace(/=.*$/, "")))))
      throw usageError(
        `${name} is in the plan already`,
        "Change it by kimi's own option (kimi deploy --help), or change the written script.",
      );
  }
}

/** A router or a Ray node does not. */
function servesModel({ role, argv }: NodeCommand, { model }: DeploymentPlan): boolean {
  return role !== "router" && argv.includes(model);
}
