import { expect, test } from "vitest";
import { exportSessionAs } from "../../../src/session/export-session.ts";
import type { SessionState } from "../../../src/session/session-state.ts";
import { answer, assistantCalls } from "../../support/conversation.ts";

const nasty = '</pre><script>alert("1")</script> & <!-- ';

const session: SessionState & { readonly id: string } = {
  id: "s",
  info: { id: "s", createdAt: "2026-01-01T00:00:00.000Z", folder: "/a & b", model: "kimi<k2>" },
  system: `Be brief. ${nasty}`,
  messages: [],
  transcript: [
    {
      role: "user",
      content: [
        { type: "text", text: nasty },
        { type: "image", url: "data:image/png;base64,SECRET" },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", text: "hm" },
        { type: "text", text: nasty },
        ...assistantCalls("a").content,
      ],
    },
    answer("a", "```\nfence\n`````\ninside\n```"),
    { ...answer("b", nasty), toolName: nasty, isError: true },
  ],
  usage: { inputTokens: 3, outputTokens: 2 },
  repairs: ["left out line 1, which can't be read"],
};

test("HTML is a page of its own in which nothing that was said is markup", () => {
  const html = exportSessionAs("html", session);
  expect(html).toMatch(/^<!doctype html>\n[\s\S]*<\/html>\n$/);
  expect(html.match(/<script|<!--|<k2>/g)).toBeNull();
  expect(html.match(/<pre>/g)?.length).toBe(html.match(/<\/pre>/g)?.length);
  expect(html).toContain(
    "&lt;/pre&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &lt;!-- ",
  );
  expect(html).toContain("/a &amp; b · kimi&lt;k2&gt;");
  expect(html).not.toMatch(/https?:/); // loads nothing
  expect(html).toContain("[1 image]");
});

test("Markdown fences what tools said with a fence longer than any in it", () => {
  const markdown = exportSessionAs("md", session);
  expect(markdown).toContain("\n## Result: t\n\n``````\n```\nfence\n`````\ninside\n```\n``````\n");
  expect(markdown).toContain('## Call: t\n\n```\n{"a": "ä\\n"}\n```\n');
  expect(markdown.match(/^# /gm)).toEqual(["# "]);
  const headings = markdown.match(/^## .*/gm)?.map((line) => line.slice(3).split(":")[0]);
  expect(headings).toEqual(["System", "User", "Thinking", "Assistant", "Call", "Result", "Error"]);
  expect(markdown.endsWith("```\n")).toBe(true);
});

test("JSON has every message as it was, and what was repaired", () => {
  const json = JSON.parse(exportSessionAs("json", session)) as Record<string, unknown>;
  expect(json).toEqual({
    version: 1,
    id: "s",
    createdAt: "2026-01-01T00:00:00.000Z",
    folder: "/a & b",
    model: "kimi<k2>",
    system: session.system,
    messages: session.transcript,
    usage: session.usage,
    repairs: session.repairs,
  });
});

test("a session whose header is lost is exported all the same", () => {
  const { info: _, ...rest } = session;
  for (const format of ["md", "json", "html"] as const)
    expect(exportSessionAs(format, { ...rest, info: undefined, transcript: [] })).toMatch(
      /s[\s\S]*\n$/,
    );
});
