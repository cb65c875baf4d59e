/** GPUs that K2 is served on, with what a plan needs of them. */
import { usageError } from "../errors.ts";

export interface Accelerator {
  /** As people call it, and as it is given: `H200`. */
  readonly name: string;
  readonly vendor: "nvidia" | "amd";
  /** All of one GPU's memory as its driver reports it, which is what engines take their share of. */
  readonly memoryBytes: number;
  /** Of its memory, bytes a second. */
  readonly bandwidth: number;
  /** Whether it multiplies FP8; without, engines unpack the weights on the way. */
  readonly hasFp8: boolean;
  /** Hopper, or Blackwell for data centres: what DeepEP and TensorRT-LLM's block FP8 are made for. */
  readonly isHopperOrLater: boolean;
  /** GPUs of the usual host, which are joined by NVLink, xGMI or, for cards, PCIe. */
  readonly perHost: number;
  /** Where the figures are from: the maker's data sheet; memory as `nvidia-smi` or `rocm-smi` prints it. */
  readonly source: string;
}

type Row = readonly [
  name: string,
  vendor: Accelerator["vendor"],
  memoryMib: number,
  gigabytesPerSecond: number,
  hasFp8: boolean,
  perHost: number,
  source: string,
];

const smi = "memory as nvidia-smi prints it";
const rocm = "memory as rocm-smi prints it: 16 MiB less than whole";

const rows: readonly Row[] = [
  ["H100", "nvidia", 81_559, 3_350, true, 8, `nvidia.com/en-us/data-center/h100 (SXM), ${smi}`],
  ["H200", "nvidia", 143_771, 4_800, true, 8, `nvidia.com/en-us/data-center/h200 (SXM), ${smi}`],
  [
    "H20",
    "nvidia",
    97_871,
    4_000,
    true,
    8,
    `NVIDIA H20 product brief (96 GB HBM3, 4.0 TB/s), ${smi}`,
  ],
  [
    "H800",
    "nvidia",
    81_559,
    3_350,
    true,
    8,
    `NVIDIA H800 product brief (SXM: the H100's memory), ${smi}`,
  ],
  [
    "B200",
    "nvidia",
    183_359,
    8_000,
    true,
    8,
    `nvidia.com/en-us/data-center/hgx (64 TB/s for eight), ${smi}`,
  ],
  [
    "GB200",
    "nvidia",
    189_471,
    8_000,
    true,
    4,
    `nvidia.com/en-us/data-center/gb200-nvl72 (576 TB/s for 72; 4 a tray), ${smi}`,
  ],
  [
    "A100",
    "nvidia",
    81_920,
    2_039,
    false,
    8,
    `nvidia.com/en-us/data-center/a100 (SXM, 80 GB), ${smi}`,
  ],
  ["L20", "nvidia", 46_068, 864, true, 8, `NVIDIA L20 product brief (48 GB GDDR6, ECC on), ${smi}`],
  ["L40S", "nvidia", 46_068, 864, true, 8, `nvidia.com/en-us/data-center/l40s (ECC on), ${smi}`],
  [
    "MI300X",
    "amd",
    196_592,
    5_300,
    true,
    8,
    `amd.com/en/products/accelerators/instinct/mi300/mi300x, ${rocm}`,
  ],
  [
    "MI325X",
    "amd",
    262_128,
    6_000,
    true,
    8,
    `amd.com/en/products/accelerators/instinct/mi300/mi325x, ${rocm}`,
  ],
  [
    "MI355X",
    "amd",
    294_896,
    8_000,
    true,
    8,
    `amd.com/en/products/accelerators/instinct/mi350/mi355x, ${rocm}`,
  ],
  [
    "RTX 4090",
    "nvidia",
    24_564,
    1_008,
    true,
    8,
    `nvidia.com/en-us/geforce/graphics-cards/40-series/rtx-4090, ${smi}`,
  ],
  [
    "RTX 6000 Pro",
    "nvidia",
    97_887,
    1_792,
    true,
    8,
    `nvidia.com/en-us/products/workstations/professional-desktop-gpus/rtx-pro-6000, ${smi}`,
  ],
];

const hopperOrLater = new Set(["H100", "H200", "H20", "H800", "B200", "GB200"]);

export const accelerators: readonly Accelerator[] = rows.map(
  ([name, vendor, memoryMib, gigabytesPerSecond, hasFp8, perHost, source]) => ({
    name,
    vendor,
    memoryBytes: memoryMib * 2 ** 20,
    bandwidth: gigabytesPerSecond * 1e9,
    hasFp8,
    isHopperOrLater: hopperOrLater.has(name),
    perHost,
    source,
  }),
);

/** Spellings with other words around: `NVIDIA H100 80GB HBM3`, `A100-SXM4-80GB`, `rtx-4090`, `RTX PRO 6000`. */
const otherNames: Readonly<Record<string, string>> = {
  rtxpro6000: "RTX 6000 Pro",
  rtx6000: "RTX 6000 Pro",
  "4090": "RTX 4090",
};

/** @throws KimiError for a GPU that is not in the catalogue, with those that are. */
export function findAccelerator(text: string): Accelerator {
  const wanted = plain(text);
  const other = otherNames[wanted];
  const found = accelerators.find(({ name }) => plain(name) === wanted || name === other);
  if (found) return found;
  throw usageError(
    `GPU ${text} is not in the catalogue`,
    `There are: ${accelerators.map(({ name }) => name).join(", ")}.`,
  );
}

function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(
      /nvidia|amd|instinct|geforce|blackwell|\d+ ?gi?b|hbm\d\w*|sxm\d?|pcie|nvl\b|edition|server|workstation|[\s_-]/g,
      "",
    );
}
