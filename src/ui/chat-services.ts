import type { ApprovalPolicy, PersonsAnswer } from "../agent/approval.ts";
import type { Tool } from "../agent/tool.ts";
import type { Engine, Sampling } from "../engine/engine.ts";
import type { ImagePart, TextPart } from "../message.ts";
import type { SessionSummary } from "../session/session-folder.ts";
import type { Session } from "../session/session.ts";
import type { Question } from "./chat-state.ts";

export type Ask = (question: Question, signal: AbortSignal) => Promise<PersonsAnswer>;

/** A tool and whether the model is told of it. */
export interface ChosenTool {
  /** As `--tools` takes it. */
  readonly label: string;
  readonly tool: Tool;
  readonly isOn: boolean;
}

/** What the terminal program needs of the rest of the program. */
export interface ChatServices {
  readonly sampling: Sampling;
  readonly maxTurns: number;
  /** The model's name as configured, before an engine is open. */
  readonly modelName: string;
  /** Opens the engine of the configuration, or of another model. `sessionFile`: of the session at hand, if it is kept. */
  openEngine(
    model: string | undefined,
    signal: AbortSignal,
    sessionFile: () => string | undefined,
  ): Promise<Engine>;
  /** What `/model` can switch to. */
  listModels(signal: AbortSignal): Promise<readonly string[]>;
  openTools(signal: AbortSignal): Promise<readonly ChosenTool[]>;
  openTool(label: string, signal: AbortSignal): Promise<Tool>;
  /** `onProblem` is told of a rule that can't be kept. */
  approvals(ask: Ask, onProblem: (thrown: unknown) => void): ApprovalPolicy;
  /** By an id or its start. */
  resumeSession(name: string): Session;
  listSessions(): readonly SessionSummary[];
  /** Writes it and returns the path. The file's name says the format. */
  exportSession(session: Session, path: string | undefined): string;
  /** The values in force and where they come from. */
  explainConfig(): Promise<string>;
  /** Runs a command line of the user's; resolves with its exit code, `undefined` if a signal ended it. */
  runShell(command: string, running: ShellRun): Promise<number | undefined>;
  /** The files named with `@` in a text, as parts of a message. @throws KimiError for one that can't be attached. */
  attach(text: string): readonly (TextPart | ImagePart)[];
  readonly history: { load(): readonly string[]; append(text: string): void };
  /** Takes keys out of what is shown. */
  hideKey(text: string): string;
}

export interface ShellRun {
  readonly signal: AbortSignal;
  readonly onOutput: (text: string) => void;
}
