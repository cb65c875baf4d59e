/** Ties the state, the keys and the printer to what Ink draws. */
import type { Session } from "../session/session.ts";
import { ChatController, type ChatScreen as Screen } from "./chat-controller.ts";
import type { ChatServices } from "./chat-services.ts";
import { ChosenTheme, type ThemeOptions } from "./chosen-theme.ts";
import type { Question } from "./chat-state.ts";
import { ChatStore } from "./chat-store.ts";
import { commands } from "./commands.ts";
import { candidatesFor } from "./candidates.ts";
import type { Completion } from "./composer/completion.ts";
import { expanded, setText } from "./composer/composer-state.ts";
import type { KeyAction } from "./composer/keys.ts";
import {
  armedMs,
  createInput,
  isEdit,
  putBack,
  reduceInput,
  showCandidates,
  type InputEffect,
  type InputState,
} from "./input-state.ts";
import { spinnerMs } from "./activity-view.ts";
import { renderLive, type LiveLines } from "./live-view.ts";
import { wholeQuestion } from "./question-view.ts";
import { createQuestion, reduceQuestion, type QuestionState } from "./question-state.ts";
import { Scrollback } from "./scrollback.ts";

export interface ScreenOptions {
  readonly services: ChatServices;
  readonly session: Session;
  readonly theme: ThemeOptions;
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** Writes what moves no cursor: a title, the clipboard. */
  readonly write: (text: string) => void;
  readonly onExit: () => void;
}

/** What Ink draws next. */
export interface Frame {
  /** Everything for the scrollback so far; what is drawn already is emptied. */
  readonly printed: readonly string[];
  readonly live: LiveLines;
}

/** How long after a key nobody counts as writing any more, milliseconds. */
const pauseMs = 700;

/** What needs the terminal to itself. */
export interface TerminalWork {
  edit(text: string): Promise<string | undefined>;
  suspend(): Promise<void>;
  redraw(): Promise<void>;
}

export class ChatScreen {
  readonly store = new ChatStore();
  readonly controller: ChatController;
  readonly #options: ScreenOptions;
  #input: InputState;
  #question: QuestionState | undefined;
  readonly #theme: ChosenTheme;
  readonly #scrollback = new Scrollback();
  #frame: Frame | undefined;
  #timer: NodeJS.Timeout | undefined;
  #work: TerminalWork | undefined;
  #completing = 0;
  #typedAt = Number.NEGATIVE_INFINITY;
  #abouts: ReadonlyMap<string, string> = new Map();
  /** While something else has the terminal, nothing is printed: Ink would drop it. */
  #isSuspended = false;
  #hasLeft = false;
  #drawn: LiveLines = { lines: [], cursor: undefined };

  constructor(options: ScreenOptions) {
    this.#options = options;
    const { theme, services, session } = options;
    this.#theme = new ChosenTheme(theme);
    this.#input = createInput([]);
    const screen: Screen = {
      putBack: (text) => this.#changeInput(putBack(this.#input, text)),
      exit: options.onExit,
      copy: (text) => options.write(`\u001b]52;c;${Buffer.from(text).toString("base64")}\u0007`),
      setTheme: (choice) => {
        this.#theme.choose(choice);
        this.store.flush();
      },
    };
    this.controller = new ChatController({ services, store: this.store, session, screen });
    this.store.subscribe(() => this.#changed());
  }

  /** For React: tells of every change, and gives the frame of now. */
  readonly subscribe = (listener: () => void): (() => void) => {
    const unsubscribe = this.store.subscribe(listener);
    return unsubscribe;
  };

  readonly frame = (): Frame => (this.#frame ??= this.#draw());

  /** The frame that is on the screen. */
  get drawn(): LiveLines {
    return this.#drawn;
  }

  /** What is loaded once the prompt is on the screen. */
  async warmUp(): Promise<void> {
    const { Printer } = await import("./printer.ts");
    const width = (): number => this.#options.size().columns;
    this.#scrollback.open(new Printer({ width, theme: () => this.#theme.now }));
    try {
      const { history } = createInput(this.#options.services.history.load());
      this.#input = { ...this.#input, history };
    } catch (thrown) {
      this.controller.complain(thrown);
    }
    this.store.flush();
  }

  attach(work: TerminalWork): void {
    this.#work = work;
  }

  /** What the terminal says of its background. */
  setBackground(background: "dark" | "light"): void {
    this.#theme.learn(background);
    this.store.flush();
  }

  resized(): void {
    this.store.flush();
  }

  key(action: KeyAction): void {
    const { question } = this.store.state;
    this.#typedAt = action.type === "submit" ? Number.NEGATIVE_INFINITY : performance.now();
    if (question && this.#question) {
      if (!this.#question.isFocused && action.type === "complete") {
        this.#question = { ...this.#question, isFocused: true };
        return this.store.flush();
      }
      if (this.#question.isFocused && action.type !== "cancel" && this.#answer(action)) return;
    }
    const { columns } = this.#options.size();
    const { state, effects } = reduceInput(this.#input, action, {
      width: Math.max(1, columns - 2),
      isWorking: this.controller.isWorking,
      now: performance.now(),
      needsArgument: (name) =>
        commands.find((command) => command.name === name)?.argument?.startsWith("<") ?? false,
    });
    this.#input = state;
    for (const effect of effects) this.#do(effect);
    this.store.flush();
  }

  /** Takes away what is below the conversation: nothing of it shall stay on the screen. */
  leave(): void {
    this.#hasLeft = true;
    this.store.flush();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Whether the key was for the question: words are for the composer, and Enter after them, too. */
  #answer(action: KeyAction): boolean {
    if (!this.#question) return false;
    const result = reduceQuestion(this.#question, action);
    if (!result) {
      const isText = action.type === "insert" || action.type === "paste";
      if (isText) this.#question = { ...this.#question, isFocused: false };
      return isEdit(action) && !isText;
    }
    this.#question = result.state;
    if (result.answer) this.controller.answer(result.answer);
    this.store.flush();
    return true;
  }

  #do(effect: InputEffect): void {
    switch (effect.type) {
      case "submit":
      case "steer":
        return this.#send(effect);
      case "interrupt":
        return this.controller.interrupt();
      case "exit":
        return this.#options.onExit();
      case "fold":
        return this.#scrollback.fold(this.store.state.thinking !== undefined);
      case "complete":
        return void this.#complete(effect.place);
      case "editor":
        return void this.#edit();
      case "suspend":
        return void this.#suspended((work) => work.suspend());
      case "redraw":
        return void this.#suspended((work) => work.redraw());
      default:
        return effect satisfies never;
    }
  }

  #send({ type, draft }: Extract<InputEffect, { readonly type: "submit" | "steer" }>): void {
    try {
      if (type === "steer") this.controller.steer(draft);
      else this.controller.submit(draft);
    } catch (thrown) {
      this.#input = putBack(this.#input, draft.text);
      this.controller.complain(thrown);
    }
  }

  async #complete(place: Completion): Promise<void> {
    const turn = ++this.#completing;
    const candidates = await candidatesFor(place, this.controller);
    if (turn !== this.#completing) return;
    this.#abouts = new Map(candidates.map(({ value, about }) => [value, about]));
    const values = candidates.map(({ value }) => value);
    this.#changeInput(showCandidates(this.#input, place, values));
  }

  async #edit(): Promise<void> {
    const { composer } = this.#input;
    const text = await this.#suspended((work) => work.edit(expanded(composer)));
    if (text !== undefined)
      this.#changeInput({ ...this.#input, composer: setText(composer, text) });
  }

  async #suspended<T>(doWork: (work: TerminalWork) => Promise<T>): Promise<T | undefined> {
    if (!this.#work || this.#isSuspended) return undefined;
    this.#isSuspended = true;
    try {
      return await doWork(this.#work);
    } catch (thrown) {
      this.controller.complain(thrown);
      return undefined;
    } finally {
      this.#isSuspended = false;
      this.store.flush();
    }
  }

  #changeInput(input: InputState): void {
    this.#input = input;
    this.store.flush();
  }

  /** Anything has changed: prints what there is to print, and draws anew when asked. */
  #changed(): void {
    const { state } = this.store;
    if (state.question === undefined) this.#question = undefined;
    else this.#question ??= this.#newQuestion(state.question);
    this.#print();
    this.#frame = undefined;
    clearTimeout(this.#timer);
    const isArmed =
      this.#input.armedAt !== undefined && performance.now() - this.#input.armedAt < armedMs;
    const isMoving = state.working !== undefined && !state.question;
    const wait = isMoving ? (state.isAnswering ? 1_000 : spinnerMs) : armedMs;
    if (isMoving || isArmed) this.#timer = setTimeout(() => this.store.flush(), wait).unref();
  }

  /** What is not seen whole can't be approved: it is printed first, where there is room for all of it. */
  #newQuestion(question: Question): QuestionState {
    const state = createQuestion(this.#isPaused());
    const { columns, rows } = this.#options.size();
    const maxRows = Math.max(4, rows - 7);
    const lines = wholeQuestion({ question, state, columns, maxRows, theme: this.#theme.now });
    if (lines) this.store.print({ type: "lines", lines });
    return state;
  }

  /** Whether nothing is being written: a key that is on its way is no answer to what has just been asked. */
  #isPaused(): boolean {
    return this.#input.composer.text === "" && performance.now() - this.#typedAt > pauseMs;
  }

  #print(): void {
    const { prints } = this.store.state;
    if (prints.length === 0 || this.#isSuspended || !this.#scrollback.print(prints)) return;
    this.store.taken(prints.length);
  }

  #draw(): Frame {
    const { printed } = this.#scrollback;
    if (this.#hasLeft) return { printed, live: { lines: [], cursor: undefined } };
    const { columns, rows } = this.#options.size();
    const { controller, store } = this;
    const live = renderLive({
      chat: store.state,
      input: this.#input,
      question: this.#question,
      columns,
      rows,
      theme: this.#theme.now,
      now: performance.now(),
      model: controller.resources.modelName,
      contextWindow: controller.resources.contextWindow,
      showsThinking: this.#scrollback.showsThinking,
      pending: (maxLines) => this.#scrollback.pending(maxLines),
      about: (candidate) => this.#abouts.get(candidate) ?? "",
    });
    this.#drawn = live;
    return { printed, live };
  }
}
