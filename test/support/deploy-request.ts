import type { Cluster } from "../../src/cluster/cluster.ts";
import {
  choicesOf,
  hasFlag,
  readEngineFlags,
  resolveVersion,
} from "../../src/cluster/engine-flags.ts";
import type { DeployRequest } from "../../src/cluster/serving-engine.ts";
import type { ModelDescription } from "../../src/checkpoint/describe-model.ts";

type Given = Partial<DeployRequest> & {
  readonly cluster: Cluster;
  readonly model: ModelDescription;
};

/** A request with what a person would have left out: vLLM, its newest version, the usual names. */
export async function deployRequest(given: Given): Promise<DeployRequest> {
  const engine = given.engine ?? "vllm";
  const engineVersion = resolveVersion(engine, given.engineVersion);
  const flags = await readEngineFlags(engine, engineVersion);
  return {
    engine,
    hasFlag: (command, flag) => hasFlag(flags, command, flag),
    choicesOf: (command, flag) => choicesOf(flags, command, flag),
    modelArgument: "/models/Kimi-K2-Instruct",
    servedName: "kimi-k2",
    kvCache: "auto",
    port: 8_000,
    ...given,
    engineVersion,
  };
}
