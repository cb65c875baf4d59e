import { join } from "node:path";
import { compileSchema } from "../src/agent/json-schema.ts";
import { argumentBegin, callBegin, sectionBegin } from "../src/engine/kimi/control-tokens.ts";
import { kimiDialect } from "../src/engine/kimi/kimi-dialect.ts";
import { KimiTokenizer } from "../src/engine/kimi/tokenizer.ts";
import { readVocabulary } from "../src/engine/kimi/vocabulary.ts";
import { LlamaTextModel } from "../src/engine/local/llama-text-model.ts";
import { TokenChoice } from "../src/engine/local/token-choice.ts";
import type { ReplyState } from "../src/engine/text-engine.ts";
import { userText } from "../src/message.ts";
import { adversarialReply, adversarialTools } from "../test/support/adversarial-calls.ts";
import { writeWithK2Vocabulary } from "./k2-vocabulary.ts";
import { folder, inTurn, median, root, type Figure } from "./measure.ts";

const nano = join(root, "models", "kimi-nano", "kimi-nano-q8_0.gguf");
const decodeTokens = 50;
const calls = 1_000;

/** What constrained calls cost a token, against the same engine without, and whether all are valid. */
export async function constrain(): Promise<Figure[]> {
  const big = join(folder, "k2-vocabulary.gguf");
  writeWithK2Vocabulary(nano, big);
  return [
    await decodeCost({ what: "nano's vocabulary", path: nano, runs: 61 }),
    await decodeCost({ what: "K2's vocabulary", path: big, runs: 31 }),
    ...choiceCost(big),
    await validity(),
  ];
}

/** After the opening quote of a call's argument. */
function insideString(): ReplyState {
  const { constraint } = kimiDialect.write({ messages: [], tools: adversarialTools.slice(-1) });
  let state = constraint?.nextControl(sectionBegin)?.nextControl(callBegin);
  for (const byte of Buffer.from("functions.split:0")) state = state?.nextByte(byte);
  state = state?.nextControl(argumentBegin);
  for (const byte of Buffer.from('{"a": "')) state = state?.nextByte(byte);
  if (!state) throw new Error("the call was refused");
  return state;
}

/** Does all the work of a check, and starts again where the check would refuse: so both decode the same. */
function neverRefusing(state: ReplyState, start = state): ReplyState {
  return {
    nextByte: (byte) => neverRefusing(state.nextByte(byte) ?? start, start),
    nextControl: (token) => neverRefusing(state.nextControl(token) ?? start, start),
  };
}

interface Costed {
  readonly what: string;
  readonly path: string;
  readonly runs: number;
}

async function decodeCost({ what, path, runs }: Costed): Promise<Figure> {
  const model = new LlamaTextModel({ path, threads: 1, cacheFolder: folder });
  const { prompt } = kimiDialect.write({ messages: [userText("word ".repeat(60))], tools: [] });
  const decode = async (constraint?: ReplyState): Promise<{ ms: number }> => {
    let first = 0;
    for await (const event of model.complete({
      prompt,
      stop: [], // so that both decode as many tokens
      sampling: { temperature: 0, maxTokens: decodeTokens },
      signal: new AbortController().signal,
      ...(constraint ? { constraint } : {}),
    })) {
      if (event.type !== "progress") first ||= performance.now();
    }
    return { ms: (performance.now() - first) / (decodeTokens - 1) };
  };
  const inside = neverRefusing(insideString());
  try {
    const { base, ours, ratio } = await inTurn(
      runs,
      () => decode(),
      () => decode(inside),
    );
    return {
      name: `constrained ÷ free decode, ${what}`,
      value: ratio.ms,
      unit: "×",
      goal: 1.05,
      detail: `${ours.ms.toFixed(3)} ÷ ${base.ms.toFixed(3)} ms/token`,
    };
  } finally {
    await model.close();
  }
}

/** What a refused token costs beside the one more decoding: finding all that may follow instead. */
function choiceCost(path: string): Figure[] {
  const choice = new TokenChoice(new KimiTokenizer(readVocabulary(path)));
  const string = insideString();
  const start = performance.now();
  choice.allowed(string);
  const first = performance.now() - start;
  const time = (state: ReplyState): number =>
    median(
      Array.from({ length: 15 }, () => {
        const start = performance.now();
        choice.allowed(state);
        return performance.now() - start;
      }),
    );
  const end = string.nextByte(0x22);
  if (!end) throw new Error("a string can't end");
  return [
    {
      name: "refusal in a string, K2's vocabulary",
      value: time(string),
      unit: "ms",
      detail: `the first ${first.toFixed(0)} ms`,
    },
    { name: "refusal after a string, K2's vocabulary", value: time(end), unit: "ms" },
  ];
}

async function validity(): Promise<Figure> {
  const model = new LlamaTextModel({ path: nano, cacheFolder: folder });
  const validators = new Map(
    adversarialTools.map(({ name, parameters }) => [name, compileSchema(parameters)]),
  );
  let count = 0;
  let valid = 0;
  let replies = 0;
  try {
    for (; count < calls; replies++) {
      for (const call of (await adversarialReply(model, replies)).calls) {
        count++;
        const validate = validators.get(call.name);
        if (validate && validate(JSON.parse(call.arguments)) === undefined) valid++;
      }
    }
  } finally {
    await model.close();
  }
  return {
    name: "valid ÷ all calls at temperature 2",
    value: valid / count,
    unit: "×",
    goal: 1,
    atLeast: true,
    detail: `${valid} ÷ ${count} calls in ${replies} replies`,
  };
}
