/** What is made of nano's checkpoint; the comparisons with an independent exporter are skipped where `../shared` is not there. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { convertCheckpoint } from "../../../src/checkpoint/convert/convert-checkpoint.ts";
import type { OutputType } from "../../../src/checkpoint/convert/tensor-types.ts";
import { readGguf, type GgufFile } from "../../../src/checkpoint/gguf-read.ts";
import { openEngine } from "../../../src/engine/open-engine.ts";
import { userText } from "../../../src/message.ts";
import { cacheFolder, openNano, request } from "../../support/engines.ts";
import { collect, said } from "../../support/events.ts";
import { fixture } from "../../support/golden.ts";

const shared = join(import.meta.dirname, "../../../../shared/nano");
const base = mkdtempSync(join(tmpdir(), "kimi-nano-"));
afterAll(() => rmSync(base, { recursive: true }));
const hasShared = existsSync(shared);

async function converted(type: OutputType, source = fixture("nano")): Promise<GgufFile> {
  const output = join(mkdtempSync(join(base, "case-")), "nano.gguf");
  const signal = new AbortController().signal;
  const options = { source, output, type, name: "kimi-nano", signal };
  for await (const _event of convertCheckpoint(options));
  return readGguf(output);
}

function bytesOf(file: GgufFile, name: string): Buffer {
  const tensor = file.tensors.find((tensor) => tensor.name === name);
  const data = file.tensors.reduce((sum, { size = 0 }) => sum + Math.ceil(size / 32) * 32, 0);
  const start = file.sizeBytes - data + (tensor?.offset ?? 0);
  return readFileSync(file.path).subarray(start, start + (tensor?.size ?? 0));
}

const described = ({ tensors }: GgufFile): unknown[] =>
  tensors.map(({ name, type, dimensions }) => ({ name, type, dimensions }));

test.skipIf(!hasShared).each(["f32", "q8_0"] as const)(
  "%s has the tensors of the independent exporter, in order and byte for byte",
  async (type) => {
    const file = await converted(type);
    const other = readGguf(join(shared, `kimi-nano-${type}.gguf`));
    expect(described(file)).toEqual(described(other));
    for (const { name } of file.tensors)
      expect(bytesOf(file, name).equals(bytesOf(other, name)), name).toBe(true);
  },
);

/** What llama.cpp's converter writes and the exporter does not, or otherwise. */
const otherwise = [
  "general.type",
  "general.size_label",
  "general.file_type",
  "general.quantization_version",
  "deepseek2.expert_group_count",
  "deepseek2.expert_group_used_count",
  "tokenizer.ggml.tokens", // reserved places have their names, and
  "tokenizer.ggml.token_type", // are control tokens
  "tokenizer.ggml.eos_token_id", // tokenizer_config.json's [EOS]; <|im_end|> is found by its name
  "tokenizer.ggml.unknown_token_id",
  "tokenizer.chat_template", // the exporter adds a line feed
];

test.skipIf(!hasShared)(
  "its keys are the independent exporter's but for those of llama.cpp's converter",
  async () => {
    const own = (await converted("f32")).metadata;
    const other = readGguf(join(shared, "kimi-nano-f32.gguf")).metadata;
    const differing = [...new Set([...own.keys(), ...other.keys()])].filter(
      (key) => JSON.stringify(own.get(key)) !== JSON.stringify(other.get(key)),
    );
    expect(differing.toSorted()).toEqual(otherwise.toSorted());
    expect(own.get("general.size_label")).toBe("8x4.8M");
    expect(own.get("tokenizer.ggml.merges")).toEqual(other.get("tokenizer.ggml.merges"));
  },
);

test.skipIf(!hasShared)(
  "the BF16 and the FP8 checkpoint give one BF16 file's types and shapes",
  async () => {
    expect(described(await converted("bf16", join(shared, "checkpoint-bf16")))).toEqual(
      described(await converted("bf16")),
    );
  },
);

test("the F32 file answers as the embedded model does", { timeout: 120_000 }, async () => {
  const { path } = await converted("f32");
  const engine = await openEngine(
    { type: "local", path, cacheFolder },
    new AbortController().signal,
  );
  onTestFinished(() => engine.close());
  const embedded = await openNano();
  for (const text of ["What is the capital of France?", "Who are you?", "Tell me something."]) {
    const asked = request({
      messages: [userText(text)],
      tools: [],
      sampling: { temperature: 0 },
    });
    const answer = said(await collect(engine.generate(asked))).text;
    expect(answer).not.toBe("");
    expect(answer).toBe(said(await collect(embedded.generate(asked))).text);
  }
});
