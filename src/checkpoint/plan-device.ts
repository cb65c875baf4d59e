/** What lies on one device, added up. */
import type { Component, LayerWeights } from "./describe-weights.ts";

export const planParts = [
  "attention",
  "dense",
  "shared experts",
  "experts",
  "embeddings",
  "KV cache",
  "buffers",
] as const;

export type PlanPart = (typeof planParts)[number];

export interface DevicePlan {
  readonly name: string;
  readonly kind: "gpu" | "cpu";
  readonly capacityBytes: number;
  /** Bytes a second, if it is given. */
  readonly bandwidth: number | undefined;
  /** What lies there, bytes; norms count as attention, the router as shared experts. */
  readonly parts: Readonly<Record<PlanPart, number>>;
  readonly usedBytes: number;
  /** 0 if it fits. */
  readonly missingBytes: number;
  /** Layers whose attention is computed here. */
  readonly layers: readonly number[];
  /** Layers whose experts lie here. */
  readonly expertLayers: readonly number[];
}

interface DeviceFacts {
  readonly kind: "gpu" | "cpu";
  readonly name: string;
  /** Bytes. */
  readonly capacity: number;
  /** Bytes of the KV cache. */
  readonly kvPerLayer: number;
}

const partOf: Readonly<Partial<Record<Component, PlanPart>>> = {
  attention: "attention",
  norms: "attention",
  router: "shared experts",
  dense: "dense",
  "shared experts": "shared experts",
};

export class PlannedDevice {
  readonly expertLayers: number[] = [];
  readonly #facts: DeviceFacts;
  readonly #layers: number[] = [];
  readonly #parts = Object.fromEntries(planParts.map((part) => [part, 0])) as Record<
    PlanPart,
    number
  >;

  constructor(facts: DeviceFacts) {
    this.#facts = facts;
  }

  get usedBytes(): number {
    return Object.values(this.#parts).reduce((sum, bytes) => sum + bytes, 0);
  }

  get freeBytes(): number {
    return this.#facts.capacity - this.usedBytes;
  }

  add(part: PlanPart, bytes: number): void {
    this.#parts[part] += bytes;
  }

  /** All but its experts, with its part of the KV cache. */
  addLayer({ layer, parts }: LayerWeights): void {
    this.#layers.push(layer);
    this.add("KV cache", this.#facts.kvPerLayer);
    for (const [component, { bytes }] of Object.entries(parts)) {
      const part = partOf[component as Component];
      if (part) this.add(part, bytes);
    }
  }

  addExperts({ layer, parts }: LayerWeights): void {
    if (parts.experts.bytes === 0) return;
    this.expertLayers.push(layer);
    this.add("experts", parts.experts.bytes);
  }

  plan(bandwidth: number | undefined): DevicePlan {
    const { kind, name, capacity } = this.#facts;
    return {
      name,
      kind,
      capacityBytes: capacity,
      bandwidth,
      parts: this.#parts,
      usedBytes: this.usedBytes,
      missingBytes: Math.max(0, -this.freeBytes),
      layers: this.#layers,
      expertLayers: this.expertLayers.toSorted((a, b) => a - b),
    };
  }
}

/** `layers 1-3, 7`. */
export function layersText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  const list = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
  return `layer${numbers.length === 1 ? "" : "s"} ${list.join(", ")}`;
}
