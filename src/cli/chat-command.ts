import { readConfig, ignoredNotice } from "./setup.ts";
import type { Settings } from "../config/settings.ts";
import { chatServices } from "./chat-services.ts";
import { openSession, type SessionChoice } from "./open-session.ts";

export interface ChatOptions {
  readonly prompt: string | undefined;
  readonly flags: Partial<Settings>;
  readonly session: SessionChoice;
  readonly yes: boolean;
  readonly debug: boolean;
  readonly isScreenReader: boolean;
  readonly isPlain: boolean;
}

/** `kimi chat`: the terminal program, or lines where there is no terminal to draw on. */
export async function chat(options: ChatOptions): Promise<number> {
  const { flags, yes, prompt } = options;
  const config = readConfig(flags);
  const services = chatServices({ config, flags, yes });
  const session = openSession(options.session, config.values);
  const notice = ignoredNotice(config);
  const parts = {
    services,
    session,
    prompt,
    notices: notice === undefined ? [] : [notice],
    theme: config.values.theme ?? "auto",
  };
  if (isPlain(options)) return (await import("./line-chat.ts")).lineChat(parts);
  return (await import("./terminal-chat.ts")).terminalChat(parts);
}

function isPlain({ isPlain, isScreenReader }: ChatOptions): boolean {
  const { env, stdin, stdout } = process;
  if (isPlain || isScreenReader || env["INK_SCREEN_READER"] === "true") return true;
  return env["TERM"] === "dumb" || !stdin.isTTY || !stdout.isTTY;
}
