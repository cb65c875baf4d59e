import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sshCheck } from "../../../../src/cluster/engines/ssh-check.ts";
import { newFolder } from "../../../support/kimi.ts";
import { hasShellcheck, shellcheck } from "../../../support/shellcheck.ts";

const hosts = ["a", "b"].map((name) => ({ name, address: `10.0.0.${name}`, gpus: 8 }));
const { content, path, isExecutable } = sshCheck(hosts, 2_233);

/** Runs it where sshd says these settings and ssh gets to these hosts. */
function check(settings: readonly string[], reached: readonly string[]) {
  const folder = newFolder();
  const add = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  add("sshd", `printf '%s\\n' ${settings.map((line) => `'${line}'`).join(" ")}`);
  add(
    "ssh",
    `case "$*" in ${reached.map((host) => `*${host}*`).join("|") || "-"}) ;; *) exit 255 ;; esac`,
  );
  mkdirSync(join(folder, ".ssh"));
  writeFileSync(join(folder, ".ssh", "id_ed25519"), "");
  const { stdout, status } = spawnSync("sh", ["-s"], {
    input: content,
    encoding: "utf8",
    env: { PATH: `${folder}:${process.env["PATH"]}`, HOME: folder },
  });
  return { lines: stdout.trimEnd().split("\n"), status };
}

const good = ["port 2233", "permitrootlogin yes", "pubkeyauthentication yes"];

test("it is a program of its own, for every host", () => {
  expect([path, isExecutable]).toEqual(["check-ssh.sh", true]);
});

test.runIf(hasShellcheck)("shellcheck finds nothing in it", () => {
  expect(shellcheck(content.replace("#!/bin/sh", "#!/bin/bash"))).toBe("");
});

test("a set-up that is whole is told so, thing by thing", () => {
  const { lines, status } = check(good, ["10.0.0.a", "10.0.0.b"]);
  expect(status).toBe(0);
  expect(lines).toHaveLength(7);
  expect(lines.every((line) => line.startsWith("ok "))).toBe(true);
});

test("what is missing is named, with what mends it", () => {
  const { lines, status } = check(["port 22", ...good.slice(1)], ["10.0.0.a"]);
  expect(status).toBe(1);
  const missing = lines.filter((line) => line.startsWith("missing"));
  expect(missing).toEqual(["missing  port 2233", "missing  ssh to 10.0.0.b without a password"]);
  expect(lines.at(-1)).toContain("ssh-copy-id -p 2233 -i ~/.ssh/id_ed25519.pub root@10.0.0.b");
});
