/** Small deployments of real processes, and what is left of them. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { DeploymentPlan, Host, NodeCommand } from "../../src/cluster/deployment-plan.ts";

const engine = join(import.meta.dirname, "deploy-engine.ts");

let ports = process.pid * 64;

/** A port of loopback that nobody listens on, another one each time; below those that the system gives away itself. */
export async function freePort(address = "127.0.0.1"): Promise<number> {
  for (;;) {
    const port = 10_000 + (ports++ % 20_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, address, () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

export function hostAt(address: string, more: Partial<Host> = {}): Host {
  return { name: `h${address.replaceAll(/\D/g, "")}`, address, gpus: 0, ...more };
}

export interface TestNode {
  readonly name: string;
  readonly host?: Host;
  readonly port: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly isWorker?: boolean;
}

/** Of test/support/deploy-engine.ts. */
export function testNode(node: TestNode): NodeCommand {
  const { name, port, args = [], env = {}, isWorker = false } = node;
  const host = node.host ?? hostAt("127.0.0.1");
  return {
    name,
    role: isWorker ? "worker" : "serve",
    host,
    argv: [process.execPath, engine, String(port), "--host", host.address, ...args],
    env,
    ...(isWorker ? {} : { health: { port, path: "/health" } }),
  };
}

export function planOf(
  nodes: readonly NodeCommand[],
  more: Partial<DeploymentPlan> = {},
): DeploymentPlan {
  const first = nodes[0];
  if (!first) throw new Error("a plan has nodes");
  return {
    engine: "vllm",
    engineVersion: "0.12.0",
    model: "moonshotai/Kimi-K2-Instruct",
    servedName: "kimi-nano",
    layout: {
      kind: "tensor parallel",
      tensorParallel: 1,
      pipelineParallel: 1,
      dataParallel: 1,
      expertParallel: 1,
      reasons: [],
    },
    nodes,
    files: [],
    endpoint: { host: first.host, port: first.health?.port ?? 1, protocol: "chat" },
    memory: {
      accelerator: "none",
      gpus: 0,
      perGpu: {
        capacityBytes: 0,
        weightsBytes: 0,
        kvCacheBytes: 0,
        activationBytes: 0,
        runtimeBytes: 0,
        reservedBytes: 0,
      },
      kvBytesPerToken: 0,
      kvCopies: 1,
      kvCapacityTokens: 0,
      context: 0,
      concurrency: 1,
      maxContext: 0,
      maxConcurrency: 1,
      decodeTokensPerSecond: { single: 0, total: 0 },
    },
    notes: [],
    ...more,
  };
}

/** Processes that work in a folder, as a deployment's do: what is left of it. */
export function processesIn(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (readlinkSync(`/proc/${pid}/cwd`) !== folder) return [];
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")}`];
      } catch {
        return []; // it has ended, or is a zombie
      }
    });
}
