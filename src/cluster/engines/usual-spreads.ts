/** How the layouts that engines have in common cut weights and cache. */
import type { Spread } from "../spread.ts";

/** Every matrix cut by all GPUs. */
export function tensorSpread(gpus: number): Spread {
  return {
    gpus,
    pipelineStages: 1,
    attentionShards: gpus,
    denseShards: gpus,
    expertShards: gpus,
    redundantExperts: 0,
  };
}

/** Cut by the GPUs of a host, and the layers shared out among hosts. */
export function pipelineSpread(gpusPerStage: number, stages: number): Spread {
  return { ...tensorSpread(gpusPerStage), gpus: gpusPerStage * stages, pipelineStages: stages };
}

/** Attention, dense layers and vocabulary whole on every GPU, the experts shared out among all. */
export function dataExpertSpread(gpus: number, redundantExperts = 0): Spread {
  return {
    gpus,
    pipelineStages: 1,
    attentionShards: 1,
    denseShards: 1,
    expertShards: gpus,
    redundantExperts,
  };
}
