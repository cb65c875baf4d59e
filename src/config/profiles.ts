import { configurationError } from "../errors.ts";
import type { ConfigFile } from "./config-file.ts";
import { nearest } from "./nearest.ts";
import type { Settings } from "./settings.ts";

/** Profiles that need no file. A user's profile of the same name goes first. */
export const builtInProfiles: Readonly<Record<string, Partial<Settings>>> = {
  moonshot: {
    "base-url": "https://api.moonshot.ai/v1",
    model: "kimi-k2-0905-preview",
    protocol: "chat",
  },
  "moonshot-anthropic": {
    "base-url": "https://api.moonshot.ai/anthropic",
    model: "kimi-k2-0905-preview",
    protocol: "anthropic",
    "temperature-scale": 0.6, // real_temperature = request_temperature * 0.6 (Kimi K2's README)
  },
  nano: { "base-url": "", model: "kimi-nano" },
};

/** @throws KimiError with the nearest name. */
export function findProfile(name: string, user: ConfigFile): Partial<Settings> {
  const own = (profiles: ConfigFile["profiles"]): Partial<Settings> | undefined =>
    Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  const profile = own(user.profiles) ?? own(builtInProfiles);
  if (profile) return profile;
  const names = [...Object.keys(user.profiles), ...Object.keys(builtInProfiles)];
  const like = nearest(name, names);
  throw configurationError(
    `there is no profile ${name}`,
    like
      ? `Did you mean ${like}?`
      : `There are: ${names.join(", ")}. kimi config set --profile ${name} makes one.`,
  );
}
