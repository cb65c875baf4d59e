/**
 * An inference server as far as a launch is concerned: PORT [--healthy-after N] [--exit-with STATUS] [--stubborn] [--host H].
 * `/health` answers 503 to the first N requests. With `--exit-with` it says why on stderr and ends before it listens.
 * `--stubborn` ignores SIGTERM, and starts two that do so too, one of them in a session of its own; `pids` in its folder names them.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    host: { type: "string", default: "127.0.0.1" },
    "healthy-after": { type: "string", default: "0" },
    "exit-with": { type: "string" },
    stubborn: { type: "boolean", default: false },
    say: { type: "string", default: "listening" },
  },
});

process.stdout.write("loading the weights\r 50 %\r100 %\n");
if (values["exit-with"] !== undefined) {
  process.stderr.write("Traceback: CUDA out of \u001b[31mmemory\u001b[0m\n");
  process.exit(Number(values["exit-with"]));
}
if (values.stubborn) {
  const endless = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log('up')";
  const children = [false, true].map((detached) =>
    spawn(process.execPath, ["-e", endless], { detached, stdio: ["ignore", "pipe", "ignore"] }),
  );
  process.on("SIGTERM", () => process.stdout.write("SIGTERM is ignored\n"));
  await Promise.all(
    children.map(({ stdout }) => new Promise((resolve) => stdout.once("data", resolve))),
  );
  writeFileSync("pids", [process.pid, ...children.map(({ pid }) => pid)].join(" "));
}

let left = Number(values["healthy-after"]);
const server = createServer((request, response) => {
  if (request.url === "/health") {
    response.writeHead(left-- > 0 ? 503 : 200).end();
  } else if (request.url === "/v1/models") {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ object: "list", data: [{ id: "kimi-nano" }] }));
  } else response.writeHead(404).end();
});
server.listen(Number(positionals[0]), values.host, () =>
  process.stdout.write(`${values.say} ${process.env["GREETING"] ?? ""}\n`),
);
