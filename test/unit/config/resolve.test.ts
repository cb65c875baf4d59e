import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nearest } from "../../../src/config/nearest.ts";
import { maskKey, resolveConfig, type ConfigSources } from "../../../src/config/resolve.ts";
import type { Settings } from "../../../src/config/settings.ts";

interface Given {
  readonly flags?: Partial<Settings>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: object;
  readonly project?: object;
}

function resolve({ flags = {}, environment = {}, user, project }: Given) {
  const folder = mkdtempSync(join(tmpdir(), "kimi-config-"));
  const userFile = join(folder, "user.json");
  if (user) writeFileSync(userFile, JSON.stringify(user));
  if (project) {
    mkdirSync(join(folder, ".kimi"));
    writeFileSync(join(folder, ".kimi", "config.json"), JSON.stringify(project));
  }
  const sources: ConfigSources = { flags, environment, userFile, folder };
  return resolveConfig(sources);
}

test("flags go before the environment, that before the project's file, the user's and the defaults", () => {
  const levels: Given = {
    flags: { temperature: 0.1 },
    environment: { KIMI_TEMPERATURE: "0.2", KIMI_TOP_P: "0.2" },
    project: { temperature: 0.3, "top-p": 0.3, "min-p": 0.3 },
    user: { temperature: 0.4, "top-p": 0.4, "min-p": 0.4, seed: 4 },
  };
  const { values, origins } = resolve(levels);
  expect(values).toMatchObject({
    temperature: 0.1,
    "top-p": 0.2,
    "min-p": 0.3,
    seed: 4,
    "max-turns": 50,
  });
  expect(
    ["temperature", "top-p", "max-turns"].map((name) => origins.get(name as keyof Settings)),
  ).toEqual(["--temperature", "KIMI_TOP_P", "default"]);
});

test("a profile stands right below the place that chose it", () => {
  const user = { profiles: { p: { model: "from-profile", temperature: 0.5 } }, temperature: 0.9 };
  const environment = { KIMI_MODEL: "from-env" };
  expect(resolve({ user, environment, flags: { profile: "p" } }).values).toMatchObject({
    model: "from-profile",
    temperature: 0.5,
  });
  expect(resolve({ user: { ...user, profile: "p" }, environment }).values).toMatchObject({
    model: "from-env",
    temperature: 0.9,
  });
  expect(resolve({ user: { ...user, profile: "p", temperature: undefined } }).values).toMatchObject(
    { temperature: 0.5 },
  );
});

test("an empty variable is none", () => {
  expect(resolve({ environment: { KIMI_TEMPERATURE: "" } }).values.temperature).toBeUndefined();
});

describe("the embedded model is the default, until something says otherwise", () => {
  test("nothing set", () => {
    const { values, origins } = resolve({});
    expect(values["base-url"]).toBeUndefined();
    expect([values.model, origins.get("model")]).toEqual(["kimi-nano", "default"]);
  });

  test.each(["KIMI_API_KEY", "MOONSHOT_API_KEY"])("%s alone means Moonshot's API", (name) => {
    const { values, origins } = resolve({ environment: { [name]: "sk-1234567890123456" } });
    expect(values).toMatchObject({
      "base-url": "https://api.moonshot.ai/v1",
      "api-key": "sk-1234567890123456",
    });
    expect(origins.get("base-url")).toMatch(/profile moonshot/);
  });

  test("a key and a local file mean the file", () => {
    const { values } = resolve({
      environment: { MOONSHOT_API_KEY: "sk-1" },
      flags: { model: "x.gguf" },
    });
    expect(values["base-url"]).toBeUndefined();
  });

  test("a file named by a flag beats an address in the environment, but not one beside it", () => {
    const environment = { OPENAI_BASE_URL: "http://h/v1" };
    expect(resolve({ environment, flags: { model: "x.gguf" } }).values["base-url"]).toBe("");
    expect(
      resolve({ flags: { model: "x.gguf", "base-url": "http://h/v1" } }).values["base-url"],
    ).toBe("http://h/v1");
  });

  test("the profile nano means it whatever the environment says", () => {
    const { values } = resolve({
      environment: { OPENAI_BASE_URL: "http://h/v1" },
      flags: { profile: "nano" },
    });
    expect(values).toMatchObject({ "base-url": "", model: "kimi-nano" });
  });
});

describe("keys go to the server they are for", () => {
  const keys = { OPENAI_API_KEY: "openai", MOONSHOT_API_KEY: "moonshot" };
  test.each([
    [
      "--base-url of one's own",
      { flags: { "base-url": "http://127.0.0.1:8000/v1" }, environment: keys },
      "moonshot",
    ],
    ["OPENAI_BASE_URL", { environment: { ...keys, OPENAI_BASE_URL: "http://h/v1" } }, "openai"],
    [
      "OpenAI's API",
      { flags: { "base-url": "https://api.openai.com/v1" }, environment: keys },
      "openai",
    ],
    [
      "Moonshot's API",
      { flags: { profile: "moonshot" }, environment: { OPENAI_API_KEY: "openai" } },
      undefined,
    ],
    [
      "a key of ours",
      { flags: { "base-url": "http://h/v1" }, environment: { ...keys, KIMI_API_KEY: "ours" } },
      "ours",
    ],
    [
      "a flag",
      { flags: { "base-url": "http://h/v1", "api-key": "flag" }, environment: keys },
      "flag",
    ],
  ] satisfies readonly (readonly [string, Given, string | undefined])[])("%s", (_, given, key) => {
    expect(resolve(given).values["api-key"]).toBe(key);
  });
});

test("Moonshot's Anthropic API multiplies temperatures by 0.6, no other does", () => {
  expect(resolve({ flags: { profile: "moonshot-anthropic" } }).values["temperature-scale"]).toBe(
    0.6,
  );
  expect(resolve({}).values["temperature-scale"]).toBe(1);
});

test("a trailing slash of an address is dropped", () => {
  expect(resolve({ environment: { KIMI_BASE_URL: "http://h/v1//" } }).values["base-url"]).toBe(
    "http://h/v1",
  );
});

test.each([
  ["tempratur", "temperature"],
  ["teperature", "temperature"],
  ["modle", "model"],
  ["xyzzy", undefined],
])("the nearest name to %s is %s", (name, expected) => {
  expect(nearest(name, ["temperature", "model", "tools"])).toBe(expected);
});

test("a key shows its ends, if the rest stays secret", () => {
  expect(maskKey("sk-0123456789abcdef")).toBe("sk-…cdef");
  expect(maskKey("short")).toBe("…");
});
