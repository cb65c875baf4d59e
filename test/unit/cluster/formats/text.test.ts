import { describe, expect, test } from "vitest";
import { planText } from "../../../../src/cluster/formats/text.ts";
import {
  allPlans,
  ktransformersHost,
  sglangSplit,
  tensorrtMpi,
  vllmDataParallel,
} from "../../../support/deployment-plans.ts";

describe.each(allPlans())("%s", (_, plan) => {
  test("fits in 100 columns, without colours", () => {
    for (const line of planText(plan).split("\n")) {
      expect(line.length, line).toBeLessThanOrEqual(100);
      expect(line).toBe(line.trimEnd());
    }
    expect(planText(plan)).not.toContain("\u001b");
    expect(planText(plan)).not.toContain("\n\n\n");
  });
});

test("says first what it is, then what the memory holds and is enough for, then why", () => {
  const text = planText(vllmDataParallel());
  expect(text.slice(0, text.indexOf("node-0 (serve)"))).toBe(
    `vLLM 0.12.0, /models/Kimi-K2-Instruct on 16 × H200 in 2 hosts: data and expert parallel (DP16, EP16)

Memory of each H200, 140 GiB:
  [WWWWWWWWWWWWWWWWWWWWWWWWWWKKKKKKKKKKKKKKKKKKKKKAARR.........]
  W weights      61.2 GiB  44 %
  K KV cache     48.9 GiB  35 %
  A activations  4.30 GiB   3 %
  R runtime      4.60 GiB   3 %
  . left free    21.0 GiB  15 %

Room for 91 requests of 131,072 tokens at a time (256 asked for: the others wait), or for one of up
to 131,072 tokens.
KV cache: 747,000 tokens of 70,272 bytes.
Decoding, at most, from bandwidths alone: 61.4 tokens/s for one request, 218 for 256 together.

Why:
  - 256 requests at a time want many small KV caches: with data parallelism no GPU keeps a copy of
    another one's.
  - Tensor parallelism would keep 16 copies of the KV cache, which leaves room for 5 requests.

`,
  );
});

test("a command can be copied into a shell: a flag a line, the environment before it", () => {
  expect(planText(ktransformersHost())).toContain(`node-0 (serve):
  OMP_NUM_THREADS=60 \\
  python -m sglang.launch_server \\
      --model /models/Kimi-K2-Instruct \\
      --kt-weight-path /models/Kimi-K2-Instruct-AMX \\
`);
  expect(planText(ktransformersHost())).toContain(
    "The experts take 541 GiB of the host's memory.\n",
  );
});

test("of many processes those that differ by their rank take a line each", () => {
  const text = planText(sglangSplit());
  expect(text).toContain(`
prefill-1 (worker), on node-1: as prefill-0, with --host node-1, --node-rank 1
prefill-2 (worker), on node-2: as prefill-0, with --host node-2, --node-rank 2
`);
  expect(text.split("\n").length).toBeLessThan(120);
});

test("files and notes stand at the end, with the endpoint between them", () => {
  expect(planText(tensorrtMpi)).toMatch(
    /File llm-api-config.yaml, in the folder that they run in:\n {2}tensor_parallel_size: 16\n[^]*\n\nEndpoint: http:\/\/node-0:8000\/v1, model kimi-k2\n\nNote:\n[^]*\n {2}- Passwordless ssh between the hosts must work.\n$/,
  );
});
