/** The terminal program without a terminal: the real controller and session, a scripted engine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { ApprovalPolicy, noRules, type ApprovalRules } from "../../src/agent/approval.ts";
import type { Tool, ToolEffect } from "../../src/agent/tool.ts";
import type { Engine, EngineEvent } from "../../src/engine/engine.ts";
import { usageError } from "../../src/errors.ts";
import { textOf, type ImagePart, type TextPart } from "../../src/message.ts";
import { findSession, listSessions, sessionPath } from "../../src/session/session-folder.ts";
import { loadSession } from "../../src/session/session-state.ts";
import { Session } from "../../src/session/session.ts";
import { ChatController } from "../../src/ui/chat-controller.ts";
import type { ChatServices, ChosenTool, ShellRun } from "../../src/ui/chat-services.ts";
import type { Print } from "../../src/ui/chat-state.ts";
import { ChatStore } from "../../src/ui/chat-store.ts";
import { ScriptedEngine, text, type Step } from "./scripted-engine.ts";

export interface ChatSetup {
  readonly steps?: readonly [Step, ...Step[]];
  readonly tools?: readonly Tool[];
  readonly rules?: ApprovalRules;
  readonly services?: Partial<ChatServices>;
  readonly session?: (folder: string) => Session;
}

export interface TestedChat {
  readonly chat: ChatController;
  readonly store: ChatStore;
  readonly engine: ScriptedEngine;
  readonly folder: string;
  /** What was done to the screen, a line each. */
  readonly screen: string[];
  readonly printed: Print[];
  readonly history: string[];
  /** Rules that are wanted always. */
  readonly remembered: string[];
  readonly say: (text: string) => void;
  /** Until nothing is being done. */
  readonly idle: () => Promise<void>;
  /** What was printed, a line each: `user: hi`, `text: Hello`, `tool t: out`, `error: no`. */
  readonly lines: () => string[];
}

export const info = { createdAt: "2026-01-01T00:00:00.000Z", folder: "/w", model: "m" };

export function startChat(setup: ChatSetup = {}): TestedChat {
  const folder = mkdtempSync(join(tmpdir(), "kimi-chat-"));
  const engine = new ScriptedEngine(...(setup.steps ?? [text("Hello.")]));
  const [screen, history, remembered, printed]: [string[], string[], string[], Print[]] = [
    [],
    [],
    [],
    [],
  ];
  const services = testServices({ ...setup, engine, folder, history, remembered });
  const store = new ChatStore();
  const session =
    setup.session?.(folder) ?? Session.start(sessionPath(folder, "one"), { ...info, id: "one" });
  store.subscribe(() => {
    const { prints } = store.state;
    printed.push(...prints);
    store.taken(prints.length);
  });
  const chat = new ChatController({
    services,
    store,
    session,
    screen: {
      putBack: (back) => void screen.push(`put back: ${back}`),
      exit: () => void screen.push("exit"),
      copy: (copied) => void screen.push(`copied: ${copied}`),
      setTheme: (theme) => void screen.push(`theme: ${theme}`),
    },
  });
  store.flush();
  onTestFinished(async () => {
    await chat.close();
    rmSync(folder, { recursive: true });
  });
  return {
    chat,
    store,
    engine,
    folder,
    screen,
    printed,
    history,
    remembered,
    say: (said) => chat.submit({ shown: said, text: said }),
    idle: async () => {
      await expect.poll(() => chat.isWorking, { interval: 2, timeout: 5_000 }).toBe(false);
      await chat.resources.tools(new AbortController().signal).catch(() => {});
      store.flush();
    },
    lines: () => (store.flush(), linesOf(printed)),
  };
}

interface ServicesSetup extends ChatSetup {
  readonly engine: Engine;
  readonly folder: string;
  readonly history: string[];
  readonly remembered: string[];
}

function testServices(setup: ServicesSetup): ChatServices {
  const { engine, folder, history, remembered, tools = [], rules = noRules } = setup;
  return {
    sampling: {},
    maxTurns: 5,
    modelName: "configured",
    openEngine: async () => engine,
    listModels: async () => ["scripted", "other"],
    openTools: async () =>
      tools.map((tool): ChosenTool => ({ label: tool.name, tool, isOn: true })),
    async openTool(label) {
      if (label !== "extra") throw usageError(`there is no tool ${label}`, "Try extra.");
      return testTool("extra");
    },
    approvals: (ask) =>
      new ApprovalPolicy({
        rules,
        yes: false,
        ask,
        remember: (rule) => void remembered.push(rule),
      }),
    resumeSession(name) {
      const id = findSession(folder, name);
      return Session.resume(sessionPath(folder, id), { id, isKept: true });
    },
    listSessions: () => listSessions(folder),
    exportSession: (session, path = "out.md") =>
      `${path} with ${session.transcript.length} messages`,
    explainConfig: async () => "model = m\n",
    runShell: async (command, { onOutput }: ShellRun) => (onOutput(`ran ${command}\n`), 0),
    attach: () => [],
    history: { load: () => history, append: (said) => void history.push(said) },
    hideKey: (shown) => shown.replaceAll("sk-secret", "sk-…"),
    ...setup.services,
  };
}

/** Says one thing after the other, each once what was before has ended; gives what the last one printed. */
export async function sayAll(tested: TestedChat, ...texts: readonly string[]): Promise<string[]> {
  let before = 0;
  for (const said of texts) {
    before = tested.lines().length;
    tested.say(said);
    await settled(tested);
  }
  return tested.lines().slice(before);
}

/** Commands that answer at once have done so when a few promises have resolved. */
async function settled(tested: TestedChat): Promise<void> {
  await tested.idle();
  await new Promise(setImmediate);
  await tested.idle();
}

export const contextOf = ({ chat }: TestedChat): string[] => chat.session.context.map(textOf);

/** A tool that says what it was given. */
export function testTool(
  name: string,
  effect: ToolEffect = "read",
  start = async (): Promise<string> => `${name} ran`,
): Tool {
  return {
    name,
    description: `the tool ${name}`,
    parameters: { type: "object", properties: {} },
    effect,
    prepare: () => ({
      summary: `${name} it`,
      subject: name,
      start: async () => ({ output: await start() }),
    }),
  };
}

/** A reply that waits in its middle until the gate opens or the run is interrupted. */
export function heldReply(gate: Promise<unknown>, ...rest: readonly EngineEvent[]): Step {
  return async function* ({ signal }) {
    yield { type: "text-delta", text: "So far" };
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    await Promise.race([gate, aborted]);
    yield* rest.length > 0 ? rest : text(".");
  };
}

function linesOf(prints: readonly Print[]): string[] {
  const lines: string[] = [];
  let isTextOpen = false;
  for (const print of prints) {
    if (print.type === "text") {
      if (isTextOpen) lines.push((lines.pop() ?? "") + print.text);
      else lines.push(`text: ${print.text}`);
      isTextOpen = true;
      continue;
    }
    isTextOpen = false;
    if (print.type === "user")
      lines.push(`${print.isSteering ? "steering" : "user"}: ${print.text}`);
    if (print.type === "notice") lines.push(`${print.level}: ${print.text}`);
    if (print.type === "thinking") lines.push(`thinking: ${print.text}`);
    if (print.type === "tool") {
      const { display, outcome, summary } = print;
      const shown = display.type === "diff" ? display.diff : display.text;
      lines.push(`${outcome === "ok" ? "tool" : outcome} ${summary}: ${shown.trim()}`);
    }
  }
  return lines;
}

/** What a session's file holds, a line each: `user: hi`. */
export function storedIn(folder: string, id = "one"): string[] {
  return loadSession(sessionPath(folder, id)).messages.map((message) => {
    const said =
      message.role === "system" || message.role === "tool"
        ? [message.role === "system" ? message.text : message.output]
        : message.content.map((part) =>
            part.type === "tool-call"
              ? `(${part.name})`
              : part.type === "image"
                ? "(image)"
                : part.text,
          );
    return `${message.role}: ${said.join("")}`;
  });
}

export function textPart(said: string): TextPart | ImagePart {
  return { type: "text", text: said };
}
