import { readFileSync, writeFileSync } from "node:fs";
import { readGguf, type GgufValue } from "../src/checkpoint/gguf-read.ts";
import { layOutGguf, tensorBytes, type GgufEntry } from "../src/checkpoint/gguf-write.ts";

const ordinary = 163_584;
const controls = 256;

/**
 * Writes the demonstration model with a vocabulary of K2's size: between its own tokens and the
 * control tokens are made-up ones, two of its own joined, which it never chooses.
 */
export function writeWithK2Vocabulary(from: string, to: string): void {
  const { metadata, tensors, sizeBytes } = readGguf(from);
  const bytes = readFileSync(from);
  const own = metadata.get("tokenizer.ggml.tokens") as readonly string[];
  const added = ordinary + controls - own.length;
  const entries = [...metadata].map(([key, value]) => [key, entryOf(key, value, own)] as const);
  const plans = tensors.map(({ name, dimensions, type }) => {
    const [width = 0, height = 0] = dimensions;
    const grown = height === own.length ? [width, ordinary + controls] : dimensions;
    return { name, type, dimensions: grown, sizeBytes: tensorBytes(type, grown) };
  });
  const layout = layOutGguf(entries, plans);
  const out = Buffer.alloc(layout.sizeBytes);
  out.set(layout.head);
  const dataStart = sizeBytes - Math.max(...tensors.map(({ offset, size = 0 }) => offset + size));
  for (const [index, { offset, size = 0, dimensions }] of tensors.entries()) {
    const position = layout.positions[index] ?? 0;
    const data = bytes.subarray(dataStart + offset, dataStart + offset + size);
    if (dimensions[1] !== own.length) {
      out.set(data, position);
      continue;
    }
    const row = size / own.length;
    out.set(data.subarray(0, (own.length - controls) * row), position);
    out.set(data.subarray((own.length - controls) * row), position + ordinary * row);
  }
  writeFileSync(to, out);

  function entryOf(key: string, value: GgufValue, own: readonly string[]): GgufEntry {
    if (key === "tokenizer.ggml.tokens") return { type: "string[]", value: grownTokens(own) };
    if (key === "tokenizer.ggml.token_type") return { type: "i32[]", value: grownTypes() };
    if (Array.isArray(value)) return { type: "string[]", value: value as string[] };
    if (typeof value === "string") return { type: "string", value };
    if (typeof value === "boolean") return { type: "bool", value };
    const number = Number(value);
    if (key.endsWith("_token_id")) return { type: "u32", value: number + added };
    if (key.endsWith(".vocab_size")) return { type: "u32", value: ordinary + controls };
    const isReal = /freq_base|epsilon|scale$|factor$|multiplier|beta|temp$/.test(key);
    return { type: isReal ? "f32" : "u32", value: number };
  }
}

function grownTokens(own: readonly string[]): string[] {
  const tokens = new Set(own.slice(0, own.length - controls));
  const halves = [...tokens];
  for (let i = 0; tokens.size < ordinary; i++) {
    const first = halves[(i * 31) % halves.length] ?? "";
    tokens.add(first + (halves[(i * 7 + Math.floor(i / halves.length)) % halves.length] ?? ""));
  }
  return [...tokens, ...own.slice(own.length - controls)];
}

function grownTypes(): number[] {
  return Array.from({ length: ordinary + controls }, (_, id) => (id < ordinary ? 1 : 3));
}
