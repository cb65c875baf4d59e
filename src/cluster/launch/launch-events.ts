/** What a launch tells of while it goes on: plain data, for a display or a log. */
export type LaunchEvent =
  | { readonly type: "preflight"; readonly hosts: readonly string[] }
  | { readonly type: "node-start"; readonly node: string; readonly pid: number }
  /** A line of its log, without the line break. */
  | { readonly type: "node-log"; readonly node: string; readonly line: string }
  /** Its health check answers 200; of a node without one: it runs, and the others are ready. */
  | { readonly type: "node-ready"; readonly node: string }
  | { readonly type: "node-exit"; readonly node: string; readonly exit: NodeExit }
  /** The connection that brings its log broke; it is made again. The node itself may well run. */
  | { readonly type: "node-lost"; readonly node: string; readonly reason: string }
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "stop"; readonly nodes: readonly string[] }
  | { readonly type: "node-stop"; readonly node: string; readonly how: StopOutcome };

export interface NodeExit {
  /** As a shell says it: 128 + N for signal N; `undefined` when the process was killed with the one that watches it. */
  readonly status: number | undefined;
}

/** `gone`: it did not run any more; `ended`: it ended when asked; `killed`: it had to be. */
export type StopOutcome = "gone" | "ended" | "killed";
