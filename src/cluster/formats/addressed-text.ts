import type { DeploymentPlan, Host, NodeCommand } from "../deployment-plan.ts";
import { hostsOf } from "./addresses.ts";

/** A host in place of its address. */
interface AddressPiece {
  readonly host: Host;
  /** As IPv6 is before a port and in a URL: `[fd00::1]`. The brackets belong to the piece. */
  readonly isBracketed: boolean;
}

/** Text in which hosts stand for their addresses. */
export type AddressedText = readonly (string | AddressPiece)[];

/** A command cut at the addresses in it. */
export interface AddressedCommand {
  readonly argv: readonly AddressedText[];
  readonly env: Readonly<Record<string, AddressedText>>;
}

/** Flags with the address of a host as their value, or `HOST:PORT`, a URL, or (of mpirun) `HOST:SLOTS,HOST:SLOTS`. */
const addressFlags = new Set([
  "--dist-init-addr",
  "--nccl-init-addr",
  "--master-addr",
  "--data-parallel-address",
  "--host",
  "-H",
  "--address",
  "--prefill",
  "--decode",
]);

const addressVariables = new Set(["RAY_ADDRESS", "VLLM_HOST_IP"]);

/**
 * The words of a command, and its environment, cut at addresses: in the first value of a flag that takes one, and nowhere
 * else, since a host may be called `decode` or `auto`, as values of other flags are.
 */
export function addressedCommand(
  { argv, env }: Pick<NodeCommand, "argv" | "env">,
  plan: DeploymentPlan,
): AddressedCommand {
  const values = Object.entries(env).map(
    ([name, value]) =>
      [name, addressVariables.has(name) ? cutAtAddresses(value, plan) : [value]] as const,
  );
  return {
    argv: argv.map((word, index) => addressedWord(word, argv[index - 1] ?? "", plan)),
    env: Object.fromEntries(values),
  };
}

function addressedWord(word: string, before: string, plan: DeploymentPlan): AddressedText {
  if (addressFlags.has(before)) return cutAtAddresses(word, plan);
  const [, flag = "", value = ""] = /^(--[\w-]+)=(.*)$/s.exec(word) ?? [];
  return addressFlags.has(flag) ? [`${flag}=`, ...cutAtAddresses(value, plan)] : [word];
}

/** The names of the hosts whose addresses stand in a command or in its environment. */
export function addressedHosts({ argv, env }: AddressedCommand): Set<string> {
  const pieces = [...argv, ...Object.values(env)].flat();
  return new Set(pieces.flatMap((piece) => (typeof piece === "string" ? [] : [piece.host.name])));
}

function cutAtAddresses(text: string, plan: DeploymentPlan): AddressedText {
  return text
    .split(/(,)/)
    .flatMap((item) => cutItem(item, plan))
    .filter((piece) => piece !== "");
}

/** `HOST`, `HOST:PORT`, `SCHEME://HOST:PORT/PATH`; IPv6 has brackets unless it is by itself. */
function cutItem(item: string, plan: DeploymentPlan): AddressedText {
  const hosts = hostsByAddress(plan);
  const alone = hosts.get(item);
  if (alone !== undefined) return [{ host: alone, isBracketed: false }];
  const [, scheme = "", inBrackets, bare = "", rest = ""] =
    /^([a-z][\w+.-]*:\/\/)?(?:\[([^\]]+)\]|([^:/[\]]+))((?::\d+)?(?:\/.*)?)$/is.exec(item) ?? [];
  const host = hosts.get(inBrackets ?? bare);
  return host === undefined
    ? [item]
    : [scheme, { host, isBracketed: inBrackets !== undefined }, rest];
}

/** A plan's own is asked for with every word of it. */
const known = new WeakMap<DeploymentPlan, ReadonlyMap<string, Host>>();

/** Of several hosts with one address, the first. */
function hostsByAddress(plan: DeploymentPlan): ReadonlyMap<string, Host> {
  const found = known.get(plan);
  if (found !== undefined) return found;
  const hosts = new Map(
    hostsOf(plan)
      .toReversed()
      .map((host) => [host.address, host]),
  );
  known.set(plan, hosts);
  return hosts;
}
