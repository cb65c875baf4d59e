/**
 * Writes what an engine's programs accept to `src/cluster/engine-flags/ENGINE-VERSION.json`:
 * `npm run engine-flags -- ENGINE VERSION [--venv DIR] [--source DIR]`. Installs the engine with uv into a
 * venv (of Python 3.11, about 6 GB) under `KIMI_ENGINES` or the system's temporary folder, and asks its own
 * parsers. `--venv`: one that is there already. `--source`: for TensorRT-LLM, a checkout of the version.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { engineNames, type EngineName } from "../src/cluster/deployment-plan.ts";
import { askFlags, installEngine, venvOf } from "./engine-flags/engine-venv.ts";
import { writeFlags } from "./engine-flags/write-flags.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { venv: { type: "string" }, source: { type: "string" } },
});
const [name, version] = positionals;
const engine = engineNames.find((known) => known === name) satisfies EngineName | undefined;
if (engine === undefined || version === undefined)
  throw new Error(
    `usage: engine-flags ${engineNames.join("|")} VERSION [--venv DIR] [--source DIR]`,
  );
if (engine === "tensorrt-llm" && values.source === undefined)
  throw new Error("PyPI has no TensorRT-LLM: --source DIR, a checkout of its version");

const venv = { ...venvOf(engine, version), source: values.source };
const used = values.venv === undefined ? venv : { ...venv, folder: values.venv };
if (values.venv === undefined) installEngine(venv);

const folder = join(import.meta.dirname, "..", "src", "cluster", "engine-flags");
mkdirSync(folder, { recursive: true });
const path = join(folder, `${engine}-${version}.json`);
writeFileSync(path, writeFlags({ engine, version, ...askFlags(used) }));
process.stdout.write(`${path}\n`);
