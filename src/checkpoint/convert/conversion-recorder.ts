import type { ConversionWork } from "./conversion-work.ts";
import type { PartFiles } from "./part-files.ts";

/** Notes finished tensors while others are converted. */
export class ConversionRecorder {
  readonly #work: ConversionWork;
  readonly #parts: PartFiles;
  readonly #everyMs: number;
  #last = performance.now();
  #recording: Promise<void> | undefined;
  #failure: unknown;

  constructor(work: ConversionWork, parts: PartFiles, everyMs: number) {
    this.#work = work;
    this.#parts = parts;
    this.#everyMs = everyMs;
  }

  /** Begins to note what is finished if it is time; of an earlier try that failed it throws. */
  turn(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#recording || performance.now() - this.#last < this.#everyMs) return Promise.resolve();
    this.#recording = this.#parts.record(this.#work.takeFinished()).then(
      () => this.#done(),
      (error: unknown) => {
        this.#failure = error;
      },
    );
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#recording;
    if (this.#failure !== undefined) throw this.#failure as Error;
    await this.#parts.record(this.#work.takeFinished());
  }

  #done(): void {
    this.#recording = undefined;
    this.#last = performance.now();
  }
}
