import { vocabularyOfGguf } from "../kimi/vocabulary.ts";
import { KimiTokenizer } from "../kimi/tokenizer.ts";
import { KimiError } from "../../errors.ts";
import type { Sampling, Usage } from "../engine.ts";
import type { TextEvent, TextModel, TextRequest } from "../text-engine.ts";
import { cpuFlags, refuseBrokenOnAmx } from "./amx-guard.ts";
import { constrainedTokens } from "./constrained-tokens.ts";
import { tryFirstLoad } from "./first-load.ts";
import { loadLlama, type LoadedLlama } from "./load-llama.ts";
import type { PlacementOptions } from "./local-placement.ts";
import { numberIn, openModelFile, type ModelFile } from "./model-file.ts";
import { openNativeAddon } from "./native-addon.ts";
import { keepCommonPrefix, prefill } from "./prefill.ts";
import { PromptCache, type PromptCacheOptions } from "./prompt-cache/prompt-cache.ts";
import { stateIdentity } from "./prompt-cache/state-identity.ts";
import { chooseThreads } from "./threads.ts";
import { TokenChoice } from "./token-choice.ts";
import { TokenizedTexts } from "./tokenized-texts.ts";
import { yarnBetas } from "./yarn-betas.ts";

export interface LocalModelOptions {
  readonly path: string;
  readonly threads?: number;
  readonly placement?: PlacementOptions;
  readonly cacheFolder: string;
  /** Whether a request's constraint is kept to; it is if left out. */
  readonly constrain?: boolean;
  /** Left out, nothing is kept beyond this model's time. */
  readonly promptCache?: PromptCacheOptions;
}

/** K2's recommended temperature, for files that name none. */
const defaultTemperature = 0.6;

/**
 * A GGUF file through llama.cpp. Loaded at the first request; the KV cache is kept between requests,
 * so that a prompt that goes on from the last one costs only its new tokens.
 */
export class LlamaTextModel implements TextModel {
  readonly name: string;
  readonly #options: LocalModelOptions;
  readonly #file: ModelFile;
  readonly #tokenizer: KimiTokenizer;
  readonly #texts: TokenizedTexts;
  readonly #choice: TokenChoice;
  readonly #threads: number;
  #loaded: LoadedLlama | undefined;
  #cache: PromptCache | undefined;
  /** Reads the file's head. @throws KimiError for a file that can't be a model's. */
  constructor(options: LocalModelOptions) {
    this.#options = options;
    this.#file = openModelFile(options.path);
    this.name = String(this.#file.head.metadata.get("general.name") ?? options.path);
    if ("missing" in openNativeAddon()) refuseBrokenOnAmx(this.#file, cpuFlags());
    this.#tokenizer = new KimiTokenizer(vocabularyOfGguf(this.#file.head));
    this.#texts = new TokenizedTexts(this.#tokenizer);
    this.#choice = new TokenChoice(this.#tokenizer);
    this.#threads = chooseThreads(this.#file.sizeBytes, options.threads);
  }

  get contextWindow(): number {
    const architecture = String(this.#file.head.metadata.get("general.architecture"));
    return (
      this.#loaded?.sequence.contextSize ??
      this.#options.placement?.contextSize ??
      numberIn(this.#file, `${architecture}.context_length`) ??
      0
    );
  }

  async *complete({ prompt, signal, ...request }: TextRequest): AsyncGenerator<TextEvent, void> {
    signal.throwIfAborted();
    const loaded = this.#loaded ?? (yield* this.#load(signal));
    const saved = await this.#cache?.find(loaded.sequence, this.#texts.reply);
    if (saved) this.#texts.recall(saved);
    const input = this.#texts.encode(prompt);
    if (input.length >= loaded.sequence.contextSize)
      throw contextFull(input.length, loaded.sequence.contextSize);
    if (saved) await this.#cache?.restore(loaded.sequence, saved, { input, signal });
    const cachedTokens = await keepCommonPrefix(loaded, input);
    const rest = yield* prefill(loaded, { input, cachedTokens, signal });
    yield* this.#decode(loaded, { ...request, rest, input, cachedTokens, signal });
  }

  async close(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    if (loaded) await this.#cache?.save(loaded.sequence, this.#texts.reply);
    await loaded?.dispose();
  }

  async *#load(signal: AbortSignal): AsyncGenerator<TextEvent, LoadedLlama> {
    const { placement = {}, cacheFolder } = this.#options;
    const total = this.#file.sizeBytes;
    const common = { file: this.#file, threads: this.#threads, placement, signal };
    yield { type: "progress", phase: "load", done: 0, total };
    const isFirst = await tryFirstLoad({ ...common, cacheFolder });
    // The bindings report progress through a callback, hundreds of times; a few a second are shown.
    let fraction = 0;
    let shownAt = performance.now();
    let wake = (): void => {};
    const onProgress = (now: number): void => {
      fraction = now;
      if (performance.now() - shownAt < 100) return;
      shownAt = performance.now();
      wake();
    };
    let settled = false;
    const loading = loadLlama({ ...common, onProgress }).finally(() => {
      settled = true;
      wake();
    });
    loading.catch(() => {}); // awaited below
    while (!settled) {
      await new Promise<void>((resolve) => (wake = resolve));
      yield { type: "progress", phase: "load", done: Math.round(fraction * total), total };
    }
    this.#loaded = await loading;
    this.#cache = this.#openCache(this.#loaded);
    yield* notices(this.#loaded, isFirst ? this.#file : undefined);
    return this.#loaded;
  }

  async *#decode(
    loaded: LoadedLlama,
    request: { rest: number[]; input: number[]; cachedTokens: number } & Omit<
      TextRequest,
      "prompt"
    >,
  ): AsyncGenerator<TextEvent, void> {
    const { input, cachedTokens, sampling, signal } = request;
    const { sequence } = loaded;
    const stopIds = new Set(request.stop.map((token) => this.#tokenizer.controlId(token)));
    const room = sequence.contextSize - input.length;
    const limit = Math.min(sampling.maxTokens ?? room, room);
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let words: number[] = [];
    let outputTokens = 0;
    let reason: "stop" | "length" = "length";
    try {
      if (limit > 0) {
        for await (const id of this.#tokens(loaded, request)) {
          signal.throwIfAborted();
          outputTokens++;
          if (stopIds.has(id)) {
            reason = "stop";
            break;
          }
          const control = this.#tokenizer.controlName(id);
          if (control === undefined) {
            words.push(id);
            const text = decoder.decode(this.#tokenizer.tokenBytes(id), { stream: true });
            if (text !== "") yield { type: "text", text };
          } else {
            const text = decoder.decode();
            if (text !== "") yield { type: "text", text };
            this.#texts.keepReply(words);
            words = [];
            yield { type: "control", token: control };
          }
          if (outputTokens >= limit) break;
        }
      }
    } finally {
      this.#texts.keepReply(words); // of an interrupted reply, too
    }
    const text = decoder.decode();
    if (text !== "") yield { type: "text", text };
    const usage: Usage = { inputTokens: input.length, outputTokens, cachedTokens };
    yield { type: "finish", reason, usage };
  }

  #tokens(
    loaded: LoadedLlama,
    {
      rest,
      sampling,
      constraint,
    }: Pick<TextRequest, "sampling" | "constraint"> & { rest: number[] },
  ): AsyncIterable<number> {
    const options = { ...this.#samplerOptions(sampling), yieldEogToken: true };
    if (constraint && this.#options.constrain !== false)
      return constrainedTokens(loaded, { rest, options, choice: this.#choice, constraint });
    return loaded.sequence.evaluate(
      rest as Parameters<typeof loaded.sequence.evaluate>[0],
      options,
    );
  }

  #openCache(loaded: LoadedLlama): PromptCache | undefined {
    const { promptCache, placement = {} } = this.#options;
    if (!promptCache) return undefined;
    const identity = stateIdentity(this.#file, loaded, placement);
    return new PromptCache({ ...promptCache, identity });
  }

  /** What is not asked for is the file's own (`general.sampling.*`), then K2's. */
  #samplerOptions(sampling: Sampling): object {
    const own = (key: string): number | undefined =>
      numberIn(this.#file, `general.sampling.${key}`);
    return {
      temperature: sampling.temperature ?? own("temp") ?? defaultTemperature,
      topP: sampling.topP ?? own("top_p") ?? 1,
      // For 0 the bindings would sort the whole vocabulary for every token: 7 ms of K2's.
      topK: (sampling.topK ?? own("top_k")) || null,
      minP: sampling.minP ?? own("min_p") ?? 0,
      seed: sampling.seed ?? Math.floor(Math.random() * 2 ** 32),
    };
  }
}

/** What was chosen, and at a file's first load what llama.cpp does wrong with it. */
function* notices({ placement }: LoadedLlama, file: ModelFile | undefined): Generator<TextEvent> {
  if (placement) yield { type: "notice", level: "info", text: placement.summary };
  if (placement?.warning !== undefined)
    yield { type: "notice", level: "warning", text: placement.warning };
  const native = openNativeAddon();
  const betas = file && yarnBetas(file);
  if (!betas || "addon" in native) return;
  const text = `this model's YaRN settings (betas ${betas.fast}, ${betas.slow}) are not honoured, which costs accuracy: the native addon is not there: ${native.missing}`;
  yield { type: "notice", level: "warning", text };
}

function contextFull(needed: number, contextSize: number): KimiError {
  return new KimiError(
    `the context is full: the conversation has ${needed} tokens, the context ${contextSize}`,
    {
      code: "context-full",
      hint: "Give less input, or a larger --context if the model allows it.",
    },
  );
}
