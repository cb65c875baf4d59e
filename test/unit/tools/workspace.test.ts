import { mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { assertUnmoved, resolveInWorkspace } from "../../../tools/files/workspace.ts";
import { temporaryFolder, temporaryWorkspace } from "./temporary-workspace.ts";

test("relative and absolute paths inside lead to the same place", () => {
  const root = temporaryWorkspace({ "src/a.ts": "" });
  const found = { path: join(root, "src/a.ts"), name: "src/a.ts" };
  expect(resolveInWorkspace("src/a.ts")).toEqual(found);
  expect(resolveInWorkspace("./src/../src//a.ts")).toEqual(found);
  expect(resolveInWorkspace(join(root, "src/a.ts"))).toEqual(found);
  expect(resolveInWorkspace("new/b.ts").name).toBe("new/b.ts");
  expect(resolveInWorkspace(".").name).toBe(".");
  expect(resolveInWorkspace("..dots").name).toBe("..dots");
});

test.each(["..", "../x", "src/../../x", "/", "/etc/passwd", "~", "~/x"])(
  "%s is refused, naming it and the workspace",
  (path) => {
    const root = temporaryWorkspace();
    expect(() => resolveInWorkspace(path)).toThrow(`${path} is outside the workspace ${root}`);
  },
);

test("a folder whose name begins as the workspace's does is outside", () => {
  const root = temporaryWorkspace();
  expect(() => resolveInWorkspace(`${root}-other/x`)).toThrow("outside the workspace");
});

test("a home folder that is the workspace is inside", () => {
  temporaryWorkspace();
  process.chdir(homedir());
  expect(resolveInWorkspace("~/x").name).toBe("x");
});

test("symlinks that lead out are refused, whatever is or is not below them", () => {
  const outside = temporaryFolder();
  writeFileSync(join(outside, "there"), "");
  temporaryWorkspace();
  symlinkSync(outside, "folder");
  symlinkSync(join(outside, "there"), "file");
  symlinkSync(join(outside, "missing"), "dangling");
  symlinkSync(join(outside, "missing", "deep"), "dangling-deep");
  symlinkSync("dangling", "to-dangling");
  symlinkSync(relative(process.cwd(), outside), "relative");
  for (const path of [
    "folder",
    "folder/there",
    "folder/new",
    "folder/new/deeper",
    "file",
    "dangling",
    "dangling/below",
    "dangling-deep",
    "to-dangling",
    "relative/x",
  ]) {
    expect(() => resolveInWorkspace(path), path).toThrow(`${path} is outside the workspace`);
  }
});

test("symlinks inside are followed, also to what does not exist yet", () => {
  const root = temporaryWorkspace({ "real/a": "" });
  symlinkSync("real", "link");
  symlinkSync("real/new", "dangling");
  symlinkSync(root, "round");
  expect(resolveInWorkspace("link/a").name).toBe("real/a");
  expect(resolveInWorkspace("link/b").name).toBe("real/b");
  expect(resolveInWorkspace("dangling").name).toBe("real/new");
  expect(resolveInWorkspace("round/round/real").name).toBe("real");
});

test("a workspace that was entered through a symlink is where that leads", () => {
  const root = temporaryWorkspace({ a: "" });
  const link = join(temporaryFolder(), "link");
  symlinkSync(root, link);
  process.chdir(link);
  expect(resolveInWorkspace(join(link, "a"))).toEqual({ path: join(root, "a"), name: "a" });
});

test("a loop of symlinks is an error that names the path", () => {
  temporaryWorkspace();
  symlinkSync("two", "one");
  symlinkSync("one", "two");
  symlinkSync("self/x", "self");
  expect(() => resolveInWorkspace("one")).toThrow("one leads through a loop of symlinks");
  expect(() => resolveInWorkspace("one/x")).toThrow("loop of symlinks");
  expect(() => resolveInWorkspace("self")).toThrow("loop of symlinks");
});

test("paths that no system takes are errors", () => {
  temporaryWorkspace();
  expect(() => resolveInWorkspace("a\0b")).toThrow("is no path");
  expect(() => resolveInWorkspace("x".repeat(300))).toThrow("too long a path");
});

test("a name is found in either normal form of Unicode", () => {
  const composed = "caf\u00e9";
  const decomposed = "cafe\u0301";
  temporaryWorkspace({ [`${decomposed}/na\u00efve.txt`]: "" });
  expect(resolveInWorkspace(composed).name).toBe(decomposed);
  expect(resolveInWorkspace(`${composed}/nai\u0308ve.txt`).name).toBe(
    `${decomposed}/na\u00efve.txt`,
  );
  expect(resolveInWorkspace("neu-\u00fc").name).toBe("neu-\u00fc");
});

test("a symlink that is found by its other normal form leads out no more than others", () => {
  const outside = temporaryFolder();
  temporaryWorkspace();
  symlinkSync(outside, "cafe\u0301");
  symlinkSync(join(outside, "missing"), "u\u0308");
  expect(() => resolveInWorkspace("caf\u00e9/x")).toThrow("outside the workspace");
  expect(() => resolveInWorkspace("\u00fc")).toThrow("outside the workspace");
});

test("a path that became a symlink since it was checked is refused", () => {
  const outside = temporaryFolder();
  temporaryWorkspace();
  const checked = resolveInWorkspace("folder/file");
  expect(() => assertUnmoved(checked)).not.toThrow();
  symlinkSync(outside, "folder");
  expect(() => assertUnmoved(checked)).toThrow("outside the workspace");
  const other = resolveInWorkspace("one");
  symlinkSync("elsewhere", "one");
  expect(() => assertUnmoved(other)).toThrow("one leads elsewhere");
});

/** Where the system would go: follows link by link, as the kernel does, without `realpath`. */
function whereItLeads(path: string, hops = 0): string {
  if (hops > 100) return path;
  const parent = dirname(path);
  if (parent === path) return path;
  const here = join(whereItLeads(parent, hops), basename(path));
  try {
    return whereItLeads(join(dirname(here), readlinkOf(here)), hops + 1);
  } catch {
    return here;
  }
}

function readlinkOf(path: string): string {
  const target = readlinkSync(path);
  return target.startsWith("/") ? relative(dirname(path), target) : target;
}

test("no path leaves the workspace, whatever links are in it", () => {
  const outside = temporaryFolder();
  mkdirSync(join(outside, "d"));
  const root = temporaryWorkspace({ "d/d/a": "", a: "" });
  for (const folder of [".", "d", "d/d"]) {
    symlinkSync(outside, join(folder, "out"));
    symlinkSync(join(outside, "new"), join(folder, "lost"));
    symlinkSync("..", join(folder, "up"));
    symlinkSync("../..", join(folder, "upper"));
    symlinkSync("loop", join(folder, "loop"));
    symlinkSync(join(root, "d"), join(folder, "in"));
    symlinkSync("../d/new", join(folder, "later"));
  }
  const part = fc.constantFrom(
    ...[
      "..",
      ".",
      "",
      "a",
      "d",
      "new",
      "~",
      "out",
      "lost",
      "up",
      "upper",
      "loop",
      "in",
      "later",
    ].values(),
  );
  const start = fc.constantFrom("", "/", `${root}/`, `${outside}/`, "~/", "./");
  fc.assert(
    fc.property(start, fc.array(part, { maxLength: 8 }), (prefix, parts) => {
      let resolved: string;
      try {
        resolved = resolveInWorkspace(prefix + parts.join("/")).path;
      } catch (error) {
        expect((error as Error).message).toMatch(/outside the workspace|loop of symlinks/);
        return;
      }
      const reached = whereItLeads(resolved);
      expect(reached === root || reached.startsWith(`${root}/`), `${resolved}: ${reached}`).toBe(
        true,
      );
    }),
    { numRuns: 2_000 },
  );
});
