/**
 * `npm run bench [-- --json] [-- NAME…]`: every figure against its baseline in the same run. The heavy
 * ones take minutes and gigabytes, and are only run when they are named.
 */
import { parseArgs } from "node:util";
import { chat } from "./chat.ts";
import { constrain } from "./constrain.ts";
import { convert } from "./convert.ts";
import { format } from "./format.ts";
import { llama } from "./llama.ts";
import { local } from "./local.ts";
import type { Figure } from "./measure.ts";
import { remote } from "./remote.ts";
import { resume } from "./resume.ts";
import { startup } from "./startup.ts";

type Benches = Readonly<Record<string, () => Promise<Figure[]>>>;
const quick: Benches = { startup, remote, local, format, chat };
const heavy: Benches = { constrain, resume, convert, llama };
const benches: Benches = { ...quick, ...heavy };

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean" } },
  allowPositionals: true,
});
const names = positionals.length === 0 ? Object.keys(quick) : positionals;
const all: (Figure & { readonly met?: boolean })[] = [];
for (const name of names) {
  const bench = benches[name];
  if (!bench) throw new Error(`there is no bench ${name}: ${Object.keys(benches).join(", ")}`);
  for (const figure of await bench()) {
    const { goal, value, atLeast } = figure;
    const met = goal === undefined ? undefined : atLeast ? value >= goal : value <= goal;
    all.push(met === undefined ? figure : { ...figure, met });
    if (!values.json) print(figure, met);
  }
}
if (values.json) console.log(JSON.stringify(all, null, 2));

function print(
  { name, value, unit, goal, atLeast, detail }: Figure,
  met: boolean | undefined,
): void {
  const shown = `${value < 100 ? value.toFixed(2) : value.toFixed(0)} ${unit}`;
  const target =
    goal === undefined ? "" : `goal ${atLeast ? "≥" : "≤"} ${goal}: ${met ? "met" : "MISSED"}`;
  console.log(`${name.padEnd(40)} ${shown.padStart(14)}  ${target.padEnd(20)} ${detail ?? ""}`);
}
