import type { PlannedTensor } from "./conversion-plan.ts";
import type { ConversionThread } from "./conversion-threads.ts";
import type { ConversionUnit } from "./conversion-unit.ts";
import { allUnits } from "./conversion-units.ts";

/** The units of all tensors, handed out in order to whichever thread is free. */
export class ConversionWork {
  current = "";
  bytes = 0;
  readonly #units: Iterator<{ tensor: PlannedTensor; unit: ConversionUnit; isLast: boolean }>;
  /** Units under way, by tensor, and whether all its units are handed out. */
  readonly #open = new Map<string, { running: number; isHandedOut: boolean }>();
  #finished: string[] = [];
  #isCancelled = false;

  constructor(tensors: readonly PlannedTensor[]) {
    this.#units = allUnits(tensors);
  }

  /** Keeps two units with the thread, so that it never waits for the next. */
  async run(thread: ConversionThread): Promise<void> {
    await Promise.all([this.#runOne(thread), this.#runOne(thread)]);
  }

  cancel(): void {
    this.#isCancelled = true;
  }

  /** Tensors that have become complete since the last time. */
  takeFinished(): string[] {
    const finished = this.#finished;
    this.#finished = [];
    return finished;
  }

  async #runOne(thread: ConversionThread): Promise<void> {
    while (!this.#isCancelled) {
      const next = this.#units.next();
      if (next.done === true) return;
      const { tensor, unit, isLast } = next.value;
      const state = this.#open.get(tensor.name) ?? { running: 0, isHandedOut: false };
      this.#open.set(tensor.name, state);
      state.running++;
      state.isHandedOut = isLast;
      await thread.convert(unit);
      state.running--;
      this.current = tensor.name;
      this.bytes += (unit.source.sizeBytes * unit.rowCount) / unit.source.rows;
      if (!state.isHandedOut || state.running > 0) continue;
      this.#open.delete(tensor.name);
      this.#finished.push(tensor.name);
    }
  }
}
