import type { LlamaContextSequence, Token, TokenBias } from "node-llama-cpp";
import type { ReplyState } from "../text-engine.ts";
import type { LoadedLlama } from "./load-llama.ts";
import type { TokenChoice } from "./token-choice.ts";

export interface ConstrainedReply {
  /** What is still to be evaluated of the prompt. */
  readonly rest: readonly number[];
  /** Of the bindings. */
  readonly options: object;
  readonly choice: TokenChoice;
  readonly constraint: ReplyState;
}

/** Far beyond any difference between logits; more would cost their last digits. */
const preferred = { logit: 1_000 };

/**
 * A reply's tokens, all of which the constraint allows. Each is sampled as without it, and only one
 * that is refused is chosen again: the only one allowed, or sampled anew from all that are. So a
 * reply that keeps to the constraint anyway is the same to the token, and costs only the check. Where
 * no token of the vocabulary may follow, the rest of the reply is free.
 */
export async function* constrainedTokens(
  { model, sequence }: LoadedLlama,
  { rest, options, choice, constraint }: ConstrainedReply,
): AsyncGenerator<number, void> {
  const { TokenBias } = await import("node-llama-cpp");
  const none = TokenBias.for(model);
  let bias = none;
  const tokens = sequence.evaluate(rest as Token[], { ...options, tokenBias: () => bias });
  const sample = async (biased: TokenBias): Promise<number> => {
    bias = biased;
    const id = await sampleAgain(sequence, tokens);
    bias = none;
    return id;
  };
  const chooseAgain = async (state: ReplyState): Promise<number | undefined> => {
    const allowed = choice.allowed(state) as Token[];
    if (allowed.length < 2) return allowed[0];
    const others = choice.others(allowed) as Token[];
    if (others.length < allowed.length) {
      // Fewer, so less work; but the bindings let nobody forbid a token that ends a reply.
      const id = await sample(TokenBias.for(model).set(others, "never"));
      if (choice.after(state, id)) return id;
    }
    return sample(TokenBias.for(model).set(allowed, preferred));
  };
  let state: ReplyState | undefined = constraint;
  try {
    for (let result = await tokens.next(); !result.done;) {
      let id: number = result.value;
      if (state) {
        let next = choice.after(state, id);
        if (!next) {
          id = (await chooseAgain(state)) ?? id;
          next = choice.after(state, id);
        }
        state = next;
      }
      yield id;
      result = await tokens.next(id as Token);
    }
  } finally {
    await tokens.return();
  }
}

/** Evaluates the last token once more, since its logits are gone; the sampler goes on where it was. */
async function sampleAgain(
  sequence: LlamaContextSequence,
  tokens: ReturnType<LlamaContextSequence["evaluate"]>,
): Promise<number> {
  const evaluated = sequence.contextTokens;
  const end = evaluated.length;
  await sequence.eraseContextTokenRanges([{ start: end - 1, end }]);
  // Models with a recurrent state may have to go back further than one token.
  const result = await tokens.next(evaluated.slice(sequence.nextTokenIndex));
  if (result.done) throw new Error("the bindings gave no token");
  return result.value;
}
