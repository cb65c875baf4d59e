import type { DeploymentPlan, Host } from "../deployment-plan.ts";

/** Every host of the plan once, in the order in which its processes start. */
export function hostsOf({ nodes, mpi, endpoint }: DeploymentPlan): Host[] {
  const hosts = new Map<string, Host>();
  for (const host of [...nodes.map(({ host }) => host), ...(mpi?.hosts ?? []), endpoint.host]) {
    if (!hosts.has(host.name)) hosts.set(host.name, host);
  }
  return [...hosts.values()];
}

/** Where clients find the model: `http://node-0:8000/v1`. */
export function endpointUrl({ endpoint: { host, port } }: DeploymentPlan): string {
  const { address } = host;
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}/v1`;
}

/** What can be put in the place of these addresses: one of IPv6 stands in brackets where a name must not. */
export function otherAddress(addresses: readonly string[]): string {
  return addresses.some((address) => address.includes(":"))
    ? "another IPv6 address"
    : "another address";
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
