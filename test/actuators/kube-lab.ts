/**
 * The actuator before a small cluster: two regions of one service, each a Deployment in its own
 * namespace, under the Role of docs/actuators.md.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";
import { connectKubernetes } from "../../src/respond/action/adapters/kubernetes-api.ts";
import { kubernetesConfig } from "../../src/respond/action/adapters/kubernetes-config.ts";
import { kubernetesActuator } from "../../src/respond/action/adapters/kubernetes.ts";
import type { Change, Wanted } from "../../src/respond/action/port.ts";
import { startKubeApi, type Rule } from "./kube-api.ts";
import type { PodThing } from "./kube-store.ts";

export const PARIS = "novaevo-paris";
export const LYON = "novaevo-lyon";
export type KubeLab = Awaited<ReturnType<typeof openKubeLab>>;

export const documentedRole = async (): Promise<readonly Rule[]> => {
  const page = await readFile(new URL("../../docs/actuators.md", import.meta.url), "utf8");
  const yaml = /```yaml\n(apiVersion: rbac[\s\S]*?)```/.exec(page)?.[1] ?? "";
  return (parse(yaml) as { rules: Rule[] }).rules;
};

export const openKubeLab = async (timeoutMs = 10_000) => {
  const dir = await mkdtemp(path.join(tmpdir(), "novaevo-kube-"));
  const api = await startKubeApi(await documentedRole());
  const kubeconfig = path.join(dir, "kubeconfig");
  await writeFile(kubeconfig, api.kubeconfig());
  const config = kubernetesConfig.parse({
    ...{ kubeconfig, timeoutMs },
    regions: { paris: { namespace: PARIS }, lyon: { namespace: LYON } },
    services: { obd2: { labels: { app: "obd2" }, container: "app", min: 1, max: 8 } },
  });
  for (const namespace of [PARIS, LYON]) {
    api.addNamespace(namespace);
    api.store.create("deployments", deployment(namespace, "1.0.0"));
  }
  api.settle();
  const connected = await connectKubernetes(config);
  /** A hub of its own: nothing is shared but the cluster. */
  const hub = () =>
    kubernetesActuator({
      ...{ api: connected, config, now: Date.now, random: Math.random },
      sleep: (delayMs) => delay(delayMs),
    });
  const of = (namespace: string) => api.store.find("deployments", namespace, "obd2");
  return {
    ...{ api, config, dir, hub, of },
    actuator: hub(),
    pods: (namespace: string) =>
      api.store.list("pods", namespace, { app: "obd2" }) as readonly PodThing[],
    images: (namespace: string) =>
      of(namespace).spec.template!.spec.containers.map(({ image }) => image),
    /** What somebody with kubectl does. */
    byHand: (namespace: string, replicas: number): void => {
      const now = of(namespace);
      now.spec.replicas = replicas;
      api.store.update("deployments", now);
    },
    /** Throws when the server gave an answer that no real one would give. */
    close: async () => {
      await api.close();
      await rm(dir, { recursive: true, force: true });
      if (api.problems.length > 0) throw new Error(api.problems.join("\n"));
    },
  };
};

export const scaleTo = (replicas: number, region = "paris"): Change => ({
  ...{ kind: "scale", service: "obd2", region, replicas },
});
export const wanted = (id: string, change: Change, epoch = 1): Wanted => ({
  ...{ id, epoch, change, untilMs: null },
});

const deployment = (namespace: string, version: string) => ({
  ...{ apiVersion: "apps/v1", kind: "Deployment" },
  metadata: { name: "obd2", namespace, labels: { app: "obd2" } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "obd2" } },
    template: {
      metadata: { labels: { app: "obd2" } },
      spec: {
        containers: [
          { name: "proxy", image: "registry:5000/proxy:3" },
          { name: "app", image: `registry:5000/novaevo/obd2:${version}` },
        ],
      },
    },
  },
});

export const autoscaler = (min: number, max: number) => ({
  ...{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" },
  metadata: { name: "obd2", namespace: PARIS },
  spec: {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "obd2" },
    ...{ minReplicas: min, maxReplicas: max },
  },
});

export const budget = (name: string, minAvailable: number) => ({
  ...{ apiVersion: "policy/v1", kind: "PodDisruptionBudget" },
  metadata: { name, namespace: PARIS },
  spec: { minAvailable, selector: { matchLabels: { app: "obd2" } } },
});
