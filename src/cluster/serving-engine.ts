/** What an engine says of itself: how it can lay a model out here, and with which commands. */
import type { ModelDescription } from "../checkpoint/describe-model.ts";
import type { Cluster } from "./cluster.ts";
import type { DeploymentPlan, EngineName, Layout, MemoryReport } from "./deployment-plan.ts";
import type { EngineBudget } from "./gpu-memory.ts";
import type { Spread } from "./spread.ts";

/** As `--layout` has them. */
export const layoutNames = ["tp", "tp-pp", "dp-ep", "split"] as const;
export type LayoutName = (typeof layoutNames)[number];

/** Instruction sets that KTransformers has kernels for, the best first. */
export const cpuKinds = ["amx", "avx512", "avx2"] as const;
export type CpuKind = (typeof cpuKinds)[number];

export interface DeployRequest {
  readonly engine: EngineName;
  /** A version whose flags are known. */
  readonly engineVersion: string;
  /** Whether that version's parser has a flag of a command, such as `vllm serve`. */
  readonly hasFlag: (command: string, flag: string) => boolean;
  /** Values that a flag takes; `undefined` where any is. */
  readonly choicesOf: (command: string, flag: string) => readonly string[] | undefined;
  readonly cluster: Cluster;
  readonly model: ModelDescription;
  /** As the engine is told. */
  readonly modelArgument: string;
  readonly servedName: string;
  /** Tokens of a request; left out, as many as the model has and the memory holds. */
  readonly context?: number | undefined;
  /** Requests at a time; left out, as the engine likes. */
  readonly concurrency?: number | undefined;
  readonly layout?: LayoutName | undefined;
  /** Hosts of the halves of a split. */
  readonly split?: { readonly prefill: number; readonly decode: number } | undefined;
  readonly kvCache: "auto" | "fp8";
  /** Of the endpoint. */
  readonly port: number;
  /** `deepseek_v3` for engines that do not know `kimi_k2` (Moonshot's guide). */
  readonly modelType?: string | undefined;
  /** Of KTransformers: what the CPU has, and where its experts' weights are. */
  readonly cpu?: CpuKind | undefined;
  readonly cpuWeights?: string | undefined;
}

/** One way to lay the model out. */
export interface Candidate {
  readonly name: LayoutName;
  readonly layout: Omit<Layout, "reasons">;
  /** Why this is here at all, said of it when it is chosen. */
  readonly reason: string;
  /** Of the instance that holds the cache that answers come from. */
  readonly spread: Spread;
  /** As the engine is told of memory: the usual way first, then tighter ones. */
  readonly budgets: readonly EngineBudget[];
  /** The other half of a split, whose weights have to fit as well. */
  readonly other?: { readonly spread: Spread; readonly budget: EngineBudget };
  /** Experts that the CPU computes. */
  readonly host?: HostPart;
}

export interface HostPart {
  /** Of RAM. */
  readonly bytes: number;
  /** Routed experts that are read there, all of them. */
  readonly expertBytes: number;
  /** Of RAM, bytes a second. */
  readonly bandwidth: number;
}

export interface Choice {
  readonly candidate: Candidate;
  readonly budget: EngineBudget;
  readonly memory: MemoryReport;
  /** Tokens of a request that were planned for. */
  readonly context: number;
  /** Whether the engine has to be told so, since it would take the model's own. */
  readonly isContextSet: boolean;
}

export type Commands = Pick<DeploymentPlan, "nodes" | "files" | "mpi" | "endpoint" | "notes">;

export interface ServingEngine {
  /** The best first; empty where `layout` can't be had. */
  readonly candidates: (request: DeployRequest) => readonly Candidate[];
  readonly commands: (request: DeployRequest, choice: Choice) => Commands;
}
