import { defineConfig } from "vitest/config";

/** What is seen on a terminal hangs on who is quicker, the program or the window that changes: these run alone. */
const terminals = ["test/e2e/chat*.test.ts", "test/e2e/terminal.test.ts"];

const project = (name: string, more: object = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...more },
});

export default defineConfig({
  test: {
    globalSetup: "test/support/build.ts",
    reporters: ["default", "./test/support/count-reporter.ts"],
    projects: [
      project("unit"),
      project("contract"),
      project("e2e", { exclude: terminals }),
      project("terminal", { include: terminals, maxWorkers: 1, sequence: { groupOrder: 1 } }),
    ],
    // These only end what hangs: a busy machine is no failure.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
