import type { DeploymentPlan, NodeCommand } from "../deployment-plan.ts";
import { addressedCommand, type AddressedText } from "./addressed-text.ts";
import { addressVariables, endpointUrl, hostsOf, otherAddress } from "./addresses.ts";
import {
  fileKey,
  filesFolder,
  huggingFaceFolder,
  refuseMpi,
  refuseSharedHosts,
} from "./container.ts";
import {
  engineImage,
  imageContents,
  isAmd,
  isDownloaded,
  modelFolders,
  usesInfiniBand,
} from "./images.ts";
import { commentText, planTitle, resourceName } from "./plan-words.ts";
import { yamlText } from "./yaml-text.ts";

/**
 * One file of Docker Compose for all hosts: a service a process, in the profile of its host. Format: the Compose
 * specification; `configs.content` needs Docker Compose 2.23.1.
 */
export function composeText(plan: DeploymentPlan): string {
  refuseMpi(plan, "compose");
  refuseSharedHosts(plan, "compose");
  const services = plan.nodes.map((node) => [node.name, serviceOf(node, plan)] as const);
  const configs = plan.files.map(
    (file) => [fileKey(file), { content: escaped(file.content) }] as const,
  );
  const document = {
    name: resourceName(plan.servedName),
    services: Object.fromEntries(services),
    ...(configs.length === 0 ? {} : { configs: Object.fromEntries(configs) }),
  };
  return commentText(comments(plan)) + yamlText(document);
}

function comments(plan: DeploymentPlan): string[] {
  const { nodes, servedName, notes } = plan;
  const hosts = hostsOf(plan).filter(({ name }) => nodes.some(({ host }) => host.name === name));
  return [
    `${planTitle(plan)}.`,
    hosts.length === 1 ? "Start it with:" : "Put this file on every host. Start, in this order:",
    ...hosts.map(({ name }) => `  on ${name}: docker compose --profile ${name} up -d`),
    `Clients then find ${servedName} at ${endpointUrl(plan)}.`,
    ...variableComments(plan),
    ...notes.map((note) => `Note: ${note}`),
  ];
}

function variableComments(plan: DeploymentPlan): string[] {
  const variables = [...addressVariables(plan).values()];
  const [first = ""] = variables;
  const names = variables.length > 4 ? `${first} to ${variables.at(-1)}` : variables.join(", ");
  const settings = [
    "KIMI_IMAGE (another image)",
    ...(isDownloaded(plan) ? ["HF_HOME (the folder of Hugging Face's downloads)"] : []),
    `${names} (${otherAddress(hostsOf(plan).map(({ address }) => address))})`,
  ];
  return [
    `A file .env beside this one, or the environment, can set: ${settings.join("; ")}.`,
    ...(engineImage(plan) === undefined
      ? [`KIMI_IMAGE must be set, to an image with ${imageContents(plan)}.`]
      : []),
  ];
}

function serviceOf(node: NodeCommand, plan: DeploymentPlan): object {
  const { host } = node;
  const { argv, env } = addressedCommand(node, plan);
  const [program = "", ...rest] = argv.map((word) => interpolated(word, plan));
  const image = engineImage(plan);
  const environment = Object.entries(env).map(([name, value]) => [name, interpolated(value, plan)]);
  return {
    profiles: [host.name],
    image: `\${KIMI_IMAGE${image === undefined ? `:?set it to an image with ${plan.engine}` : `:-${image}`}}`,
    entrypoint: [program],
    command: rest,
    ...(environment.length === 0 ? {} : { environment: Object.fromEntries(environment) }),
    network_mode: "host",
    ipc: "host",
    ulimits: { memlock: -1, stack: 67_108_864 },
    cap_add: ["IPC_LOCK"],
    ...devicesOf(node, plan),
    ...(node.role === "router" ? {} : { volumes: volumesOf(plan) }),
    ...filesOf(plan),
    ...healthOf(node, plan),
  };
}

/** The processes that compute get the host's GPUs; a router does not. */
function devicesOf({ role, host }: NodeCommand, plan: DeploymentPlan): object {
  if (role === "router" || host.gpus === 0) return {};
  const infiniBand = usesInfiniBand(plan) ? ["/dev/infiniband:/dev/infiniband"] : [];
  if (isAmd(plan)) {
    return {
      devices: ["/dev/kfd:/dev/kfd", "/dev/dri:/dev/dri", ...infiniBand],
      group_add: ["video"],
      security_opt: ["seccomp:unconfined"],
    };
  }
  const device = { driver: "nvidia", count: host.gpus, capabilities: ["gpu"] };
  return {
    ...(infiniBand.length === 0 ? {} : { devices: infiniBand }),
    deploy: { resources: { reservations: { devices: [device] } } },
  };
}

function volumesOf(plan: DeploymentPlan): object[] {
  const folders = modelFolders(plan).map((path) => ({
    type: "bind",
    source: escaped(path),
    target: escaped(path),
    read_only: true,
  }));
  const cache = {
    type: "bind",
    source: "${HF_HOME:-~/.cache/huggingface}",
    target: huggingFaceFolder,
    bind: { create_host_path: true },
  };
  return isDownloaded(plan) ? [...folders, cache] : folders;
}

function filesOf({ files }: DeploymentPlan): object {
  if (files.length === 0) return {};
  const configs = files.map((file) => ({
    source: fileKey(file),
    target: `${filesFolder}/${file.path}`,
    ...(file.isExecutable === true ? { mode: "0755" } : {}),
  }));
  return { working_dir: filesFolder, configs };
}

/** Python is in every engine's image; curl is not. Loading a terabyte takes a while, in which failures do not count. */
function healthOf(node: NodeCommand, plan: DeploymentPlan): object {
  const { health, argv } = node;
  if (health === undefined) return {};
  const index = argv.indexOf("--host") + 1;
  const host = index === 0 ? undefined : argv[index];
  const word = addressedCommand(node, plan).argv[index] ?? [];
  const isElsewhere = host !== undefined && !/^(?:0\.0\.0\.0|::)$/.test(host);
  const own = isElsewhere ? interpolated(word, plan) : "127.0.0.1";
  const address = isElsewhere && host.includes(":") ? `[${own}]` : own;
  const url = `http://${address}:${health.port}${health.path}`;
  const check = `import urllib.request; urllib.request.urlopen("${url}", timeout=5)`;
  return {
    healthcheck: {
      test: ["CMD", "python3", "-c", check],
      interval: "30s",
      timeout: "10s",
      retries: 3,
      start_period: "1h",
    },
  };
}

/** With a host's address as `${NODE_0_ADDRESS:-node-0}`. */
function interpolated(text: AddressedText, plan: DeploymentPlan): string {
  const variables = addressVariables(plan);
  return text
    .map((piece) => {
      if (typeof piece === "string") return escaped(piece);
      const { host, isBracketed } = piece;
      const variable = `\${${variables.get(host.name) ?? ""}:-${host.address}}`;
      return isBracketed ? `[${variable}]` : variable;
    })
    .join("");
}

function escaped(text: string): string {
  return text.replaceAll("$", "$$$$");
}
