import type { WriteStream } from "node:tty";
import { withoutControls } from "../render/text.ts";
import { sizeText } from "../plain-text.ts";

export interface ProgressState {
  readonly label: string;
  readonly doneBytes: number;
  readonly totalBytes: number | undefined;
}

export interface ProgressBar {
  update(state: ProgressState): void;
  /** Leaves the last state behind; a second call does nothing. */
  end(): void;
}

const shownEveryMs = 100;
const barWidth = 20;
/** Over so long the rate is taken. */
const rateWindowMs = 5_000;

/** One line that changes on a terminal; elsewhere a line for each tenth and each file. */
export function progressBar(
  stream: Pick<WriteStream, "write"> & { readonly isTTY?: boolean; readonly columns?: number },
  clock: () => number = () => performance.now(),
): ProgressBar {
  const rate = new Rate(clock);
  let shownAt = Number.NEGATIVE_INFINITY;
  let last: ProgressState | undefined;
  let lastTenth = "";
  const draw = (state: ProgressState): void => {
    const width = Math.max(20, (stream.columns ?? 80) - 1);
    stream.write(`\r${lineOf(state, rate.perSecond()).slice(0, width)}\u001B[K`);
  };
  return {
    update(state) {
      last = state;
      rate.add(state.doneBytes);
      if (!stream.isTTY) {
        const tenth = `${state.label} ${Math.floor((10 * state.doneBytes) / (state.totalBytes || Infinity))}`;
        if (tenth !== lastTenth) stream.write(`${lineOf(state, rate.perSecond())}\n`);
        lastTenth = tenth;
      } else if (clock() - shownAt >= shownEveryMs) {
        shownAt = clock();
        draw(state);
      }
    },
    end() {
      if (!last) return;
      if (stream.isTTY) {
        draw(last);
        stream.write("\n");
      }
      last = undefined;
    },
  };
}

function lineOf({ label, doneBytes, totalBytes }: ProgressState, perSecond: number): string {
  const name = withoutControls(label);
  const speed = perSecond > 0 ? `  ${sizeText(perSecond)}/s` : "";
  if (totalBytes === undefined || totalBytes === 0)
    return `${sizeText(doneBytes)}${speed}  ${name}`;
  const share = Math.min(1, doneBytes / totalBytes);
  const bar = "#".repeat(Math.round(share * barWidth)).padEnd(barWidth, ".");
  const left =
    perSecond > 0 && share < 1 ? `  ${timeText((totalBytes - doneBytes) / perSecond)} left` : "";
  const amount = `${sizeText(doneBytes)} of ${sizeText(totalBytes)}`;
  return `${String(Math.floor(100 * share)).padStart(3)} % [${bar}] ${amount}${speed}${left}  ${name}`;
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`;
}

/** Bytes a second over the last while. */
class Rate {
  readonly #clock: () => number;
  #marks: { readonly at: number; readonly bytes: number }[] = [];

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    const at = this.#clock();
    const last = this.#marks.at(-1);
    if (last && (bytes < last.bytes || at - last.at > rateWindowMs)) this.#marks = [];
    if (last && at - last.at < shownEveryMs) return;
    this.#marks.push({ at, bytes });
    while (at - (this.#marks[0]?.at ?? at) > rateWindowMs) this.#marks.shift();
  }

  perSecond(): number {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (!first || !last || last.at - first.at < shownEveryMs) return 0;
    return (1_000 * (last.bytes - first.bytes)) / (last.at - first.at);
  }
}
