import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { anyView } from "./live-views.ts";
import { expectNarrow, expectSafe } from "./shown-text.ts";
import { renderLive } from "../../../src/ui/live-view.ts";

test("whatever is going on, the live part is shorter than the window and no wider", () => {
  fc.assert(
    fc.property(anyView, (view) => {
      const { lines } = renderLive(view);
      expect(lines.length).toBeLessThanOrEqual(Math.max(1, view.rows - 1));
      expectNarrow(lines, view.columns);
      for (const line of lines) expect(line).not.toContain("\n");
    }),
    { numRuns: 400 },
  );
});

test("whatever text is in it, nothing but our own styles moves or colours anything", () => {
  fc.assert(
    fc.property(anyView, (view) => expectSafe(renderLive(view).lines)),
    { numRuns: 300 },
  );
});

test("the cursor is in the lines, in the window", () => {
  fc.assert(
    fc.property(anyView, (view) => {
      const { lines, cursor } = renderLive(view);
      if (!cursor) return;
      expect(cursor.y).toBeGreaterThanOrEqual(0);
      expect(cursor.y).toBeLessThan(lines.length);
      expect(cursor.x).toBeGreaterThanOrEqual(0);
      expect(cursor.x).toBeLessThan(view.columns);
    }),
    { numRuns: 300 },
  );
});
