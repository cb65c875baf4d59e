/** How a launch looks while it goes on: on a terminal a line for each node that changes, elsewhere a line for each change. */
import type { WriteStream } from "node:tty";
import type { LaunchEvent, NodeExit } from "../cluster/launch/launch-events.ts";
import { cleanText, expandTabs } from "../ui/markdown/clean-text.ts";
import { graphemes } from "../ui/markdown/graphemes.ts";
import { formatDuration } from "../ui/format.ts";

export interface ProgressOptions {
  readonly stream: Pick<WriteStream, "write"> & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
  /** With the hosts they are on, in the plan's order. */
  readonly nodes: readonly { readonly name: string; readonly host: string }[];
  /** Whether every line of the logs is shown. */
  readonly isFollowing: boolean;
  /** Milliseconds. */
  readonly clock?: () => number;
}

export interface LaunchProgress {
  readonly onEvent: (event: LaunchEvent) => void;
  /** A line that stays. */
  readonly say: (line: string) => void;
  /** From here on nothing changes any more that was shown. A second call does nothing. */
  readonly settle: () => void;
}

interface NodeView {
  readonly name: string;
  readonly host: string;
  state: string;
  startedAt: number | undefined;
  endedAt: number | undefined;
  lastLines: string[];
}

const keptLines = 20;
const drawnEveryMs = 200;

export function launchProgress(options: ProgressOptions): LaunchProgress {
  const { stream, isFollowing, clock = () => performance.now() } = options;
  const nodes = new Map(
    options.nodes.map(({ name, host }): [string, NodeView] => [
      name,
      { name, host, state: "waiting", startedAt: undefined, endedAt: undefined, lastLines: [] },
    ]),
  );
  const block = stream.isTTY
    ? liveBlock(stream, () => blockLines([...nodes.values()], clock()))
    : undefined;
  const say = (line: string): void => {
    const text = `${tidy(line)}\n`;
    if (block) block.print(text);
    else stream.write(text);
  };
  const change = (name: string, state: string, told: string): void => {
    const node = nodes.get(name);
    if (node) node.state = state;
    if (!block?.isLive() || told.startsWith("!")) say(`${name}: ${told.replace(/^!/, "")}`);
  };
  const onEvent = (event: LaunchEvent): void => {
    const node = "node" in event ? nodes.get(event.node) : undefined;
    switch (event.type) {
      case "preflight":
        if (!block) say(`looking at ${event.hosts.join(", ")}`);
        break;
      case "node-start":
        if (node) node.startedAt = clock();
        change(event.node, "starting", `started on host ${node?.host}, process ${event.pid}`);
        break;
      case "node-log":
        if (node) node.lastLines = [...node.lastLines.slice(1 - keptLines), event.line];
        if (isFollowing) say(`${event.node} | ${event.line}`);
        break;
      case "node-ready":
        if (node) node.endedAt = clock();
        change(event.node, "ready", `ready after ${elapsed(node)}`);
        break;
      case "node-lost":
        change(
          event.node,
          "out of sight",
          `!its log is out of reach, trying again: ${event.reason}`,
        );
        break;
      case "node-exit":
        if (!isFollowing) for (const line of node?.lastLines ?? []) say(`${event.node} | ${line}`);
        change(event.node, exitText(event.exit), `!${exitText(event.exit)}`);
        break;
      case "ready":
        break; // the command says so
      case "stop":
        block?.settle();
        if (block) stream.write("\r\u001B[K"); // the terminal has shown ^C there
        say(`stopping ${event.nodes.join(", ")}`);
        break;
      case "node-stop":
        change(event.node, event.how, stopTexts[event.how]);
        break;
      default:
        event satisfies never;
    }
  };
  return { onEvent, say, settle: () => block?.settle() };
}

const stopTexts = {
  gone: "was gone already",
  ended: "stopped",
  killed: "killed, as it did not end by itself",
} as const;

function exitText({ status }: NodeExit): string {
  return status === undefined ? "was killed" : `ended with exit status ${status}`;
}

function elapsed({ startedAt = 0, endedAt = 0 }: Partial<NodeView> = {}): string {
  return formatDuration(endedAt - startedAt);
}

/** `node-0  starting  12 s  Loading weights: 40 %`; not cut yet. */
function blockLines(nodes: readonly NodeView[], now: number): string[] {
  const widest = Math.max(...nodes.map(({ name }) => name.length));
  return nodes.map((node) => {
    const { name, state, startedAt, lastLines } = node;
    const took = startedAt === undefined ? "" : elapsed({ ...node, endedAt: node.endedAt ?? now });
    const last = state === "ready" ? "" : (lastLines.at(-1) ?? "");
    return `${name.padEnd(widest)}  ${state.padEnd(8)}  ${took.padStart(6)}  ${tidy(last)}`.trimEnd();
  });
}

interface LiveBlock {
  isLive(): boolean;
  /** Above the block. */
  print(text: string): void;
  settle(): void;
}

/** Lines at the bottom of a terminal, drawn anew when they have changed. */
function liveBlock(
  stream: ProgressOptions["stream"],
  linesNow: () => readonly string[],
): LiveBlock {
  let drawn: readonly string[] = [];
  let isLive = true;
  const erase = (): string => (drawn.length === 0 ? "" : `\u001B[${drawn.length}A\r\u001B[J`);
  const draw = (above = ""): void => {
    const width = Math.max(20, stream.columns ?? 80) - 1;
    const lines = fit(linesNow(), Math.max(3, (stream.rows ?? 24) - 1)).map((line) =>
      cut(line, width),
    );
    if (above === "" && lines.join("\n") === drawn.join("\n")) return;
    stream.write(`${erase()}${above}${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines;
  };
  const timer = setInterval(draw, drawnEveryMs).unref();
  return {
    isLive: () => isLive,
    print: (text) => (isLive ? draw(text) : void stream.write(text)),
    settle() {
      if (!isLive) return;
      clearInterval(timer);
      draw();
      isLive = false;
    },
  };
}

/** The last of many lines are only counted: a block higher than the window could not be drawn anew. */
function fit(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines;
  return [...lines.slice(0, rows - 1), `and ${lines.length - rows + 1} more`];
}

function tidy(line: string): string {
  return expandTabs(cleanText(line.slice(0, 2_000)).replaceAll("\n", " ")).trimEnd();
}

function cut(line: string, width: number): string {
  let used = 0;
  for (const grapheme of graphemes(line)) {
    used += grapheme.width;
    if (used > width) return line.slice(0, grapheme.offset).trimEnd();
  }
  return line;
}
