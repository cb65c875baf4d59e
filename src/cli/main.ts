import packageJson from "../../package.json" with { type: "json" };
import { exitCodes } from "../errors.ts";

/** Runs the program with the process's arguments; the only place that knows an exit code or prints an error. */
export async function main(): Promise<void> {
  process.exitCode = exitCodes.bug; // until it is known to be something else
  process.stdout.on("error", stopWriting);
  process.on("uncaughtException", (thrown) => void fail(thrown).then(() => process.exit()));
  const [first, ...rest] = process.argv.slice(2);
  if ((first === "--version" || first === "-V") && rest.length === 0) {
    process.stdout.write(`${packageJson.version}\n`);
    process.exitCode = exitCodes.done;
    return;
  }
  try {
    const { runProgram } = await import("./program.ts");
    process.exitCode = await runProgram(process.argv.slice(2), packageJson.version);
  } catch (thrown) {
    await fail(thrown);
  }
  // A slow reader gets everything. Whatever else still holds the process, a socket or a timer nobody
  // ends, does not hold it for long.
  await new Promise((resolve) => process.stdout.write("", resolve));
  setTimeout(() => process.exit(), 2_000).unref();
}

async function fail(thrown: unknown): Promise<void> {
  const { reportError } = await import("./report-error.ts");
  process.exitCode = reportError(thrown, { debug: process.argv.includes("--debug") });
}

/** The reader of a pipe that has closed it has what it wanted; a full disk is a failure. */
function stopWriting(error: NodeJS.ErrnoException): void {
  process.exitCode = error.code === "EPIPE" ? exitCodes.done : exitCodes.failed;
  if (error.code !== "EPIPE") {
    process.stderr.write(`kimi: standard output can't be written: ${error.message}\n`);
    process.stderr.write("hint: Make room, or write elsewhere.\n");
  }
  process.exit();
}
