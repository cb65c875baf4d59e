/** How fast a placed model decodes, from what each token has to read. */
import type { ModelDescription } from "./describe-model.ts";
import type { DevicePlan } from "./plan-device.ts";
import type { Placement } from "./plan-placement.ts";

export interface DeviceSpeed {
  readonly name: string;
  /** Read for each token, with an empty context. */
  readonly bytesPerToken: number;
  /** Bytes a second. */
  readonly bandwidth: number;
  /** Nobody gave it, and the device's name does not tell. */
  readonly isAssumed: boolean;
}

export interface SpeedEstimate {
  readonly devices: readonly DeviceSpeed[];
  /** No faster than this, tokens a second, with an empty and with a full context. */
  readonly bound: number;
  readonly boundAtFullContext: number;
  /** What machines reach of it, tokens a second. */
  readonly expected: number;
}

/**
 * What measured machines reach of the bound: 0.48 (one RTX 6000 Pro and an EPYC 9355 socket, 22 tokens/s at
 * Q4_K) and 0.45 (KTransformers on one socket, 10 tokens/s), by the figures of k2-facts §4.10 with
 * 12 channels of DDR5-6400 and 8 of DDR5-4800 assumed.
 */
export const usualShare = 0.45;

export const formula =
  "tokens/s <= 1 / sum over devices of (weights + experts in use + KV cache read) / bandwidth";

/** GB/s by vendors' data sheets. */
const knownBandwidths: readonly (readonly [RegExp, number])[] = [
  [/\bGB200|\bB[23]00/i, 8_000],
  [/\bH200/i, 4_800],
  [/\bH100.*(PCIe)/i, 2_000],
  [/\bH[18]00/i, 3_350],
  [/\bH20\b/i, 4_000],
  [/\bA100.*40/i, 1_555],
  [/\bA[18]00/i, 2_039],
  [/\bMI300X/i, 5_300],
  [/\bMI325X/i, 6_000],
  [/\bMI35[05]X/i, 8_000],
  [/PRO 6000/i, 1_792],
  [/\bL40/i, 864],
  [/\bL20/i, 864],
  [/\bA6000/i, 768],
  [/5090/, 1_792],
  [/4090/, 1_008],
  [/3090/, 936],
  [/5080/, 960],
  [/4080/, 717],
];

const assumedGpu = 800e9;
/** Two channels of DDR5-5600. */
const assumedRam = 80e9;

/** Layers are computed one after another, so the devices' times add up; decoding is bound by memory (k2-facts §4.10). */
export function predictSpeed(model: ModelDescription, placement: Placement): SpeedEstimate {
  const { experts } = model.architecture ?? {};
  const share = experts && experts.count > 0 ? experts.used / experts.count : 1;
  const devices = placement.devices.map((device) => {
    const output = device.kind === "cpu" ? model.weights.input.bytes : 0;
    const { parts } = device;
    const own = parts.attention + parts.dense + parts["shared experts"] + parts.embeddings - output;
    return {
      name: device.name,
      bytesPerToken: own + parts.experts * share,
      ...bandwidthOf(device),
    };
  });
  const seconds = (withContext: boolean): number =>
    devices.reduce((sum, { bytesPerToken, bandwidth }, index) => {
      const kv = withContext ? (placement.devices[index]?.parts["KV cache"] ?? 0) : 0;
      return sum + (bytesPerToken + kv) / bandwidth;
    }, 0);
  const bound = 1 / seconds(false);
  return { devices, bound, boundAtFullContext: 1 / seconds(true), expected: bound * usualShare };
}

function bandwidthOf({ name, kind, bandwidth }: DevicePlan): {
  readonly bandwidth: number;
  readonly isAssumed: boolean;
} {
  if (bandwidth !== undefined) return { bandwidth, isAssumed: false };
  if (kind === "cpu") return { bandwidth: assumedRam, isAssumed: true };
  const known = knownBandwidths.find(([pattern]) => pattern.test(name))?.[1];
  return { bandwidth: (known ?? 0) * 1e9 || assumedGpu, isAssumed: known === undefined };
}
