// The baseline of a local one-shot: what a person would write with the bindings for one greedy answer.
import { getLlama } from "node-llama-cpp";

const [modelPath, prompt] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", progressLogs: false, maxThreads: 1 });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 2048, threads: 1 });
const ids = model.tokenize(prompt, true);
const answer = [];
for await (const id of context.getSequence().evaluate(ids, { temperature: 0 })) answer.push(id);
console.log(model.detokenize(answer));
