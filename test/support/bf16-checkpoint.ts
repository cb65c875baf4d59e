/** The demonstration model's checkpoint as BF16, for servers that can't compute in block FP8 on this machine. */
import { cpSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bf16FromF32, e4m3Values, f32Bits } from "../../src/checkpoint/convert/float-formats.ts";
import { readCheckpointTensors, type CheckpointTensor } from "../../src/checkpoint/safetensors.ts";
import { writeShards } from "./synthetic-checkpoint.ts";
import type { StoredTensor } from "./synthetic-tensors.ts";

const block = 128;

/** Writes it into a folder that is not there yet. */
export function writeBf16Checkpoint(fp8Folder: string, folder: string): void {
  cpSync(fp8Folder, folder, { recursive: true });
  const { tensors, files } = readCheckpointTensors(fp8Folder);
  for (const { path } of files) rmSync(join(folder, path.slice(fp8Folder.length)));
  rmSync(join(folder, "model.safetensors.index.json"), { force: true });
  const stored = [...tensors.values()].flatMap((tensor): StoredTensor[] => {
    if (tensor.name.endsWith("_scale_inv")) return [];
    const { name, type, shape } = tensor;
    const scales = tensors.get(`${name}_scale_inv`);
    if (!scales) return [{ name, dtype: type, shape, data: bytesOf(tensor) }];
    return [{ name, dtype: "BF16", shape, data: scaled(tensor, scales) }];
  });
  writeShards(folder, stored, 1);
  const configFile = join(folder, "config.json");
  const { quantization_config: _, ...config } = JSON.parse(
    readFileSync(configFile, "utf8"),
  ) as Record<string, unknown>;
  writeFileSync(configFile, JSON.stringify(config));
}

function bytesOf({ path, position, sizeBytes }: CheckpointTensor): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  readSync(openSync(path, "r"), bytes, 0, sizeBytes, position);
  return bytes;
}

/** Each code times the scale of its block of 128 by 128. */
function scaled(tensor: CheckpointTensor, scales: CheckpointTensor): Buffer {
  const [rows = 0, columns = 0] = tensor.shape;
  const across = scales.shape[1] ?? 0;
  const codes = bytesOf(tensor);
  const factors = bytesOf(scales);
  const values = Buffer.alloc(rows * columns * 2);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const scale = Math.floor(row / block) * across + Math.floor(column / block);
      const value = (e4m3Values[codes[at] ?? 0] ?? 0) * factors.readFloatLE(scale * 4);
      values.writeUInt16LE(bf16FromF32(f32Bits(value)), at * 2);
    }
  }
  return values;
}
