import { execFileSync } from "node:child_process";
import * as fc from "../../../support/fast-check.ts";
import { expect, test } from "vitest";
import { commandText } from "../../../../src/cluster/formats/shell-command.ts";
import { shellQuote } from "../../../../src/cluster/shell-quote.ts";

const textOf = (...words: string[]): string => commandText(words.map(shellQuote));

test("a flag stands on a line with its values", () => {
  expect(textOf(..."vllm serve /models/k2 --port 8000 --headless --tp 16".split(" "))).toBe(
    `vllm serve /models/k2 \\
    --port 8000 \\
    --headless \\
    --tp 16`,
  );
});

test("each program of an mpirun command begins a line, and so does a model at the end", () => {
  const mpirun = "mpirun -np 16 -H a:8,b:8 -mca plm_rsh_args".split(" ");
  const launch = "--allow-run-as-root trtllm-llmapi-launch trtllm-serve serve".split(" ");
  const serve = "--trust_remote_code --tool_parser kimi_k2 moonshotai/Kimi-K2-Instruct".split(" ");
  expect(textOf(...mpirun, "-p 2233", ...launch, ...serve)).toBe(
    `mpirun -np 16 \\
    -H a:8,b:8 \\
    -mca plm_rsh_args '-p 2233' \\
    --allow-run-as-root \\
    trtllm-llmapi-launch \\
    trtllm-serve serve \\
    --trust_remote_code \\
    --tool_parser kimi_k2 \\
    moonshotai/Kimi-K2-Instruct`,
  );
});

test("a model stands by itself behind a switch and behind FLAG=VALUE", () => {
  expect(textOf("trtllm-serve", "serve", "--trust_remote_code", "a/b")).toContain(
    "--trust_remote_code \\\n    a/b",
  );
  expect(textOf("ray", "start", "--port=1", "a/b")).toContain("--port=1 \\\n    a/b");
});

test("several values of a flag stay together", () => {
  const router = "--pd-disaggregation --prefill http://a:1 8998 --decode http://b:1".split(" ");
  expect(textOf("python", "-m", "router", ...router, "--cuda-graph-bs", "1", "2", "4")).toBe(
    `python -m router \\
    --pd-disaggregation \\
    --prefill http://a:1 8998 \\
    --decode http://b:1 \\
    --cuda-graph-bs 1 2 4`,
  );
});

test("python -m stays together behind exec, too", () => {
  expect(textOf("exec", "python", "-m", "sglang.launch_server", "--tp", "8")).toBe(
    "exec python -m sglang.launch_server \\\n    --tp 8",
  );
});

test("a shell reads every command as the words that it is made of", () => {
  const word = fc.oneof(
    fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
    fc.constantFrom("--port", "-H", "-mca", "--prefill", "a b", "16", "-m", "python", "--x=1"),
  );
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), (words) => {
      const script = commandText(["printf", String.raw`'%s\0'`, ...words.map(shellQuote)]);
      const output = execFileSync("sh", ["-c", script], { encoding: "utf8" });
      expect(output).toBe(`${words.map((one) => one.toWellFormed()).join("\0")}\0`);
    }),
    { numRuns: 60 },
  );
});
