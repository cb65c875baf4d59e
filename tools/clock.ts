import type { CityData } from "city-timezones";
import { jsonOutput, type Tool } from "../src/agent/tool.ts";
import { findCity, plainName } from "./climate/find-city.ts";

/** The time in an IANA zone or a city; cities and their zones from the package city-timezones. */
export const clock: Tool = {
  name: "get_time",
  description: "Get the current date and time in a time zone or city.",
  parameters: {
    type: "object",
    properties: {
      place: {
        type: "string",
        description: "IANA time zone or city, for example Asia/Tokyo or Tokyo",
      },
    },
    required: ["place"],
  },
  effect: "read",
  prepare(input) {
    const place = (input as { place: string }).place.trim();
    return {
      summary: `time in ${place}`,
      async start() {
        const timezone = await zoneOf(place);
        if (timezone === undefined) throw new Error("unknown place");
        return jsonOutput({ place, timezone, ...timeIn(timezone) });
      },
    };
  },
};

function timeIn(timeZone: string): {
  readonly time: string;
  readonly date: string;
  readonly weekday: string;
} {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    weekday: "long",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const parts = Object.fromEntries(
    format.formatToParts(new Date()).map(({ type, value }) => [type, value]),
  );
  return {
    time: `${parts["hour"]}:${parts["minute"]}`,
    date: `${parts["year"]}-${parts["month"]}-${parts["day"]}`,
    weekday: parts["weekday"] ?? "",
  };
}

async function zoneOf(place: string): Promise<string | undefined> {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: place }).resolvedOptions().timeZone;
  } catch {
    return zoneOfCity(place);
  }
}

/** The most populous city of that name; by its other names, the city nearest to where those are. */
async function zoneOfCity(place: string): Promise<string | undefined> {
  const wanted = plainName(place);
  // A megabyte of cities, which only a question about one is worth.
  const { default: cityTimezones } = await import("city-timezones");
  const cities = cityTimezones.cityMapping;
  const named = cities.filter(({ city, city_ascii: ascii }) =>
    [city, ascii].some((name) => plainName(name) === wanted),
  );
  const largest = named.toSorted((a, b) => b.pop - a.pop)[0];
  if (largest) return largest.timezone;
  const alias = findCity(place);
  if (!alias) return undefined;
  const distance = ({ lat, lng }: CityData): number =>
    (lat - alias.latitude) ** 2 + (lng - alias.longitude) ** 2;
  return cities.reduce((nearest, city) => (distance(city) < distance(nearest) ? city : nearest))
    .timezone;
}
