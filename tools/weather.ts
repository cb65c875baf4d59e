import { jsonOutput, type Tool, type ToolContext, type ToolResult } from "../src/agent/tool.ts";
import { conditions, findCity } from "./climate/find-city.ts";

const networkTimeoutMs = 8_000;

/** The weather now, from Open-Meteo; without a network, what is typical for the month. */
export const weather: Tool = {
  name: "get_weather",
  description: "Get the current weather in a city. Call this when the user asks about the weather.",
  parameters: {
    type: "object",
    properties: { city: { type: "string", description: "Name of the city, for example Beijing" } },
    required: ["city"],
  },
  effect: "network",
  prepare(input) {
    const city = (input as { city: string }).city.trim();
    if (city === "") throw new Error("unknown city");
    return { summary: `weather in ${city}`, start: (context) => currentWeather(city, context) };
  },
};

async function currentWeather(city: string, { signal }: ToolContext): Promise<ToolResult> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(networkTimeoutMs)]);
  try {
    const place = await findPlace(city, within);
    return await forecast(place, within);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof ServiceError) throw cause;
    return typicalWeather(city); // fetch itself failed, or took too long: no network
  }
}

/** The service was reached and has something to say. */
class ServiceError extends Error {}

interface Place {
  readonly name: string;
  readonly country?: string;
  readonly latitude: number;
  readonly longitude: number;
}

async function findPlace(city: string, signal: AbortSignal): Promise<Place> {
  const base = process.env["KIMI_WEATHER_GEOCODING_URL"] ?? "https://geocoding-api.open-meteo.com";
  const query = { name: city, count: "1", language: "en", format: "json" };
  const { results } = (await getJson(`${base}/v1/search`, { query, signal })) as {
    results?: Place[];
  };
  const place = results?.[0];
  if (!place) throw new ServiceError("unknown city");
  return place;
}

async function forecast(place: Place, signal: AbortSignal): Promise<ToolResult> {
  const base = process.env["KIMI_WEATHER_FORECAST_URL"] ?? "https://api.open-meteo.com";
  const query = {
    latitude: String(place.latitude),
    longitude: String(place.longitude),
    current: "temperature_2m,relative_humidity_2m,weather_code,wind_speed_10m",
  };
  const { current } = (await getJson(`${base}/v1/forecast`, { query, signal })) as {
    current?: Readonly<Record<string, number>>;
  };
  if (!current) throw new ServiceError("the weather service sent no current weather");
  return jsonOutput({
    city: place.name,
    country: place.country,
    temperature_c: current["temperature_2m"],
    condition: conditionOf(current["weather_code"] ?? -1),
    humidity_pct: current["relative_humidity_2m"],
    wind_kmh: current["wind_speed_10m"],
  });
}

interface Query {
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function getJson(url: string, { query, signal }: Query): Promise<unknown> {
  // A wrong address in the environment is no missing network.
  if (!URL.canParse(url)) throw new ServiceError(`the weather service's address is none: ${url}`);
  const response = await fetch(`${url}?${new URLSearchParams(query).toString()}`, { signal });
  const body = await response.text();
  if (!response.ok) throw new ServiceError(`the weather service answered ${response.status}`);
  try {
    return JSON.parse(body);
  } catch {
    throw new ServiceError("the weather service sent no JSON");
  }
}

/** WMO weather interpretation codes, as Open-Meteo uses them. */
function conditionOf(code: number): string {
  if (code === 0 || code === 1) return "Sunny";
  if (code === 2) return "Partly cloudy";
  if (code === 3) return "Cloudy";
  if (code === 45 || code === 48) return "Foggy";
  if (code >= 51 && code <= 57) return "Drizzle";
  if ((code >= 61 && code <= 67) || (code >= 80 && code <= 82)) return "Rainy";
  if ((code >= 71 && code <= 77) || code === 85 || code === 86) return "Snowy";
  if (code >= 95) return "Thunderstorms";
  return "Unknown";
}

function typicalWeather(city: string): ToolResult {
  const entry = findCity(city);
  if (!entry) {
    throw new Error("unknown city (no network: only cities of the climate table are known)");
  }
  const now = new Date();
  const month = now.getMonth();
  return jsonOutput({
    city: entry.city,
    country: entry.country,
    month: new Intl.DateTimeFormat("en", { month: "long" }).format(now),
    typical_temperature_c: entry.temperatureC[month],
    typical_condition: conditions[entry.condition[month] as keyof typeof conditions],
    source: "climate table (no network)",
  });
}
