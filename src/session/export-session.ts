import { textOf, type Message } from "../message.ts";
import type { SessionState } from "./session-state.ts";

export type ExportFormat = "md" | "json" | "html";

type Exported = SessionState & { readonly id: string };

/** A session's transcript in a format for people or programs; it ends with a line break. */
export function exportSessionAs(format: ExportFormat, session: Exported): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(jsonOf(session), null, 2)}\n`;
    case "html":
      return htmlOf(session);
    case "md":
      return markdownOf(session);
    default:
      return format satisfies never;
  }
}

function jsonOf({ id, info, system, transcript, usage, repairs }: Exported): object {
  const { createdAt, folder, model } = info ?? {};
  return { version: 1, id, createdAt, folder, model, system, messages: transcript, usage, repairs };
}

interface Section {
  readonly role: "System" | "User" | "Assistant" | "Thinking" | "Call" | "Result" | "Error";
  /** Of calls and results: which tool. */
  readonly name?: string;
  readonly text: string;
}

function sectionsOf({ system, transcript }: Exported): readonly Section[] {
  const first: Section[] = system === "" ? [] : [{ role: "System", text: system }];
  return [...first, ...transcript.flatMap(sectionsOfMessage)];
}

function sectionsOfMessage(message: Message): readonly Section[] {
  switch (message.role) {
    case "system":
      return [{ role: "System", text: message.text }];
    case "user": {
      const images = message.content.filter(({ type }) => type === "image").length;
      const note = images === 0 ? "" : `\n\n[${images === 1 ? "1 image" : `${images} images`}]`;
      return [{ role: "User", text: textOf(message) + note }];
    }
    case "tool": {
      const role = message.isError ? "Error" : "Result";
      return [{ role, name: message.toolName, text: message.output }];
    }
    case "assistant":
      return message.content.map((part): Section => {
        if (part.type === "tool-call")
          return { role: "Call", name: part.name, text: part.arguments };
        return { role: part.type === "text" ? "Assistant" : "Thinking", text: part.text };
      });
    default:
      return message satisfies never;
  }
}

function markdownOf(session: Exported): string {
  const { id, info } = session;
  const about = [info?.createdAt, info?.folder, info?.model].filter(Boolean).join(", ");
  const sections = sectionsOf(session).map(({ role, name, text }) => {
    const heading = `## ${role}${name === undefined ? "" : `: ${name}`}`;
    return `${heading}\n\n${name === undefined ? text : fenced(text)}`;
  });
  return `${[`# Session ${id}`, about, ...sections].filter((part) => part !== "").join("\n\n")}\n`;
}

/** In a fence longer than any in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`{3,}/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}

function htmlOf(session: Exported): string {
  const { id, info } = session;
  const about = [info?.createdAt, info?.folder, info?.model].filter(Boolean).join(" · ");
  const sections = sectionsOf(session).map(({ role, name, text }) => {
    const heading = escaped(name === undefined ? role : `${role}: ${name}`);
    return `<section class="${role.toLowerCase()}"><h2>${heading}</h2><pre>${escaped(text)}</pre></section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Session ${escaped(id)}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .05em; opacity: .7; margin: 1.5rem 0 .2rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: inherit; }
.call pre, .result pre, .error pre { font: 13px/1.4 ui-monospace, monospace; border-left: 3px solid #8888; padding-left: .8rem; }
.thinking pre { opacity: .6; font-style: italic; }
.error pre { border-color: #c33; }
</style></head><body>
<h1>Session ${escaped(id)}</h1><p>${escaped(about)}</p>
${sections.join("\n")}
</body></html>
`;
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}
