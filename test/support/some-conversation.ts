/** Any conversation, for property tests. Apart, since loading fast-check takes long. */
import * as fc from "./fast-check.ts";
import { userText, type Message } from "../../src/message.ts";
import { answer, assistantCalls, assistantText } from "./conversation.ts";

type Said =
  | { readonly who: "user" | "assistant"; readonly text: string }
  | { readonly who: "tools"; readonly outputs: readonly string[]; readonly reversed: boolean };

const someText = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: "binary", minLength: 1, maxLength });

const longOrShort = fc.oneof(
  someText(20),
  fc.integer({ min: 1, max: 5_000 }).map((n) => "x".repeat(n)),
);

const saidByOne: fc.Arbitrary<Said> = fc.oneof(
  fc.record({ who: fc.constantFrom("user" as const, "assistant" as const), text: longOrShort }),
  fc.record({
    who: fc.constant("tools" as const),
    outputs: fc.array(longOrShort, { minLength: 1, maxLength: 4 }),
    reversed: fc.boolean(),
  }),
);

/** Well-formed; ids of calls count over the conversation. */
export const someConversation: fc.Arbitrary<readonly Message[]> = fc
  .array(saidByOne, { maxLength: 25 })
  .map((list) => {
    let index = 0;
    return list.flatMap((said): readonly Message[] => {
      if (said.who !== "tools")
        return [said.who === "user" ? userText(said.text) : assistantText(said.text)];
      const ids = said.outputs.map(() => `functions.t:${index++}`);
      const answers = said.outputs.map((output, at) => answer(ids[at] ?? "", output));
      return [assistantCalls(...ids), ...(said.reversed ? answers.toReversed() : answers)];
    });
  });
