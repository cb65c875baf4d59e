import type { DeploymentPlan, NodeCommand, PlanFile } from "../deployment-plan.ts";
import { addressedCommand, addressedHosts, type AddressedText } from "./addressed-text.ts";
import { addressVariables, endpointUrl, hostsOf, otherAddress } from "./addresses.ts";
import { commentText, planTitle } from "./plan-words.ts";
import { addressedWord, commandText, escapedInQuotes } from "./shell-command.ts";

/** One bash script a process, `NAME.sh`. Each runs its command in its own folder, where the plan's files stand, too. */
export function scriptFiles(plan: DeploymentPlan): PlanFile[] {
  return plan.nodes.map((node) => ({
    path: `${node.name}.sh`,
    content: scriptText(node, plan),
    isExecutable: true,
  }));
}

function scriptText(node: NodeCommand, plan: DeploymentPlan): string {
  const { argv, env } = addressedCommand(node, plan);
  const word = (text: AddressedText): string => addressedWord(text, plan);
  const addresses = addressLines(node, plan);
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${word(value)}\n`);
  return [
    `#!/usr/bin/env bash\n${commentText(comments(node, plan))}set -euo pipefail\n`,
    `cd -- "$(dirname -- "\${BASH_SOURCE[0]}")"\n`,
    ...(addresses === "" ? [] : [`\n${addresses}`]),
    ...(exports.length === 0 ? [] : [`\n${exports.join("")}`]),
    `\n${commandText(["exec", ...argv.map(word)])}\n`,
  ].join("");
}

function comments(node: NodeCommand, plan: DeploymentPlan): string[] {
  const { nodes, files, servedName, notes } = plan;
  const position = nodes.indexOf(node) + 1;
  const order = nodes.map(({ name, host }, index) => `  ${index + 1}. ${name}.sh on ${host.name}`);
  const addresses = addressesOf(node, plan);
  const other = otherAddress(addresses.map(({ address }) => address)).replace(/^a/, "A");
  const variables = addresses.map(({ variable }) => variable).join(", ");
  const names = files.map(({ path }) => path).join(", ");
  return [
    `${planTitle(plan)}.`,
    `Run it on ${node.host.name}${nodes.length === 1 ? "" : `, as ${position} of ${nodes.length}`}. It stays in the foreground.`,
    ...(files.length === 0 ? [] : [`It needs beside it: ${names}.`]),
    `Clients then find ${servedName} at ${endpointUrl(plan)}.`,
    ...(nodes.length === 1 ? [] : ["In this order:", ...order]),
    ...(variables === "" ? [] : [`${other} can be set in the environment: ${variables}.`]),
    ...notes.map((note) => `Note: ${note}`),
  ];
}

/** Of the hosts that the script names. */
function addressesOf(
  node: NodeCommand,
  plan: DeploymentPlan,
): { readonly variable: string; readonly address: string }[] {
  const named = addressedHosts(addressedCommand(node, plan));
  const variables = addressVariables(plan);
  return hostsOf(plan)
    .filter(({ name }) => named.has(name))
    .map(({ name, address }) => ({ variable: variables.get(name) ?? "", address }));
}

/** `NODE_0_ADDRESS="${NODE_0_ADDRESS:-node-0}"`. */
function addressLines(node: NodeCommand, plan: DeploymentPlan): string {
  return addressesOf(node, plan)
    .map(({ variable, address }) => `${variable}="\${${variable}:-${escapedInQuotes(address)}}"\n`)
    .join("");
}
