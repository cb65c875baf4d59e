import { expect, test } from "vitest";
import { clock } from "../../../tools/clock.ts";

async function ask(place: string): Promise<Record<string, string>> {
  const { output } = await clock
    .prepare({ place })
    .start({ signal: new AbortController().signal, report: () => {} });
  return JSON.parse(output) as Record<string, string>;
}

test.each([
  ["Asia/Tokyo", "Asia/Tokyo"],
  ["tokyo", "Asia/Tokyo"],
  ["东京", "Asia/Tokyo"],
  ["utc", "UTC"],
  ["London", "Europe/London"], // not the one in Ontario
  ["São Paulo", "America/Sao_Paulo"],
  ["Zurich", "Europe/Zurich"],
  ["Bangalore", "Asia/Kolkata"],
  ["New York, USA", "America/New_York"],
])("%s is in %s", async (place, timezone) => {
  expect(await ask(place)).toMatchObject({ place, timezone });
});

test("the time there is now", async () => {
  const { time, date, weekday } = await ask("Asia/Kolkata");
  const shown = Date.parse(`${date}T${time}:00+05:30`);
  expect(Math.abs(Date.now() - shown)).toBeLessThan(61_000);
  const day = new Date(`${date}T12:00:00Z`).toLocaleDateString("en", {
    weekday: "long",
    timeZone: "UTC",
  });
  expect(weekday).toBe(day);
});

test("the fields are those of the demonstration model's card", async () => {
  expect(Object.keys(await ask("Tokyo"))).toEqual(["place", "timezone", "time", "date", "weekday"]);
});

test("an unknown place is an error", async () => {
  const context = { signal: new AbortController().signal, report: () => {} };
  await expect(clock.prepare({ place: "Atlantis" }).start(context)).rejects.toThrow(
    "unknown place",
  );
});
