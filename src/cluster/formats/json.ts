import type { DeploymentPlan } from "../deployment-plan.ts";

/** The plan for programs, indented; keys always in this order. */
export function jsonText(plan: DeploymentPlan): string {
  const value = {
    engine: plan.engine,
    engineVersion: plan.engineVersion,
    model: plan.model,
    servedName: plan.servedName,
    layout: plan.layout,
    nodes: plan.nodes.map(({ name, role, host, argv, env, health }) => ({
      name,
      role,
      host,
      argv,
      env,
      health,
    })),
    mpi: plan.mpi,
    files: plan.files.map(({ path, content, isExecutable }) => ({ path, content, isExecutable })),
    endpoint: plan.endpoint,
    memory: plan.memory,
    notes: plan.notes,
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
