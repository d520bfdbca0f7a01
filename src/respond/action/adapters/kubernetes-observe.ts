/**
 * What of the platform is in the cluster: pools of Deployments and their autoscalers, and pods.
 *
 * Shape:  one list per kind and namespace, sorted by the configured labels. A pod's `cpu` and
 *         `memory` are unknown here: Kubernetes has them in another API, and our agents measure.
 * Units:  replicas.
 * Errors: ActuatorFault; a configured service that is not in the cluster is no pool.
 */
import type { V1Deployment, V1Pod, V2HorizontalPodAutoscaler } from "@kubernetes/client-node";
import type { Change, Observed, Pool, Replica } from "../port.ts";
import type { KubernetesApi } from "./kubernetes-api.ts";
import { autoscalerOf, readOwnRange, versionOf } from "./kubernetes-changes.ts";
import { everyTarget, type KubernetesConfig, type Target } from "./kubernetes-config.ts";

export const observeCluster = async (
  api: Pick<KubernetesApi, "listDeployments" | "listPods" | "listAutoscalers">,
  config: KubernetesConfig,
  atMs: number,
): Promise<Observed> => {
  const targets = everyTarget(config);
  const pools: Pool[] = [];
  const replicas: Replica[] = [];
  const inForce: Change[] = [];
  for (const namespace of new Set(targets.map((target) => target.namespace))) {
    const [deployments, pods, autoscalers] = await Promise.all([
      api.listDeployments(namespace),
      api.listPods(namespace),
      api.listAutoscalers(namespace),
    ]);
    for (const target of targets.filter((one) => one.namespace === namespace)) {
      const deployment = deployments.items.find((one) => has(one.metadata?.labels, target.labels));
      if (deployment === undefined) continue;
      const autoscaler = autoscalerOf(deployment, autoscalers.items);
      pools.push(poolOf(target, deployment, autoscaler));
      const own = autoscaler === undefined ? undefined : readOwnRange(autoscaler);
      if (own !== undefined) inForce.push(scaleOf(target, own.set.replicas));
      const selector = deployment.spec?.selector.matchLabels ?? {};
      const mine = pods.items.filter(({ metadata }) => has(metadata?.labels, selector));
      replicas.push(...mine.map((pod) => replicaOf(target, pod)));
    }
  }
  return { atMs, pools, replicas, inForce };
};

const scaleOf = ({ service, region }: Target, replicas: number): Change => ({
  ...{ kind: "scale", service, region, replicas },
});

const poolOf = (
  { service, region, min, max }: Target,
  deployment: V1Deployment,
  autoscaler: V2HorizontalPodAutoscaler | undefined,
): Pool => ({
  ...{ service, region },
  replicas: deployment.spec?.replicas ?? 1,
  min: autoscaler?.spec?.minReplicas ?? min,
  max: autoscaler?.spec?.maxReplicas ?? max,
});

export const replicaOf = (target: Target, pod: V1Pod): Replica => ({
  id: pod.metadata?.name ?? "?",
  service: target.service,
  region: target.region,
  state: stateOf(pod),
  cpu: null,
  memory: null,
  restarts: (pod.status?.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0),
  version: versionOf(pod.spec?.containers, target) ?? "unknown",
});

export const stateOf = (pod: V1Pod): Replica["state"] => {
  const { phase, conditions = [], containerStatuses = [] } = pod.status ?? {};
  if (pod.metadata?.deletionTimestamp !== undefined) return "draining";
  if (phase === "Succeeded" || phase === "Failed") return "stopped";
  if (conditions.some(({ type, status }) => type === "Ready" && status === "True")) return "ready";
  const waits = containerStatuses.map(({ state }) => state?.waiting?.reason ?? "");
  if (waits.includes("CrashLoopBackOff")) return "quarantined";
  if (phase !== "Running" && !waits.some((why) => /^(?:Err|Image|Invalid|Create)/.test(why)))
    return "starting";
  const wasUp = containerStatuses.some(({ started, restartCount }) => started || restartCount > 0);
  return phase === "Running" && !wasUp ? "starting" : "unhealthy";
};

const has = (
  labels: { readonly [key: string]: string } | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean => Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
