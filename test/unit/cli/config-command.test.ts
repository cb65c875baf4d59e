import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { environment, newFolder, root } from "../../support/kimi.ts";

const module = join(root, "src/cli/config-command.ts");

/** In a process and with settings of its own. */
function evaluate(code: string, home = newFolder()): string {
  return execFileSync(process.execPath, ["--input-type=module", "--eval", code], {
    encoding: "utf8",
    env: environment({ HOME: home, XDG_CONFIG_HOME: home }),
  });
}

test("writing settings leaves nobody behind who raises signals a second time", () => {
  const said = evaluate(
    `const { setValue } = await import(${JSON.stringify(module)});
     setValue("temperature", "0.5");
     console.log(process.eventNames().filter((name) => String(name).startsWith("SIG")).length);`,
  );
  expect(said).toBe("0\n");
});

test("a profile that leads elsewhere loses its key, and keeps what else was set", () => {
  const home = newFolder();
  evaluate(
    `const { setEndpoint, setValue } = await import(${JSON.stringify(module)});
     setValue("api-key", "sk-secret", "k2");
     setValue("temperature", "0.5", "k2");
     const endpoint = { "base-url": "http://a/v1", model: "kimi-k2", protocol: "chat" };
     setEndpoint("k2", endpoint);
     setValue("api-key", "sk-another", "k2");
     setEndpoint("k2", endpoint);`,
    home,
  );
  const { profiles } = JSON.parse(readFileSync(join(home, "kimi", "config.json"), "utf8")) as {
    profiles: Record<string, object>;
  };
  expect(profiles["k2"]).toEqual({
    "api-key": "sk-another",
    "base-url": "http://a/v1",
    model: "kimi-k2",
    protocol: "chat",
    temperature: 0.5,
  });
  evaluate(
    `const { setEndpoint } = await import(${JSON.stringify(module)});
     setEndpoint("k2", { "base-url": "http://b/v1", model: "kimi-k2", protocol: "chat" });`,
    home,
  );
  expect(readFileSync(join(home, "kimi", "config.json"), "utf8")).not.toContain("sk-");
});
