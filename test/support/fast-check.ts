/** fast-check with a seed: a run of the tests is like the one before. `KIMI_SEED=random` draws other values each time. */
import { configureGlobal } from "fast-check";

const seed = process.env["KIMI_SEED"] ?? "17";
if (seed !== "random") configureGlobal({ seed: Number(seed) });

export * from "fast-check";
