import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import type { ToolContext } from "../../../src/agent/tool.ts";
import { weather } from "../../../tools/weather.ts";

afterEach(() => vi.unstubAllEnvs());

const context = (signal = new AbortController().signal): ToolContext => ({
  signal,
  report: () => {},
});
const ask = async (city: string): Promise<unknown> =>
  JSON.parse((await weather.prepare({ city }).start(context())).output);

type Answer = (path: string, response: ServerResponse) => void;

/** Both services at one address. */
async function serve(answer: Answer): Promise<string[]> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    answer(request.url ?? "", response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  vi.stubEnv("KIMI_WEATHER_GEOCODING_URL", url);
  vi.stubEnv("KIMI_WEATHER_FORECAST_URL", url);
  return paths;
}

function withoutNetwork(): void {
  vi.stubEnv("KIMI_WEATHER_GEOCODING_URL", "http://127.0.0.1:1");
  vi.stubEnv("KIMI_WEATHER_FORECAST_URL", "http://127.0.0.1:1");
}

const json = (response: ServerResponse, value: unknown): void =>
  void response.end(JSON.stringify(value));

const current = {
  temperature_2m: 3.4,
  relative_humidity_2m: 31,
  weather_code: 0,
  wind_speed_10m: 12,
};

test("the weather now comes from Open-Meteo, in the form that the demonstration model knows", async () => {
  const paths = await serve((path, response) => {
    if (path.startsWith("/v1/search")) {
      return json(response, {
        results: [{ name: "Beijing", country: "China", latitude: 39.9, longitude: 116.4 }],
      });
    }
    json(response, { current });
  });
  const { output } = await weather.prepare({ city: " Beijing " }).start(context());
  expect(output).toBe(
    '{"city": "Beijing", "country": "China", "temperature_c": 3.4, "condition": "Sunny", "humidity_pct": 31, "wind_kmh": 12}',
  );
  expect(paths[0]).toContain("/v1/search?name=Beijing&");
  expect(paths[1]).toMatch(/\/v1\/forecast\?latitude=39.9&longitude=116.4&/);
});

test.each([
  [1, "Sunny"],
  [2, "Partly cloudy"],
  [3, "Cloudy"],
  [45, "Foggy"],
  [53, "Drizzle"],
  [63, "Rainy"],
  [81, "Rainy"],
  [75, "Snowy"],
  [86, "Snowy"],
  [95, "Thunderstorms"],
])("the WMO code %i is %s", async (code, condition) => {
  await serve((path, response) =>
    json(
      response,
      path.startsWith("/v1/search")
        ? { results: [{ name: "X" }] }
        : { current: { ...current, weather_code: code } },
    ),
  );
  expect(await ask("X")).toMatchObject({ condition });
});

test("a city that the service does not know is an error", async () => {
  await serve((_, response) => json(response, {}));
  await expect(ask("Atlantis")).rejects.toThrow("unknown city");
});

test("a service that fails is an error, and no typical weather", async () => {
  await serve((_, response) => void response.writeHead(500).end());
  await expect(ask("Beijing")).rejects.toThrow("answered 500");
});

test.each(["Beijing", "beijing", "北京", "Beijing, China"])(
  "without a network %s has its typical weather, and says so",
  async (city) => {
    withoutNetwork();
    const month = new Intl.DateTimeFormat("en", { month: "long" }).format(new Date());
    expect(await ask(city)).toEqual({
      city: "Beijing",
      country: "China",
      month,
      typical_temperature_c: expect.any(Number) as number,
      typical_condition: expect.any(String) as string,
      source: "climate table (no network)",
    });
  },
);

test("without a network an unknown city is an error", async () => {
  withoutNetwork();
  await expect(ask("Atlantis")).rejects.toThrow(/^unknown city/);
  expect(() => weather.prepare({ city: " " })).toThrow("unknown city");
});

test("an address that is none is an error, and no missing network", async () => {
  vi.stubEnv("KIMI_WEATHER_GEOCODING_URL", "nowhere");
  await expect(ask("Beijing")).rejects.toThrow("address is none: nowhere");
});

test("an interruption is one, and no missing network", async () => {
  const controller = new AbortController();
  await serve(() => controller.abort(new Error("stop")));
  await expect(
    weather.prepare({ city: "Beijing" }).start(context(controller.signal)),
  ).rejects.toThrow("stop");
});
