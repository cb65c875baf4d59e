import { Command, CommanderError, Option } from "commander";
import {
  readSetting,
  settingNames,
  settings,
  type SettingName,
  type Settings,
} from "../config/settings.ts";
import { exitCodes, usageError } from "../errors.ts";

/** Parses the arguments and runs the command. What commands need is loaded when they run. */
export async function runProgram(argv: readonly string[], version: string): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = buildProgram(version, (code) => (exitCode = code));
  try {
    if (argv[0] === "completion" || argv[0] === "complete") {
      (await import("./completion.ts")).addCompletion(program);
    } else
      program
        .command("completion")
        .description("print a completion script for bash, zsh, fish or powershell");
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw usageErrorOf(thrown, argv);
  }
  return exitCode;
}

/** Commander's "error: what is wrong\n(Did you mean …?)" as one of our errors. */
function usageErrorOf({ message, code }: CommanderError, argv: readonly string[]): Error {
  const [first = "", ...rest] = message.replace(/^error: /, "").split("\n");
  const suggestion = rest.join(" ").replaceAll(/^\(|\)$/g, "");
  const command = argv.find((word) => !word.startsWith("-"));
  if (code === "commander.help")
    return usageError(`kimi ${command} needs a subcommand`, `kimi ${command} --help lists them.`);
  return usageError(
    first,
    suggestion || `kimi ${command === undefined ? "" : `${command} `}--help lists what there is.`,
  );
}

type SetExitCode = (code: number) => void;

function buildProgram(version: string, exit: SetExitCode): Command {
  const program = new Command("kimi");
  program
    .description("Chat and agent tool for Kimi K2: a local model, or any server.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // reported as every other error is
    .showSuggestionAfterError(true)
    .addHelpText(
      "after",
      '\nExamples:\n  kimi run "What is 12 * 34?" --tools calculator\n  cat notes.txt | kimi run "Summarize this" --base-url http://127.0.0.1:8000/v1\n',
    );
  addRun(program, exit);
  addFormat(program, exit);
  addTools(program);
  addConfig(program);
  return program;
}

/** All settings are flags of a run; `stream` is one by its opposite. */
const runSettings = settingNames.filter((name) => name !== "stream");

function addRun(program: Command, exit: SetExitCode): void {
  const command = program
    .command("run")
    .description("do one task and print the answer")
    .argument("[prompt]", "what to do; - reads it from standard input");
  for (const name of runSettings) command.addOption(settingOption(name));
  command
    .option("--no-stream", "ask a server for whole replies")
    .option("--no-stdin", "leave standard input alone")
    .addOption(
      new Option("--output <format>", "what to print")
        .choices(["text", "json", "stream-json"])
        .default("text"),
    )
    .option("-o, --output-file <file>", "write the output to a file")
    .option("--verbose", "say which model is used and what it took")
    .option("--debug", "show requests, and where an error comes from")
    .action(async (prompt: string | undefined, options: RunFlags) => {
      const { run } = await import("./run-command.ts");
      const flags = settingsIn(options);
      exit(
        await run({
          prompt,
          flags: options.stream ? flags : { ...flags, stream: false },
          output: options.output,
          outputFile: options.outputFile,
          readStdin: options.stdin,
          verbose: options.verbose ?? false,
          debug: options.debug ?? false,
        }),
      );
    });
}

interface RunFlags {
  readonly output: "text" | "json" | "stream-json";
  readonly outputFile?: string;
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly verbose?: boolean;
  readonly debug?: boolean;
}

function settingOption(name: SettingName): Option {
  const { placeholder, about } = settings[name];
  return new Option(`--${name} ${placeholder}`, about);
}

/** The flags that are settings, read. Commander names them in camel case. */
function settingsIn(options: object): Partial<Settings> {
  const given = options as Readonly<Record<string, unknown>>;
  const entries = runSettings.flatMap((name) => {
    const text = given[name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
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

function addFormat(program: Command, exit: SetExitCode): void {
  const format = program
    .command("format")
    .description("write prompts and read completions in K2's format");
  const lines = "read JSON lines and write one for each";
  format
    .command("prompt")
    .description(
      "the exact prompt of a chat-completions request {messages, tools} on standard input",
    )
    .option("--lines", lines)
    .action(async (options: { lines?: boolean }) => {
      const { formatPrompt } = await import("./format-command.ts");
      exit(await formatPrompt({ lines: options.lines ?? false }));
    });
  format
    .command("parse")
    .description("the message in a raw completion on standard input")
    .option("--lines", `${lines}: {"output", "tools"?}`)
    .action(async (options: { lines?: boolean }) => {
      const { formatParse } = await import("./format-command.ts");
      exit(await formatParse({ lines: options.lines ?? false }));
    });
  format
    .command("tokens")
    .description("the token ids of the text on standard input; no text yields a control token")
    .option("--decode", "the text of ids")
    .option("--lines", `${lines}: {"text"} or {"ids"}`)
    .option("--model <file>", "take the vocabulary of a .gguf file")
    .option(
      "--tokenizer <path>",
      "take it from a tiktoken.model, a tokenizer.json or a checkpoint's folder",
    )
    .action(
      async (options: {
        decode?: boolean;
        lines?: boolean;
        model?: string;
        tokenizer?: string;
      }) => {
        const { formatTokens } = await import("./format-command.ts");
        const vocabulary = options.tokenizer ?? options.model;
        exit(
          await formatTokens({
            lines: options.lines ?? false,
            decode: options.decode ?? false,
            vocabulary,
          }),
        );
      },
    );
}

function addTools(program: Command): void {
  program
    .command("tools")
    .description("list the built-in tools, or describe those given")
    .argument("[tools...]", "names, module files, executables")
    .option("--json", "print JSON")
    .action(async (tools: string[], options: { json?: boolean }) => {
      const { describeTools } = await import("./tools-command.ts");
      process.stdout.write(await describeTools(tools, { json: options.json ?? false }));
    });
}

function addConfig(program: Command): void {
  const config = program.command("config").description("show and change settings");
  const load = () => import("./config-command.ts");
  const inProfile = ["--profile <name>", "in a profile"] as const;
  const add = (usage: string, about: string): Command => config.command(usage).description(about);
  add("set <name> <value>", "set a value in the user's file")
    .option(...inProfile)
    .action(async (name: string, value: string, { profile }: { profile?: string }) => {
      process.stdout.write((await load()).setValue(name, value, profile));
    });
  add("get <name>", "print the value in force")
    .option(...inProfile)
    .action(async (name: string, { profile }: { profile?: string }) => {
      process.stdout.write((await load()).getValue(name, profile));
    });
  add("unset <name>", "remove a value from the user's file")
    .option(...inProfile)
    .action(async (name: string, { profile }: { profile?: string }) => {
      process.stdout.write((await load()).unsetValue(name, profile));
    });
  add("list", "print all settings and what they mean").action(async () => {
    process.stdout.write((await load()).listSettings());
  });
  add("path", "print the path of the user's file").action(async () => {
    process.stdout.write((await load()).configPath());
  });
  add("explain", "print each value in force and where it comes from")
    .option(...inProfile)
    .action(async ({ profile }: { profile?: string }) => {
      process.stdout.write((await load()).explain(profile));
    });
}
