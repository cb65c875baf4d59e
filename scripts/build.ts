/** Builds `dist/`: the program in chunks that load when they are used, dependencies and all but the bindings in them. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

const bundle = await rolldown({
  input: {
    main: join(root, "src/cli/main.ts"),
    "first-load-child": join(root, "src/engine/local/first-load-child.ts"),
  },
  platform: "node",
  external: ["node-llama-cpp", "react-devtools-core"],
  // React's and the reconciler's development half is as large again, and slow.
  transform: { define: { "process.env.NODE_ENV": '"production"' } },
});
rmSync(dist, { recursive: true, force: true });
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  minify: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
});

// Licenses of what is in the chunks, as they ask for.
const packages = new Set<string>();
for (const chunk of output) {
  if (chunk.type !== "chunk") continue;
  for (const module of chunk.moduleIds) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
    if (name !== undefined) packages.add(name);
  }
}
const notices = [...packages].toSorted().map((name) => {
  const folder = join(root, "node_modules", name);
  const { version, license } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  ) as Record<string, string>;
  return `${name} ${version} (${license})\n\n${licenseText(folder)}`;
});
writeFileSync(join(dist, "third-party-licenses.txt"), notices.join(`\n${"-".repeat(80)}\n\n`));

function licenseText(folder: string): string {
  for (const name of ["license", "LICENSE", "license.md", "LICENSE.md", "LICENSE.txt", "LICENCE"]) {
    try {
      return readFileSync(join(folder, name), "utf8");
    } catch {
      continue;
    }
  }
  return "";
}
