import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { configurationError, messageOf } from "../errors.ts";
import { nearest } from "./nearest.ts";
import {
  readSetting,
  settingNames,
  settings,
  type SettingName,
  type Settings,
} from "./settings.ts";

export interface ConfigFile {
  readonly path: string;
  readonly values: Partial<Settings>;
  readonly profiles: Readonly<Record<string, Partial<Settings>>>;
}

/**
 * Reads a JSON file of settings; a file that is not there is empty.
 * @throws KimiError naming the file and the setting that is wrong.
 */
export function readConfigFile(path: string): ConfigFile {
  let json: Record<string, unknown>;
  try {
    json = existsSync(path)
      ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>)
      : {};
  } catch (cause) {
    // The parser's message quotes the text, in which a key may be.
    const place = /position \d+/.exec(messageOf(cause))?.[0];
    const reason =
      cause instanceof SyntaxError
        ? `it is not JSON${place ? `, at ${place}` : ""}`
        : messageOf(cause);
    throw configurationError(`${path} can't be read: ${reason}`, "Correct or remove the file.");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw configurationError(`${path} is not a JSON object`, "Correct or remove the file.");
  }
  const { profiles = {}, ...values } = json;
  const groups =
    typeof profiles === "object" && profiles !== null ? Object.values(profiles) : [undefined];
  if (groups.some((group) => typeof group !== "object" || group === null)) {
    throw configurationError(
      `${path}: profiles is not an object of objects`,
      "Correct or remove the file.",
    );
  }
  const read = Object.entries(profiles as Record<string, Record<string, unknown>>).map(
    ([name, group]) => [name, readValues(group, `${path}, profile ${name}`)] as const,
  );
  return { path, values: readValues(values, path), profiles: Object.fromEntries(read) };
}

function readValues(values: Readonly<Record<string, unknown>>, where: string): Partial<Settings> {
  const entries = Object.entries(values).map(([key, value]) => {
    const name = settingNamed(key, where);
    const text = Array.isArray(value) ? value.join(",") : String(value);
    return [name, readSetting(name, text, `${where}, ${key}`)] as const;
  });
  return Object.fromEntries(entries) as Partial<Settings>;
}

/** @throws KimiError with the nearest name. */
export function settingNamed(key: string, where: string): SettingName {
  if (Object.hasOwn(settings, key)) return key as SettingName;
  const like = nearest(key, settingNames);
  throw configurationError(
    `${where}: there is no setting ${key}`,
    like ? `Did you mean ${like}?` : "kimi config list shows all settings.",
  );
}

/** The nearest `.kimi/config.json` at or above a folder. */
export function findProjectFile(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, ".kimi", "config.json");
    if (existsSync(path)) return path;
    if (dirname(at) === at) return undefined;
  }
}
