/** Keys with Ctrl and Alt, after readline and Emacs. Named keys are in keys.ts. */
import type { KeyAction } from "./keys.ts";

/** By what is pressed with Ctrl, in lower case. A terminal sends Tab, Enter, Esc, Backspace so too. */
export const controlKeys: ReadonlyMap<string, KeyAction> = new Map<string, KeyAction>([
  ["a", { type: "move", to: "line-start" }],
  ["b", { type: "move", to: "left" }],
  ["c", { type: "cancel" }],
  ["d", { type: "end-of-input" }],
  ["e", { type: "move", to: "line-end" }],
  ["f", { type: "move", to: "right" }],
  ["g", { type: "editor" }],
  ["h", { type: "erase", to: "left" }],
  ["i", { type: "complete" }],
  ["j", { type: "newline" }],
  ["k", { type: "kill", to: "line-end" }],
  ["l", { type: "redraw" }],
  ["m", { type: "submit" }],
  ["n", { type: "down" }],
  ["o", { type: "fold" }],
  ["p", { type: "up" }],
  ["r", { type: "search-history" }],
  ["s", { type: "steer" }],
  ["t", { type: "transpose" }],
  ["u", { type: "kill", to: "line-start" }],
  ["w", { type: "kill", to: "spaced-word-left" }],
  ["y", { type: "yank" }],
  ["z", { type: "suspend" }],
  ["[", { type: "interrupt" }],
  ["]", { type: "expand-paste" }],
  // Ctrl-_, Ctrl-/, Ctrl-- and Ctrl-7 are one byte, unless the terminal tells them apart.
  ["_", { type: "undo" }],
  ["/", { type: "undo" }],
  ["-", { type: "undo" }],
  ["7", { type: "undo" }],
]);

/** By what is pressed with Alt, in lower case. */
export const metaKeys: ReadonlyMap<string, KeyAction> = new Map<string, KeyAction>([
  ["b", { type: "move", to: "word-left" }],
  ["f", { type: "move", to: "word-right" }],
  ["d", { type: "kill", to: "word-right" }],
  ["y", { type: "yank-older" }],
  ["e", { type: "expand-paste" }],
  ["r", { type: "redo" }],
  ["_", { type: "redo" }],
  ["<", { type: "move", to: "text-start" }],
  [">", { type: "move", to: "text-end" }],
]);
