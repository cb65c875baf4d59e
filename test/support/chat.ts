/** `kimi chat` in a pty, against an endpoint on loopback. */
import type { ServerResponse } from "node:http";
import {
  event,
  startEndpoint,
  startEvents,
  type FakeEndpoint,
  type FakeReply,
  type RawReply,
} from "./fake-endpoint.ts";
import { newFolder } from "./kimi.ts";
import { startInTerminal, type KimiTerminal, type TerminalOptions } from "./terminal.ts";

export interface Chat extends KimiTerminal {
  readonly endpoint: FakeEndpoint;
  /** The program's own settings, sessions and history. */
  readonly home: string;
}

export interface ChatOptions extends TerminalOptions {
  readonly args?: readonly string[];
  /** Of an earlier one, to find its sessions. */
  readonly home?: string;
}

/** Has shown its prompt when this resolves. */
export async function startChat(
  replies: readonly (FakeReply | RawReply)[],
  { args = [], home = newFolder(), env, ...options }: ChatOptions = {},
): Promise<Chat> {
  const endpoint = await startEndpoint("chat", replies);
  const terminal = startInTerminal(
    ["chat", "--base-url", endpoint.url, "--model", "fake", ...args],
    {
      ...options,
      env: {
        HOME: home,
        XDG_CONFIG_HOME: `${home}/config`,
        XDG_DATA_HOME: `${home}/data`,
        ...env,
      },
    },
  );
  await terminal.waitForPrompt();
  return { ...terminal, endpoint, home };
}

/** A reply in the hands of the test. */
export interface HeldReply {
  readonly reply: RawReply;
  /** Resolves when it is asked for. */
  readonly asked: Promise<void>;
  say(text: string): Promise<void>;
  end(): Promise<void>;
}

export function heldReply(): HeldReply {
  const response = Promise.withResolvers<ServerResponse>();
  const asked = Promise.withResolvers<void>();
  return {
    reply: (given) => {
      startEvents(given);
      response.resolve(given);
      asked.resolve();
    },
    asked: asked.promise,
    async say(text) {
      (await response.promise).write(event({ choices: [{ delta: { content: text } }] }));
    },
    async end() {
      (await response.promise).end(event({ choices: [{ delta: {}, finish_reason: "stop" }] }));
    },
  };
}
