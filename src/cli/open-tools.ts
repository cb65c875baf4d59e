import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { checkTool } from "../agent/check-tool.ts";
import type { Tool } from "../agent/tool.ts";
import { nearest } from "../config/nearest.ts";
import { exitCodes, KimiError, messageOf } from "../errors.ts";

/** The file name is the tool's name. */
const builtIn: Readonly<Record<string, () => Promise<Tool>>> = {
  calculator: async () => (await import("../../tools/calculator.ts")).calculator,
  clock: async () => (await import("../../tools/clock.ts")).clock,
  "edit-file": async () => (await import("../../tools/edit-file.ts")).editFile,
  "list-files": async () => (await import("../../tools/list-files.ts")).listFiles,
  "read-file": async () => (await import("../../tools/read-file.ts")).readFile,
  "run-command": async () => (await import("../../tools/run-command.ts")).runCommand,
  "search-files": async () => (await import("../../tools/search-files.ts")).searchFiles,
  weather: async () => (await import("../../tools/weather.ts")).weather,
  "write-file": async () => (await import("../../tools/write-file.ts")).writeFile,
};

export const builtInTools = Object.keys(builtIn);

/** Opens each of a `--tools` list: names, module files, executables. */
export function openTools(list: readonly string[], signal: AbortSignal): Promise<Tool[]> {
  return Promise.all(list.map((name) => openTool(name, signal)));
}

async function openTool(name: string, signal: AbortSignal): Promise<Tool> {
  const open = Object.hasOwn(builtIn, name) ? builtIn[name] : undefined;
  if (open) return open();
  const isModule = /\.[cm]?[jt]s$/.test(name);
  if (!isModule && !/[/\\]/.test(name) && !existsSync(name)) throw unknownTool(name);
  const tool = isModule
    ? await openModule(name)
    : await (await import("../agent/executable-tool.ts")).openExecutable(resolve(name), signal);
  const { checkParameters } = await import("../agent/tool-set.ts");
  checkParameters(tool);
  return tool;
}

function unknownTool(name: string): KimiError {
  const like = nearest(name, builtInTools);
  return new KimiError(`there is no tool ${name}`, {
    code: "unknown-tool",
    exitCode: exitCodes.usage,
    hint: like
      ? `Did you mean ${like}?`
      : `There are: ${builtInTools.join(", ")}; or give a module file or an executable, as ./my-tool.`,
  });
}

async function openModule(path: string): Promise<Tool> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as typeof module;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const isMissing = !existsSync(path);
    throw new KimiError(
      `the tool module ${path} ${isMissing ? "does not exist" : `can't be loaded: ${firstLine(cause)}`}`,
      {
        code: "bad-tool",
        ...(isMissing ? { exitCode: exitCodes.usage } : {}),
        hint:
          code === "ERR_UNKNOWN_FILE_EXTENSION"
            ? "Tools in TypeScript need Node 22.18 or newer; this is " + process.version + "."
            : isMissing
              ? "Check the path; it is looked up from the current folder."
              : "Run it with node to see more: node " + path,
        cause,
      },
    );
  }
  const exported = module["default"] ?? module["tool"] ?? Object.values(module)[0];
  return checkTool(exported, path);
}

function firstLine(thrown: unknown): string {
  return messageOf(thrown).split("\n")[0] ?? "";
}
