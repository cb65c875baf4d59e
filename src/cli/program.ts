import { Command, CommanderError, Option } from "commander";
import { exitCodes, usageError } from "../errors.ts";
import { addChat, addRun, type SetExitCode } from "./conversation-commands.ts";
import { addDeploy } from "./deploy-commands.ts";
import { addModels } from "./model-commands.ts";

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
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
    if (argv.length === 0 && !isTerminal) program.outputHelp();
    else await program.parseAsync(isChat(argv) ? ["chat", ...argv] : argv, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw usageErrorOf(thrown, argv);
  }
  return exitCode;
}

/** Without a command it is the terminal program, with its flags if there are any. */
function isChat([first]: readonly string[]): boolean {
  return first === undefined || (/^--?\w/.test(first) && !/^(-h|--help|-V|--version)$/.test(first));
}

/** Commander's "error: what is wrong\n(Did you mean …?)" as one of our errors. */
function usageErrorOf({ message, code }: CommanderError, argv: readonly string[]): Error {
  const [first = "", ...rest] = message.replace(/^error: /, "").split("\n");
  const suggestion = rest.join(" ").replaceAll(/^\(|\)$/g, "");
  const command = isChat(argv) ? "chat" : argv.find((word) => !word.startsWith("-"));
  if (code === "commander.help")
    return usageError(`kimi ${command} needs a subcommand`, `kimi ${command} --help lists them.`);
  return usageError(
    first,
    suggestion || `kimi ${command === undefined ? "" : `${command} `}--help lists what there is.`,
  );
}

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
      '\nWithout a command it is kimi chat.\n\nExamples:\n  kimi run "What is 12 * 34?" --tools calculator\n  cat notes.txt | kimi run "Summarize this" --base-url http://127.0.0.1:8000/v1\n',
    );
  addChat(program, exit);
  addRun(program, exit);
  addSessions(program);
  addModels(program, exit);
  addDeploy(program, exit);
  addFormat(program, exit);
  addTools(program);
  addConfig(program);
  return program;
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

function addSessions(program: Command): void {
  const sessions = program.command("sessions").description("list, show and remove conversations");
  const load = () => import("./sessions-command.ts");
  sessions
    .command("list", { isDefault: true })
    .description("list them, the last first")
    .option("--json", "print JSON")
    .option("--all", "all of them, not the last 50")
    .action(async ({ json, all }: { json?: boolean; all?: boolean }) => {
      const { listText } = await load();
      process.stdout.write(listText({ json: json ?? false, all: all ?? false }));
    });
  sessions
    .command("show <id>")
    .description("print one as text")
    .action(async (id: string) => {
      process.stdout.write((await load()).showText(id));
    });
  sessions
    .command("export <id>")
    .description("write one as Markdown, JSON or HTML")
    .addOption(new Option("--format <format>", "md, json or html").choices(["md", "json", "html"]))
    .option("-o, --output-file <file>", "write it to a file, whose name says the format")
    .action(
      async (id: string, options: { format?: "md" | "json" | "html"; outputFile?: string }) => {
        (await load()).exportSession(id, options);
      },
    );
  sessions
    .command("rm <ids...>")
    .description("remove sessions")
    .action(async (ids: string[]) => {
      process.stdout.write((await load()).removeSessions(ids));
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
