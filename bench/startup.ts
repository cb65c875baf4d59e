import { join } from "node:path";
import { inTurn, program, root, runNode, type Figure } from "./measure.ts";

/** `--version` and `--help` against the least that Node does; a local answer against a script with the bindings. */
export async function startup(): Promise<Figure[]> {
  const goals = { "--version": 1.3, "--help": 1.8 };
  const figures: Figure[] = [];
  for (const [flag, goal] of Object.entries(goals)) {
    const { base, ours, ratio } = await inTurn(
      21,
      () => runNode(["-e", "0"]),
      () => runNode([program, flag]),
    );
    const detail = `${ours.wallMs.toFixed(0)} ms ÷ ${base.wallMs.toFixed(0)} ms of node -e 0`;
    figures.push({
      name: `${flag} ÷ node -e 0`,
      value: ratio.wallMs,
      unit: "×",
      goal,
      detail,
    });
  }
  return [...figures, await localAnswer()];
}

async function localAnswer(): Promise<Figure> {
  const model = join(root, "models", "kimi-nano", "kimi-nano-q8_0.gguf");
  const prompt =
    "<|im_user|>user<|im_middle|>Hello<|im_end|><|im_assistant|>assistant<|im_middle|>";
  const { base, ours, ratio } = await inTurn(
    15,
    () => runNode([join(root, "bench", "bare-local.mjs"), model, prompt]),
    () => runNode([program, "run", "Hello", "--no-stdin", "--no-session"]),
  );
  return {
    name: "local answer ÷ a script with the bindings",
    value: ratio.wallMs,
    unit: "×",
    goal: 0.6,
    detail: `${ours.wallMs.toFixed(0)} ms ÷ ${base.wallMs.toFixed(0)} ms`,
  };
}
