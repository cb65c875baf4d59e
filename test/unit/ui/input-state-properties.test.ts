import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { anyPaste, anyText } from "./composer/arbitraries.ts";
import { completionAt } from "../../../src/ui/composer/completion.ts";
import { expanded, undo } from "../../../src/ui/composer/composer-state.ts";
import type { KeyAction } from "../../../src/ui/composer/keys.ts";
import {
  createInput,
  isEdit,
  putBack,
  reduceInput,
  showCandidates,
  type InputResult,
  type InputState,
} from "../../../src/ui/input-state.ts";
import { createQuestion, reduceQuestion } from "../../../src/ui/question-state.ts";

const chatKey = fc.constantFrom(
  "submit",
  "steer",
  "interrupt",
  "cancel",
  "end-of-input",
  "editor",
  "suspend",
  "search-history",
  "complete",
  "back-tab",
  "fold",
  "redraw",
  "up",
  "down",
  "page-up",
  "page-down",
);
const typed = fc.oneof(anyText, fc.constantFrom("a", "/", "@", "/mo", "4", "\\", " "));
const motion = fc.constantFrom("left", "word-left", "line-start", "text-end", "right");

const anyKey = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("insert"), text: typed }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("paste"), text: anyPaste }) },
  { weight: 8, arbitrary: fc.record({ type: chatKey }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom("move", "erase", "kill"), to: motion }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom("undo", "redo", "yank", "clear", "newline", "expand-paste"),
    }),
  },
) as fc.Arbitrary<KeyAction>;

/** What can happen to the composer: a key, candidates that come, text that comes back. */
type Happening =
  | { readonly key: KeyAction; readonly isWorking: boolean; readonly wait: number }
  | { readonly candidates: readonly string[] }
  | { readonly returned: string };

const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ key: anyKey, isWorking: fc.boolean(), wait: fc.nat(1_500) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      candidates: fc.array(fc.constantFrom("model", "src/", "a b", "界"), { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ returned: anyText }) },
);

const anyHappenings = fc.array(anyHappening, { maxLength: 40, size: "max" });
const width = fc.integer({ min: 1, max: 60 });

function happen(
  state: InputState,
  happening: Happening,
  at: { now: number; width: number },
): InputResult {
  if ("returned" in happening) return { state: putBack(state, happening.returned), effects: [] };
  if ("candidates" in happening) {
    const place = completionAt(state.composer);
    if (!place) return { state, effects: [] };
    return { state: showCandidates(state, place, happening.candidates), effects: [] };
  }
  const { key, isWorking } = happening;
  return reduceInput(state, key, { ...at, isWorking, needsArgument: (name) => name === "model" });
}

/** Where a text may be found again that is not in the composer any more. */
function placesOf({ state, effects }: InputResult): string[] {
  const { composer, history } = state;
  return [
    expanded(composer),
    expanded(undo(composer)),
    ...[...history.left.values()].map(expanded),
    ...effects.flatMap((effect) => ("draft" in effect ? [effect.draft.text] : [])),
  ];
}

test("no key but an editing one takes text away: it is sent, in the history or to be undone", () => {
  fc.assert(
    fc.property(anyHappenings, width, (happenings, width) => {
      let state = createInput(["an older one", "a newer one", "/model kimi"]);
      let now = 0;
      for (const happening of happenings) {
        const before = expanded(state.composer);
        now += "key" in happening ? happening.wait : 0;
        const result = happen(state, happening, { now, width });
        const isEditing = "key" in happening && isEdit(happening.key) && !state.search;
        const erases = "key" in happening && happening.key.type === "end-of-input";
        const isPutBack = "returned" in happening;
        const completes = "key" in happening && happening.key.type === "submit" && state.popup;
        if (isPutBack) {
          expect(expanded(result.state.composer).startsWith(expandedText(happening.returned))).toBe(
            true,
          );
        } else if (!isEditing && !erases && !completes && before.trim() !== "" && !state.search) {
          expect(placesOf(result)).toContain(before);
        }
        ({ state } = result);
      }
    }),
    { numRuns: 400 },
  );
});

const expandedText = (text: string): string => text.replaceAll(/\r\n?/g, "\n");

test("whatever is pressed, the cursor is in the text, and a popup has something chosen", () => {
  fc.assert(
    fc.property(anyHappenings, width, (happenings, width) => {
      let state = createInput([]);
      for (const [index, happening] of happenings.entries()) {
        ({ state } = happen(state, happening, { now: index, width }));
        const { composer, popup } = state;
        expect(composer.cursor).toBeGreaterThanOrEqual(0);
        expect(composer.cursor).toBeLessThanOrEqual(composer.text.length);
        if (popup) expect(popup.candidates[popup.selected]).toBeDefined();
      }
    }),
  );
});

test("only 1, 2, 3, 4, Enter and Esc answer a question, whatever is pressed", () => {
  fc.assert(
    fc.property(fc.array(anyKey, { maxLength: 30 }), (keys) => {
      let state = createQuestion(true);
      for (const key of keys) {
        const result = reduceQuestion(state, key);
        if (result?.answer) {
          const isDigit = key.type === "insert" && /^[123]$/.test(key.text);
          expect(isDigit || key.type === "submit" || key.type === "interrupt").toBe(true);
        }
        state = result?.state ?? state;
        expect(state.selected).toBeLessThan(4);
      }
    }),
  );
});
