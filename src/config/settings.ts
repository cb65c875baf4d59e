import { configurationError } from "../errors.ts";
import {
  integer,
  integerOr,
  number,
  oneOf,
  readBoolean,
  readKey,
  readRules,
  readUrl,
  someText,
  type Reader,
} from "./setting-readers.ts";

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
  readonly allow: readonly string[];
  readonly ask: readonly string[];
  readonly deny: readonly string[];
  readonly session: boolean;
  readonly theme: "auto" | "dark" | "light";
  readonly temperature: number;
  readonly "top-p": number;
  readonly "top-k": number;
  readonly "min-p": number;
  readonly seed: number;
  readonly "max-tokens": number;
  readonly "max-turns": number;
  readonly timeout: number;
  readonly stream: boolean;
  readonly constrain: boolean;
  readonly threads: number;
  readonly context: number;
  readonly "gpu-layers": number | "auto";
  readonly "n-cpu-moe": number | "auto" | "all";
  readonly "kv-type": "f16" | "q8_0" | "f32" | "bf16";
  readonly "flash-attention": "auto" | "on" | "off";
  readonly mmap: boolean;
  readonly mlock: boolean;
  readonly "prompt-cache": number;
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
  readonly read: Reader;
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
  allow: {
    about: "calls that need no asking: effects, tools, tool(pattern)",
    placeholder: "<rules>",
    read: readRules,
  },
  ask: { about: "calls that are asked for each time", placeholder: "<rules>", read: readRules },
  deny: {
    about: "calls that are refused; a whole tool is hidden from the model",
    placeholder: "<rules>",
    read: readRules,
  },
  session: {
    about: "whether conversations are kept",
    placeholder: "<boolean>",
    read: readBoolean,
  },
  theme: {
    about: "colours of the terminal program: auto, dark, light",
    placeholder: "<theme>",
    read: oneOf(["auto", "dark", "light"]),
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
  constrain: {
    about: "whether a local model can only call tools as they are declared",
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
  "gpu-layers": {
    about: "last layers of a local model on the GPUs, the output counted as one: auto, or a number",
    placeholder: "<count>",
    read: integerOr(["auto"]),
  },
  "n-cpu-moe": {
    about: "first layers whose experts stay on the CPU: auto, all, or a number",
    placeholder: "<count>",
    read: integerOr(["auto", "all"]),
  },
  "kv-type": {
    about: "type of a local model's KV cache: f16, q8_0, f32, bf16",
    placeholder: "<type>",
    read: oneOf(["f16", "q8_0", "f32", "bf16"]),
  },
  "flash-attention": {
    about: "flash attention of a local model: auto, on, off",
    placeholder: "[mode]",
    read: oneOf(["auto", "on", "off"]),
  },
  mmap: {
    about: "whether a local model's file is mapped into memory, or read into it",
    placeholder: "<boolean>",
    read: readBoolean,
  },
  mlock: {
    about: "whether a local model is kept from being swapped out",
    placeholder: "<boolean>",
    read: readBoolean,
  },
  "prompt-cache": {
    about: "GiB on disk for what local models have computed of the sessions; 0 keeps nothing",
    placeholder: "<number>",
    read: number(0, 1_000_000),
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
  constrain: true,
  session: true,
  theme: "auto",
  "gpu-layers": "auto",
  "n-cpu-moe": "auto",
  "kv-type": "f16",
  "flash-attention": "auto",
  mmap: true,
  mlock: false,
  "prompt-cache": 4,
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
