import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { saveFiles } from "../../../../src/cluster/formats/save-files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kimi-save-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const files = [
  { path: "node-0.sh", content: "#!/bin/sh\n", isExecutable: true },
  { path: "conf/a.yaml", content: "a: 1\n" },
];

const read = (path: string): string => readFileSync(join(folder, path), "utf8");

test("makes the folder, writes the files, and programs can be run", async () => {
  await saveFiles(join(folder, "new"), files);
  expect(read("new/conf/a.yaml")).toBe("a: 1\n");
  expect(statSync(join(folder, "new/node-0.sh")).mode & 0o777).toBe(0o755);
  expect(statSync(join(folder, "new/conf/a.yaml")).mode & 0o111).toBe(0);
});

test("the same files can be written again", async () => {
  await saveFiles(folder, files);
  await saveFiles(folder, files);
  expect(read("node-0.sh")).toBe("#!/bin/sh\n");
});

test("a file with another content is named, and nothing is written", async () => {
  mkdirSync(join(folder, "conf"));
  writeFileSync(join(folder, "conf/a.yaml"), "mine\n");
  await expect(saveFiles(folder, files)).rejects.toThrow(
    `${join(folder, "conf/a.yaml")} is there already, with another content`,
  );
  expect(read("conf/a.yaml")).toBe("mine\n");
  expect(() => read("node-0.sh")).toThrow("ENOENT");
  await saveFiles(folder, files, { force: true });
  expect(read("conf/a.yaml")).toBe("a: 1\n");
});

test("no path leaves the folder", async () => {
  for (const path of ["../a", "/etc/a", "b/../../a"]) {
    await expect(saveFiles(folder, [{ path, content: "" }])).rejects.toThrow(
      `${path} is not a path in the plan's folder`,
    );
  }
});

test("a folder that can't be made is named", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(saveFiles(join(folder, "file"), files)).rejects.toThrow(
    `can't write ${join(folder, "file/node-0.sh")}`,
  );
});

// Node's mkdir with `recursive` never ends there.
test.runIf(existsSync("/proc/self"))("a folder where none can be made is named", async () => {
  await expect(saveFiles("/proc/no-such/plan", [{ path: "a", content: "" }])).rejects.toMatchObject(
    {
      code: "not-written",
      message: expect.stringContaining("/proc/no-such/plan"),
    },
  );
});
