import { basename, dirname } from "node:path";
import type Conf from "conf";
import { readConfigFile, settingNamed } from "../config/config-file.ts";
import { builtInProfiles } from "../config/profiles.ts";
import { maskKey, type Config } from "../config/resolve.ts";
import {
  environmentNames,
  readSetting,
  settingNames,
  settings,
  type SettingName,
  type Settings,
} from "../config/settings.ts";
import { configurationError } from "../errors.ts";
import { ignoredNotice, readConfig, userConfigFile } from "./setup.ts";

const { default: Store } = await withoutSignals(() => import("conf"));

/**
 * Loads something that listens to signals, and has it not do so: conf's when-exit raises each a second time, and the
 * second Ctrl-C of a person ends the program.
 */
async function withoutSignals<Module>(load: () => Promise<Module>): Promise<Module> {
  const names = (): NodeJS.Signals[] =>
    process.eventNames().filter((name): name is NodeJS.Signals => String(name).startsWith("SIG"));
  const before = new Map(names().map((name) => [name, process.listeners(name)]));
  const module = await load();
  for (const name of names())
    for (const listener of process.listeners(name))
      if (!before.get(name)?.includes(listener)) process.off(name, listener);
  return module;
}

type Stored = Record<string, unknown> & { profiles?: Record<string, Record<string, unknown>> };

/** The user's file, written whole and only for the user to read. */
function openStore(): Conf<Stored> {
  readConfigFile(userConfigFile); // complains of a damaged file; conf would empty it
  return new Store<Stored>({
    cwd: dirname(userConfigFile),
    configName: basename(userConfigFile, ".json"),
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    projectName: "kimi",
  });
}

export function setValue(key: string, text: string, profile: string | undefined): string {
  const name = settingNamed(key, "kimi config set");
  const value = readSetting(name, text, "kimi config set");
  const store = openStore();
  if (profile === undefined) store.set(name, value);
  else {
    const profiles = store.get("profiles") ?? {};
    store.set("profiles", { ...profiles, [profile]: { ...profiles[profile], [name]: value } });
  }
  return `${name} = ${show(name, value)}\n`;
}

/** Adds to a list in the user's file. */
export function addToList(name: "allow", value: string): void {
  const store = openStore();
  const list = (store.get(name) as readonly string[] | undefined) ?? [];
  if (!list.includes(value)) store.set(name, [...list, value]);
}

/** Where a profile leads. A key goes with another address, since it was for the one before. */
export function setEndpoint(
  profile: string,
  endpoint: Required<Pick<Settings, "base-url" | "model" | "protocol">>,
): void {
  const store = openStore();
  const profiles = store.get("profiles") ?? {};
  const { "api-key": key, ...others } = profiles[profile] ?? {};
  const isKept = key !== undefined && others["base-url"] === endpoint["base-url"];
  const values = { ...others, ...endpoint, ...(isKept ? { "api-key": key } : {}) };
  store.set("profiles", { ...profiles, [profile]: values });
}

export function unsetValue(key: string, profile: string | undefined): string {
  const name = settingNamed(key, "kimi config unset");
  const store = openStore();
  const values = profile === undefined ? store.store : store.get("profiles")?.[profile];
  if (values?.[name] === undefined) {
    throw configurationError(
      `${name} is not set in ${userConfigFile}`,
      "kimi config explain shows where values come from.",
    );
  }
  if (profile === undefined) store.delete(name);
  else {
    const profiles = store.get("profiles") ?? {};
    const { [name]: _removed, ...rest } = profiles[profile] ?? {};
    const { [profile]: _group, ...others } = profiles;
    store.set(
      "profiles",
      Object.keys(rest).length === 0 ? others : { ...profiles, [profile]: rest },
    );
  }
  return `${name} is unset\n`;
}

export function getValue(key: string, profile: string | undefined): string {
  const name = settingNamed(key, "kimi config get");
  const value = configOf(profile).values[name];
  if (value === undefined)
    throw configurationError(
      `${name} is not set`,
      `kimi config set ${name} ${settings[name].placeholder} sets it.`,
    );
  return `${show(name, value)}\n`;
}

export function listSettings(): string {
  const { values } = configOf(undefined);
  const rows = settingNames.map(
    (name) => [name, show(name, values[name]), settings[name].about] as const,
  );
  const profiles = [
    ...Object.keys(readConfigFile(userConfigFile).profiles),
    ...Object.keys(builtInProfiles),
  ];
  return `${table(rows)}\nprofiles: ${[...new Set(profiles)].join(", ")}\n`;
}

export function configPath(): string {
  return `${userConfigFile}\n`;
}

export function explain(profile: string | undefined): string {
  return explainConfig(configOf(profile));
}

export function explainConfig(config: Config): string {
  const rows = settingNames.map((name) => {
    const origin =
      config.origins.get(name) ?? `not set (--${name}, ${environmentNames(name).join(", ")})`;
    return [name, show(name, config.values[name]), origin] as const;
  });
  const ignored = ignoredNotice(config);
  return `${table(rows)}${ignored === undefined ? "" : `\n${ignored}\n`}`;
}

function configOf(profile: string | undefined): Config {
  return readConfig(profile === undefined ? {} : { profile });
}

/** Keys are never shown whole. */
function show(name: SettingName, value: Settings[SettingName] | undefined): string {
  if (value === undefined) return "";
  return name === "api-key" ? maskKey(String(value)) : String(value);
}

function table(rows: readonly (readonly [string, string, string])[]): string {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map(
      ([first, second, third]) =>
        `${first.padEnd(widths[0] ?? 0)}  ${second.padEnd(widths[1] ?? 0)}  ${third}`.trimEnd() +
        "\n",
    )
    .join("");
}
