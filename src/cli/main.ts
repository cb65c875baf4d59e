import packageJson from "../../package.json" with { type: "json" };

/** Runs the program with the process's arguments; the only place that knows an exit code or prints an error. */
export async function main(): Promise<void> {
  process.stdout.on("error", exitQuietly);
  const [first, ...rest] = process.argv.slice(2);
  if ((first === "--version" || first === "-V") && rest.length === 0) {
    process.stdout.write(`${packageJson.version}\n`);
    return;
  }
  try {
    const { runProgram } = await import("./program.ts");
    process.exitCode = await runProgram(process.argv.slice(2), packageJson.version);
  } catch (thrown) {
    const { reportError } = await import("./report-error.ts");
    process.exitCode = reportError(thrown, { debug: process.argv.includes("--debug") });
  }
  // Whatever still holds the process, a socket or a pipe nobody closes, does not hold it for long.
  setTimeout(() => process.exit(), 2_000).unref();
}

/** The reader of a pipe that has closed it has what it wanted. */
function exitQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit();
}
