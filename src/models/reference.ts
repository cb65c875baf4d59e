import { usageError } from "../errors.ts";

/** Something to pull or to inspect that is not here. */
export type ModelReference =
  | {
      readonly type: "hub";
      /** `ORG/NAME`. */
      readonly repository: string;
      readonly revision: string;
      /** Path in the repository. */
      readonly file: string | undefined;
      /** Part of a file's name, `Q4_K_M` for one. */
      readonly quantisation: string | undefined;
    }
  | { readonly type: "url"; readonly url: string };

/**
 * `hf:ORG/NAME[@REVISION][:QUANT or FILE][/FILE]`, an http(s) URL, or the page of a model on Hugging Face.
 * `undefined` for anything else, which is then a path or a name.
 * @throws KimiError for an `hf:` reference that names no model.
 */
export function parseReference(text: string, endpoint: string): ModelReference | undefined {
  if (text.startsWith("hf:")) return parseHub(text);
  if (!/^https?:\/\//.test(text)) return undefined;
  const url = new URL(text);
  if (url.hostname !== "huggingface.co" && url.origin !== new URL(endpoint).origin)
    return { type: "url", url: text };
  const page = /^\/([^/]+\/[^/]+)(?:\/(?:tree|blob|resolve)\/([^/]+)(?:\/(.+))?)?\/?$/.exec(
    decodeURIComponent(url.pathname),
  );
  if (!page || modelFile.test(page[1] ?? "")) return { type: "url", url: text };
  const [, repository = "", revision = "main", file] = page;
  return { type: "hub", repository, revision, file, quantisation: undefined };
}

const modelFile = /\.(gguf|safetensors|json)$/;

function parseHub(text: string): ModelReference {
  const parts =
    /^hf:(?<repository>[\w.-]+\/[\w.-]+)(?:@(?<revision>refs\/[^/:]+\/[^/:]+|[^/:]+))?(?:\/(?<file>[^:]+))?(?::(?<choice>.+))?$/.exec(
      text,
    )?.groups;
  const repository = parts?.["repository"];
  if (!parts || repository === undefined || /(^|\/)\.\.?(\/|$)/.test(repository)) {
    throw usageError(
      `${text} names no model`,
      "Write hf:ORG/NAME, hf:ORG/NAME:Q4_K_M, hf:ORG/NAME/FILE.gguf, or hf:ORG/NAME@REVISION.",
    );
  }
  const { choice, file, revision = "main" } = parts;
  const isFile = choice !== undefined && modelFile.test(choice);
  return {
    type: "hub",
    repository,
    revision,
    file: file ?? (isFile ? choice : undefined),
    quantisation: isFile ? undefined : choice,
  };
}
