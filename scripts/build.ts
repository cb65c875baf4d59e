/** Builds `dist/`: the program in chunks that load when they are used, dependencies in them; the bindings' binaries stay outside. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

const bindingsPlace = "kimi:bindings-place";
const bindingsPlaceCode = `
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const main = createRequire(import.meta.url).resolve("node-llama-cpp");
const { resolve } = createRequire(main);
export const urlOf = (path) => new URL(path, pathToFileURL(main)).href;
export const packageUrl = (name) => pathToFileURL(resolve(name)).href;
`;

const bundle = await rolldown({
  input: {
    main: join(root, "src/cli/main.ts"),
    "first-load-child": join(root, "src/engine/local/first-load-child.ts"),
    "conversion-worker": join(root, "src/checkpoint/convert/conversion-worker.ts"),
  },
  platform: "node",
  external: ["react-devtools-core", "@reflink/reflink", "electron"],
  // React's and the reconciler's development half is as large again, and slow.
  transform: { define: { "process.env.NODE_ENV": '"production"' } },
  plugins: [
    { name: "quicker-libraries", transform: quicker },
    {
      name: "bindings",
      resolveId: (id) => (id === bindingsPlace ? id : undefined),
      load: (id) => (id === bindingsPlace ? bindingsPlaceCode : undefined),
      transform: asWherePackaged,
    },
  ],
});
rmSync(dist, { recursive: true, force: true });
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  minify: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
});

/**
 * What libraries do dearly, done otherwise with the same result: at the start it costs the prompt 70 ms
 * and 9 MiB, while an answer streams a third of the CPU. A library that has changed is an error here,
 * to be looked at again.
 */
function quicker(code: string, id: string): string | undefined {
  // Yoga decodes its own bytes by fetch("data:…"), which loads all of undici; it has another way.
  if (id.includes("yoga-wasm-base64-esm")) {
    return replaced(code, '"function"!=typeof fetch', "true");
  }
  // Ink puts every character of a frame into a grid, to lay texts over each other. Ours is one text.
  if (id.endsWith("node_modules/ink/build/output.js")) {
    return replaced(
      code,
      "    get() {\n",
      `    get() {
        const [only, more] = this.operations;
        if (only?.type === "write" && more === undefined && only.x === 0 && only.y === 0) {
            const lines = only.text.split("\\n");
            const shown = (line, index) =>
                only.transformers.reduce((text, transform) => transform(text, index), line).trimEnd();
            if (lines.length === this.height)
                return { output: lines.map(shown).join("\\n"), height: this.height };
        }
`,
    );
  }
  if (id !== join(root, "node_modules/string-width/index.js")) return undefined;
  // The first use of this expression takes 30 ms, and most texts have nothing it could match: Latin,
  // Cyrillic, punctuation, arrows, box drawing, braille and our own signs are all one column wide.
  const lazy = replaced(
    code,
    "const rgiEmojiRegex = /^\\p{RGI_Emoji}$/v;",
    String.raw`let emoji; const rgiEmojiRegex = { test: (text) => (emoji ??= new RegExp("^\\p{RGI_Emoji}$", "v")).test(text) };
const oneColumn = /^[ -~\u00b7\u00c0-\u024f\u0400-\u0482\u048a-\u052f\u2010-\u2027\u2190-\u2193\u23f5\u2500-\u257f\u2588\u2591\u25b8\u25cf\u2713\u2717\u276f\u2800-\u28ff]*$/;`,
  );
  return replaced(
    lazy,
    "let width = 0;\n\tconst eastAsianWidthOptions",
    "if (oneColumn.test(string)) return string.length;\n\tlet width = 0;\n\tconst eastAsianWidthOptions",
  );
}

/** The bindings' 500 modules take half a second to find; as a chunk they still look for their files where they are installed. */
function asWherePackaged(code: string, id: string): string | undefined {
  const [, path] = /node_modules\/node-llama-cpp\/dist\/(.*)$/.exec(id) ?? [];
  if (path === undefined) return undefined;
  const moved = quickerBindings(code, path)
    .replaceAll("import.meta.url", `urlOf(${JSON.stringify(`./${path}`)})`)
    .replaceAll(/import\(("@node-llama-cpp\/[^"]+")\)/g, "import(packageUrl($1))");
  return moved === code
    ? undefined
    : `import { packageUrl, urlOf } from ${JSON.stringify(bindingsPlace)};\n${moved}`;
}

/** Every library is tried in a process of its own, 600 ms; for the CPU's that is `first-load.ts`, once for a file. */
function quickerBindings(code: string, path: string): string {
  if (path !== "bindings/getLlama.js") return code;
  return replaced(
    code,
    "if (isPrebuiltBinary)\n            return true;",
    "if (isPrebuiltBinary)\n            return buildMetadata.buildOptions.gpu !== false;",
  );
}

function replaced(code: string, before: string, after: string): string {
  if (!code.includes(before)) throw new Error(`the bundled library no longer has ${before}`);
  return code.replace(before, () => after);
}

// Licenses of what is in the chunks, as they ask for.
const folders = new Set<string>();
for (const chunk of output) {
  if (chunk.type !== "chunk") continue;
  for (const module of chunk.moduleIds) {
    const folder = /.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(module)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
}
const notices = [...folders].map((folder) => {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  ) as Record<string, string>;
  return `${name} ${version} (${license})\n\n${licenseText(folder)}`;
});
const line = `\n${"-".repeat(80)}\n\n`;
writeFileSync(join(dist, "third-party-licenses.txt"), notices.toSorted().join(line));

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
