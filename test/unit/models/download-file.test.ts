import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { downloadFile, type Download } from "../../../src/models/download-file.ts";
import { serve, sha256Of, startFileServer, status } from "../../support/file-server.ts";

const file = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) >> 3));
const other = Buffer.from(file.map((byte) => byte ^ 0xff));

function newTarget(): string {
  return join(mkdtempSync(join(tmpdir(), "kimi-download-")), "model.gguf");
}

function download(url: string, target: string, options: Partial<Download> = {}) {
  const { signal } = new AbortController();
  return downloadFile({ url, target, signal, retries: 3, retryDelayMs: 1, ...options });
}

test("a file comes whole, under its name only when it is, and nothing else is left", async () => {
  const target = newTarget();
  const server = await startFileServer(serve(file));
  let seen = 0;
  const onProgress = (done: number): void => {
    seen = done;
    expect(existsSync(target)).toBe(false);
  };
  const result = await download(server.url, target, { onProgress });
  expect(result).toEqual({ sizeBytes: file.length, sha256: sha256Of(file) });
  expect(readFileSync(target).equals(file)).toBe(true);
  expect(readdirSync(join(target, ".."))).toEqual(["model.gguf"]);
  expect(seen).toBe(file.length);
});

test("connections that break off are gone on from, each time from where it stopped", async () => {
  const target = newTarget();
  const drops = serve(file, { dropAfter: 70_000 });
  const server = await startFileServer(drops, drops, drops, serve(file));
  await download(server.url, target);
  expect(readFileSync(target).equals(file)).toBe(true);
  const starts = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(starts.at(-1)).toBeGreaterThan(100_000);
  expect(new Set(server.requests.slice(1).map(({ ifRange }) => ifRange))).toEqual(
    new Set([`"${sha256Of(file)}"`]),
  );
});

test("a later run goes on from what an earlier one left", async () => {
  const target = newTarget();
  const url = (await startFileServer(serve(file, { dropAfter: 100_000 }), status(503))).url;
  await expect(download(url, target)).rejects.toMatchObject({ exitCode: 75 });
  expect(existsSync(target)).toBe(false);
  const left = readFileSync(`${target}.part`).length;
  expect(left).toBeGreaterThan(0);
  const again = await startFileServer(serve(file));
  const state = JSON.parse(readFileSync(`${target}.part.json`, "utf8")) as object;
  writeFileSync(`${target}.part.json`, JSON.stringify({ ...state, url: again.url }));
  await download(again.url, target, { sha256: sha256Of(file) });
  expect(again.requests).toMatchObject([{ range: `bytes=${left}-` }]);
  expect(readFileSync(target).equals(file)).toBe(true);
});

test.each([
  ["honours If-Range", {}],
  ["ignores it", { ignoresIfRange: true }],
])("a file that changes in between is fetched anew from a server that %s", async (_, how) => {
  const target = newTarget();
  const server = await startFileServer(serve(file, { dropAfter: 100_000 }), serve(other, how));
  await download(server.url, target);
  expect(readFileSync(target).equals(other)).toBe(true);
});

test("a server that ignores ranges sends all of it again", async () => {
  const target = newTarget();
  const server = await startFileServer(
    serve(file, { dropAfter: 100_000 }),
    serve(file, { ignoresRange: true }),
  );
  await download(server.url, target);
  expect(readFileSync(target).equals(file)).toBe(true);
});

test("a server that says more bytes than it has is given up on", async () => {
  const server = await startFileServer(serve(file, { claims: file.length + 10 }));
  await expect(download(server.url, newTarget())).rejects.toThrow(/did not come whole/);
});

test("a server that says less bytes than are known of is refused before the first is kept", async () => {
  const target = newTarget();
  const server = await startFileServer(serve(file));
  await expect(download(server.url, target, { sizeBytes: 1_000_000 })).rejects.toThrow(
    /should have 1000000 bytes, and the server has 300000/,
  );
  expect(existsSync(target)).toBe(false);
});

test("a part that answers another range is not taken for the one that was asked for", async () => {
  const target = newTarget();
  const server = await startFileServer(
    serve(file, { dropAfter: 100_000 }),
    (_request, response) =>
      void response
        .writeHead(206, { "content-range": `bytes 5-${file.length - 1}/${file.length}` })
        .end(file.subarray(5)),
    serve(file),
  );
  await download(server.url, target);
  expect(readFileSync(target).equals(file)).toBe(true);
});

test("a wrong checksum is an error that names both, and nothing of the file stays", async () => {
  const target = newTarget();
  const server = await startFileServer(serve(other));
  await expect(download(server.url, target, { sha256: sha256Of(file) })).rejects.toThrow(
    `its SHA-256 is ${sha256Of(other)}, not ${sha256Of(file)}`,
  );
  expect(readdirSync(join(target, ".."))).toEqual([]);
});

test("416 at the end of what is there means that it is all there", async () => {
  const target = newTarget();
  const { url } = await startFileServer(serve(file));
  writeFileSync(`${target}.part`, file);
  const etag = `"${sha256Of(file)}"`;
  writeFileSync(`${target}.part.json`, JSON.stringify({ url, etag, sizeBytes: file.length }));
  await download(url, target);
  expect(readFileSync(target).equals(file)).toBe(true);
});

test("416 for a file that has become shorter starts again", async () => {
  const target = newTarget();
  const short = file.subarray(0, 1_000);
  const { url } = await startFileServer(serve(short, { etag: '"one"' }));
  writeFileSync(`${target}.part`, file);
  writeFileSync(`${target}.part.json`, JSON.stringify({ url, etag: '"one"' }));
  await download(url, target);
  expect(readFileSync(target).equals(short)).toBe(true);
});

test("a key goes to its own host and not where that redirects to", async () => {
  const cdn = await startFileServer(serve(file));
  const home = await startFileServer(
    status(302, { location: `${cdn.url}/there`, "x-linked-etag": `"${sha256Of(file)}"` }),
  );
  const target = newTarget();
  await download(`${home.url}/file`, target, { token: { origin: home.url, value: "hf_secret" } });
  expect(home.requests[0]?.authorization).toBe("Bearer hf_secret");
  expect(cdn.requests).toMatchObject([{ path: "/there", authorization: undefined }]);
});

test("the checksum that comes with a redirect is checked", async () => {
  const cdn = await startFileServer(serve(other));
  const home = await startFileServer(
    status(302, { location: cdn.url, "x-linked-etag": `"${sha256Of(file)}"` }),
  );
  await expect(download(home.url, newTarget())).rejects.toMatchObject({ code: "checksum" });
});

test("redirects that go round end", async () => {
  const server = await startFileServer(status(307, { location: "/again" }));
  await expect(download(server.url, newTarget())).rejects.toThrow(/redirects more than 10 times/);
});

test.each([
  [401, { exitCode: 3, code: "unauthorized" }],
  [403, { exitCode: 3, code: "unauthorized" }],
  [404, { exitCode: 2, code: "unknown-model" }],
  [400, { exitCode: 1, code: "download" }],
])("HTTP %i is not tried again", async (code, error) => {
  const server = await startFileServer(status(code));
  await expect(download(server.url, newTarget())).rejects.toMatchObject(error);
  expect(server.requests).toHaveLength(1);
});

test("HTTP 429 and 503 are tried again, as late as the server says", async () => {
  const target = newTarget();
  const server = await startFileServer(
    status(429, { "retry-after": "0" }),
    status(503),
    serve(file),
  );
  await download(server.url, target);
  expect(server.requests).toHaveLength(3);
  const patient = await startFileServer(status(429, { "retry-after": "3600" }));
  await expect(download(patient.url, newTarget())).rejects.toMatchObject({
    code: "rate-limited",
    exitCode: 75,
  });
});

test("an interrupt ends it with its reason, and what has come stays", async () => {
  const target = newTarget();
  const controller = new AbortController();
  const server = await startFileServer((_request, response) => {
    response.writeHead(200, { "content-length": file.length, etag: '"one"' });
    response.write(file.subarray(0, 1_000));
  });
  const reason = new Error("enough");
  const onProgress = (done: number): void => void (done > 0 && controller.abort(reason));
  const running = download(server.url, target, { signal: controller.signal, onProgress });
  await expect(running).rejects.toBe(reason);
  expect(readFileSync(`${target}.part`)).toHaveLength(1_000);
});

test("a server that falls silent is not waited for", async () => {
  const server = await startFileServer((_request, response) => {
    response.writeHead(200, { "content-length": file.length });
    response.write("x");
  });
  await expect(download(server.url, newTarget(), { idleMs: 30, retries: 1 })).rejects.toMatchObject(
    {
      exitCode: 75,
    },
  );
});

test("a file that the disk has no room for is refused before it comes", async () => {
  const server = await startFileServer(serve(file, { claims: 1e15 }));
  await expect(download(server.url, newTarget())).rejects.toMatchObject({ code: "disk" });
  expect(server.requests).toHaveLength(1);
});

test("a host that does not exist and a port where nothing listens are told", async () => {
  await expect(download("http://127.0.0.1:9", newTarget(), { retries: 0 })).rejects.toThrow(
    /can't reach http:\/\/127.0.0.1:9: nothing listens there/,
  );
});
