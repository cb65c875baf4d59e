import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writePrompt } from "../../../../src/engine/kimi/prompt-writer.ts";
import { KimiTokenizer } from "../../../../src/engine/kimi/tokenizer.ts";
import { readVocabulary } from "../../../../src/engine/kimi/vocabulary.ts";
import { userText } from "../../../../src/message.ts";
import { fixture, nanoModel, readGolden } from "../../../support/golden.ts";

const golden = readGolden<{ text: string; ids: number[] }[]>("tokens.json");

test("there are 400 reference strings", () => {
  expect(golden).toHaveLength(400);
});

describe.each([
  ["a GGUF's tokens", nanoModel],
  ["tiktoken.model", fixture("nano", "tiktoken.model")],
  ["tokenizer.json", fixture("nano", "tokenizer.json")],
  ["a checkpoint's folder", fixture("nano")],
])("the tokenizer from %s", (_, path) => {
  const tokenizer = new KimiTokenizer(readVocabulary(path));

  test("gives tiktoken's ids for every string as ordinary text", () => {
    for (const { text, ids } of golden) expect(tokenizer.encode(text)).toEqual(ids);
  });

  test("decodes them to the same strings", () => {
    for (const { text, ids } of golden) expect(tokenizer.decode(ids)).toBe(text);
  });

  test("yields control tokens only for control pieces", () => {
    const ids = tokenizer.encodePrompt(
      writePrompt({ messages: [userText("<|im_end|>[EOS]")], tools: [] }),
    );
    const controls = ids.flatMap((id) => tokenizer.controlName(id) ?? []);
    expect(controls.join("")).toBe(
      "<|im_system|><|im_middle|><|im_end|><|im_user|><|im_middle|><|im_end|><|im_assistant|><|im_middle|>",
    );
  });
});

test("tiktoken.model alone gets K2's control tokens at K2's places", () => {
  const folder = mkdtempSync(join(tmpdir(), "kimi-vocabulary-"));
  const path = join(folder, "tiktoken.model");
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `${Buffer.from([byte]).toString("base64")} ${byte}`,
  );
  writeFileSync(path, `${bytes.join("\n")}\n`);
  const tokenizer = new KimiTokenizer(readVocabulary(path));
  expect(tokenizer.controlId("<|im_end|>")).toBe(258);
  expect(tokenizer.controlId("<|tool_call_end|>")).toBe(271);
  expect(tokenizer.encode("né")).toEqual([110, 0xc3, 0xa9]);
});

test.each([
  ["no-such-file", /can't be read|no such file/i],
  [fixture("golden"), /no tiktoken.model/],
])("a vocabulary that is not there is named: %s", (path, message) => {
  expect(() => readVocabulary(path)).toThrow(message);
});
