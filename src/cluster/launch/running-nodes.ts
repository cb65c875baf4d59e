import { exitCodes, KimiError } from "../../errors.ts";
import type { NodeCommand } from "../deployment-plan.ts";
import { isStoppedElsewhere, type DeploymentRecord } from "./deployment-record.ts";
import { stopDeployment } from "./deployment-status.ts";
import { waitForHealth } from "./health.ts";
import { connectionTo, httpUrl, type HostConnection } from "./host-connection.ts";
import type { NodeExit } from "./launch-events.ts";
import type { LaunchOptions } from "./launch-plan.ts";
import { startScript } from "./node-scripts.ts";
import { runScript } from "./run-script.ts";
import { placeOf } from "./stop-nodes.ts";
import { watchNode, type NodeWatch } from "./watch-node.ts";

const keptLines = 20;

/** The nodes of a launch, from their start till they are stopped or let go of. */
export class RunningNodes {
  readonly #record: DeploymentRecord;
  readonly #options: LaunchOptions;
  readonly #watches: NodeWatch[] = [];
  readonly #lastLines = new Map<string, string[]>();
  readonly #failed = Promise.withResolvers<KimiError>();
  #isReady = false;
  #isLetGo = false;

  constructor(record: DeploymentRecord, options: LaunchOptions) {
    this.#record = record;
    this.#options = options;
  }

  get failure(): Promise<KimiError> {
    return this.#failed.promise;
  }

  async startAll(timeoutMs: number): Promise<void> {
    const { plan, signal, hurry, onEvent } = this.#options;
    for (const node of plan.nodes) {
      signal.throwIfAborted();
      const host = this.#hostOf(node);
      const place = placeOf(this.#record, node);
      // Not cut off in the middle: what has begun to start could not be found yet to be stopped.
      const said = await runScript(host, startScript(place), { signal: hurry, timeoutMs });
      onEvent({ type: "node-start", node: node.name, pid: Number(said.split(" ")[0]) });
      this.#watch(node, host);
    }
  }

  #watch(node: NodeCommand, host: HostConnection): void {
    const { onEvent } = this.#options;
    const lines: string[] = [];
    this.#lastLines.set(node.name, lines);
    const watch = watchNode({
      host,
      place: placeOf(this.#record, node),
      onLine: (line) => {
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        onEvent({ type: "node-log", node: node.name, line });
      },
      onLost: (reason) => onEvent({ type: "node-lost", node: node.name, reason }),
    });
    this.#watches.push(watch);
    void watch.exit.then((exit) => {
      if (!exit || this.#isLetGo) return;
      onEvent({ type: "node-exit", node: node.name, exit });
      this.#failed.resolve(this.#stoppedError() ?? this.#endedError(node, host, exit));
    });
  }

  async waitTillReady(): Promise<void> {
    const { plan, timeoutMs, onEvent } = this.#options;
    const over = new AbortController();
    const limit = AbortSignal.timeout(Math.min(timeoutMs, 2 ** 31 - 1));
    const signal = AbortSignal.any([this.#options.signal, limit, over.signal]);
    const waiting = new Set<NodeCommand>();
    const all = plan.nodes.map(async (node) => {
      if (!node.health) return;
      const { port, path } = node.health;
      waiting.add(node);
      await waitForHealth(httpUrl(this.#hostOf(node).address, port, path), signal);
      waiting.delete(node);
      onEvent({ type: "node-ready", node: node.name });
    });
    const failed = this.failure.then((error) => {
      throw error;
    });
    try {
      await Promise.race([Promise.all(all), failed]);
    } catch (thrown) {
      if (thrown instanceof KimiError || this.#options.signal.aborted) throw thrown;
      if (limit.aborted) throw this.#tooSlow([...waiting]);
      throw thrown;
    } finally {
      over.abort();
      await Promise.allSettled(all);
    }
    for (const { name, health } of plan.nodes)
      if (!health) onEvent({ type: "node-ready", node: name });
    this.#isReady = true;
  }

  async stop(): Promise<void> {
    const { stateFolder, graceSeconds, hurry, onEvent } = this.#options;
    this.#isLetGo = true;
    try {
      await stopDeployment(stateFolder, this.#record, { graceSeconds, hurry, onEvent });
    } finally {
      await this.letGo();
    }
  }

  async letGo(): Promise<void> {
    this.#isLetGo = true;
    for (const watch of this.#watches) watch.close();
    await Promise.all(this.#watches.map((watch) => watch.exit));
  }

  #hostOf(node: NodeCommand): HostConnection {
    return connectionTo(node.host, this.#options.reach);
  }

  #logOf(node: NodeCommand): string {
    const { ssh } = this.#hostOf(node);
    const path = `${this.#options.folder}/${node.name}.log`;
    return ssh === undefined ? path : `${ssh} tail -n 100 ${path}`;
  }

  #stoppedError(): KimiError | undefined {
    const { stateFolder, name } = this.#options;
    if (!isStoppedElsewhere(stateFolder, this.#record)) return undefined;
    return new KimiError(`the deployment ${name} was stopped by another kimi`, {
      code: "stopped",
      exitCode: exitCodes.terminated,
    });
  }

  #endedError(node: NodeCommand, host: HostConnection, { status }: NodeExit): KimiError {
    const how = status === undefined ? "was killed" : `ended with exit status ${status}`;
    const when = this.#isReady ? "" : " before it could serve";
    const last = this.#lastLines.get(node.name)?.at(-1);
    const said = last === undefined ? "it printed nothing" : `its last line: ${last}`;
    const isWithLogin = status === undefined && host.ssh !== undefined;
    const linger = "; if the host ends what a login leaves behind, loginctl enable-linger helps";
    return new KimiError(`${node.name} on host ${host.name} ${how}${when}; ${said}`, {
      code: "node-ended",
      hint: `All of its log: ${this.#logOf(node)}${isWithLogin ? linger : ""}`,
    });
  }

  #tooSlow([node]: readonly NodeCommand[]): KimiError {
    const { timeoutMs } = this.#options;
    const name = node === undefined ? "it" : `${node.name} on host ${this.#hostOf(node).name}`;
    return new KimiError(`${name} could not serve within ${Math.round(timeoutMs / 1_000)} s`, {
      code: "not-ready",
      exitCode: exitCodes.tryAgain,
      hint: `Look at what it does, or give it more time with --timeout${node === undefined ? "" : `: ${this.#logOf(node)}`}`,
    });
  }
}
