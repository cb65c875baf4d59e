import { configurationError } from "../errors.ts";

/** Everything that can be set, by flag, environment or file; the names are those of the flags. */
export interface Settings {
  readonly model: string;
  readonly "base-url": string;
  readonly "api-key": string;
  readonly protocol: Protocol;
  readonly profile: string;
  readonly tokenizer: string;
  readonly system: string;
  readonly tools: readonly string[];
  readonly temperature: number;
  readonly "top-p": number;
  readonly "top-k": number;
  readonly "min-p": number;
  readonly seed: number;
  readonly "max-tokens": number;
  readonly "max-turns": number;
  readonly timeout: number;
  readonly stream: boolean;
  readonly threads: number;
  readonly context: number;
  readonly "connect-timeout": number;
  readonly "first-token-timeout": number;
  readonly "idle-timeout": number;
  readonly retries: number;
  readonly "temperature-scale": number;
}

export type SettingName = keyof Settings;

export const protocols = ["chat", "completions", "anthropic"] as const;
export type Protocol = (typeof protocols)[number];

interface Setting {
  readonly about: string;
  /** How a value is named in help: `<seconds>`. */
  readonly placeholder: string;
  /** Reads a value from text. @throws Error saying what it should be. */
  readonly read: (text: string) => string | number | boolean | readonly string[];
  /** Environment variables, in order; `KIMI_NAME` goes without saying. */
  readonly environment?: readonly string[];
  /**
   * Whether a project's file may set it. Not what decides where data and keys go or what runs: a
   * project may be a stranger's.
   */
  readonly project?: true;
}

/** Timers hold 31 bits of milliseconds. */
const longestSeconds = 2_147_483;

export const settings: { readonly [Name in SettingName]: Setting } = {
  model: {
    about: "a .gguf file, or the name of a server's model",
    placeholder: "<model>",
    read: someText,
  },
  "base-url": {
    about: "address of a server, such as http://127.0.0.1:8000/v1",
    placeholder: "<url>",
    read: readUrl,
    environment: ["OPENAI_BASE_URL"],
  },
  "api-key": { about: "key for the server", placeholder: "<key>", read: readKey },
  protocol: {
    about: `what the server speaks: ${protocols.join(", ")}`,
    placeholder: "<protocol>",
    read: oneOf(protocols),
  },
  profile: {
    about: "a named group of settings; built in: moonshot, moonshot-anthropic, nano",
    placeholder: "<name>",
    read: someText,
  },
  tokenizer: {
    about: "vocabulary of the server's model, for --protocol completions",
    placeholder: "<path>",
    read: someText,
  },
  system: { about: "system prompt", placeholder: "<text>", read: (text) => text, project: true },
  tools: {
    about: "tools the model may call: names, module files, executables",
    placeholder: "<list>",
    read: (text) =>
      text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
  },
  temperature: {
    about: "0 is greedy",
    placeholder: "<number>",
    read: number(0, 10),
    project: true,
  },
  "top-p": {
    about: "probability mass to sample from",
    placeholder: "<number>",
    read: number(0, 1),
    project: true,
  },
  "top-k": {
    about: "number of tokens to sample from; 0 is all",
    placeholder: "<count>",
    read: integer(0),
    project: true,
  },
  "min-p": {
    about: "least probability, relative to the likeliest token's",
    placeholder: "<number>",
    read: number(0, 1),
    project: true,
  },
  seed: {
    about: "the same seed gives the same answer",
    placeholder: "<integer>",
    read: integer(0, 2 ** 32 - 1),
    project: true,
  },
  "max-tokens": {
    about: "most tokens of one reply",
    placeholder: "<count>",
    read: integer(1),
    project: true,
  },
  "max-turns": {
    about: "most requests to the model in one run",
    placeholder: "<count>",
    read: integer(1),
    project: true,
  },
  timeout: {
    about: "most seconds of a whole run",
    placeholder: "<seconds>",
    read: number(0.001, longestSeconds),
    project: true,
  },
  stream: {
    about: "whether a server streams its replies",
    placeholder: "<boolean>",
    read: readBoolean,
    project: true,
  },
  threads: {
    about: "threads of the local engine, up to the number of cores",
    placeholder: "<count>",
    read: integer(1, 1024),
  },
  context: {
    about: "context of the local engine, in tokens",
    placeholder: "<tokens>",
    read: integer(64),
  },
  "connect-timeout": {
    about: "seconds to wait for a connection",
    placeholder: "<seconds>",
    read: number(0.001, longestSeconds),
  },
  "first-token-timeout": {
    about: "seconds to wait for a reply to begin",
    placeholder: "<seconds>",
    read: number(0.001, longestSeconds),
  },
  "idle-timeout": {
    about: "seconds to wait for a reply to go on",
    placeholder: "<seconds>",
    read: number(0.001, longestSeconds),
  },
  retries: {
    about: "further tries of a request that failed for a passing reason",
    placeholder: "<count>",
    read: integer(0, 100),
  },
  "temperature-scale": {
    about: "what the server multiplies a temperature by (Moonshot's Anthropic API: 0.6)",
    placeholder: "<number>",
    read: number(0.01, 100),
  },
};

export const settingNames = Object.keys(settings) as SettingName[];

export const defaults: Partial<Settings> = {
  model: "kimi-nano",
  protocol: "chat",
  "max-turns": 50,
  stream: true,
  "connect-timeout": 10,
  "first-token-timeout": 300,
  "idle-timeout": 60,
  retries: 4,
  "temperature-scale": 1,
};

/** The environment variables of a setting, in order of precedence. */
export function environmentNames(name: SettingName): readonly string[] {
  return [`KIMI_${name.toUpperCase().replaceAll("-", "_")}`, ...(settings[name].environment ?? [])];
}

/** Reads a setting's value. @throws KimiError naming `where` it came from. */
export function readSetting(name: SettingName, text: string, where: string): Settings[SettingName] {
  try {
    return settings[name].read(text);
  } catch (cause) {
    const shown =
      name === "api-key" ? "the key" : JSON.stringify(text.replace(/\/\/[^/]*@/, "//…@"));
    throw configurationError(
      `${where}: ${shown} ${(cause as Error).message}`,
      `It sets ${name}: ${settings[name].about}.`,
    );
  }
}

function someText(text: string): string {
  if (text.trim() === "") throw new Error("is empty");
  return text;
}

function readUrl(text: string): string {
  if (text === "") return text; // says that there is no server
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Error("is not an http:// or https:// address");
  if (url.username || url.password) throw new Error("has a user name or password in it");
  if (url.search || url.hash) throw new Error("has a query, to which no path can be added");
  return text.replace(/\/+$/, "");
}

function readKey(text: string): string {
  if (/[^\x21-\x7e]/.test(text))
    throw new Error("has a line break, a space or another character that no key has");
  return text;
}

function oneOf(choices: readonly string[]): Setting["read"] {
  return (text) => {
    if (!choices.includes(text)) throw new Error(`is none of ${choices.join(", ")}`);
    return text;
  };
}

function number(least: number, most = Number.POSITIVE_INFINITY): Setting["read"] {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= least && value <= most))
      throw new Error(`is not a number ${range(least, most)}`);
    return value;
  };
}

function integer(least: number, most = Number.MAX_SAFE_INTEGER): Setting["read"] {
  return (text) => {
    if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most) {
      throw new Error(`is not a whole number ${range(least, most)}`);
    }
    return Number(text);
  };
}

function range(least: number, most: number): string {
  return most >= Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
}

function readBoolean(text: string): boolean {
  if (text !== "true" && text !== "false") throw new Error("is neither true nor false");
  return text === "true";
}
