import { tensorBytes } from "../gguf-write.ts";
import type { PlannedTensor } from "./conversion-plan.ts";
import { unitValues, type ConversionUnit } from "./conversion-unit.ts";
import { partPath } from "./part-files.ts";
import type { WeightSource } from "./weight-source.ts";

/** The units of all tensors in order, and which is a tensor's last. */
export function* allUnits(
  tensors: readonly PlannedTensor[],
): Generator<{ tensor: PlannedTensor; unit: ConversionUnit; isLast: boolean }> {
  for (const tensor of tensors) {
    let previous: ConversionUnit | undefined;
    for (const unit of unitsOf(tensor)) {
      if (previous) yield { tensor, unit: previous, isLast: false };
      previous = unit;
    }
    if (previous) yield { tensor, unit: previous, isLast: true };
  }
}

/** A tensor's slabs, those cut that are large. A transposed one stays whole: it is one head's. */
function* unitsOf({ name, type, slabs, path, position }: PlannedTensor): Generator<ConversionUnit> {
  let at = position;
  for (const { source, firstRow, rowCount, isTransposed } of slabs) {
    const rowsAtOnce = isTransposed ? rowCount : rowsInUnit(source);
    for (let row = 0; row < rowCount; row += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, rowCount - row);
      yield {
        tensor: name,
        type,
        source,
        firstRow: firstRow + row,
        rowCount: count,
        isTransposed,
        path: partPath(path),
        position: at,
      };
      at += isTransposed
        ? tensorBytes(type, [count, source.columns])
        : tensorBytes(type, [source.columns, count]);
    }
  }
}

/** Whole blocks, so that none is worked out twice. */
function rowsInUnit(source: WeightSource): number {
  const rows = Math.max(1, Math.floor(unitValues / source.columns));
  if (source.encoding !== "fp8") return rows;
  return Math.max(1, Math.floor(rows / source.blockRows)) * source.blockRows;
}
