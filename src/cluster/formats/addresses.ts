import type { DeploymentPlan, Host } from "../deployment-plan.ts";

/** Text in which hosts stand for their addresses. */
export type AddressedText = readonly (string | Host)[];

/** Every host of the plan once, in the order in which its processes start. */
export function hostsOf({ nodes, mpi, endpoint }: DeploymentPlan): Host[] {
  const hosts = new Map<string, Host>();
  for (const host of [...nodes.map(({ host }) => host), ...(mpi?.hosts ?? []), endpoint.host]) {
    if (!hosts.has(host.name)) hosts.set(host.name, host);
  }
  return [...hosts.values()];
}

interface AddressPattern {
  readonly byAddress: ReadonlyMap<string, Host>;
  readonly whole: RegExp;
}

/** A plan's own is asked for with every word of it. */
const patterns = new WeakMap<DeploymentPlan, AddressPattern>();

function patternOf(plan: DeploymentPlan): AddressPattern {
  const known = patterns.get(plan);
  if (known !== undefined) return known;
  const byAddress = new Map(
    hostsOf(plan)
      .toReversed()
      .map((host) => [host.address, host]),
  );
  const longestFirst = [...byAddress.keys()].sort((one, other) => other.length - one.length);
  const addresses = longestFirst.map(escaped).join("|");
  const whole = new RegExp(String.raw`(?<![\w.-]|(?<!/)/)(${addresses})(?![\w-]|\.\w)`);
  patterns.set(plan, { byAddress, whole });
  return { byAddress, whole };
}

/**
 * An argument or a value of the environment, cut at the addresses in it. An address is a whole one: `node-1` is not in
 * `node-10`, nor in a path. The model's name and path are left as they are.
 */
export function cutAtAddresses(text: string, plan: DeploymentPlan): AddressedText {
  if (text === plan.model || text === plan.servedName) return [text];
  const { byAddress, whole } = patternOf(plan);
  return text
    .split(whole)
    .map((piece, index) => (index % 2 === 1 ? (byAddress.get(piece) ?? piece) : piece))
    .filter((piece) => piece !== "");
}

/** The host's address as a shell's variable: `NODE_0_ADDRESS` of `node-0`. Each host of the plan has its own. */
export function addressVariables(plan: DeploymentPlan): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name } of hostsOf(plan)) {
    const word = name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
    const stem = /^\d/.test(word) ? `HOST_${word}` : word;
    let variable = `${stem}_ADDRESS`;
    for (let count = 2; taken.has(variable); count++) variable = `${stem}_${count}_ADDRESS`;
    taken.add(variable);
    variables.set(name, variable);
  }
  return variables;
}

/** The names of the hosts whose addresses stand in a command or in its environment. */
export function addressedHosts(texts: readonly string[], plan: DeploymentPlan): Set<string> {
  return new Set(
    texts
      .flatMap((text) => cutAtAddresses(text, plan))
      .flatMap((piece) => (typeof piece === "string" ? [] : [piece.name])),
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
