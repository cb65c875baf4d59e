import { expect, test } from "vitest";
import {
  callBegin,
  argumentBegin,
  sectionBegin,
} from "../../../../src/engine/kimi/control-tokens.ts";
import { kimiDialect } from "../../../../src/engine/kimi/kimi-dialect.ts";
import { KimiTokenizer } from "../../../../src/engine/kimi/tokenizer.ts";
import { readVocabulary } from "../../../../src/engine/kimi/vocabulary.ts";
import { TokenChoice } from "../../../../src/engine/local/token-choice.ts";
import type { ReplyState } from "../../../../src/engine/text-engine.ts";
import { adversarialTools } from "../../../support/adversarial-calls.ts";
import { nanoModel } from "../../../support/golden.ts";

const tokenizer = new KimiTokenizer(readVocabulary(nanoModel));
const choice = new TokenChoice(tokenizer);

function after(text: string): ReplyState {
  const { constraint } = kimiDialect.write({ messages: [], tools: adversarialTools });
  let state = constraint;
  for (const part of text.split(/(<\|\w+\|>)/)) {
    if (part.startsWith("<|")) state = state?.nextControl(part);
    else for (const byte of new TextEncoder().encode(part)) state = state?.nextByte(byte);
  }
  if (!state) throw new Error(`refused: ${text}`);
  return state;
}

const call = `${sectionBegin}${callBegin}functions.`;

test.each([
  "",
  sectionBegin,
  `${sectionBegin}${callBegin}`,
  `${call}get`,
  `${call}get_weather:0${argumentBegin}`,
  `${call}get_weather:0${argumentBegin}{"`,
  `${call}get_weather:0${argumentBegin}{"city": "Be`,
  `${call}get_weather:0${argumentBegin}{"city": "Beijing", "days": 1`,
  `${call}get_weather:0${argumentBegin}{"city": "Beijing", "days": 3}`,
  `${call}天气-über.v2:0${argumentBegin}{"城市": "北`,
  `${call}split:0${argumentBegin}{"a": "`,
])("after %j the tokens found are those that may follow one by one", (text) => {
  const state = after(text);
  const all = Array.from({ length: 4_096 }, (_, id) => id).filter((id) => tokenizer.has(id));
  expect(choice.allowed(state).toSorted((a, b) => a - b)).toEqual(
    all.filter((id) => choice.after(state, id) !== undefined),
  );
});

test("where one token alone may follow it is the only one found", () => {
  expect(choice.allowed(after(sectionBegin))).toEqual([tokenizer.controlId(callBegin)]);
});
