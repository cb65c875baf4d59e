import { defineConfig } from "vitest/config";

const project = (name: string) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`] },
});

export default defineConfig({
  test: {
    globalSetup: "test/support/build.ts",
    reporters: ["default", "./test/support/count-reporter.ts"],
    projects: [project("unit"), project("contract"), project("e2e")],
    testTimeout: 30_000,
  },
});
