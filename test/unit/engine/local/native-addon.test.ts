/** The native addon in the real bindings; skipped where no compiler built it. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { convertCheckpoint } from "../../../../src/checkpoint/convert/convert-checkpoint.ts";
import { loadQuantizer } from "../../../../src/checkpoint/convert/load-quantizer.ts";
import type { OutputType } from "../../../../src/checkpoint/convert/tensor-types.ts";
import { readGguf } from "../../../../src/checkpoint/gguf-read.ts";
import { loadLlama } from "../../../../src/engine/local/load-llama.ts";
import { openModelFile } from "../../../../src/engine/local/model-file.ts";
import { openNativeAddon, quantizerModule } from "../../../../src/engine/local/native-addon.ts";
import { openEngine } from "../../../../src/engine/open-engine.ts";
import { userText } from "../../../../src/message.ts";
import { cacheFolder, request } from "../../../support/engines.ts";
import { collect, said } from "../../../support/events.ts";
import { fixture, nanoModel, readGolden } from "../../../support/golden.ts";

const native = openNativeAddon();
const folder = mkdtempSync(join(tmpdir(), "kimi-native-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function converted(type: OutputType): Promise<string> {
  const output = join(mkdtempSync(join(folder, "case-")), "nano.gguf");
  const { signal } = new AbortController();
  const source = fixture("nano");
  const options = { source, output, type, signal, quantizerModule: quantizerModule() };
  for await (const _event of convertCheckpoint(options));
  return output;
}

/** SHA-256 of all tensors but those that stay BF16, by name: of the line `NAME TYPE DIMENSIONS` and the bytes of each. */
function digestOf(path: string): string {
  const { tensors, sizeBytes } = readGguf(path);
  const bytes = readFileSync(path);
  const data = tensors.reduce((sum, { size = 0 }) => sum + Math.ceil(size / 32) * 32, 0);
  const hash = createHash("sha256");
  for (const { name, type, dimensions, offset, size = 0 } of tensors
    .filter((tensor) => !/attn_[kv]_b/.test(tensor.name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const start = sizeBytes - data + offset;
    hash.update(`${name} ${type} ${dimensions.join(",")}\n`);
    hash.update(bytes.subarray(start, start + size));
  }
  return hash.digest("hex");
}

interface Placed {
  readonly log: readonly string[];
  readonly tokens: readonly (readonly number[])[];
  readonly taken: number;
  readonly summary?: string;
}

/** Loads nano in a process of its own, since the addon and a GPU's libraries are a whole process's. */
async function place(placement: object, environment: NodeJS.ProcessEnv = {}): Promise<Placed> {
  const child = join(import.meta.dirname, "../../../support/placement-child.ts");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [child, nanoModel, JSON.stringify(placement)],
    { env: { ...process.env, ...environment }, maxBuffer: 1 << 26 },
  );
  return JSON.parse(stdout) as Placed;
}

describe.skipIf("missing" in native)("the addon", () => {
  if ("missing" in native) return;
  const { addon } = native;

  test("is asked by the bindings at every load", async () => {
    expect((await place({})).taken).toBeGreaterThanOrEqual(2);
  });

  test("a pattern that is no regular expression is an error here, not the end of the process", () => {
    expect(() => addon.setModelParameters({ cpuTensorPatterns: ["blk(", "x"] })).toThrow(
      /^blk\( is no regular expression/,
    );
    for (const pattern of ["", 7 as never])
      expect(() => addon.setModelParameters({ cpuTensorPatterns: [pattern] })).toThrow(/no text/);
    addon.setModelParameters({});
  });

  test("nano's F32 file gives the reference's logits, and only with its YaRN betas", async () => {
    const path = await converted("f32");
    const worst = async (): Promise<number> => {
      const loaded = await loadLlama({
        file: openModelFile(path),
        threads: 1,
        placement: { kvType: "f32", flashAttention: false },
      });
      try {
        return await worstGap(loaded);
      } finally {
        await loaded.dispose();
      }
    };
    expect(await worst()).toBeLessThan(1e-3);
    const set = addon.setContextParameters.bind(addon);
    onTestFinished(() => void (addon.setContextParameters = set));
    addon.setContextParameters = () => set({}); // as llama.cpp is without the addon
    expect(await worst()).toBeGreaterThan(0.1);
  });

  test.each(["q2_k", "q3_k_m", "q4_k_m", "q5_k_m"] as const)(
    "a %s file is quantised in it, and answers",
    async (type) => {
      const path = await converted(type);
      expect(readGguf(path).tensors.map((tensor) => tensor.type)).toContain(`Q${type[1]}_K`);
      const engine = await openEngine(
        { type: "local", path, cacheFolder },
        new AbortController().signal,
      );
      onTestFinished(() => engine.close());
      const asked = request({
        messages: [userText("Hello")],
        tools: [],
        sampling: { temperature: 0 },
      });
      expect(said(await collect(engine.generate(asked))).text).toBe("Hello! How can I help you?");
    },
  );

  test.skipIf(process.arch !== "x64").each(["q2_k", "q3_k_m", "q4_k_m", "q5_k_m", "q6_k"] as const)(
    "a %s file has the types and bytes that llama-quantize gives it",
    async (type) => {
      const reference = readGolden<Record<string, string>>("llama-quantize.json");
      expect(digestOf(await converted(type))).toBe(reference[type]);
    },
  );

  test("what can't be quantised is named", () => {
    const quantizer = loadQuantizer(quantizerModule());
    const values = new Float32Array(300);
    expect(() => quantizer?.quantize("Q4_K", values, 300)).toThrow(/300 values .* Q4_K/);
    for (const type of ["Q9_X", "I32", "Q8_K", "IQ2_XXS"])
      expect(() => quantizer?.quantize(type, values, 300)).toThrow(`${type} is no type that ggml`);
    expect(() => quantizer?.quantize("Q4_K", [1] as never, 300)).toThrow(/Float32Array/);
    expect(quantizer?.quantize("Q4_K", new Float32Array(512), 256)).toHaveLength(288);
  });
});

/** Of the gaps between the reference's highest logits and the others of its list. */
async function worstGap({
  sequence,
}: Pick<Awaited<ReturnType<typeof loadLlama>>, "sequence">): Promise<number> {
  let worst = 0;
  for (const { ids, top } of readGolden<{ ids: number[]; top: [number, number][] }[]>(
    "logits.json",
  )) {
    await sequence.clearHistory();
    const tokens = ids as Parameters<typeof sequence.evaluate>[0];
    const last = tokens.length - 1;
    const output = await sequence.controlledEvaluate(
      tokens.map((token, index) =>
        index === last
          ? [
              token,
              {
                generateNext: {
                  probabilities: true,
                  options: { temperature: 1, topK: 0, topP: 1, minP: 0 },
                },
              },
            ]
          : token,
      ),
    );
    const probabilities = output[last]?.next.probabilities;
    if (!probabilities) throw new Error("no probabilities");
    const logOf = (id: number): number => Math.log(probabilities.get(id as never) ?? 0);
    const [[best, bestLogit] = [0, 0], ...others] = top.slice(0, 8);
    for (const [id, logit] of others) {
      const gap = logOf(best) - logOf(id) - (bestLogit - logit);
      worst = Math.max(worst, Math.abs(gap));
    }
  }
  return worst;
}

test("without the addon everything else works, and the first load says what is not honoured", async () => {
  const { tokens, taken, summary } = await place({ kvType: "f16" }, { KIMI_NATIVE: "off" });
  expect(taken).toBe(0);
  expect(tokens).toHaveLength(3);
  expect(summary).toMatch(/^CPU: layers 0-4/);
});

describe("on a Vulkan device", { timeout: 240_000 }, async () => {
  // A software device will do: Debian's mesa-vulkan-drivers. Its flash attention ends the process.
  const options = { gpuLayers: 99, nCpuMoe: "all", flashAttention: false };
  const vulkan = { GGML_VK_VISIBLE_DEVICES: "0" };
  const hasDevice = await place({ gpuLayers: 0 })
    .then(() => place(options, vulkan))
    .catch((thrown: unknown) => String(thrown));
  const isSkipped = "missing" in native || typeof hasDevice === "string";

  test.skipIf(isSkipped)(
    "attention lies in the device's memory, experts in the host's, and the tokens are the CPU's",
    async () => {
      if (typeof hasDevice === "string") return;
      const { log, tokens, summary } = hasDevice;
      const lines = log.join("\n");
      const overridden = lines.match(
        /tensor blk\.\d\.ffn_\w+_exps\.weight .*overridden to (CPU|Vulkan_Host)/g,
      );
      expect(overridden).toHaveLength(4 * 3);
      expect(lines.match(/overridden to/g)).toHaveLength(4 * 3);
      for (let layer = 0; layer <= 5; layer++)
        expect(lines).toMatch(new RegExp(`layer +${layer} assigned to device Vulkan0`));
      const mebibytes = (buffer: string): number =>
        Number(new RegExp(`${buffer} model buffer size = +([\\d.]+) MiB`).exec(lines)?.[1]);
      expect(mebibytes("Vulkan0")).toBeGreaterThan(3);
      expect(mebibytes("CPU_Mapped")).toBeGreaterThan(3);
      expect(lines).toMatch(/Vulkan0 KV buffer size/);
      expect(summary).toMatch(/^GPU 0 \(.*\): layers 0-4; CPU: experts of layers 1-4/);
      expect(tokens).toEqual((await place({ flashAttention: false, gpuLayers: 0 })).tokens);
    },
  );
});

test.skipIf(!("addon" in native))(
  "a context of several threads keeps them between graphs and gives them back",
  async () => {
    if (!("addon" in native)) return;
    const { addon } = native;
    const pools = async (threads: number): Promise<number[]> => {
      const loaded = await loadLlama({ file: openModelFile(nanoModel), threads, placement: {} });
      const during = addon.threadPools();
      const tokens = [1_604, 32, 60] as Parameters<typeof loaded.sequence.evaluate>[0];
      await loaded.sequence.evaluateWithoutGeneratingNewTokens(tokens);
      await loaded.dispose();
      return [during, addon.threadPools()];
    };
    expect(await pools(2)).toEqual([1, 0]);
    expect(await pools(1)).toEqual([0, 0]);
    expect(await pools(2)).toEqual([1, 0]);
  },
);
