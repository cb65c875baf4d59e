import { randomUUID } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../errors.ts";
import type { HostConnection } from "./host-connection.ts";
import type { NodeExit } from "./launch-events.ts";
import { watchScript, type NodePlace } from "./node-scripts.ts";
import { followScript, type RunningScript } from "./run-script.ts";

export interface WatchOptions {
  readonly host: HostConnection;
  readonly place: NodePlace;
  readonly onLine: (line: string) => void;
  /** The connection broke; it is tried again. */
  readonly onLost: (reason: string) => void;
}

export interface NodeWatch {
  /** How the node ended; `undefined` when the watch was closed before. */
  readonly exit: Promise<NodeExit | undefined>;
  close(): void;
}

/** Longer lines are cut into several. */
const longestLine = 16_384;

/** Follows a node's log from its begin, over as many connections as it takes. */
export function watchNode({ host, place, onLine, onLost }: WatchOptions): NodeWatch {
  const mark = `kimi-${randomUUID()}`;
  const decoder = new StringDecoder("utf8");
  const closed = new AbortController();
  let script: RunningScript | undefined;
  let offset = 0;
  let rest = "";
  let exit: NodeExit | undefined;

  const takeLine = (line: string): void => {
    if (line.startsWith(mark)) {
      const status = line.slice(mark.length).trim();
      exit = { status: status === "" ? undefined : Number(status) };
    } else if (line !== "") onLine(line);
  };
  const take = (bytes: Buffer): void => {
    offset += bytes.length; // with the mark too, after which it does not matter
    const lines = (rest + decoder.write(bytes)).split(/[\r\n]/);
    rest = lines.pop() ?? "";
    for (; rest.length > longestLine; rest = rest.slice(longestLine))
      lines.push(rest.slice(0, longestLine));
    lines.forEach(takeLine);
  };
  const follow = async (): Promise<NodeExit | undefined> => {
    for (let pauseMs = 500; ; pauseMs = Math.min(30_000, pauseMs * 2)) {
      try {
        script = followScript(host, watchScript(place, { offset, mark }), take);
        await script.ended;
        if (exit || closed.signal.aborted) return exit;
        onLost("the connection broke");
      } catch (thrown) {
        if (exit || closed.signal.aborted) return exit;
        onLost(messageOf(thrown));
      }
      await sleep(pauseMs, undefined, { signal: closed.signal, ref: true }).catch(() => {});
      if (closed.signal.aborted) return undefined;
    }
  };
  return {
    exit: follow(),
    close() {
      closed.abort();
      script?.close();
    },
  };
}
