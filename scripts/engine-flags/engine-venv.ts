/** A venv with an engine in it, outside the repository, and the parser in it that is asked. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineName } from "../../src/cluster/deployment-plan.ts";
import type { ProgramFlags } from "../../src/cluster/engine-flags.ts";
import { recipeOf } from "./recipes.ts";

/** `KIMI_ENGINES`: where the venvs are kept. One takes 6 GB, those of the same torch share it. */
function enginesFolder(): string {
  return process.env["KIMI_ENGINES"] ?? join(tmpdir(), "kimi-engines");
}

interface Asked {
  readonly commands: Readonly<Record<string, ProgramFlags>>;
  readonly source: string;
}

export interface EngineVenv {
  readonly engine: EngineName;
  readonly version: string;
  readonly folder: string;
  /** Of TensorRT-LLM: the folder that has `tensorrt_llm/` of that version's source. */
  readonly source?: string | undefined;
}

/** Where it is, made or not. */
export function venvOf(engine: EngineName, version: string): EngineVenv {
  return { engine, version, folder: join(enginesFolder(), `${engine}-${version}`) };
}

function isInstalled({ folder }: EngineVenv): boolean {
  return existsSync(join(folder, "kimi-installed"));
}

/** Installs the engine from PyPI with uv, unless it is there. Throws what went wrong. */
export function installEngine(venv: EngineVenv): void {
  if (isInstalled(venv)) return;
  const { packages, excluded, until } = recipeOf(venv.engine, venv.version);
  mkdirSync(enginesFolder(), { recursive: true });
  uv(["venv", "--clear", "--python", "3.11", venv.folder]);
  const excludes = join(venv.folder, "excluded.txt");
  writeFileSync(excludes, `${excluded.join("\n")}\n`);
  const dated = until === undefined ? [] : ["--exclude-newer", until];
  const python = join(venv.folder, "bin", "python");
  uv(["pip", "install", "--python", python, "--excludes", excludes, ...dated, ...packages]);
  writeFileSync(join(venv.folder, "kimi-installed"), "");
}

function uv(args: readonly string[]): void {
  // Files that two venvs share are linked to the cache, so the cache must be on the same disk.
  const env = {
    ...process.env,
    UV_CACHE_DIR: join(enginesFolder(), "cache"),
    UV_LINK_MODE: "hardlink",
  };
  const { error, status } = spawnSync("uv", args, { stdio: ["ignore", "inherit", "inherit"], env });
  if (error) throw new Error("uv is not there: pip install uv", { cause: error });
  if (status !== 0) throw new Error(`uv ${args.slice(0, 2).join(" ")} failed`);
}

/** What the engine's programs accept, from their own parsers. */
export function askFlags(venv: EngineVenv): Asked {
  const { programs, packages } = recipeOf(venv.engine, venv.version);
  const names = packages.map((requirement) => requirement.replace(/[[=].*/, ""));
  const { commands, standIns, versions } = ask(venv, {
    programs,
    packages: [...names, "torch"],
  }) as {
    commands: Asked["commands"];
    standIns: readonly string[];
    versions: Readonly<Record<string, string>>;
  };
  const installed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  if (venv.source !== undefined) {
    const source = `asked of trtllm-serve's own parser in the source of ${venv.version}, with stand-ins for all modules but the program and the lists of parsers, and ${installed[0]}`;
    return { commands, source };
  }
  const instead = standIns.length === 0 ? "" : `, with stand-ins for ${standIns.join(", ")}`;
  return {
    commands,
    source: `asked of the programs' own parsers in ${installed.join(", ")} (PyPI)${instead}`,
  };
}

/** For each argv (without the program's own words) what the program's parser says against it, or null. */
export function askErrors(
  venv: EngineVenv,
  program: readonly string[],
  argv: readonly (readonly string[])[],
): readonly (string | null)[] {
  return ask(venv, { programs: [program], argv }) as readonly (string | null)[];
}

function ask({ engine, folder, source }: EngineVenv, question: object): unknown {
  const script = join(import.meta.dirname, "ask_parser.py");
  const { status, stdout, stderr } = spawnSync(join(folder, "bin", "python"), [script], {
    input: JSON.stringify({ engine, source, ...question }),
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, PYTHONWARNINGS: "ignore" },
  });
  if (status !== 0) throw new Error(`asking ${engine} failed:\n${stderr.slice(-4000)}`);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
}
