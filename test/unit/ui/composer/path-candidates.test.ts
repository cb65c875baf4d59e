import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { listPaths, walkPaths } from "../../../../src/ui/composer/path-candidates.ts";

describe("path candidates", () => {
  let folder: string;
  beforeAll(() => {
    vi.useFakeTimers({ toFake: ["performance"] }); // the walk has a tenth of a second
    folder = mkdtempSync(join(tmpdir(), "kimi-paths-"));
    const files = [
      "main.ts",
      "src/main.ts",
      "src/deep/domain.ts",
      "src/my file.txt",
      "node_modules/main/main.js",
      "dist/main.js",
      ".git/main",
      ".env",
      "src/.hidden/x.ts",
      "文档/说明.md",
      'src/quo"te.ts',
      "src/line\nbreak.ts",
    ];
    for (const file of files) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), "");
    }
    symlinkSync(folder, join(folder, "src", "loop"));
    symlinkSync(join(folder, "nowhere"), join(folder, "src", "broken"));
  });
  afterAll(() => {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  test("without a query are what the folder has", async () => {
    const names = await listPaths(folder, "", 20);
    expect(names).toEqual(["src/", "文档/", "dist/", "main.ts", "node_modules/"].sort(shorter));
  });

  test("with a slash are what that folder has, links to folders as folders", async () => {
    expect(await listPaths(folder, "src/", 20)).toEqual(
      ["src/broken", "src/deep/", "src/loop/", "src/main.ts", "src/my file.txt"].sort(shorter),
    );
    expect(await listPaths(folder, "src/ma", 20)).toEqual(["src/main.ts"]);
    expect(await listPaths(folder, "src/loop/main", 20)).toEqual(["src/loop/main.ts"]);
    expect(await listPaths(join(folder, "src"), "../文", 20)).toEqual(["../文档/"]);
    expect(await listPaths("/", `${folder}/ma`, 20)).toEqual([`${folder}/main.ts`]);
  });

  test("without a slash are from the whole tree, best first, without what nobody wrote", async () => {
    expect(await listPaths(folder, "main", 20)).toEqual([
      "main.ts",
      "src/main.ts",
      "src/deep/domain.ts",
    ]);
    expect(await listPaths(folder, "main", 1)).toEqual(["main.ts"]);
    expect(await listPaths(folder, "说明", 20)).toEqual(["文档/说明.md"]);
  });

  test("are hidden ones only when a dot was typed", async () => {
    expect(await listPaths(folder, ".e", 1)).toEqual([".env"]);
    expect(await listPaths(folder, "src/.", 1)).toEqual(["src/.hidden/"]);
    expect(await listPaths(folder, "env", 20)).toEqual([]);
  });

  test("of a missing folder are none", async () => {
    expect(await listPaths(folder, "nowhere/x", 20)).toEqual([]);
    expect(await listPaths(join(folder, "nowhere"), "x", 20)).toEqual([]);
    expect(await listPaths(folder, "main.ts/x", 20)).toEqual([]);
  });

  test("are looked for in a bounded walk that follows no links, the nearest first", async () => {
    const all = await walkPaths(folder, false);
    expect(all).toEqual([
      "main.ts",
      "src/",
      "文档/",
      "src/broken",
      "src/deep/",
      "src/loop",
      "src/main.ts",
      "src/my file.txt",
      "文档/说明.md",
      "src/deep/domain.ts",
    ]);
    expect(await walkPaths(folder, false, { entries: 3, timeMs: 1000 })).toEqual(all.slice(0, 3));
    expect(await walkPaths(folder, false, { entries: 100, timeMs: -1 })).toEqual([]);
  });
});

const shorter = (one: string, other: string): number =>
  one.length - other.length || (one < other ? -1 : 1);
