/**
 * The objects of a small cluster: one resourceVersion for all, a history to watch from, optimistic
 * locking, and every object held against its published schema.
 *
 * Errors: KubeFault with an HTTP status and the reason that Kubernetes gives.
 */
import { createHash, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Deployment, ReplicaSet } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { Pod } from "kubernetes-models/v1";

export type Labels = { [key: string]: string };
export type Meta = {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: Labels;
  annotations?: Labels;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string }[];
};
type Template = {
  metadata?: { labels?: Labels; annotations?: Labels };
  spec: { containers: { name: string; image?: string }[] };
};
type Selector = { matchLabels: Labels };
type PodStatus = {
  phase: string;
  conditions?: { type: string; status: string }[];
  containerStatuses?: object[];
};
/** As much of each kind as the controllers read. */
export type Thing = {
  apiVersion: string;
  kind: string;
  metadata: Meta;
  spec: {
    replicas?: number;
    selector?: Selector;
    template?: Template;
    containers?: Template["spec"]["containers"];
    minReplicas?: number;
    maxReplicas?: number;
    scaleTargetRef?: { apiVersion: string; kind: string; name: string };
    minAvailable?: number;
  };
  status?: object;
};
export type PodThing = Thing & { status: PodStatus };

export const KINDS = {
  deployments: Deployment,
  replicasets: ReplicaSet,
  pods: Pod,
  horizontalpodautoscalers: HorizontalPodAutoscaler,
  poddisruptionbudgets: PodDisruptionBudget,
} as const;
export type Resource = keyof typeof KINDS;

export class KubeFault extends Error {
  readonly status: number;
  readonly reason: string;
  readonly detail: string | undefined;
  constructor(status: number, reason: string, message: string, detail?: string) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.detail = detail;
  }
}

export type KubeEvent = {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly resource: Resource;
  readonly object: Thing;
};

export const schemaFault = (resource: Resource, object: unknown): string | undefined => {
  try {
    const data = object as { spec?: object };
    new (KINDS[resource] as unknown as new (data: object) => { validate: () => void })(
      data,
    ).validate();
    return undefined;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
};

export const openKubeStore = (options: { readonly isLocking: () => boolean }) => {
  const things = new Map<string, Thing>();
  const history: KubeEvent[] = [];
  const watchers = new Set<(event: KubeEvent) => void>();
  let version = 100;
  let forgotten = 0;

  const keyOf = (resource: Resource, namespace: string, name: string): string =>
    `${resource}/${namespace}/${name}`;
  const record = (type: KubeEvent["type"], resource: Resource, object: Thing): void => {
    version += 1;
    object.metadata.resourceVersion = String(version);
    const event = { version, type, resource, object: structuredClone(object) };
    history.push(event);
    for (const tell of watchers) tell(event);
  };
  const find = (resource: Resource, namespace: string, name: string): Thing => {
    const thing = things.get(keyOf(resource, namespace, name));
    if (thing !== undefined) return structuredClone(thing);
    throw new KubeFault(404, "NotFound", `${resource} "${name}" not found`);
  };

  const check = (resource: Resource, next: Thing): void => {
    const fault = schemaFault(resource, next) ?? rulesFault(next);
    if (fault !== undefined)
      throw new KubeFault(
        422,
        "Invalid",
        `${next.kind} "${next.metadata.name}" is invalid: ${fault}`,
      );
  };

  return {
    version: () => version,
    forgotten: () => forgotten,
    history: () => history,
    watch: (tell: (event: KubeEvent) => void) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    /** Forgets what happened: who watches from before has to list again. */
    compact: () => {
      forgotten = version;
      history.length = 0;
    },
    find,
    list: (resource: Resource, namespace: string, labels: Labels = {}): Thing[] =>
      [...things]
        .filter(([key]) => key.startsWith(`${resource}/${namespace}/`))
        .map(([, thing]) => structuredClone(thing))
        .filter(({ metadata }) =>
          Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value),
        ),
    create: (resource: Resource, given: Omit<Thing, "metadata"> & { metadata: Partial<Meta> }) => {
      const { name = "?", namespace = "?" } = given.metadata;
      const thing = structuredClone(given) as Thing;
      Object.assign(thing.metadata, {
        ...{ uid: randomUUID(), generation: 1, creationTimestamp: new Date().toISOString() },
      });
      check(resource, thing);
      things.set(keyOf(resource, namespace, name), thing);
      record("ADDED", resource, thing);
      return structuredClone(thing);
    },
    /** Writes the whole object, if its resourceVersion is the present one or is not given. */
    update: (resource: Resource, next: Thing, isDryRun = false): Thing => {
      const { namespace, name } = next.metadata;
      const before = find(resource, namespace, name);
      const asked = next.metadata.resourceVersion;
      if (options.isLocking() && asked !== undefined && asked !== before.metadata.resourceVersion) {
        const said = `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified`;
        throw new KubeFault(409, "Conflict", said);
      }
      const thing = structuredClone(next);
      thing.metadata.uid = before.metadata.uid;
      thing.metadata.generation = before.metadata.generation ?? 1;
      if (!isDeepStrictEqual(before.spec, thing.spec)) thing.metadata.generation += 1;
      check(resource, thing);
      if (isDryRun) return thing;
      // A write that changes nothing is no write.
      thing.metadata.resourceVersion = before.metadata.resourceVersion;
      if (isDeepStrictEqual(before, thing)) return thing;
      things.set(keyOf(resource, namespace, name), thing);
      record("MODIFIED", resource, thing);
      return structuredClone(thing);
    },
    remove: (resource: Resource, namespace: string, name: string): void => {
      const thing = find(resource, namespace, name);
      things.delete(keyOf(resource, namespace, name));
      record("DELETED", resource, thing);
    },
  };
};
export type KubeStore = ReturnType<typeof openKubeStore>;

/** Rules of the server that no schema says. */
const rulesFault = ({ kind, spec }: Thing): string | undefined => {
  if (kind === "HorizontalPodAutoscaler") {
    const { minReplicas = 1, maxReplicas = 1 } = spec;
    if (minReplicas < 1) return "spec.minReplicas: must be greater than or equal to 1";
    if (maxReplicas < minReplicas) return "spec.maxReplicas: must be at least minReplicas";
  }
  if (kind !== "Deployment") return undefined;
  if ((spec.replicas ?? 1) < 0) return "spec.replicas: must be greater than or equal to 0";
  const labels = spec.template?.metadata?.labels ?? {};
  if ("pod-template-hash" in labels) return "spec.template: the hash is the controller's";
  const wanted = Object.entries(spec.selector?.matchLabels ?? {});
  if (!wanted.every(([key, value]) => labels[key] === value))
    return "spec.template.metadata.labels: `selector` does not match template `labels`";
  if (spec.template?.spec.containers.some(({ image }) => (image ?? "").trim() === ""))
    return "spec.template.spec.containers[0].image: Required value";
  return undefined;
};

// ── controllers ─────────────────────────────────────────────────────────────────────────────────

const REVISION = "deployment.kubernetes.io/revision";

/** One pass of the controllers and the kubelet; true while there was something to do. */
export const control = (store: KubeStore, namespace: string): boolean => {
  const before = store.version();
  for (const deployment of store.list("deployments", namespace)) {
    const current = replicaSetOf(store, deployment);
    const hash = current.metadata.labels?.["pod-template-hash"] ?? "";
    const labels = deployment.spec.selector?.matchLabels ?? {};
    const pods = store.list("pods", namespace, labels) as PodThing[];
    const replicas = deployment.spec.replicas ?? 1;
    const mine = pods.filter(({ metadata }) => metadata.labels?.["pod-template-hash"] === hash);
    for (const pod of pods)
      if (!mine.includes(pod)) store.remove("pods", namespace, pod.metadata.name);
    for (const pod of mine.slice(replicas)) store.remove("pods", namespace, pod.metadata.name);
    for (let nth = mine.length; nth < replicas; nth += 1) makePod(store, current);
    for (const pod of mine.filter(({ status }) => status.phase === "Pending"))
      makeReady(store, pod);
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas,
      readyReplicas: mine.slice(0, replicas).filter(({ status }) => status.phase === "Running")
        .length,
    };
    const { resourceVersion: _, ...metadata } = deployment.metadata;
    store.update("deployments", { ...deployment, metadata: metadata as Meta, status });
  }
  for (const autoscaler of store.list("horizontalpodautoscalers", namespace))
    followRange(store, namespace, autoscaler);
  return store.version() !== before;
};

const replicaSetOf = (store: KubeStore, deployment: Thing): Thing => {
  const { namespace, name, uid } = deployment.metadata;
  const template = deployment.spec.template!;
  const text = JSON.stringify(template);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 10);
  const all = store
    .list("replicasets", namespace)
    .filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid);
  const revisions = all.map(({ metadata }) => Number(metadata.annotations?.[REVISION] ?? 0));
  const newest = Math.max(0, ...revisions);
  const found = all.find(({ metadata }) => metadata.labels?.["pod-template-hash"] === hash);
  if (found !== undefined) {
    if (Number(found.metadata.annotations?.[REVISION]) === newest) return found;
    found.metadata.annotations = { [REVISION]: String(newest + 1) };
    return store.update("replicasets", found);
  }
  const labels = { ...template.metadata?.labels, "pod-template-hash": hash };
  return store.create("replicasets", {
    ...{ apiVersion: "apps/v1", kind: "ReplicaSet" },
    metadata: {
      ...{ name: `${name}-${hash}`, namespace, labels },
      annotations: { [REVISION]: String(newest + 1) },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name, uid }],
    },
    spec: {
      replicas: deployment.spec.replicas ?? 1,
      selector: { matchLabels: labels },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  });
};

const makePod = (store: KubeStore, { metadata, spec }: Thing): void => {
  const { namespace, name, labels = {} } = metadata;
  store.create("pods", {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: { name: `${name}-${randomUUID().slice(0, 5)}`, namespace, labels },
    spec: spec.template!.spec,
    status: { phase: "Pending" },
  });
};

const makeReady = (store: KubeStore, pod: PodThing): void => {
  const started = { ready: true, started: true, restartCount: 0, imageID: "sha256:0" };
  pod.status = {
    phase: "Running",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: (pod.spec.containers ?? []).map((one) => Object.assign({}, started, one)),
  };
  store.update("pods", pod);
};

const followRange = (store: KubeStore, namespace: string, autoscaler: Thing): void => {
  const { minReplicas = 1, maxReplicas = 1, scaleTargetRef } = autoscaler.spec;
  const deployment = store.find("deployments", namespace, scaleTargetRef?.name ?? "");
  const present = deployment.spec.replicas ?? 1;
  const desired = Math.min(Math.max(present, minReplicas), maxReplicas);
  deployment.spec.replicas = desired;
  store.update("deployments", deployment);
  const status = { currentReplicas: present, desiredReplicas: desired };
  store.update("horizontalpodautoscalers", { ...autoscaler, status });
};
