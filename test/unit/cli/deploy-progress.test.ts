import { expect, onTestFinished, test, vi } from "vitest";
import { launchProgress } from "../../../src/cli/deploy-progress.ts";

function progressOf(stream: { isTTY: boolean; columns?: number; rows?: number }, nodes = 2) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let text = "";
  let now = 0;
  const progress = launchProgress({
    stream: { ...stream, write: (piece: string | Uint8Array) => (text += String(piece)) !== "" },
    nodes: Array.from({ length: nodes }, (_, index) => ({ name: `node-${index}`, host: "gpu" })),
    isFollowing: false,
    clock: () => now,
  });
  return {
    ...progress,
    written: () => text,
    /** What is written meanwhile. */
    after: (ms: number): string => {
      text = "";
      now += ms;
      vi.advanceTimersByTime(ms);
      return text;
    },
  };
}

test("a node's line shows its state, its time and the last line of its log, cut and without controls", () => {
  const { onEvent, after } = progressOf({ isTTY: true, columns: 41 });
  onEvent({ type: "node-start", node: "node-0", pid: 1 });
  onEvent({
    type: "node-log",
    node: "node-0",
    line: "\u001b[2J\u001b[31m界界界\ta\u0007 long line of a log",
  });
  expect(after(12_000)).toContain("node-0  starting    12 s  界界界 a long\nnode-1  waiting\n");
  expect(after(1_000)).toMatch(/^\u001B\[2A\r\u001B\[Jnode-0 {2}starting {4}13 s/);
});

test("nothing is written while nothing changes", () => {
  const { after } = progressOf({ isTTY: true });
  expect(after(1_000)).not.toBe("");
  expect(after(10_000)).toBe("");
});

test("a plan of more nodes than the window has rows is not drawn whole", () => {
  const { after } = progressOf({ isTTY: true, rows: 5 }, 16);
  expect(after(1_000).split("\n")).toHaveLength(5);
  const again = progressOf({ isTTY: true, rows: 5 }, 16);
  expect(again.after(1_000)).toContain("\nand 13 more\n");
});

test("of a node that failed the last lines are shown, and stay", () => {
  const { onEvent, written, settle } = progressOf({ isTTY: false });
  onEvent({ type: "node-start", node: "node-1", pid: 7 });
  for (let line = 0; line < 30; line++)
    onEvent({ type: "node-log", node: "node-1", line: `line ${line}` });
  onEvent({ type: "node-exit", node: "node-1", exit: { status: 9 } });
  settle();
  const last = Array.from({ length: 20 }, (_, index) => `node-1 | line ${index + 10}\n`);
  expect(written()).toBe(
    `node-1: started on host gpu, process 7\n${last.join("")}node-1: ended with exit status 9\n`,
  );
});
