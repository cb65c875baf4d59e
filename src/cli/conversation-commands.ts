import { Option, type Command } from "commander";
import {
  readSetting,
  settingNames,
  settings,
  type SettingName,
  type Settings,
} from "../config/settings.ts";
import { usageError } from "../errors.ts";
import type { SessionChoice } from "./open-session.ts";

export type SetExitCode = (code: number) => void;

/** Flags without a value. */
const switches: ReadonlySet<SettingName> = new Set(["mmap", "mlock"]);

/** All settings are flags; some are by their opposites, `theme` is the terminal program's. */
const sharedSettings = settingNames.filter(
  (name) => !["stream", "constrain", "session", "theme"].includes(name),
);

/** Flags of both commands. */
function addShared(command: Command): void {
  for (const name of sharedSettings) command.addOption(settingOption(name));
  command
    .option("--no-mmap", "read a local model's file into memory")
    .option("--no-stream", "ask a server for whole replies")
    .option("--no-constrain", "let a local model call tools in any form")
    .option("--continue", "go on with the last conversation of this folder, or of all")
    .option("--resume [id]", "go on with this conversation; the start of its id is enough")
    .option("--session <id>", "go on with the conversation of this name, or start it")
    .option("--no-session", "do not keep the conversation")
    .option("--yes", "allow what would be asked for")
    .option("--debug", "show requests, and where an error comes from");
}

export function addChat(program: Command, exit: SetExitCode): void {
  const command = program
    .command("chat")
    .description("talk in the terminal")
    .argument("[prompt]", "the first thing to say");
  addShared(command);
  command
    .addOption(settingOption("theme"))
    .option("--screen-reader", "write for a screen reader: lines, no redrawing")
    .option("--plain", "plain lines, without Ink; the same as TERM=dumb")
    .action(async (prompt: string | undefined, options: ChatFlags) => {
      const { chat } = await import("./chat-command.ts");
      exit(
        await chat({
          prompt,
          ...sharedOptions(options),
          isScreenReader: options.screenReader ?? false,
          isPlain: options.plain ?? false,
        }),
      );
    });
}

export function addRun(program: Command, exit: SetExitCode): void {
  const command = program
    .command("run")
    .description("do one task and print the answer")
    .argument("[prompt]", "what to do; - reads it from standard input");
  addShared(command);
  command
    .option("--no-stdin", "leave standard input alone")
    .addOption(
      new Option("--output <format>", "what to print")
        .choices(["text", "json", "stream-json"])
        .default("text"),
    )
    .option("-o, --output-file <file>", "write the output to a file")
    .option("--verbose", "say which model is used and what it took")
    .action(async (prompt: string | undefined, options: RunFlags) => {
      const { run } = await import("./run-command.ts");
      exit(
        await run({
          prompt,
          ...sharedOptions(options),
          output: options.output,
          outputFile: options.outputFile,
          readStdin: options.stdin,
          verbose: options.verbose ?? false,
        }),
      );
    });
}

interface SharedFlags {
  readonly stream: boolean;
  readonly constrain: boolean;
  readonly continue?: boolean;
  readonly resume?: string | true;
  /** A name; `false` for --no-session. */
  readonly session?: string | boolean;
  readonly yes?: boolean;
  readonly debug?: boolean;
}

interface RunFlags extends SharedFlags {
  readonly output: "text" | "json" | "stream-json";
  readonly outputFile?: string;
  readonly stdin: boolean;
  readonly verbose?: boolean;
}

interface ChatFlags extends SharedFlags {
  readonly screenReader?: boolean;
  readonly plain?: boolean;
}

function sharedOptions(options: SharedFlags): {
  readonly flags: Partial<Settings>;
  readonly session: SessionChoice;
  readonly yes: boolean;
  readonly debug: boolean;
} {
  const { stream, constrain, resume, session } = options;
  return {
    flags: {
      ...settingsIn(options),
      ...(stream ? {} : { stream }),
      ...(constrain ? {} : { constrain }),
      ...(session === false ? { session } : {}),
    },
    session: {
      ...(options.continue === true ? { continue: true } : {}),
      ...(resume === undefined ? {} : { resume }),
      ...(typeof session === "string" ? { session } : {}),
    },
    yes: options.yes ?? false,
    debug: options.debug ?? false,
  };
}

function settingOption(name: SettingName): Option {
  const { placeholder, about } = settings[name];
  if (switches.has(name)) return new Option(`--${name}`, about.replace("whether ", ""));
  const option = new Option(`--${name} ${placeholder}`, about);
  return placeholder.startsWith("[") ? option.preset("on") : option;
}

/** The flags that are settings, read. Commander names them in camel case. */
function settingsIn(options: object): Partial<Settings> {
  const given = options as Readonly<Record<string, unknown>>;
  const entries = [...sharedSettings, "theme" as const].flatMap((name) => {
    const text = given[name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    if (switches.has(name)) return typeof text === "boolean" ? [[name, text] as const] : [];
    return typeof text === "string" ? [[name, readFlag(name, text)] as const] : [];
  });
  return Object.fromEntries(entries) as Partial<Settings>;
}

/** A wrong flag is a mistake in the call, not in the configuration. */
function readFlag(name: SettingName, text: string): unknown {
  try {
    return readSetting(name, text, `--${name}`);
  } catch (cause) {
    if (name === "api-key") throw cause;
    const { message, hint } = cause as { message: string; hint: string };
    throw usageError(message, hint);
  }
}
