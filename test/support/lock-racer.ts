/** Tries to lock the session whose path comes as a line, and says whether it won. */
import { createInterface } from "node:readline";
import { lockSession } from "../../src/session/session-lock.ts";

for await (const path of createInterface({ input: process.stdin })) {
  let word = "won";
  try {
    lockSession(path, "s");
  } catch (thrown) {
    word = (thrown as { code?: string }).code ?? String(thrown);
  }
  process.stdout.write(`${word}\n`);
}
