import type { DeploymentPlan, NodeCommand } from "../deployment-plan.ts";
import { fileKey, filesFolder, huggingFaceFolder } from "./container.ts";
import { engineImage, isAmd, isDownloaded, modelFolders } from "./images.ts";
import type { PodCommand } from "./pod-command.ts";

/** Where a node keeps what its pods download from Hugging Face. */
const downloadsOnNode = "/var/lib/huggingface";

/** What the manifest must be given by hand where no image is known. */
export const imageToFillIn = "IMAGE";

/** A pod's `spec`, of one container. Its files are in the ConfigMap `configMap`. */
export function podSpec(
  node: NodeCommand,
  { command, env }: PodCommand,
  { plan, configMap }: { readonly plan: DeploymentPlan; readonly configMap: string },
): object {
  const isRouter = node.role === "router";
  const volumes = isRouter ? filesVolume(plan, configMap) : volumesOf(plan, configMap);
  const variables = [
    ...(needsOwnAddress(command, env)
      ? [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }]
      : []),
    ...Object.entries(env).map(([name, value]) => ({ name, value })),
  ];
  const container = {
    name: plan.engine,
    image: engineImage(plan) ?? imageToFillIn,
    command,
    ...(plan.files.length === 0 ? {} : { workingDir: filesFolder }),
    ...(variables.length === 0 ? {} : { env: variables }),
    ...portsOf(node),
    ...gpusOf(node, plan),
    ...(isRouter ? {} : { securityContext: { capabilities: { add: ["IPC_LOCK"] } } }),
    ...(volumes.length === 0 ? {} : { volumeMounts: volumes.map(({ mount }) => mount) }),
  };
  return {
    containers: [container],
    ...(volumes.length === 0 ? {} : { volumes: volumes.map(({ volume }) => volume) }),
  };
}

function needsOwnAddress(command: readonly string[], env: PodCommand["env"]): boolean {
  const words = [...command, ...Object.values(env)];
  return words.some((word) => word.includes("$(POD_IP)") || word.includes("$$POD_IP"));
}

function portsOf({ health }: NodeCommand): object {
  if (health === undefined) return {};
  const { port, path } = health;
  return {
    ports: [{ name: "http", containerPort: port }],
    readinessProbe: { httpGet: { path, port }, periodSeconds: 10, timeoutSeconds: 5 },
  };
}

function gpusOf({ role, host }: NodeCommand, plan: DeploymentPlan): object {
  if (role === "router" || host.gpus === 0) return {};
  const resource = isAmd(plan) ? "amd.com/gpu" : "nvidia.com/gpu";
  return { resources: { limits: { [resource]: String(host.gpus) } } };
}

interface Volume {
  readonly volume: object;
  readonly mount: object;
}

function volumesOf(plan: DeploymentPlan, configMap: string): Volume[] {
  const folders = modelFolders(plan).map((path, index): Volume => {
    const name = index === 0 ? "model" : `model-${index + 1}`;
    return {
      volume: { name, hostPath: { path } },
      mount: { name, mountPath: path, readOnly: true },
    };
  });
  const downloads: Volume = {
    volume: { name: "downloads", hostPath: { path: downloadsOnNode, type: "DirectoryOrCreate" } },
    mount: { name: "downloads", mountPath: huggingFaceFolder },
  };
  return [
    {
      volume: { name: "shared-memory", emptyDir: { medium: "Memory" } },
      mount: { name: "shared-memory", mountPath: "/dev/shm" },
    },
    ...folders,
    ...(isDownloaded(plan) ? [downloads] : []),
    ...filesVolume(plan, configMap),
  ];
}

function filesVolume({ files }: DeploymentPlan, configMap: string): Volume[] {
  if (files.length === 0) return [];
  const items = files.map((file) => ({
    key: fileKey(file),
    path: file.path,
    ...(file.isExecutable === true ? { mode: 0o755 } : {}),
  }));
  return [
    {
      volume: { name: "files", configMap: { name: configMap, items } },
      mount: { name: "files", mountPath: filesFolder },
    },
  ];
}
