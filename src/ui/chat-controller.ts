import type { ApprovalPolicy, PersonsAnswer } from "../agent/approval.ts";
import type { AgentEvent, EndReason } from "../agent/events.ts";
import { exitCodes, KimiError, messageOf, usageError, type ExitCode } from "../errors.ts";
import { userText, type UserMessage } from "../message.ts";
import { compactNow, converse, type ConversationParts } from "../session/conversation.ts";
import type { Session } from "../session/session.ts";
import { ChatResources } from "./chat-resources.ts";
import type { ChatServices } from "./chat-services.ts";
import type { ChatStore } from "./chat-store.ts";
import type { Question, Working } from "./chat-state.ts";
import { commandIn, runCommand } from "./commands.ts";
import { SessionView } from "./session-view.ts";
import { shellMessageOf } from "./shell-run.ts";
import { WaitingMessages, type Draft, type Waiting } from "./waiting-messages.ts";

/** What commands do to the screen. */
export interface ChatScreen {
  /** Puts text back where it was written. */
  putBack(text: string): void;
  exit(): void;
  copy(text: string): void;
  setTheme(theme: "auto" | "dark" | "light"): void;
}

export interface ChatControllerOptions {
  readonly services: ChatServices;
  readonly store: ChatStore;
  readonly session: Session;
  readonly screen: ChatScreen;
}

/** How long the end of an interrupted run is waited for. */
const closeMs = 2_000;

/** A line that begins with a slash and a word: a path is none, nor is a longer text. */
function isCommand(text: string): boolean {
  return commandIn(text) !== undefined || /^\/(?:$|[a-z-]+(?:[ \t].*)?$)/.test(text);
}

function isShellCommand(text: string): boolean {
  return text.startsWith("!");
}

/** The terminal program without its screen: what is done when something is said, asked for or interrupted. */
export class ChatController {
  readonly services: ChatServices;
  readonly store: ChatStore;
  readonly screen: ChatScreen;
  readonly resources: ChatResources;
  readonly #policy: ApprovalPolicy;
  #session: Session;
  #abort: AbortController | undefined;
  #current: Promise<void> = Promise.resolve();
  #isClosed = false;
  #failure: ExitCode | undefined;
  readonly #waiting: WaitingMessages;
  readonly #view: SessionView;
  /** Those that have not ended. */
  #commands: Promise<unknown> = Promise.resolve();
  #answer: ((answer: PersonsAnswer) => void) | undefined;

  constructor({ services, store, session, screen }: ChatControllerOptions) {
    this.services = services;
    this.store = store;
    this.screen = screen;
    this.resources = new ChatResources(services, () => this.#session.path);
    this.#session = session;
    this.#waiting = new WaitingMessages(store);
    this.#view = new SessionView(store);
    this.#policy = services.approvals(
      (question, signal) => this.#ask(question, signal),
      (thrown) => this.complain(thrown),
    );
    this.#view.show(session);
  }

  get session(): Session {
    return this.#session;
  }

  get isWorking(): boolean {
    return this.#abort !== undefined;
  }

  /** Enter: does it now, or after what is being done. @throws KimiError when it can't be sent as it is. */
  submit(draft: Draft): void {
    const text = draft.text.trim();
    if (text === "") return;
    this.services.history.append(draft.text);
    if (isCommand(text)) return this.#command(text);
    const waiting = { draft, message: this.#messageOf(draft) };
    if (!this.isWorking) return this.#send(waiting);
    this.#waiting.queue(waiting);
  }

  /** Ctrl-S: is said after the current step. */
  steer(draft: Draft): void {
    const text = draft.text.trim();
    // Neither a command nor a shell's command line is something to say to the model.
    if (!this.isWorking || isCommand(text) || isShellCommand(text)) return this.submit(draft);
    if (text === "") return;
    this.services.history.append(draft.text);
    this.#waiting.steer({ draft, message: this.#messageOf(draft) });
  }

  /** Stops what is being done. */
  interrupt(): void {
    this.#abort?.abort(new Error("interrupted by the user"));
  }

  answer(answer: PersonsAnswer): void {
    this.#answer?.(answer);
  }

  /** Asks the model to answer what is there. */
  retry(): void {
    this.#run(undefined);
  }

  compact(): void {
    this.#work("compacting", async (signal) => {
      let found = false;
      const events = compactNow(await this.#parts(signal), signal);
      for (;;) {
        const { done, value } = await events.next();
        if (done) {
          found = value;
          break;
        }
        this.#show(value);
      }
      if (!found) this.print("there is nothing to sum up yet");
      this.showUsage();
    });
  }

  /** The next request goes to another model, unless that can't be opened. */
  setModel(model: string): void {
    this.#work("opening", async (signal) => {
      const { name } = await this.resources.setModel(model, signal);
      this.print(`the model is ${name}`);
    });
  }

  /** Goes on with another session. @throws KimiError, and then stays with this one. */
  resume(name: string): void {
    if (name === this.#session.id) throw usageError("this is the session that is open");
    const session = this.services.resumeSession(name);
    this.#session.close();
    this.#session = session;
    this.#view.show(session);
  }

  /** A note to the person. */
  print(text: string, level: "info" | "warning" | "error" = "info"): void {
    this.store.dispatch({ type: "print", print: { type: "notice", level, text } });
  }

  /** Of the last thing that failed, for who asks at the end. */
  get failure(): ExitCode | undefined {
    return this.#failure;
  }

  /** Tells the person what went wrong. */
  complain(thrown: unknown): void {
    const { message, hint } = this.#errorOf(thrown, undefined);
    this.print(hint === undefined ? message : `${message}\nhint: ${hint}`, "error");
  }

  /** Ends what is being done, and waits for it: its last words belong into the session. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.interrupt();
    await Promise.race([
      this.#current,
      new Promise((resolve) => setTimeout(resolve, closeMs).unref()),
    ]);
    await this.resources.close(); // first: what it saves of the session is the session's own
    this.#session.close();
  }

  #messageOf({ shown, text }: Draft): UserMessage {
    const message = userText(text);
    if (isShellCommand(text.trim())) return message;
    // What a large paste mentions is not meant: it is not in what is shown.
    return { ...message, content: [...message.content, ...this.services.attach(shown)] };
  }

  #send({ draft, message }: Waiting): void {
    const text = draft.text.trim();
    if (isShellCommand(text)) {
      return this.#runShell(text.slice(1).trim());
    }
    this.store.dispatch({ type: "said", text: draft.shown });
    this.#run(message);
  }

  #run(message: UserMessage | undefined): void {
    this.#work("asking", async (signal) => {
      if (message) this.#session.add(message); // kept, whatever comes
      const parts = await this.#parts(signal);
      const steering = (): readonly UserMessage[] => this.#waiting.takeSteering();
      for await (const event of converse(parts, { message: undefined, steering, signal })) {
        this.#show(event);
        if (event.type === "finish") this.#view.measure(this.#session, event.usage);
        if (event.type === "end") return event.reason;
      }
    });
  }

  #runShell(command: string): void {
    if (command === "") return this.print("! runs a command: !ls", "warning");
    this.store.dispatch({ type: "said", text: `!${command}` });
    this.#work("command", async (signal) => {
      const { services } = this;
      const show = (event: AgentEvent): void => this.#show(event);
      this.#session.add(await shellMessageOf(command, { services, show, signal }));
    });
  }

  /** One thing at a time, from its start to what was queued meanwhile. */
  #work(what: Working["what"], work: (signal: AbortSignal) => Promise<EndReason | void>): void {
    this.#current = this.#workThrough(what, work);
  }

  async #workThrough(
    what: Working["what"],
    work: (signal: AbortSignal) => Promise<EndReason | void>,
  ): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.store.dispatch({ type: "run-start", at: performance.now(), what });
    let failed = false;
    try {
      const reason = await work(abort.signal);
      failed = reason !== undefined && reason !== "done";
      this.store.dispatch({ type: "run-end" });
    } catch (thrown) {
      failed = true;
      this.store.dispatch({ type: "run-end", error: this.#errorOf(thrown, abort.signal) });
    }
    this.#abort = undefined;
    if (this.#isClosed) return;
    if (failed) return this.#returnWaiting();
    const next = this.#waiting.takeNext();
    if (next) this.#send(next);
  }

  /** What waited is not lost: it goes back to where it was written. */
  #returnWaiting(): void {
    const texts = this.#waiting.takeBack();
    if (texts.length > 0) this.screen.putBack(texts.join("\n"));
  }

  async #parts(signal: AbortSignal): Promise<ConversationParts> {
    const { sampling, maxTurns } = this.services;
    await this.#commands; // which may be about what this run is to have
    const chosen = await this.resources.tools(signal);
    signal.throwIfAborted();
    const tools = this.#policy.visible(chosen.filter(({ isOn }) => isOn).map(({ tool }) => tool));
    const { approve } = this.#policy;
    const engine = await this.resources.engine(signal);
    return { session: this.#session, engine, tools, sampling, maxTurns, approve };
  }

  #show(event: AgentEvent): void {
    this.store.dispatch({ type: "agent", at: performance.now(), event });
  }

  #ask(question: Question, signal: AbortSignal): Promise<PersonsAnswer> {
    return new Promise((resolve, reject) => {
      const close = (): void => {
        signal.removeEventListener("abort", stop);
        this.#answer = undefined;
        this.store.dispatch({ type: "answered" });
      };
      const stop = (): void => (close(), reject(signal.reason as Error));
      signal.addEventListener("abort", stop, { once: true });
      this.#answer = (answer) => (close(), resolve(answer));
      this.store.dispatch({ type: "question", question });
    });
  }

  /** Counts what the context holds anew. */
  showUsage(): void {
    this.#view.showUsage(this.#session);
  }

  #command(text: string): void {
    if (!commandIn(text)) this.screen.putBack(text); // to be corrected
    const done = runCommand(this, text).catch((thrown: unknown) => this.complain(thrown));
    this.#commands = Promise.all([this.#commands, done]);
  }

  #errorOf(thrown: unknown, signal: AbortSignal | undefined): { message: string; hint?: string } {
    if (signal?.aborted) return { message: "interrupted" };
    this.#failure = thrown instanceof KimiError ? thrown.exitCode : exitCodes.failed;
    const message = this.services.hideKey(messageOf(thrown));
    const hint = thrown instanceof KimiError ? thrown.hint : undefined;
    return hint === undefined ? { message } : { message, hint };
  }
}
