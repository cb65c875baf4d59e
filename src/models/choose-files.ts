import { basename } from "node:path";
import { shardNames } from "../checkpoint/checkpoint-files.ts";
import { usageError } from "../errors.ts";
import type { RemoteFile } from "./hub.ts";
import type { ModelReference } from "./reference.ts";

export interface Choice {
  /** How the model is named from then on. */
  readonly name: string;
  readonly kind: "gguf" | "checkpoint";
  /** In order; the first is what is loaded. */
  readonly files: readonly RemoteFile[];
}

type HubReference = Extract<ModelReference, { type: "hub" }>;

/**
 * Which of a repository's files a reference means: one file with its shards, the one of that quantisation,
 * the only GGUF model there is, or a whole checkpoint.
 * @throws KimiError that lists what there is, if that is none or several.
 */
export function chooseFiles(reference: HubReference, list: readonly RemoteFile[]): Choice {
  const { repository, revision, file, quantisation } = reference;
  const base = revision === "main" ? repository : `${repository}@${revision}`;
  const models = ggufModels(list);
  if (file !== undefined) {
    const found = models.find(({ files }) => files.some(({ path }) => path === file));
    if (found) return { name: `${base}:${found.stem}`, kind: "gguf", files: found.files };
    const single = list.find(({ path }) => path === file);
    if (single) return { name: `${base}:${basename(file)}`, kind: "checkpoint", files: [single] };
    throw usageError(`${base} has no file ${file}`, namesOf(models, list));
  }
  if (quantisation !== undefined) {
    const found = ofQuantisation(models, quantisation);
    const [only] = found;
    if (only && found.length === 1)
      return { name: `${base}:${quantisation}`, kind: "gguf", files: only.files };
    const what = found.length === 0 ? "no" : "several files with";
    throw usageError(`${base} has ${what} ${quantisation}`, namesOf(models, list));
  }
  const [only] = models;
  if (only && models.length === 1) return { name: base, kind: "gguf", files: only.files };
  if (only) throw usageError(`${base} has ${models.length} models: which?`, namesOf(models, list));
  const files = list.filter(({ path }) => isCheckpointFile(path));
  if (!files.some(({ path }) => path.endsWith(".safetensors")))
    throw usageError(`${base} has no model in GGUF or safetensors`, namesOf(models, list));
  return { name: base, kind: "checkpoint", files: files.sort((a, b) => order(a) - order(b)) };
}

interface GgufModel {
  /** File name without the shard's number and the ending. */
  readonly stem: string;
  readonly files: readonly RemoteFile[];
}

function ggufModels(list: readonly RemoteFile[]): GgufModel[] {
  const files = list.filter(
    ({ path }) => path.endsWith(".gguf") && !/(^|[/._-])mmproj/i.test(path),
  );
  const byPath = new Map(files.map((file) => [file.path, file]));
  return files.flatMap((file) => {
    const shards = shardNames(file.path);
    if (shards[0] !== file.path) return []; // its first shard stands for all
    const missing = shards.find((path) => !byPath.has(path));
    if (missing !== undefined) throw usageError(`the repository lacks ${missing}`);
    const stem = basename(file.path, ".gguf").replace(/-\d{5}-of-\d{5}$/, "");
    return [{ stem, files: shards.flatMap((path) => byPath.get(path) ?? []) }];
  });
}

/** Whole words of the name only; of several, the one whose name ends with no more than that. */
function ofQuantisation(models: readonly GgufModel[], quantisation: string): GgufModel[] {
  const wanted = quantisation.toLowerCase();
  const word = (text: string): boolean => {
    const at = text.toLowerCase().lastIndexOf(wanted);
    const end = at + wanted.length;
    return at >= 0 && !/[a-z0-9_]/i.test(text[at - 1] ?? "") && !/[a-z0-9_]/i.test(text[end] ?? "");
  };
  const found = models.filter(({ stem }) => word(stem));
  const plain = found.filter(({ stem }) => !stem.toLowerCase().endsWith(`-ud-${wanted}`));
  return found.length > 1 && plain.length === 1 ? plain : found;
}

/** What engines and the converter read, and the licence; no pictures, no other formats of the weights. */
function isCheckpointFile(path: string): boolean {
  return /^[^/]+\.(json|safetensors|model|jinja|py|txt|tiktoken)$|^LICEN[CS]E[^/]*$/.test(path);
}

/** Small files first: what is wrong with them shows before a terabyte has come. */
function order({ path }: RemoteFile): number {
  return path.endsWith(".safetensors") ? 1 : 0;
}

function namesOf(models: readonly GgufModel[], list: readonly RemoteFile[]): string {
  const names =
    models.length > 0
      ? models.map(({ stem, files }) => `${stem} (${sizeText(files)})`)
      : list.map(({ path }) => path);
  if (names.length === 0) return "It is empty.";
  const more = names.length > 12 ? `, and ${names.length - 12} more` : "";
  return `There are: ${names.slice(0, 12).join(", ")}${more}.`;
}

function sizeText(files: readonly RemoteFile[]): string {
  const bytes = files.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);
  return bytes >= 1e9 ? `${Math.round(bytes / 1e9)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
