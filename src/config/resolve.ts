import { findProjectFile, readConfigFile, type ConfigFile } from "./config-file.ts";
import { findProfile } from "./profiles.ts";
import {
  defaults,
  environmentNames,
  readSetting,
  settingNames,
  settings,
  type SettingName,
  type Settings,
} from "./settings.ts";

export interface ConfigSources {
  /** Already read, as the flags are. */
  readonly flags: Partial<Settings>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userFile: string;
  readonly folder: string;
}

/** Where a value comes from, for a person: `--model`, `KIMI_MODEL`, a file's path. */
export type Origin = string;

export interface Config {
  readonly values: Partial<Settings>;
  readonly origins: ReadonlyMap<SettingName, Origin>;
  /** What a project's file sets and may not. */
  readonly ignored?: { readonly path: string; readonly names: readonly SettingName[] };
}

interface Layer {
  readonly origin: (name: SettingName) => Origin;
  readonly values: Partial<Settings>;
}

/**
 * Flags, environment, project file, user file, defaults, in this order. A profile's values go right
 * below the place that chose it.
 * @throws KimiError for a value or a file that is wrong.
 */
export function resolveConfig({ flags, environment, userFile, folder }: ConfigSources): Config {
  const user = readConfigFile(userFile);
  const project = readProject(folder);
  const layers: Layer[] = [
    { origin: (name) => `--${name}`, values: flags },
    readEnvironment(environment),
    { origin: () => project.path, values: project.values },
    { origin: () => user.path, values: user.values },
  ];
  const chosenBy = layers.findIndex(({ values }) => values.profile !== undefined);
  const layer = layers[chosenBy];
  const profile = layer ? (layer.values.profile as string) : impliedProfile(layers, environment);
  if (profile !== undefined) {
    const values = { profile, ...findProfile(profile, user) };
    const origin = layer ? `profile ${profile}` : `profile ${profile}, since there is a key for it`;
    layers.splice(layer ? chosenBy + 1 : layers.length, 0, { origin: () => origin, values });
  }
  layers.push({ origin: () => "default", values: defaults });
  const config = merge(layers);
  const keyed = withKey(config, environment);
  const { path, ignored } = project;
  return ignored.length === 0 ? keyed : { ...keyed, ignored: { path, names: ignored } };
}

function merge(layers: readonly Layer[]): Pick<Config, "values" | "origins"> {
  const values: Record<string, unknown> = {};
  const origins = new Map<SettingName, Origin>();
  for (const name of settingNames) {
    const layer = layers.find((candidate) => candidate.values[name] !== undefined);
    if (!layer) continue;
    values[name] = layer.values[name];
    origins.set(name, layer.origin(name));
  }
  // A model chosen above the server is not the server's: a file named by a flag beats an address in the environment.
  const depth = (name: SettingName): number =>
    layers.findIndex((layer) => layer.values[name] !== undefined);
  const model = values["model"];
  if (typeof model === "string" && model.endsWith(".gguf") && depth("model") < depth("base-url")) {
    values["base-url"] = "";
    origins.set("base-url", `no server: ${origins.get("model")} names a file`);
  }
  // The default model is the embedded one, not a server's.
  if (values["base-url"] && origins.get("model") === "default") {
    delete values["model"];
    origins.set("model", "the server's only one");
  }
  return { values, origins };
}

function readEnvironment(environment: ConfigSources["environment"]): Layer {
  const values: Record<string, unknown> = {};
  const origins = new Map<SettingName, string>();
  for (const name of settingNames) {
    const variable = environmentNames(name).find((candidate) => environment[candidate]);
    if (variable === undefined) continue;
    values[name] = readSetting(name, environment[variable] ?? "", variable);
    origins.set(name, variable);
  }
  return { values, origin: (name) => origins.get(name) ?? "environment" };
}

/** Whoever exports a Moonshot key and says nothing else means Moonshot's API. */
function impliedProfile(
  layers: readonly Layer[],
  environment: ConfigSources["environment"],
): string | undefined {
  const saysWhere = layers.some(
    ({ values }) => values.model !== undefined || values["base-url"] !== undefined,
  );
  const hasKey = environment["KIMI_API_KEY"] || environment["MOONSHOT_API_KEY"];
  return hasKey && !saysWhere ? "moonshot" : undefined;
}

/** Other vendors' variables hold a key for their own server: it is not sent to another vendor's. */
function withKey(
  config: Pick<Config, "values" | "origins">,
  environment: ConfigSources["environment"],
): typeof config {
  const { values, origins } = config;
  if (values["api-key"] !== undefined || !values["base-url"]) return config;
  const { hostname } = new URL(values["base-url"]);
  const isMoonshot = /(^|\.)moonshot\.(ai|cn)$/.test(hostname);
  const isOpenAi = hostname === "api.openai.com";
  const isOpenAiVariable = origins.get("base-url") === "OPENAI_BASE_URL";
  const variables = [
    ...(isMoonshot || !(isOpenAi || isOpenAiVariable) ? ["MOONSHOT_API_KEY"] : []),
    ...(!isMoonshot || isOpenAiVariable ? ["OPENAI_API_KEY"] : []),
  ];
  const variable = variables.find((name) => environment[name]);
  if (variable === undefined) return config;
  const key = readSetting("api-key", environment[variable] ?? "", variable) as string;
  return {
    values: { ...values, "api-key": key },
    origins: new Map([...origins, ["api-key", variable]]),
  };
}

function readProject(folder: string): {
  path: string;
  values: Partial<Settings>;
  ignored: readonly SettingName[];
} {
  const path = findProjectFile(folder);
  if (path === undefined) return { path: "", values: {}, ignored: [] };
  const { values }: ConfigFile = readConfigFile(path);
  const names = Object.keys(values) as SettingName[];
  const allowed = names
    .filter((name) => settings[name].project)
    .map((name) => [name, values[name]] as const);
  const ignored = names.filter((name) => !settings[name].project);
  return { path, values: Object.fromEntries(allowed) as Partial<Settings>, ignored };
}

/** A key as it may be shown: its ends, if it is long enough to keep the rest secret. */
export function maskKey(key: string): string {
  return key.length < 16 ? "…" : `${key.slice(0, 3)}…${key.slice(-4)}`;
}
