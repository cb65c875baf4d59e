import { existsSync, readFileSync, statSync } from "node:fs";
import { extname } from "node:path";
import { ApprovalPolicy, type ApprovalRules } from "../agent/approval.ts";
import type { Tool } from "../agent/tool.ts";
import type { Config } from "../config/resolve.ts";
import { maskKey } from "../config/resolve.ts";
import type { Settings } from "../config/settings.ts";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";
import type { ServedModel } from "../engine/remote/list-models.ts";
import { KimiError, messageOf, usageError } from "../errors.ts";
import type { ImagePart, TextPart } from "../message.ts";
import { exportSessionAs } from "../session/export-session.ts";
import { findSession, listSessions, sessionPath } from "../session/session-folder.ts";
import { Session } from "../session/session.ts";
import type { Ask, ChatServices, ShellRun } from "../ui/chat-services.ts";
import { attachedPaths } from "../ui/composer/attachments.ts";
import { appendHistory, loadHistory } from "../ui/composer/history-file.ts";
import { fileOutput } from "./output.ts";
import {
  approvalRules,
  engineConfig,
  historyFile,
  readConfig,
  samplingOf,
  sessionFolder,
  withPromptCache,
} from "./setup.ts";

export interface ChatServicesOptions {
  readonly config: Config;
  readonly flags: Partial<Settings>;
  readonly yes: boolean;
}

/** The terminal program's part of the rest; what a command needs is loaded when it runs. */
export function chatServices({ config, flags, yes }: ChatServicesOptions): ChatServices {
  const { values } = config;
  const rules = approvalRules(values);
  return {
    sampling: samplingOf(values),
    maxTurns: values["max-turns"] ?? 50,
    modelName: values.model ?? values["base-url"] ?? "",
    openEngine: (model, signal, sessionFile) =>
      openModel(model, { config, flags, signal, sessionFile }),
    listModels: (signal) => modelNames(config, signal),
    async openTools(signal) {
      const { builtInTools, openTools } = await import("./open-tools.ts");
      const labels = values.tools ?? builtInTools;
      const tools = await openTools(labels, signal);
      return tools.map((tool, index) => ({ label: labels[index] ?? tool.name, tool, isOn: true }));
    },
    async openTool(label, signal) {
      const { openTools } = await import("./open-tools.ts");
      const [tool] = await openTools([label], signal);
      return tool as Tool;
    },
    approvals: (ask, onProblem) => approvalPolicy(rules, { ask, yes, onProblem }),
    resumeSession(name) {
      const id = findSession(sessionFolder, name);
      return Session.resume(sessionPath(sessionFolder, id), { id, isKept: values.session ?? true });
    },
    listSessions: () => listSessions(sessionFolder),
    exportSession: writeExport,
    explainConfig: async () => (await import("./config-command.ts")).explainConfig(config),
    runShell,
    attach: attachments,
    history: {
      load: () => loadHistory(historyFile),
      append: (text) => {
        if (values.session === false) return; // nothing is kept
        try {
          appendHistory(historyFile, text);
        } catch {
          // a full disk is told of when the session can't be written
        }
      },
    },
    hideKey(text) {
      const key = values["api-key"];
      return key === undefined ? text : text.replaceAll(key, maskKey(key));
    },
  };
}

/** Longest wait for a list that nothing depends on, milliseconds. */
const listMs = 3_000;

interface Opening {
  readonly config: Config;
  readonly flags: Partial<Settings>;
  readonly signal: AbortSignal;
  readonly sessionFile: () => string | undefined;
}

async function openModel(
  model: string | undefined,
  { config, flags, signal, sessionFile }: Opening,
): Promise<Engine> {
  const isLocal = model !== undefined && (model.endsWith(".gguf") || model === "kimi-nano");
  const chosen =
    model === undefined
      ? config
      : readConfig({ ...flags, model, ...(isLocal ? { "base-url": "" } : {}) });
  const engine = await openEngine(
    withPromptCache(engineConfig(chosen), chosen, sessionFile),
    signal,
  );
  if (engine.contextWindow > 0 || !chosen.values["base-url"]) return engine;
  const contextWindow = chosen.values.context ?? (await servedContext(engine.name, chosen, signal));
  return {
    name: engine.name,
    contextWindow,
    generate: (request) => engine.generate(request),
    close: () => engine.close(),
  };
}

/** How much the server takes, where it says so: what the status shows, and when room must be made. */
async function servedContext(name: string, config: Config, signal: AbortSignal): Promise<number> {
  try {
    const models = await servedModels(config, signal);
    return models.find(({ id }) => id === name)?.contextWindow ?? 0;
  } catch {
    signal.throwIfAborted();
    return 0; // it has no list of models
  }
}

async function modelNames(config: Config, signal: AbortSignal): Promise<readonly string[]> {
  if (!config.values["base-url"]) return ["kimi-nano"];
  return (await servedModels(config, signal)).map(({ id }) => id);
}

async function servedModels(config: Config, signal: AbortSignal): Promise<readonly ServedModel[]> {
  const engine = engineConfig(config);
  if (engine.type === "local") return [];
  const { listModels } = await import("../engine/remote/list-models.ts");
  const protocol = engine.protocol === "anthropic" ? "anthropic" : "openai";
  const within = AbortSignal.any([signal, AbortSignal.timeout(listMs)]);
  return listModels({ ...engine, model: "", retries: 0 }, within, protocol);
}

interface Asking {
  readonly ask: Ask;
  readonly yes: boolean;
  readonly onProblem: (thrown: unknown) => void;
}

function approvalPolicy(rules: ApprovalRules, { ask, yes, onProblem }: Asking): ApprovalPolicy {
  return new ApprovalPolicy({
    rules,
    yes,
    ask,
    remember: (rule) =>
      void import("./config-command.ts")
        .then(({ addToList }) => addToList("allow", rule))
        .catch(onProblem),
  });
}

function writeExport(session: Session, path = `kimi-${session.id}.md`): string {
  const format = /\.(md|json|html)$/.exec(path)?.[1];
  if (format === undefined) {
    throw usageError(
      `${path} does not say a format`,
      "End the file's name with .md, .json or .html.",
    );
  }
  const { id, info, system, transcript, usage, repairs } = session;
  const state = { id, info, system, transcript, usage, repairs, messages: [] };
  const output = fileOutput(path);
  output.write(exportSessionAs(format as "md" | "json" | "html", state));
  output.close({ failed: false });
  return path;
}

/** In the user's own shell and environment. */
async function runShell(
  command: string,
  { signal, onOutput }: ShellRun,
): Promise<number | undefined> {
  const { streamProcess } = await import("../agent/process-tree.ts");
  try {
    const { exitCode } = await streamProcess({
      command,
      arguments: [],
      isShellCommand: true,
      signal,
      onStdout: onOutput,
      onStderr: onOutput,
    });
    return exitCode ?? undefined;
  } catch (thrown) {
    if (signal.aborted) return undefined;
    throw new KimiError(`the command can't be run: ${messageOf(thrown)}`, { code: "shell" });
  }
}

const imageTypes: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
};

/** Bytes; more than that of a text no model takes in. */
const largestFile = 4 << 20;

function attachments(text: string): readonly (TextPart | ImagePart)[] {
  return attachedPaths(text, (path) => existsSync(path)).flatMap((path) => attachment(path));
}

function attachment(path: string): readonly (TextPart | ImagePart)[] {
  const status = statSync(path);
  if (status.isDirectory()) return []; // it is only named
  if (!status.isFile()) throw cannotAttach(path, "it is no file");
  if (status.size > largestFile) throw cannotAttach(path, "it is larger than 4 MiB");
  const bytes = readFileSync(path);
  const image = imageTypes[extname(path).toLowerCase()];
  if (image !== undefined) {
    return [{ type: "image", url: `data:${image};base64,${bytes.toString("base64")}` }];
  }
  try {
    const content = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (content.includes("\0")) throw new Error("it is binary");
    return [{ type: "text", text: `\n\n<file path=${JSON.stringify(path)}>\n${content}\n</file>` }];
  } catch {
    throw cannotAttach(path, "it is neither UTF-8 text nor an image");
  }
}

function cannotAttach(path: string, why: string): KimiError {
  return new KimiError(`${path} can't be attached: ${why}`, {
    code: "attachment",
    hint: "Leave the @ out to only name it.",
  });
}
