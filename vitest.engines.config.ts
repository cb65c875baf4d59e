import { defineConfig } from "vitest/config";

/** `npm run test:engines`: against the engines' own parsers, which it installs (gigabytes). Not part of `npm test`. */
export default defineConfig({
  test: {
    name: "engines",
    include: ["test/engines/**/*.test.ts"],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    maxWorkers: 1,
  },
});
