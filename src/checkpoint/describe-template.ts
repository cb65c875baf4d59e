/** Which chat template a file carries (k2-facts §2.5 tells the revisions apart). */
import { createHash } from "node:crypto";

export interface TemplateDescription {
  /** Hexadecimal, of the template as it is. */
  readonly sha256: string;
  readonly revision: string;
  /** Known to the byte, not only by what it does. */
  readonly isExact: boolean;
  /** Where prompts of other programs that use this template differ from what K2 was trained on. */
  readonly faults: readonly string[];
}

/** SHA-256 without white space at the end, of the templates that were at hand. */
const known: Readonly<Record<string, string>> = {
  aab20feb9bc6881f941ea649356130ffbc4943b3c2577c0991e1fba90de5a0fc:
    "Kimi K2, the first revision (July 2025)",
  "02e91795d2270374161c7063c9b1d084bb8cb3fb04b1ae977cf0e2953bdbbf92":
    "Kimi-K2-Instruct, llama.cpp's edition",
  "4027d478e682204ecc53bb42cd60402338dcac3c9312c32335865fcaf59cb1e8":
    "Kimi-K2-Thinking, llama.cpp's edition",
  "35338d2131aeff74d56a1bbae1bff082042d23524b5892a2fbb5eb180809656e": "kimi-nano",
};

export function describeTemplate(template: string): TemplateDescription {
  const sha256 = hash(template);
  const exact = known[hash(template.trimEnd())];
  return {
    sha256,
    revision: exact ?? revisionByContent(template),
    isExact: exact !== undefined,
    faults: faultsOf(template),
  };
}

function revisionByContent(template: string): string {
  if (!template.includes("<|im_middle|>")) return "not one of Kimi's";
  if (/tools_ts_str|namespace functions/.test(template)) return "Kimi K2.5 or later";
  if (!template.includes("<|tool_calls_section_begin|>")) return "Kimi without tool calls";
  const edition = hasSeparators(template) ? "current revision" : "an edition without compact tools";
  if (template.includes("</think>")) return `Kimi-K2-Thinking, ${edition}`;
  if (isFirstRevision(template)) return "Kimi K2, like the first revision (July 2025)";
  return `Kimi-K2-Instruct or -0905, ${edition}`;
}

const hasSeparators = (template: string): boolean => /tojson\(\s*separators/.test(template);
const isFirstRevision = (template: string): boolean =>
  template.includes("You are a helpful assistant");

function faultsOf(template: string): string[] {
  if (!template.includes("<|tool_calls_section_begin|>")) return [];
  const isStringSafe = /arguments'\]\s+is\s+string/.test(template);
  return [
    ...(isFirstRevision(template)
      ? ['the default system prompt is "You are a helpful assistant"']
      : []),
    ...(isStringSafe || !template.includes("tojson")
      ? []
      : ["arguments of calls are encoded twice"]),
    ...(/Return of \{\{[^}]*\}\}\\n/.test(template)
      ? ["a backslash and an n stand where results have a line feed"]
      : []),
    ...(template.includes("loop.index0") ? ["ids of calls start at 0 again in each turn"] : []),
    ...(template.includes("tool_call_counter") ? ["ids of calls are numbered anew"] : []),
    ...(hasSeparators(template) ? [] : ["declarations of tools have spaces that training had not"]),
  ];
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
