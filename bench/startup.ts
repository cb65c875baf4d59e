import { inTurn, program, runNode, type Figure } from "./measure.ts";

/** `--version` and `--help` against the least that Node does. */
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
  return figures;
}
