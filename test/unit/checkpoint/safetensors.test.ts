import { mkdirSync, mkdtempSync, rmSync, truncateSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readCheckpointTensors } from "../../../src/checkpoint/safetensors.ts";
import { KimiError } from "../../../src/errors.ts";
import { safetensors, withHead, writeShards } from "../../support/synthetic-checkpoint.ts";
import type { StoredTensor } from "../../support/synthetic-tensors.ts";

const base = mkdtempSync(join(tmpdir(), "kimi-safetensors-"));
afterAll(() => rmSync(base, { recursive: true }));
const folder = (): string => mkdtempSync(join(base, "case-"));

const tensor = (name: string, count = 4): StoredTensor => ({
  name,
  dtype: "F32",
  shape: [count],
  data: new Uint8Array(4 * count),
});

/** A folder with one file. */
function single(bytes: Buffer): string {
  const place = folder();
  writeFileSync(join(place, "model.safetensors"), bytes);
  return place;
}

test("tensors of a single file and of shards are found, with their places", () => {
  const stored = [tensor("a"), tensor("b", 2), tensor("c", 0)];
  const bytes = safetensors(stored);
  const { tensors } = readCheckpointTensors(single(bytes));
  expect([...tensors.keys()].toSorted()).toEqual(["a", "b", "c"]);
  expect(tensors.get("b")).toMatchObject({ shape: [2], sizeBytes: 8, position: bytes.length - 8 });
  const place = folder();
  writeShards(place, stored, 3);
  const sharded = readCheckpointTensors(place);
  expect(sharded.files.length).toBe(3);
  expect([...sharded.tensors.keys()]).toEqual(["a", "b", "c"]);
});

const head = (value: unknown): Buffer => withHead(JSON.stringify(value), [tensor("a")]);
const entry = (change: object): Buffer =>
  head({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16], ...change } });

function announcing(headBytes: bigint): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeBigUInt64LE(headBytes);
  return bytes;
}

test.each<[string, Buffer, RegExp]>([
  ["nothing in it", Buffer.alloc(0), /shorter than 8 bytes/],
  ["a head of more than 100 MB", announcing(100_000_001n), /more than 100 MB/],
  ["a head of absurd length", announcing(2n ** 64n - 1n), /more than 100 MB/],
  ["a head that is longer than the file", announcing(1_000n), /ends inside its head/],
  ["a head that is no JSON", withHead("{nonsense", []), /its head is no JSON/],
  ["a head that is no object", withHead("[1]", []), /its head is no JSON object/],
  ["an unknown type", entry({ dtype: "F9" }), /tensor a has the unknown type "F9"/],
  ["no type", entry({ dtype: 7 }), /tensor a has the unknown type 7/],
  ["no shape", entry({ shape: "4" }), /tensor a has no shape/],
  ["a negative size", entry({ shape: [-4] }), /tensor a has no shape/],
  ["no offsets", entry({ data_offsets: [0] }), /tensor a has no data_offsets/],
  [
    "offsets that do not fit the shape",
    entry({ shape: [3] }),
    /tensor a has 16 bytes, but F32 \[3\] takes 12/,
  ],
  ["data that is not there", entry({ shape: [5], data_offsets: [0, 20] }), /cut off: tensor a/],
  ["a tensor that is null", head({ a: null }), /tensor a has the unknown type/],
  [
    "tensors that overlap",
    head({
      a: { dtype: "F32", shape: [3], data_offsets: [0, 12] },
      b: { dtype: "F32", shape: [2], data_offsets: [8, 16] },
    }),
    /tensor b overlaps/,
  ],
  [
    "a gap between tensors",
    head({
      a: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
      b: { dtype: "F32", shape: [2], data_offsets: [8, 16] },
    }),
    /a gap before tensor b/,
  ],
  ["bytes after the last tensor", entry({ shape: [2], data_offsets: [0, 8] }), /8 bytes follow/],
])("a file with %s is refused by name", (_, bytes, message) => {
  const place = single(bytes);
  const read = (): unknown => readCheckpointTensors(place);
  expect(read).toThrow(KimiError);
  expect(read).toThrow(message);
  expect(read).toThrow(join(place, "model.safetensors"));
});

test("a file cut off anywhere is an error, never a crash", () => {
  const bytes = safetensors([tensor("a"), tensor("b", 100)]);
  for (let cut = 0; cut < bytes.length; cut += 7)
    expect(() => readCheckpointTensors(single(bytes.subarray(0, cut))), `cut at ${cut}`).toThrow(
      KimiError,
    );
});

test("a shard that is missing or cut off is named", () => {
  const place = folder();
  writeShards(place, [tensor("a"), tensor("b")], 2);
  const second = join(place, "model-00002-of-000002.safetensors");
  truncateSync(second, statSync(second).size - 1);
  expect(() => readCheckpointTensors(place)).toThrow(
    `${second} can't be used: it is cut off: tensor b`,
  );
  rmSync(second);
  expect(() => readCheckpointTensors(place)).toThrow(`the shard ${second} is missing`);
  expect(() => readCheckpointTensors(folder())).toThrow(/model.safetensors is missing/);
});

test.each<[string, unknown, RegExp]>([
  ["no weight_map", {}, /it has no weight_map/],
  ["a list for a weight_map", null, /it has no weight_map/],
  [
    "a file in another folder",
    { weight_map: { a: "../x.safetensors" } },
    /a is in no .safetensors file/,
  ],
  ["a file that is a number", { weight_map: { a: 1 } }, /a is in no .safetensors file/],
])("an index with %s is refused", (_, index, message) => {
  const place = folder();
  writeFileSync(join(place, "model.safetensors.index.json"), JSON.stringify(index));
  expect(() => readCheckpointTensors(place)).toThrow(message);
});

test("a tensor that the index gives another shard, or that two have, is named", () => {
  const place = folder();
  writeShards(place, [tensor("a"), tensor("b")], 2);
  const [first, second] = [
    "model-00001-of-000002.safetensors",
    "model-00002-of-000002.safetensors",
  ];
  const index = join(place, "model.safetensors.index.json");
  writeFileSync(index, JSON.stringify({ weight_map: { a: second, b: first } }));
  expect(() => readCheckpointTensors(place)).toThrow(/tensor a is not in it/);
  writeFileSync(join(place, second), safetensors([tensor("a")]));
  writeFileSync(index, JSON.stringify({ weight_map: { a: first, b: second } }));
  expect(() => readCheckpointTensors(place)).toThrow(/tensor a is in .*00001.*, too/);
});

test("a folder in a shard's place is an error that names it", () => {
  const place = folder();
  mkdirSync(join(place, "model.safetensors"));
  expect(() => readCheckpointTensors(place)).toThrow(KimiError);
});
