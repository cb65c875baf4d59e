import type { Reporter, TestModule } from "vitest/node";

/** One line at the end for machines: `N passed, N failed`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const results = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const broken = modules.filter(
      (module) => module.state() === "failed" && module.children.size === 0,
    ).length;
    const count = (state: string): number => results.filter((result) => result === state).length;
    const skipped = count("skipped");
    const failed = count("failed") + broken + errors.length;
    if (skipped > 0) console.log(`\n${skipped} skipped`);
    console.log(`\n${count("passed")} passed, ${failed} failed`);
  }
}
