import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { describeModel } from "../../../src/checkpoint/describe-model.ts";
import { readCheckpoint } from "../../../src/checkpoint/read-checkpoint.ts";
import { openHub } from "../../../src/models/hub.ts";
import {
  findPulledModel,
  listModels,
  removeModel,
  requireModel,
} from "../../../src/models/model-folder.ts";
import type { PullProgress } from "../../../src/models/pull-files.ts";
import { pullModel } from "../../../src/models/pull-model.ts";
import { parseReference } from "../../../src/models/reference.ts";
import { openRemoteFiles } from "../../../src/models/remote-files.ts";
import {
  hub,
  serve,
  sha256Of,
  startFileServer,
  status,
  type Answer,
} from "../../support/file-server.ts";
import { fixture, nanoModel } from "../../support/golden.ts";
import { splitGguf } from "../../support/split-gguf.ts";

const nano = readFileSync(nanoModel);
const temporary = (): string => mkdtempSync(join(tmpdir(), "kimi-pull-"));
const shards = splitGguf(nanoModel, join(temporary(), "Nano-Q8_0"), 2).map((path) => ({
  name: basename(path),
  bytes: readFileSync(path),
}));

const repository: Readonly<Record<string, Buffer>> = {
  "README.md": Buffer.from("read me"),
  "Nano-BF16.gguf": nano,
  "mmproj-F16.gguf": Buffer.from("pictures"),
  ...Object.fromEntries(shards.map(({ name, bytes }) => [`Q8_0/${name}`, bytes])),
};

async function pull(
  server: Answer,
  reference: string,
  options: { modelFolder?: string; token?: string; sha256?: string } = {},
) {
  const { modelFolder = temporary(), token, sha256 } = options;
  const { url, requests } = await startFileServer(server);
  const progress: PullProgress[] = [];
  const result = await pullModel({
    reference: reference.replace("URL", url),
    modelFolder,
    hub: openHub({ HF_ENDPOINT: `${url}/`, HF_TOKEN: token }),
    signal: new AbortController().signal,
    sha256,
    now: () => new Date(0),
    onProgress: (one) => void progress.push(one),
    network: { retries: 2, retryDelayMs: 1 },
  });
  return { ...result, requests, modelFolder, progress };
}

test("a quantisation in several files is pulled whole, checked, and found by its name", async () => {
  const { model, modelFolder, progress, requests } = await pull(
    hub("org/nano", repository),
    "hf:org/nano:Q8_0",
    { token: "hf_secret" },
  );
  expect(model).toMatchObject({ name: "org/nano:Q8_0", kind: "gguf", isComplete: true });
  expect(basename(model.path)).toBe(shards[0]?.name);
  expect(readdirSync(model.folder).sort()).toEqual([
    ...shards.map(({ name }) => name),
    "kimi-model.json",
  ]);
  for (const { name, bytes } of shards)
    expect(readFileSync(join(model.folder, name)).equals(bytes)).toBe(true);
  expect(model.files.map(({ sha256 }) => sha256)).toEqual(
    shards.map(({ bytes }) => sha256Of(bytes)),
  );
  expect(progress.at(-1)).toMatchObject({ doneFiles: 2, count: 2, doneBytes: model.totalBytes });
  expect(requests.every(({ authorization }) => authorization === "Bearer hf_secret")).toBe(true);
  expect(findPulledModel(modelFolder, "org/nano:Q8_0")?.path).toBe(model.path);
  expect(findPulledModel(modelFolder, "hf:org/nano:Q8_0")?.path).toBe(model.path);
  expect(findPulledModel(modelFolder, "org/nano")).toBeUndefined();
});

test("what is there already is not fetched again", async () => {
  const first = await pull(hub("org/nano", repository), "hf:org/nano:Q8_0");
  const again = await pull(hub("org/nano", repository), "hf:org/nano:Q8_0", first);
  expect(again).toMatchObject({ kept: 2, fetched: 0 });
  expect(again.requests.map(({ path }) => path)).toEqual([
    "/api/models/org/nano/tree/main?recursive=true",
  ]);
});

test("a file that has changed on the server is fetched again, the others are not", async () => {
  const first = await pull(hub("org/nano", repository), "hf:org/nano:Q8_0");
  const [shard] = shards;
  const changed = Buffer.from(shard?.bytes ?? []);
  changed[changed.length - 1] = 77;
  const server = hub("org/nano", { ...repository, [`Q8_0/${shard?.name}`]: changed });
  const again = await pull(server, "hf:org/nano:Q8_0", first);
  expect(again).toMatchObject({ kept: 1, fetched: 1 });
  expect(readFileSync(again.model.path).equals(changed)).toBe(true);
});

test("a pull that fails in the middle leaves a model that says it is not complete", async () => {
  const broken = hub("org/nano", repository, { [`Q8_0/${shards[1]?.name}`]: status(500) });
  const modelFolder = temporary();
  await expect(pull(broken, "hf:org/nano:Q8_0", { modelFolder })).rejects.toMatchObject({
    exitCode: 75,
  });
  const [left] = listModels(modelFolder);
  expect(left).toMatchObject({ name: "org/nano:Q8_0", isComplete: false });
  const again = await pull(hub("org/nano", repository), "hf:org/nano:Q8_0", { modelFolder });
  expect(again.model.isComplete).toBe(true);
});

test("a whole file that the record does not know of is known by its bytes", async () => {
  const { model, modelFolder } = await pull(hub("org/nano", repository), "hf:org/nano:BF16");
  const record = join(model.folder, "kimi-model.json");
  const silent = readFileSync(record, "utf8").replaceAll(/,\s*"sha256": "[0-9a-f]+"/g, "");
  writeFileSync(record, silent);
  const again = await pull(hub("org/nano", repository), "hf:org/nano:BF16", { modelFolder });
  expect(again).toMatchObject({
    kept: 1,
    fetched: 0,
    model: { files: [{ sha256: sha256Of(nano) }] },
  });
});

test("files that the repository no longer has are removed", async () => {
  const files = { "config.json": Buffer.from("{}"), "one.safetensors": Buffer.from("one") };
  const { modelFolder } = await pull(
    hub("org/k", { ...files, "old.json": Buffer.from("1") }),
    "hf:org/k",
  );
  const { model } = await pull(hub("org/k", files), "hf:org/k", { modelFolder });
  expect(readdirSync(model.folder).sort()).toEqual([
    "config.json",
    "kimi-model.json",
    "one.safetensors",
  ]);
});

test("a checkpoint's folder is pulled without pictures and other formats, small files first", async () => {
  const files = {
    "README.md": Buffer.from("read me"),
    "figures/banner.png": Buffer.from("png"),
    "model-00001-of-000002.safetensors": Buffer.from("one"),
    "config.json": Buffer.from("{}"),
    "tiktoken.model": Buffer.from("YQ== 0\n"),
    "chat_template.jinja": Buffer.from("{{}}"),
    LICENSE: Buffer.from("MIT"),
  };
  const { model } = await pull(hub("moonshotai/K2", files), "hf:moonshotai/K2");
  expect(model).toMatchObject({ name: "moonshotai/K2", kind: "checkpoint", path: model.folder });
  expect(model.files.map(({ name }) => name)).toEqual([
    "config.json",
    "tiktoken.model",
    "chat_template.jinja",
    "LICENSE",
    "model-00001-of-000002.safetensors",
  ]);
});

test("several models and none are told, with what there is", async () => {
  const server = hub("org/nano", repository);
  await expect(pull(server, "hf:org/nano")).rejects.toMatchObject({
    exitCode: 2,
    message: "org/nano has 2 models: which?",
    hint: "There are: Nano-BF16 (9 MB), Nano-Q8_0 (9 MB).",
  });
  await expect(pull(server, "hf:org/nano:Q2_K")).rejects.toThrow(/has no Q2_K/);
  await expect(pull(server, "hf:org/nano/none.gguf")).rejects.toThrow(/has no file none.gguf/);
  await expect(pull(server, "hf:org/other")).rejects.toMatchObject({ exitCode: 2 });
  await expect(pull(server, "nano")).rejects.toThrow(/is no reference/);
});

test("a URL of one shard brings all of them", async () => {
  const byPath: Answer = (request, response) => {
    const shard = shards.find(({ name }) => request.url === `/models/${name}?key=1`);
    (shard ? serve(shard.bytes) : status(404))(request, response);
  };
  const { model } = await pull(byPath, `URL/models/${shards[1]?.name}?key=1`);
  expect(model).toMatchObject({ name: "Nano-Q8_0", isComplete: true });
  expect(model.files).toHaveLength(2);
});

test("--sha256 is checked, and a file of another sum is not taken for it", async () => {
  const wrong = "0".repeat(64);
  const options = { sha256: wrong };
  await expect(pull(serve(nano), "URL/n.gguf", options)).rejects.toMatchObject({
    code: "checksum",
  });
  const { modelFolder } = await pull(serve(nano), "URL/n.gguf", {
    sha256: sha256Of(nano).toUpperCase(),
  });
  const again = await pull(serve(nano), "URL/n.gguf", { modelFolder });
  expect(again).toMatchObject({ kept: 1, fetched: 0 });
  await expect(pull(serve(nano), "URL/n.gguf", { modelFolder, sha256: wrong })).rejects.toThrow(
    /damaged/,
  );
});

test("paths that lead out of the folder are refused", async () => {
  const evil = { "../evil.gguf": nano };
  const modelFolder = temporary();
  await expect(pull(hub("org/evil", evil), "hf:org/evil", { modelFolder })).rejects.toThrow(
    /no list of files/,
  );
  expect(readdirSync(modelFolder)).toEqual([]);
});

test("two pulls of one model do not get in each other's way", async () => {
  const modelFolder = temporary();
  const runs = await Promise.allSettled(
    [1, 2].map(() => pull(hub("org/nano", repository), "hf:org/nano:BF16", { modelFolder })),
  );
  expect(runs.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(runs.find(({ status }) => status === "rejected")).toMatchObject({
    reason: { code: "busy" },
  });
  const { model } = await pull(hub("org/nano", repository), "hf:org/nano:BF16", { modelFolder });
  expect(model.isComplete).toBe(true);
  writeFileSync(join(model.folder, "pull.lock"), "999999999");
  await pull(hub("org/nano", repository), "hf:org/nano:BF16", { modelFolder });
});

test("a model is removed by its exact name", async () => {
  const { modelFolder, model } = await pull(hub("org/nano", repository), "hf:org/nano:BF16");
  expect(() => requireModel(modelFolder, "nano")).toThrow(/there is no pulled model nano/);
  removeModel(requireModel(modelFolder, "org/nano:BF16"));
  expect(existsSync(model.folder)).toBe(false);
  expect(listModels(modelFolder)).toEqual([]);
});

test.each([
  ["hf:a/b", { repository: "a/b", revision: "main", file: undefined, quantisation: undefined }],
  ["hf:a/b:Q4_K_M", { quantisation: "Q4_K_M" }],
  ["hf:a/b:x/y.gguf", { file: "x/y.gguf", quantisation: undefined }],
  ["hf:a/b/x/y.gguf", { file: "x/y.gguf" }],
  ["hf:a/b@v1.0:Q4", { revision: "v1.0", quantisation: "Q4" }],
  ["hf:a/b@refs/pr/1", { revision: "refs/pr/1", file: undefined }],
  ["hf:a/b@main/config.json", { revision: "main", file: "config.json" }],
  ["https://huggingface.co/a/b", { type: "hub", repository: "a/b" }],
  ["https://huggingface.co/a/b/blob/main/x.gguf", { type: "hub", file: "x.gguf" }],
  ["https://example.com/x.gguf", { type: "url", url: "https://example.com/x.gguf" }],
])("%s is read as a reference", (text, expected) => {
  expect(parseReference(text, "https://huggingface.co")).toMatchObject(expected);
});

test("a path is no reference, and a wrong one is wrong use", () => {
  expect(parseReference("models/x.gguf", "https://huggingface.co")).toBeUndefined();
  expect(() => parseReference("hf:nobody", "https://huggingface.co")).toThrow(/names no model/);
  expect(() => parseReference("hf:../..", "https://huggingface.co")).toThrow(/names no model/);
});

async function inspect(server: Answer, reference: string) {
  const { url, requests } = await startFileServer(server);
  const own = openHub({ HF_ENDPOINT: url });
  const parsed = parseReference(reference.replace("URL", url), own.endpoint);
  if (!parsed) throw new Error("no reference");
  const { signal } = new AbortController();
  const files = await openRemoteFiles(parsed, { hub: own, signal });
  return { model: describeModel(await readCheckpoint(files)), requests };
}

test("a remote GGUF file is inspected by its head, and no weight is fetched", async () => {
  const { model, requests } = await inspect(serve(nano), "URL/kimi-nano.gguf");
  expect(model).toMatchObject({ name: "kimi-nano", fileBytes: nano.length });
  expect(model.weights.total.parameters).toBeGreaterThan(7e6);
  const ends = requests.map(({ range }) => Number(/-(\d+)$/.exec(range ?? "")?.[1]));
  expect(Math.max(...ends)).toBeLessThan(2 ** 20);
});

test("a split one in a repository is inspected from all its shards", async () => {
  const { model } = await inspect(hub("org/nano", repository), "hf:org/nano:Q8_0");
  expect(model.files).toHaveLength(2);
  expect(model.problems.map(({ code }) => code)).toEqual(["yarn-betas"]);
});

test("a repository of a checkpoint is inspected from its config and its headers", async () => {
  const config = readFileSync(fixture("configs", "kimi-k2-instruct", "config.json"));
  const { model } = await inspect(
    hub("moonshotai/K2", { "config.json": config }),
    "hf:moonshotai/K2",
  );
  expect(model.weights.total.parameters).toBe(1_026_408_232_448);
});

test("a server that ignores ranges is read from its beginning", async () => {
  const { model } = await inspect(serve(nano, { ignoresRange: true }), "URL/kimi-nano.gguf");
  expect(model.name).toBe("kimi-nano");
});
