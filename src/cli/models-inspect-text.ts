import type { Architecture } from "../checkpoint/architecture.ts";
import type { ModelDescription } from "../checkpoint/describe-model.ts";
import { components } from "../checkpoint/describe-weights.ts";
import { withoutControls } from "../render/text.ts";
import { countText, sizeText, tableText, wholeText, wrapText } from "../plain-text.ts";

/** What `kimi models inspect` prints, in 80 columns and without colours. */
export function inspectText(model: ModelDescription): string {
  const text = [
    facts(model),
    parametersText(model),
    memoryText(model),
    estimatesText(model),
    problemsText(model),
  ]
    .filter((part) => part !== "")
    .join("\n");
  return withoutControls(text);
}

function facts(model: ModelDescription): string {
  const { architecture, tokenizer, template, files, family } = model;
  const rows: (readonly [string, string] | undefined)[] = [
    ["model", `${model.name}${family === undefined ? "" : `, ${family}`}`],
    ["files", `${model.location}${sizeOfFiles(model)}`],
    architecture && ["architecture", architectureText(architecture)],
    architecture && ["attention", attentionText(architecture)],
    architecture?.experts && ["experts", expertsText(architecture)],
    ["quantisation", quantisationText(model)],
    architecture && ["context", contextText(architecture)],
    tokenizer && [
      "tokenizer",
      `${tokenizer.revision}, ${wholeText(tokenizer.vocabulary ?? tokenizer.ranks ?? 0)} entries${sum(tokenizer.sha256)}`,
    ],
    template && ["template", `${template.revision}${sum(template.sha256)}`],
  ];
  if (files.length === 0) rows[1] = ["files", `${model.location}, no weights`];
  return rows
    .flatMap((row) => (row ? [`${row[0].padEnd(14)}${wrapText(row[1], 14)}\n`] : []))
    .join("");
}

const sum = (sha256: string | undefined): string =>
  sha256 === undefined ? "" : ` (sha256 ${sha256.slice(0, 12)})`;

function sizeOfFiles({ files, fileBytes }: ModelDescription): string {
  return `, ${files.length > 1 ? `${files.length} files, ` : ""}${sizeText(fileBytes)}`;
}

function architectureText({
  name,
  modelType,
  llamaName,
  layers,
  hidden,
  vocabulary,
}: Architecture): string {
  const type = modelType === undefined ? "" : ` (${modelType})`;
  const llama = llamaName === undefined || llamaName === name ? "" : `, ${llamaName} in llama.cpp`;
  return `${name}${type}${llama}: ${layers} layers of ${wholeText(hidden)}, vocabulary of ${wholeText(vocabulary)}`;
}

function attentionText({ attention, heads }: Architecture): string {
  if (attention.type === "grouped")
    return `${heads} heads, ${attention.kvHeads} for keys and values`;
  const { qLoraRank, kvLoraRank, nopeHeadSize, ropeHeadSize, valueHeadSize } = attention;
  return `MLA: ${heads} heads of ${nopeHeadSize} + ${ropeHeadSize} rotated, values of ${valueHeadSize}; compressed to ${kvLoraRank}, queries ${qLoraRank ?? "not"}`;
}

function expertsText({ experts, denseLayers }: Architecture): string {
  if (!experts) return "";
  const { count, used, shared } = experts;
  return `${count}, of which ${used} for each token, and ${shared} shared; the first ${denseLayers === 1 ? "layer is" : `${denseLayers} layers are`} dense`;
}

function contextText({ context, rope }: Architecture): string {
  const scaling =
    rope.scaling === undefined || rope.scaling === "none"
      ? "no scaling"
      : `${rope.scaling === "yarn" ? "YaRN" : rope.scaling} factor ${rope.factor} from ${wholeText(rope.originalContext ?? 0)}${
          rope.betaFast === undefined ? "" : `, betas ${rope.betaFast} and ${rope.betaSlow ?? 1}`
        }`;
  return `${wholeText(context)} tokens; RoPE base ${wholeText(rope.base)}, ${scaling}`;
}

function quantisationText({ quantisation, weights }: ModelDescription): string {
  const types = weights.types
    .filter(({ parameters }) => parameters > 0)
    .map(({ type, tensors, bytes }) => `${type} ${wholeText(tensors)} (${sizeText(bytes)})`);
  return types.length === 0
    ? quantisation
    : `${quantisation}; tensors by type: ${types.join(", ")}`;
}

function parametersText({ weights, activeParameters, countedFrom }: ModelDescription): string {
  if (countedFrom === "nothing") return "";
  const { total, parts } = weights;
  const rows = components
    .filter((component) => parts[component].parameters > 0)
    .map((component) => {
      const { parameters, bytes } = parts[component];
      const share = `${((100 * parameters) / total.parameters).toFixed(2)} %`;
      return [component, wholeText(parameters), share, sizeText(bytes)];
    });
  const active = [
    ["active per token", wholeText(activeParameters.total), "", countText(activeParameters.total)],
    [
      "  without the input embedding",
      wholeText(activeParameters.withoutInputEmbedding),
      "",
      countText(activeParameters.withoutInputEmbedding),
    ],
  ];
  const all = ["total", wholeText(total.parameters), "", sizeText(total.bytes)];
  const how = countedFrom === "config" ? " (computed from config.json)" : "";
  return `parameters${how}\n${tableText([...rows, all, ...active])}`;
}

function memoryText({ memory, weights }: ModelDescription): string {
  if (!memory) return "";
  const { kvBytesPerToken: own, serverKvBytesPerToken: server, contexts } = memory;
  const whole = contexts.map(({ context, f16, q8_0, fp8, withWeights }) => [
    wholeText(context),
    sizeText(f16),
    sizeText(q8_0),
    sizeText(fp8),
    ...(weights.total.bytes > 0 ? [sizeText(withWeights)] : []),
  ]);
  const head = [
    "KV cache at",
    "f16",
    "q8_0",
    "fp8*",
    ...(weights.total.bytes > 0 ? ["f16 + weights"] : []),
  ];
  const each = [
    "a token",
    `${wholeText(own.f16)} B`,
    `${wholeText(own.q8_0)} B`,
    `${wholeText(server.fp8)} B`,
    ...(weights.total.bytes > 0 ? [""] : []),
  ];
  const notes = `* vLLM and SGLang, which hold it on every tensor-parallel rank; without --kv-cache-dtype fp8 theirs is as large as f16. llama.cpp's compute buffer comes on top: about ${sizeText(memory.computeBytes.flashAttention)} at the whole context, ${sizeText(memory.computeBytes.without)} without flash attention.`;
  return `memory\n${tableText([head, each, ...whole])}  ${wrapText(notes, 2)}\n`;
}

function estimatesText({ estimates, format, countedFrom }: ModelDescription): string {
  if (format === "gguf" || countedFrom === "nothing") return "";
  const rows = estimates.map(({ type, bytes, nonExpertBytes, activeExpertBytes }) => [
    type,
    sizeText(bytes),
    sizeText(nonExpertBytes),
    sizeText(activeExpertBytes),
  ]);
  return `converted to one type\n${tableText([["", "all", "without experts", "experts read per token"], ...rows])}`;
}

function problemsText({ problems }: ModelDescription): string {
  return problems
    .map(({ severity, message, remedy }) => {
      const hint = remedy === undefined ? "" : `\n  ${wrapText(remedy, 2)}`;
      return `${wrapText(`${severity}: ${message}`, 2)}${hint}\n`;
    })
    .join("");
}
