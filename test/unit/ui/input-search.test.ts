import { describe, expect, test } from "vitest";
import { marked } from "./composer/arbitraries.ts";
import { busy, insert, inputWith, press, pressed } from "./inputs.ts";
import type { InputState } from "../../../src/ui/input-state.ts";

describe("a history search", () => {
  const searching = (query: string): InputState =>
    pressed(inputWith("dra|ft"), { type: "search-history" }, ...Array.from(query, insert));

  test("narrows with what is typed, and widens with what is erased", () => {
    expect(searching("old").search).toEqual({ query: "old", matchIndex: 0 });
    const erased = pressed(searching("oldx"), { type: "erase", to: "left" });
    expect(erased.search?.query).toBe("old");
    expect(pressed(searching("o"), { type: "paste", text: "l\nd" }).search?.query).toBe("ol d");
  });

  test.each([["submit"], ["complete"]] as const)(
    "%s takes what was found, and sends nothing",
    (type) => {
      const { state, effects } = press(searching("old"), { type });
      expect([state.composer.text, state.search, effects]).toEqual(["older", undefined, []]);
      expect(pressed(state, { type: "page-down" }, { type: "page-down" }).composer.text).toBe(
        "draft",
      );
    },
  );

  test.each([["interrupt"], ["editor"], ["cancel"]] as const)("%s gives up", (type) => {
    const { state, effects } = press(searching("old"), { type }, busy);
    expect([marked(state.composer), state.search, effects]).toEqual(["dra|ft", undefined, []]);
  });

  test("goes to older and newer matches", () => {
    const newest = searching("e");
    expect(newest.search?.matchIndex).toBe(1);
    for (const type of ["search-history", "up"] as const) {
      expect(pressed(newest, { type }).search?.matchIndex).toBe(0);
    }
    const oldest = pressed(newest, { type: "up" });
    for (const type of ["steer", "down"] as const) {
      expect(pressed(oldest, { type }).search?.matchIndex).toBe(1);
    }
  });

  test("any other key takes what was found and does what it does", () => {
    const moved = pressed(searching("old"), { type: "move", to: "line-start" });
    expect([marked(moved.composer), moved.search]).toEqual(["|older", undefined]);
    const { effects } = press(searching("old"), { type: "fold" });
    expect(effects).toEqual([{ type: "fold" }]);
  });

  test("that finds nothing leaves what was being written", () => {
    expect(marked(pressed(searching("zzz"), { type: "submit" }).composer)).toBe("dra|ft");
  });
});
