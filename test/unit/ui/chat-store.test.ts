import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ChatStore } from "../../../src/ui/chat-store.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched(): { store: ChatStore; told: () => number; stop: () => void } {
  const store = new ChatStore();
  let count = 0;
  const stop = store.subscribe(() => count++);
  return { store, told: () => count, stop };
}

const delta = { type: "agent", at: 0, event: { type: "text-delta", text: "a" } } as const;

test("what a person does is told at once", () => {
  const { store, told } = watched();
  store.dispatch({ type: "said", text: "hi" });
  store.dispatch({ type: "queue", text: "more" });
  expect(told()).toBe(2);
  expect(store.state).toMatchObject({ queued: ["more"] });
});

test("what streams is told about thirty times a second, and nothing of it is lost", () => {
  const { store, told } = watched();
  for (let ms = 0; ms < 1_000; ms++) {
    store.dispatch(delta);
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(100);
  expect(told()).toBeGreaterThan(20);
  expect(told()).toBeLessThan(35);
  expect(store.state.prints).toEqual([{ type: "text", text: "a".repeat(1_000) }]);
});

test("what streams right before something a person does is told with it, once", () => {
  const { store, told } = watched();
  store.dispatch(delta);
  store.dispatch({ type: "said", text: "hi" });
  vi.advanceTimersByTime(1_000);
  expect(told()).toBe(1);
});

test("what is printed is taken without telling anybody", () => {
  const { store, told } = watched();
  store.dispatch({ type: "said", text: "hi" });
  store.taken(1);
  expect([told(), store.state.prints]).toEqual([1, []]);
});

test("who has stopped listening is not told", () => {
  const { store, told, stop } = watched();
  stop();
  store.flush();
  expect(told()).toBe(0);
});
