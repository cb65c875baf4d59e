#!/usr/bin/env node
// Plain JavaScript that old versions of Node can read, so that they can say why they can't run the rest.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `kimi: Node ${process.versions.node} is too old: 22.12 or newer is needed\n`,
  );
  process.stderr.write("hint: Install a current Node, from nodejs.org for one\n");
  process.exitCode = 1;
} else {
  process.getBuiltinModule("node:module").enableCompileCache();
  void import("../dist/main.js").then(({ main }) => main());
}
