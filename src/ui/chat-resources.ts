import type { Engine } from "../engine/engine.ts";
import type { ChatServices, ChosenTool } from "./chat-services.ts";

/** The engine and the tools of a conversation, opened when they are first needed. */
export class ChatResources {
  readonly #services: ChatServices;
  readonly #sessionFile: () => string | undefined;
  #opening: Promise<Engine> | undefined;
  #engine: Engine | undefined;
  #model: string | undefined;
  #tools: Promise<readonly ChosenTool[]> | undefined;

  constructor(services: ChatServices, sessionFile: () => string | undefined) {
    this.#services = services;
    this.#sessionFile = sessionFile;
  }

  get modelName(): string {
    return this.#engine?.name ?? this.#model ?? this.#services.modelName;
  }

  /** Tokens; 0 where it is not known. */
  get contextWindow(): number {
    return this.#engine?.contextWindow ?? 0;
  }

  /** What can't be opened is tried again the next time. */
  async engine(signal: AbortSignal): Promise<Engine> {
    this.#opening ??= this.#services.openEngine(this.#model, signal, this.#sessionFile);
    try {
      this.#engine = await this.#opening;
    } catch (thrown) {
      this.#opening = undefined;
      throw thrown;
    }
    return this.#engine;
  }

  /** The next request goes to another model, unless that can't be opened. */
  async setModel(model: string, signal: AbortSignal): Promise<Engine> {
    const engine = await this.#services.openEngine(model, signal, this.#sessionFile);
    await this.#engine?.close();
    this.#model = model;
    this.#engine = engine;
    this.#opening = Promise.resolve(engine);
    return engine;
  }

  async tools(signal: AbortSignal): Promise<readonly ChosenTool[]> {
    this.#tools ??= this.#services.openTools(signal);
    this.#tools.catch(() => (this.#tools = undefined));
    return this.#tools;
  }

  setTools(tools: readonly ChosenTool[]): void {
    this.#tools = Promise.resolve(tools);
  }

  async close(): Promise<void> {
    await this.#engine?.close();
  }
}
