import { exitCodes, KimiError, messageOf } from "../errors.ts";

export interface ErrorReport {
  readonly debug: boolean;
  /** Takes a key out of what is printed. */
  readonly hideKey?: (text: string) => string;
}

/** Prints what happened and one hint, and returns the exit code that says so. */
export function reportError(
  thrown: unknown,
  { debug, hideKey = (text) => text }: ErrorReport,
): number {
  const isExpected = thrown instanceof KimiError;
  const lines = isExpected
    ? [
        `kimi: ${oneLine(thrown.message)}`,
        ...(thrown.hint === undefined ? [] : [`hint: ${oneLine(thrown.hint)}`]),
      ]
    : [
        `kimi: a bug: ${oneLine(messageOf(thrown))}`,
        "hint: Run it again with --debug and report what it prints.",
      ];
  if (debug && thrown instanceof Error) lines.push(thrown.stack ?? "");
  process.stderr.write(hideKey(`${lines.join("\n")}\n`));
  return isExpected ? thrown.exitCode : exitCodes.bug;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
