import type { ToolSpec } from "../../message.ts";
import type { EngineEvent } from "../engine.ts";
import type { PromptPiece } from "../text-engine.ts";
import type { CallCounter } from "./call-ids.ts";
import { nameInHeader } from "./call-header.ts";
import * as token from "./control-tokens.ts";

type State = "content" | "thinking" | "section" | "header" | "arguments" | "ended";

type ControlPiece = Extract<PromptPiece, { type: "control" }>;

type OutputEvent = Exclude<EngineEvent, { type: "finish" | "progress" }>;

export interface OutputParserOptions {
  readonly tools: readonly ToolSpec[];
  readonly counter: CallCounter;
}

/**
 * Reads K2's output (k2-facts §3.1) from pieces in which control tokens are already told from text.
 * More liberal than any engine's parser: calls without a section, sections without an end, ends that
 * never come, calls inside thinking. No control token ever shows, in any state.
 */
export class OutputParser {
  readonly #tools: readonly ToolSpec[];
  readonly #counter: CallCounter;
  #state: State = "content";
  /** White space at the end of the content so far: counts only if content follows. */
  #space = "";
  #header = "";
  #arguments = "";
  #shown: { readonly id: string; readonly name: string } | undefined;
  #sawContent = false;
  #quotedThink = false;

  constructor({ tools, counter }: OutputParserOptions) {
    this.#tools = tools;
    this.#counter = counter;
  }

  push(piece: PromptPiece): OutputEvent[] {
    return piece.type === "text" ? this.#text(piece.text) : this.#control(piece);
  }

  /** The end of the output. A call that a token limit cut off is dropped, so that it never runs. */
  end(reason: "stop" | "length"): OutputEvent[] {
    const events: OutputEvent[] = [];
    if (this.#state === "header" || this.#state === "arguments") {
      if (reason === "stop") events.push(...this.#closeCall({ atEnd: true }));
    } else if (this.#state === "content" && this.#sawContent && this.#space !== "") {
      events.push({ type: "text-delta", text: this.#space });
    }
    this.#state = "ended";
    return events;
  }

  #text(text: string): OutputEvent[] {
    if (text === "") return [];
    switch (this.#state) {
      case "content":
        return this.#content(text);
      case "thinking":
        return [{ type: "thinking-delta", text }];
      case "section":
        return []; // between and after calls: neither content nor a call
      case "header":
        this.#header += text;
        return [];
      case "arguments":
        return this.#argumentText(text);
      case "ended":
        return [];
      default:
        return this.#state satisfies never;
    }
  }

  #content(text: string): OutputEvent[] {
    const all = this.#space + text;
    const shown = all.trimEnd();
    this.#space = all.slice(shown.length);
    if (shown === "") return [];
    this.#sawContent = true;
    return [{ type: "text-delta", text: shown }];
  }

  #argumentText(text: string): OutputEvent[] {
    const fresh = this.#arguments === "" ? text.trimStart() : text;
    this.#arguments += fresh;
    if (fresh === "") return [];
    if (!this.#shown) {
      const name = nameInHeader(this.#header.trim(), "", this.#tools);
      if (name === undefined) return [];
      this.#shown = { id: this.#counter.id(name), name };
    }
    return [{ type: "tool-call-delta", ...this.#shown, text: fresh }];
  }

  #control({ token: control, spelled }: ControlPiece): OutputEvent[] {
    if (this.#state === "ended") return [];
    const isOpen = this.#state === "header" || this.#state === "arguments";
    switch (control) {
      case token.thinkBegin:
        if (this.#state === "content" && !this.#sawContent) this.#state = "thinking";
        else if (this.#state === "content" && spelled) {
          this.#quotedThink = true; // a text about such tags: only a reply's start can think
          return this.#content(control);
        }
        return [];
      case token.thinkEnd:
        if (this.#state === "thinking") this.#state = "content";
        else if (this.#state === "content" && this.#quotedThink) return this.#content(control);
        return [];
      case token.sectionBegin: {
        const events = isOpen ? this.#closeCall() : [];
        this.#state = "section";
        return events;
      }
      case token.callBegin: {
        const events = isOpen ? this.#closeCall() : [];
        this.#openCall();
        return events;
      }
      case token.argumentBegin:
        if (this.#state === "header") this.#state = "arguments";
        return [];
      case token.callEnd:
      case token.sectionEnd: {
        const events = isOpen ? this.#closeCall() : [];
        // A stray end in content is dropped and content goes on.
        if (isOpen) this.#state = "section";
        return events;
      }
      case token.imEnd:
      case token.endOfSequence:
      case token.endOfTurn:
        return this.end("stop");
      default:
        return []; // a control token with no meaning here
    }
  }

  #openCall(): void {
    this.#state = "header";
    this.#header = "";
    this.#arguments = "";
    this.#shown = undefined;
  }

  /** `atEnd`: the output ended in the call, so that a header may not be all there. */
  #closeCall({ atEnd }: { readonly atEnd: boolean } = { atEnd: false }): OutputEvent[] {
    let header = this.#header.trim();
    let text = this.#arguments.trim();
    const brace = header.indexOf("{");
    if (brace > 0 && text === "") {
      // The argument marker is missing.
      text = header.slice(brace);
      header = header.slice(0, brace).trim();
    }
    if (header === "" && text === "") return [];
    const isCut = atEnd && text === "" && this.#state === "header" && !/:\s*\d+$/.test(header);
    const name = isCut ? undefined : nameInHeader(header, text, this.#tools);
    const call = {
      type: "tool-call" as const,
      id: this.#shown?.id ?? this.#counter.id(name ?? "unknown"),
      name: name ?? "unknown",
      arguments: unwrapArguments(text),
    };
    if (name !== undefined) return [{ type: "tool-call", call }];
    const error = `no function name can be read from the call's header ${JSON.stringify(header.slice(0, 80))}`;
    return [{ type: "tool-call", call: { ...call, error } }];
  }
}

/** Empty means `{}`; JSON inside a JSON string (the first template's double encoding) is taken out. */
export function unwrapArguments(text: string): string {
  if (text === "") return "{}";
  if (!text.startsWith('"')) return text;
  try {
    const inner: unknown = JSON.parse(text);
    return typeof inner === "string" && inner.trim() !== "" ? inner : text;
  } catch {
    return text;
  }
}
