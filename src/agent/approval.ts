import { allows, parseRule, restricts, ruleFor } from "./approval-rules.ts";
import type { Tool, ToolDisplay, ToolEffect } from "./tool.ts";

export interface ApprovalRequest {
  readonly callId: string;
  readonly toolName: string;
  readonly effect: ToolEffect;
  readonly summary: string;
  /** What rules are matched against: a path, a command line. */
  readonly subject?: string;
  /** What the call would change. */
  readonly preview?: ToolDisplay;
}

export type Approval =
  | { readonly decision: "allow" }
  /** The reason is for the model. */
  | { readonly decision: "deny"; readonly reason: string };

/** Asked once for each call, before it starts. */
export type Approve = (request: ApprovalRequest, signal: AbortSignal) => Promise<Approval>;

/**
 * Rules say what is allowed, asked for and denied: an effect (`write`), a tool (`run_command`), or some
 * calls of a tool (`run_command(git status *)`). Deny goes before ask, ask before allow; what no rule
 * matches is allowed if it only reads or uses the network, and asked for if it writes or executes.
 */
export interface ApprovalRules {
  readonly allow: readonly string[];
  readonly ask: readonly string[];
  readonly deny: readonly string[];
}

export const noRules: ApprovalRules = { allow: [], ask: [], deny: [] };

export type PersonsAnswer =
  /** `session` and `always` allow what the offered rule matches, too. */
  | { readonly answer: "once" | "session" | "always" }
  | { readonly answer: "no"; readonly reason: string };

export interface ApprovalOptions {
  readonly rules: ApprovalRules;
  /** Whether everything that would be asked for is allowed. */
  readonly yes: boolean;
  /** Asks the person; `rule` is what `session` and `always` would allow. Without it, to ask is to deny. */
  readonly ask?: (
    request: ApprovalRequest & { readonly rule: string },
    signal: AbortSignal,
  ) => Promise<PersonsAnswer>;
  /** Keeps a rule that the person wants always. */
  readonly remember?: (rule: string) => void;
}

/** Decides by rules, and asks the person, one question at a time. */
export class ApprovalPolicy {
  readonly #options: ApprovalOptions;
  readonly #sessionRules: string[] = [];
  #lastQuestion: Promise<unknown> = Promise.resolve();

  constructor(options: ApprovalOptions) {
    this.#options = options;
  }

  /** Tools that no rule denies as a whole: a model is not told of the others. */
  visible(tools: readonly Tool[]): readonly Tool[] {
    const { deny } = this.#options.rules;
    const isWhole = (rule: string): boolean => parseRule(rule).pattern === undefined;
    return tools.filter(
      ({ name, effect }) =>
        !deny.some((rule) => isWhole(rule) && restricts(rule, { toolName: name, effect })),
    );
  }

  readonly approve: Approve = async (request, signal) => {
    const verdict = this.#decide(request);
    if (verdict === "allow") return { decision: "allow" };
    if (verdict === "deny") return deny("a rule of the user's denies this call");
    if (!this.#options.ask) {
      return deny(`this run does not allow tools that ${request.effect}; --allow or --yes would`);
    }
    const question = this.#lastQuestion.then(() => this.#ask(request, signal));
    this.#lastQuestion = question.catch(() => {});
    return question;
  };

  #decide(request: ApprovalRequest): "allow" | "ask" | "deny" {
    const { rules, yes } = this.#options;
    const isRestricted = (list: readonly string[]): boolean =>
      list.some((rule) => restricts(rule, request));
    const isAllowed = (list: readonly string[]): boolean =>
      list.some((rule) => allows(rule, request));
    if (isRestricted(rules.deny)) return "deny";
    if (yes || isAllowed(this.#sessionRules)) return "allow";
    if (isRestricted(rules.ask)) return "ask";
    if (isAllowed(rules.allow)) return "allow";
    return request.effect === "write" || request.effect === "execute" ? "ask" : "allow";
  }

  async #ask(request: ApprovalRequest, signal: AbortSignal): Promise<Approval> {
    signal.throwIfAborted();
    if (this.#decide(request) === "allow") return { decision: "allow" }; // by an answer since
    const rule = ruleFor(request);
    const answer = await this.#options.ask?.({ ...request, rule }, signal);
    if (answer === undefined || answer.answer === "no") {
      return deny(answer?.reason || "the user said no");
    }
    if (answer.answer !== "once") this.#sessionRules.push(rule);
    if (answer.answer === "always") this.#options.remember?.(rule);
    return { decision: "allow" };
  }
}

function deny(reason: string): Approval {
  return { decision: "deny", reason };
}
