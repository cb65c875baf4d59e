import type { DeploymentPlan } from "../deployment-plan.ts";
import { fileKey, refuseMpi, refuseSharedHosts } from "./container.ts";
import { engineImage, imageContents, modelFolders, usesInfiniBand } from "./images.ts";
import { commentText, planTitle, resourceName, withoutStandIns } from "./plan-words.ts";
import { leaderCommand, workerCommand } from "./pod-command.ts";
import { podGroups, type PodGroup } from "./pod-groups.ts";
import { imageToFillIn, podSpec } from "./pod-spec.ts";
import { yamlText } from "./yaml-text.ts";

/**
 * A manifest for `kubectl apply`: a LeaderWorkerSet (leaderworkerset.x-k8s.io/v1) for each group of several pods, a Deployment
 * for a pod by itself, a Service in front and a ConfigMap of the plan's files.
 */
export function kubernetesText(plan: DeploymentPlan): string {
  refuseMpi(plan, "kubernetes");
  refuseSharedHosts(plan, "kubernetes");
  const groups = podGroups(plan);
  const objects = [
    ...configMapOf(plan),
    ...groups.map((group) =>
      group.isSet ? setOf(group, plan, groups) : deploymentOf(group, plan, groups),
    ),
    serviceOf(plan, groups),
  ];
  return commentText(comments(plan, groups)) + objects.map(yamlText).join("---\n");
}

const labelName = "app.kubernetes.io/name";

const filesName = (plan: DeploymentPlan): string => `${resourceName(plan.servedName)}-files`;
const endpointName = (plan: DeploymentPlan): string => `${resourceName(plan.servedName)}-endpoint`;

function comments(plan: DeploymentPlan, groups: readonly PodGroup[]): string[] {
  const { endpoint, servedName, notes } = plan;
  const folders = modelFolders(plan);
  const hasSets = groups.some(({ isSet }) => isSet);
  return [
    `${planTitle(plan)}.`,
    `Start it with: kubectl apply -f FILE${hasSets ? " (LeaderWorkerSet must be installed in the cluster)" : ""}. Clients in its namespace find ${servedName} at http://${endpointName(plan)}:${endpoint.port}/v1.`,
    ...(engineImage(plan) === undefined
      ? [`${imageToFillIn} must be replaced by an image with ${imageContents(plan)}.`]
      : []),
    folders.length > 0
      ? `Every node must have ${folders.join(" and ")}.`
      : "Every node keeps what it downloads from Hugging Face in /var/lib/huggingface.",
    ...(usesInfiniBand(plan)
      ? [
          "The pods need the cluster's RDMA resource among their limits, under the name that its device plugin gives it.",
        ]
      : []),
    ...withoutStandIns(notes).map((note) => `Note: ${note}`),
  ];
}

function setOf(group: PodGroup, plan: DeploymentPlan, groups: readonly PodGroup[]): object {
  const { name, leader, workers } = group;
  const context = { plan, configMap: filesName(plan) };
  const metadata = { labels: { [labelName]: name } };
  const leaderSpec = podSpec(leader, leaderCommand(group, plan, groups), context);
  const [worker] = workers;
  const workerSpec =
    worker === undefined
      ? leaderSpec
      : podSpec(worker, workerCommand(group, plan, groups), context);
  return {
    apiVersion: "leaderworkerset.x-k8s.io/v1",
    kind: "LeaderWorkerSet",
    metadata: { name },
    spec: {
      replicas: 1,
      leaderWorkerTemplate: {
        size: workers.length + 1,
        restartPolicy: "RecreateGroupOnPodRestart",
        leaderTemplate: { metadata, spec: leaderSpec },
        workerTemplate: { metadata, spec: workerSpec },
      },
    },
  };
}

function deploymentOf(group: PodGroup, plan: DeploymentPlan, groups: readonly PodGroup[]): object {
  const { name, leader } = group;
  const labels = { [labelName]: name };
  const context = { plan, configMap: filesName(plan) };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: 1,
      // The GPUs of the old pod are needed for the new one.
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: podSpec(leader, leaderCommand(group, plan, groups), context),
      },
    },
  };
}

/** Of the pod that answers the endpoint. A set has a headless service of its own name already, hence another one. */
function serviceOf(plan: DeploymentPlan, groups: readonly PodGroup[]): object {
  const { port } = plan.endpoint;
  const group =
    groups.find(
      ({ leader }) => leader.health?.port === port && leader.host.name === plan.endpoint.host.name,
    ) ?? groups.at(-1);
  const name = group?.name ?? "";
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: endpointName(plan) },
    spec: {
      selector:
        group?.isSet === true
          ? {
              "leaderworkerset.sigs.k8s.io/name": name,
              "leaderworkerset.sigs.k8s.io/worker-index": "0",
            }
          : { [labelName]: name },
      ports: [{ name: "http", port, targetPort: port }],
    },
  };
}

function configMapOf(plan: DeploymentPlan): object[] {
  if (plan.files.length === 0) return [];
  const data = plan.files.map((file) => [fileKey(file), file.content]);
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: filesName(plan) },
      data: Object.fromEntries(data),
    },
  ];
}
