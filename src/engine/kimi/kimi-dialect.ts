import type { EngineEvent, FinishReason } from "../engine.ts";
import type { Dialect, PromptPiece, TextEvent } from "../text-engine.ts";
import { constrainCalls } from "./call-constraint.ts";
import { CallCounter, rewriteCallIds } from "./call-ids.ts";
import { stopTokens } from "./control-tokens.ts";
import { MarkerScanner } from "./marker-scanner.ts";
import { OutputParser, type OutputParserOptions } from "./output-parser.ts";
import { declare, writePrompt } from "./prompt-writer.ts";

/** K2's chat format, for any model that continues text. */
export const kimiDialect: Dialect = {
  write({ messages, tools }) {
    return {
      prompt: writePrompt({ messages: rewriteCallIds(messages), tools: declare(tools) }),
      stop: stopTokens,
      ...(tools.length > 0
        ? { constraint: constrainCalls({ tools, counter: new CallCounter(messages) }) }
        : {}),
      read: (output) => readOutput(output, { tools, counter: new CallCounter(messages) }),
    };
  },
};

async function* readOutput(
  output: AsyncIterable<TextEvent>,
  options: OutputParserOptions,
): AsyncGenerator<EngineEvent, void> {
  const scanner = new MarkerScanner();
  const parser = new OutputParser(options);
  let calls = 0;
  function* parse(pieces: readonly PromptPiece[]): Generator<EngineEvent, void> {
    for (const piece of pieces) for (const event of parser.push(piece)) yield count(event);
  }
  const count = (event: EngineEvent): EngineEvent => {
    if (event.type === "tool-call") calls++;
    return event;
  };
  for await (const event of output) {
    switch (event.type) {
      case "progress":
      case "notice":
        yield event;
        break;
      case "text":
      case "control":
        yield* parse([event]);
        break;
      case "raw-text":
        yield* parse(scanner.push(event.text));
        break;
      case "finish": {
        yield* parse(scanner.end());
        for (const last of parser.end(event.reason)) yield count(last);
        const reason: FinishReason = calls > 0 ? "tool-calls" : event.reason;
        yield { type: "finish", reason, usage: event.usage };
        break;
      }
      default:
        event satisfies never;
    }
  }
}
