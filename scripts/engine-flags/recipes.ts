/** What to install so that an engine builds its argument parser, and which of its programs are asked. */
import type { EngineName } from "../../src/cluster/deployment-plan.ts";

interface Recipe {
  /** Requirements as pip writes them; the first is the engine. */
  readonly packages: readonly string[];
  /** Left out: compiled for GPUs or for media, and no part of parsing arguments. */
  readonly excluded: readonly string[];
  /** As they are started. Those that the version does not have are left out of the data. */
  readonly programs: readonly (readonly string[])[];
  /** The day up to which PyPI is looked at, so that an old version gets the libraries of its time. */
  readonly until?: string;
}

const vllmExcluded = [
  "PyNvVideoCodec",
  "fastsafetensors",
  "flashinfer-python",
  "humming-kernels",
  "instanttensor",
  "numba",
  "nvidia-cudnn-frontend",
  "nvidia-cutlass-dsl",
  "nvtx",
  "opencv-python-headless",
  "quack-kernels",
  "tilelang",
  "tokenspeed-mla",
  "torchaudio",
  "torchcodec",
  "xformers",
];

const sglangExcluded = [
  "apache-tvm-ffi",
  "av",
  "cuda-python",
  "datasets",
  "decord2",
  "flash-attn-4",
  "flashinfer-cubin",
  "flashinfer-python",
  "humming-kernels",
  "kernels",
  "kt-kernel",
  "modelscope",
  "numba",
  "nvidia-cutlass-dsl",
  "nvidia-mathdx",
  "nvshmem4py-cu13",
  "py-spy",
  "quack-kernels",
  "sgl-deep-ep",
  "sgl-deep-gemm",
  "sgl-flash-mla",
  "sgl-kernel",
  "sglang-kernel",
  "soundfile",
  "tilelang",
  "torchao",
  "torchaudio",
  "torchcodec",
];

const sglangPrograms = [
  ["python", "-m", "sglang.launch_server"],
  ["python", "-m", "sglang_router.launch_router"],
  ["python", "-m", "sglang.srt.disaggregation.launch_lb"],
];

const releasedBefore: Readonly<Record<string, string>> = {
  "vllm 0.10.0": "2025-08-01",
  "vllm 0.12.0": "2025-12-10",
  "sglang 0.4.10": "2025-08-15",
};

export function recipeOf(engine: EngineName, version: string): Recipe {
  const until = releasedBefore[`${engine} ${version}`];
  const dated = until === undefined ? {} : { until };
  switch (engine) {
    case "vllm":
      return {
        packages: [`vllm==${version}`, "ray"],
        excluded: vllmExcluded,
        programs: [
          ["vllm", "serve"],
          ["ray", "start"],
        ],
        ...dated,
      };
    case "sglang":
      return {
        // Before 0.5 the server was an extra, and the router was not yet needed for a split.
        packages: version.startsWith("0.4.")
          ? [`sglang[srt]==${version}`, "dill"]
          : [`sglang==${version}`, "sglang-router", "dill"],
        excluded: sglangExcluded,
        programs: sglangPrograms,
        ...dated,
      };
    case "ktransformers":
      return {
        packages: [`sglang-kt==${version}`, "sglang-router", "dill"],
        excluded: sglangExcluded,
        programs: sglangPrograms,
      };
    case "tensorrt-llm":
      // PyPI has only a stub that fetches the wheel from elsewhere. These are what its source needs to be read.
      return {
        packages: ["click", "pydantic", "pyyaml", "strenum", "partial-json-parser"],
        excluded: [],
        programs: [["trtllm-serve", "serve"]],
      };
  }
}
