import { fork } from "node:child_process";
import { join } from "node:path";
import { inTurn, program, root, runNode, type Figure } from "./measure.ts";

/** One-shot and long answers from an endpoint on loopback, against a bare loop over node:http. */
export async function remote(): Promise<Figure[]> {
  const server = fork(join(root, "bench", "endpoint.mjs"));
  const port = await new Promise<number>((resolve) =>
    server.once("message", (message) => resolve(message as number)),
  );
  const url = `http://127.0.0.1:${port}`;
  const bare = (tokens: number): string[] => [
    join(root, "bench", "bare-loop.mjs"),
    url,
    String(tokens),
  ];
  const kimi = (tokens: number): string[] => [
    program,
    "run",
    String(tokens),
    "--base-url",
    url,
    "--model",
    "bench",
  ];
  try {
    const short = await inTurn(
      21,
      () => runNode(bare(20)),
      () => runNode(kimi(20)),
    );
    const shortUsage = await inTurn(
      5,
      () => runNode(bare(20), { usage: true }),
      () => runNode(kimi(20), { usage: true }),
    );
    const long = await inTurn(
      11,
      () => runNode(bare(20_000)),
      () => runNode(kimi(20_000)),
    );
    const longUsage = await inTurn(
      7,
      () => runNode(bare(20_000), { usage: true }),
      () => runNode(kimi(20_000), { usage: true }),
    );
    const perToken = (which: "base" | "ours"): number =>
      ((longUsage[which].cpuMs - shortUsage[which].cpuMs) * 1000) / 19_980;
    return [
      {
        name: "one-shot, 20 tokens ÷ bare loop",
        value: short.ratio.wallMs,
        unit: "×",
        goal: 2.4,
        detail: `${short.ours.wallMs.toFixed(0)} ms ÷ ${short.base.wallMs.toFixed(0)} ms`,
      },
      {
        name: "one-shot, peak RSS",
        value: shortUsage.ours.maxRssMiB,
        unit: "MiB",
        goal: 70,
        detail: `bare loop ${shortUsage.base.maxRssMiB.toFixed(0)} MiB`,
      },
      {
        name: "20,000 tokens ÷ bare loop",
        value: long.ratio.wallMs,
        unit: "×",
        goal: 1.6,
        detail: `${long.ours.wallMs.toFixed(0)} ms ÷ ${long.base.wallMs.toFixed(0)} ms`,
      },
      {
        name: "CPU per streamed token ÷ bare loop",
        value: perToken("ours") / perToken("base"),
        unit: "×",
        goal: 1.5,
        detail: `${perToken("ours").toFixed(1)} µs ÷ ${perToken("base").toFixed(1)} µs`,
      },
      {
        name: "RSS growth, 20 to 20,000 tokens",
        value: longUsage.ours.maxRssMiB - shortUsage.ours.maxRssMiB,
        unit: "MiB",
        detail: `bare loop ${(longUsage.base.maxRssMiB - shortUsage.base.maxRssMiB).toFixed(0)} MiB`,
      },
    ];
  } finally {
    server.kill();
  }
}
