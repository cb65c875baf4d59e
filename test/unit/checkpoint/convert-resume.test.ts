import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import {
  convertCheckpoint,
  type ConversionEvent,
  type ConversionOptions,
} from "../../../src/checkpoint/convert/convert-checkpoint.ts";
import { writeCheckpoint } from "../../support/synthetic-checkpoint.ts";
import { randomNumbers } from "../../support/synthetic-tensors.ts";

const base = mkdtempSync(join(tmpdir(), "kimi-resume-"));
afterAll(() => rmSync(base, { recursive: true }));
const folder = (): string => mkdtempSync(join(base, "case-"));

const child = (source: string, output: string, threads: number): ChildProcess =>
  fork(
    join(import.meta.dirname, "../../support/convert-child.ts"),
    [source, output, "q8_0", String(threads)],
    { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] },
  );

type Choice = Partial<ConversionOptions> & Pick<ConversionOptions, "source" | "output">;

async function convert(
  choice: Choice,
  until?: (event: ConversionEvent) => boolean,
): Promise<ConversionEvent[]> {
  const events: ConversionEvent[] = [];
  const signal = new AbortController().signal;
  const options = { type: "q8_0", name: "model", threads: 1, recordEveryMs: 0, signal } as const;
  for await (const event of convertCheckpoint({ ...options, ...choice })) {
    events.push(event);
    if (until?.(event) === true) break;
  }
  return events;
}

/** Large enough that a conversion takes some hundred milliseconds; a copy for each test that spoils it. */
const checkpoint = folder();
writeCheckpoint(checkpoint, {
  format: "fp8",
  layers: 5,
  hiddenSize: 512,
  intermediateSize: 1_024,
  expertSize: 512,
  keyValueRank: 128,
});

function checkpointCopy(): string {
  const source = folder();
  cpSync(checkpoint, source, { recursive: true });
  return source;
}

test(
  "killed at any moment, twenty times and more, it goes on to the bytes of an undisturbed run",
  { timeout: 240_000 },
  async () => {
    const source = checkpoint;
    const whole = join(folder(), "model.gguf");
    await convert({ source, output: whole });
    const expected = readFileSync(whole);
    const random = randomNumbers(Date.now());
    let kills = 0;
    let resumes = 0;
    while (kills < 20) {
      const to = folder();
      const output = join(to, "model.gguf");
      for (;;) {
        const running = child(source, output, 1 + Math.floor(random() * 2));
        const seen: string[] = [];
        running.on("message", (type: string) => seen.push(type));
        const closed = once(running, "close");
        // From its first word on, which comes before anything is written.
        await Promise.race([once(running, "message"), closed]);
        const isOver = await Promise.race([
          closed.then(() => true),
          sleep(random() * 200, false, { ref: false }),
        ]);
        if (!isOver) running.kill("SIGKILL");
        await closed;
        if (seen.includes("resume")) resumes++;
        if (seen.includes("done")) break;
        kills++;
        if (existsSync(output)) expect(readFileSync(output).equals(expected)).toBe(true);
      }
      expect(readFileSync(output).equals(expected)).toBe(true);
      expect(readdirSync(to)).toEqual(["model.gguf"]);
    }
    expect(resumes).toBeGreaterThan(0);
  },
);

/** A conversion left after its first finished tensors. */
async function interrupted(): Promise<{ source: string; output: string }> {
  const source = checkpointCopy();
  const output = join(folder(), "model.gguf");
  await convert({ source, output }, isUnderWay);
  expect(existsSync(output)).toBe(false);
  expect(existsSync(`${output}.part`)).toBe(true);
  return { source, output };
}

/** Told of every millisecond: some tensors are finished, and most are not. */
const isUnderWay = (event: ConversionEvent): boolean =>
  event.type === "progress" && event.doneBytes > event.totalBytes / 4;

const isResumed = (events: readonly ConversionEvent[]): boolean =>
  events.some(({ type }) => type === "resume");

async function fresh(choice: Choice): Promise<Buffer> {
  const output = join(folder(), "model.gguf");
  await convert({ ...choice, output });
  return readFileSync(output);
}

test("an interrupted conversion throws the signal's reason and goes on later", async () => {
  const source = checkpointCopy();
  const output = join(folder(), "model.gguf");
  const controller = new AbortController();
  const reason = new Error("stop");
  const stop = (event: ConversionEvent): boolean => {
    if (isUnderWay(event)) controller.abort(reason);
    return false;
  };
  await expect(convert({ source, output, signal: controller.signal }, stop)).rejects.toBe(reason);
  const events = await convert({ source, output });
  expect(isResumed(events)).toBe(true);
  expect(readFileSync(output).equals(await fresh({ source, output }))).toBe(true);
});

test("a journal whose last line was cut off is gone on with", async () => {
  const { source, output } = await interrupted();
  appendFileSync(`${output}.journal`, '{"tensor":"output.wei');
  expect(isResumed(await convert({ source, output }))).toBe(true);
  expect(readFileSync(output).equals(await fresh({ source, output }))).toBe(true);
});

test.each<[string, (source: string, output: string) => Partial<ConversionOptions>]>([
  ["another type", () => ({ type: "bf16" })],
  ["another name", () => ({ name: "other" })],
  [
    "another checkpoint",
    (source) => {
      utimesSync(join(source, "model-00001-of-000002.safetensors"), 1, 1);
      return {};
    },
  ],
  [
    "a part that was cut off",
    (_, output) => {
      truncateSync(`${output}.part`, statSync(`${output}.part`).size - 1);
      return {};
    },
  ],
  [
    "a journal that is no journal",
    (_, output) => {
      writeFileSync(`${output}.journal`, "?\n");
      return {};
    },
  ],
])("with %s it begins anew", async (_, change) => {
  const { source, output } = await interrupted();
  const options = change(source, output);
  expect(isResumed(await convert({ source, output, ...options }))).toBe(false);
  expect(readFileSync(output).equals(await fresh({ source, output, ...options }))).toBe(true);
});

test("killed while its shards get their names, it gives the rest of them theirs", async () => {
  const source = checkpointCopy();
  const options = { source, splitMaxSizeBytes: 4_000_000 };
  const expected = join(folder(), "model.gguf");
  await convert({ ...options, output: expected });
  const names = readdirSync(join(expected, "..")).toSorted();
  expect(names.length).toBeGreaterThan(2);
  const { output } = await splitInTheMiddle(options, names);
  const events = await convert({ ...options, output });
  expect(events.some(({ type }) => type === "progress")).toBe(true);
  expect(readdirSync(join(output, "..")).toSorted()).toEqual(names);
  for (const name of names) {
    const bytes = readFileSync(join(output, "..", name));
    expect(bytes.equals(readFileSync(join(expected, "..", name))), name).toBe(true);
  }
});

/** The state after the last shard was renamed and before the others were. */
async function splitInTheMiddle(
  options: { source: string; splitMaxSizeBytes: number },
  names: readonly string[],
): Promise<{ output: string }> {
  const output = join(folder(), "model.gguf");
  let key = "";
  const tensors: string[] = [];
  await convert({ ...options, output }, (event) => {
    if (event.type !== "plan") return false;
    key = event.plan.key;
    tensors.push(...event.plan.tensors.map(({ name }) => name));
    return false;
  });
  const place = join(output, "..");
  for (const name of names.slice(0, -1)) {
    const bytes = readFileSync(join(place, name));
    writeFileSync(join(place, `${name}.part`), bytes);
    rmSync(join(place, name));
  }
  const lines = [{ key }, ...tensors.map((tensor) => ({ tensor })), { complete: true }];
  writeFileSync(`${output}.journal`, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return { output };
}
