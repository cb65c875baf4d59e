import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import {
  nodeProgram,
  startScript,
  statusScript,
  stopScript,
  watchScript,
} from "../../../../src/cluster/launch/node-scripts.ts";
import { testNode } from "../../../support/deployments.ts";

const place = { id: "1-2-3", folder: "it's here/deploy", node: "node-0" };
const scripts = {
  start: startScript(place),
  watch: watchScript(place, { offset: 12, mark: "mark" }),
  stop: stopScript(place, 3),
  status: statusScript(place),
};
const program = nodeProgram(
  testNode({ name: "node-0", port: 1, env: { A: "it's" } }),
  ". /opt/venv/bin/activate",
);
const isThere = (name: string): boolean => spawnSync(name, ["--version"]).status === 0;

test.skipIf(!isThere("shellcheck"))("shellcheck finds nothing in what runs on the hosts", () => {
  // SC2086, SC2046: numbers are split on purpose. SC2034, SC2154: the functions set what not every script reads.
  const exclude = "SC2086,SC2046,SC2034,SC2154,SC2317,SC1091";
  for (const [name, script] of [...Object.entries(scripts), ["program", program] as const]) {
    const { stdout } = spawnSync("shellcheck", ["-s", "sh", "-e", exclude, "-"], {
      input: name === "program" ? script : `{\n${script}\n}\n`,
      encoding: "utf8",
    });
    expect(stdout, name).toBe("");
  }
});

test("of a script that arrives in part, nothing is run", () => {
  const whole = "{\necho first\necho second\n}\n";
  for (let length = 1; length < whole.length - 2; length++) {
    const { stdout } = spawnSync("sh", ["-s"], { input: whole.slice(0, length), encoding: "utf8" });
    expect(stdout).toBe("");
  }
});

test("the mark of a node is not the begin of another's", () => {
  const markIn = (node: string): string =>
    /KIMI_DEPLOYMENT=[^' ]*/.exec(statusScript({ ...place, node }))?.[0] ?? "none";
  expect(markIn("node-10").startsWith(markIn("node-1"))).toBe(false);
});
