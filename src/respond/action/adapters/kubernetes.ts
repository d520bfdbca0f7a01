/**
 * A Kubernetes cluster as an actuator: scale, restart, drain and version of Deployments.
 *
 * Shape:  read the object, refuse an older hub and a known order, write under the resourceVersion
 *         that was read; who is told that it is old reads again, a bounded number of times. A
 *         `restart` of `<service>.<region>` instead of a pod replaces all its pods in turn.
 * Units:  ms; replicas.
 * Errors: ActuatorFault. A disruption budget that forbids an eviction is a conflict: later it may
 *         be allowed. Kubernetes ends nothing by itself, so an order with an end is refused.
 */
import type {
  V1Deployment,
  V1Pod,
  V1Scale,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import { ActuatorFault, type Actuator, type Applied, type Change, type Wanted } from "../port.ts";
import { isGone, isOutdated, type KubernetesApi } from "./kubernetes-api.ts";
import {
  autoscalerOf,
  evictStep,
  metadataOf,
  nameOf,
  rolloutStep,
  scaleStep,
  versionStep,
  type Step,
} from "./kubernetes-changes.ts";
import { everyRegion, locate, type KubernetesConfig, type Target } from "./kubernetes-config.ts";
import { observeCluster } from "./kubernetes-observe.ts";
import { followCluster, type ReplicaChange } from "./kubernetes-watch.ts";
import { fence, readRecord, written, type Order, type Remembered } from "./kubernetes-record.ts";

const MAX_ATTEMPTS = 8;
const FIRST_WAIT_MS = 5;

type Able = Extract<Change, { kind: "scale" | "restart" | "drain" | "version" }>;
type Deps = {
  readonly api: KubernetesApi;
  readonly config: KubernetesConfig;
  readonly now: () => number;
  readonly sleep: (delayMs: number) => Promise<unknown>;
  /** 0 to 1: two hubs that collide must not wait equally long. */
  readonly random: () => number;
};
export type KubernetesActuator = Actuator & {
  /** Says each change of a pod as it comes, until the signal ends it. */
  readonly follow: (
    onChange: (change: ReplicaChange) => void,
    signal: AbortSignal,
  ) => Promise<void>;
};
type Told = Pick<Applied, "effect" | "undo">;
type Seen = {
  readonly target: Target;
  readonly deployment: V1Deployment;
  readonly pods: readonly V1Pod[];
};

export const kubernetesActuator = (deps: Deps): KubernetesActuator => ({
  name: "kubernetes",
  can: isAble,
  preview: async (change) => {
    const seen = await lookAt(deps, able(change), null);
    const told = seen.map(async (one) => {
      const step = await stepOf(deps, one, able(change));
      await send(deps.api, one, step, {}, true);
      return step;
    });
    return together(await Promise.all(told));
  },
  apply: async (wanted) => {
    const change = able(wanted.change);
    if (wanted.untilMs !== null) {
      const said = "Kubernetes ends no change by itself: ask without an end, and undo it";
      throw new ActuatorFault("out_of_bounds", `kubernetes: untilMs: ${said}`);
    }
    const answers: Applied[] = [];
    for (const { target } of await lookAt(deps, change, wanted.id))
      answers.push(await persist(deps, target, wanted, change));
    return { isFirst: answers.some(({ isFirst }) => isFirst), ...together(answers) };
  },
  observe: () => observeCluster(deps.api, deps.config, deps.now()),
  follow: (onChange, signal) => followCluster(deps, onChange, signal),
});

const isAble = (change: Change): change is Able =>
  ["scale", "restart", "drain", "version"].includes(change.kind);

const able = (change: Change): Able => {
  if (isAble(change)) return change;
  throw new ActuatorFault("out_of_bounds", `kubernetes: cannot carry out ${change.kind}`);
};

/** One sentence and one way back for a change of several regions; not the same: no way back. */
const together = (told: readonly Told[]): Told => {
  const effect = told.map((one) => one.effect).join("; ");
  const undos = new Set(told.map(({ undo }) => JSON.stringify(undo)));
  if (undos.size === 1) return { effect, undo: told[0]!.undo };
  return { effect: `${effect}; before they differed, so nothing brings all back`, undo: null };
};

// ── look ────────────────────────────────────────────────────────────────────────────────────────

/** The Deployments that a change is about; `id` finds the one that remembers a pod now gone. */
const lookAt = async (
  deps: Deps,
  change: Able,
  id: string | null,
): Promise<readonly [Seen, ...Seen[]]> => {
  if (change.kind === "scale")
    return [await look(deps, locate(deps.config, change.service, change.region))];
  const targets = everyRegion(deps.config, change.service);
  const found: Seen[] = [];
  for (const target of targets) {
    if (change.kind !== "version" && isOtherPool(change, target)) continue;
    const seen = await look(deps, target, change.kind !== "version");
    if (change.kind === "version" || isWholePool(change, target)) found.push(seen);
    else if (podOf(seen, change.instance) !== undefined || remembers(seen, id)) found.push(seen);
  }
  const [first, ...others] = found;
  if (first !== undefined) return [first, ...others];
  const said = change.kind === "version" ? change.service : `${change.service}: ${change.instance}`;
  throw new ActuatorFault("unknown_target", `kubernetes: ${said} is not in the cluster`);
};

type OfInstance = Extract<Able, { instance: string }>;
const isWholePool = (change: OfInstance, { service, region }: Target): boolean =>
  change.kind === "restart" && change.instance === `${service}.${region}`;
const isOtherPool = (change: OfInstance, target: Target): boolean =>
  change.instance.startsWith(`${target.service}.`) && !isWholePool(change, target);

const look = async ({ api }: Deps, target: Target, withPods = false): Promise<Seen> => {
  const { items } = await api.listDeployments(target.namespace, target.labels);
  const [deployment, second] = items;
  const said = `Deployment in ${target.namespace} has the labels of ${target.service}`;
  if (deployment === undefined) throw new ActuatorFault("unknown_target", `kubernetes: no ${said}`);
  if (second !== undefined)
    throw new ActuatorFault("conflict", `kubernetes: more than one ${said}`);
  const labels = deployment.spec?.selector.matchLabels ?? {};
  const pods = withPods ? (await api.listPods(target.namespace, labels)).items : [];
  return { target, deployment, pods };
};

const podOf = ({ pods }: Seen, name: string): V1Pod | undefined =>
  pods.find(({ metadata }) => metadata?.name === name);

const remembers = ({ target, deployment }: Seen, id: string | null): boolean =>
  readRecord(deployment.metadata?.annotations, nameOf(target, deployment)).orders.some(
    (order) => order.id === id,
  );

const stepOf = async (deps: Deps, seen: Seen, change: Able): Promise<Step> => {
  const { target, deployment } = seen;
  switch (change.kind) {
    case "scale": {
      const { items } = await deps.api.listAutoscalers(target.namespace);
      return scaleStep(target, deployment, autoscalerOf(deployment, items), change.replicas);
    }
    case "version": {
      const labels = deployment.spec?.selector.matchLabels ?? {};
      const { items } = await deps.api.listReplicaSets(target.namespace, labels);
      return versionStep(target, deployment, items, change.version);
    }
    case "restart":
    case "drain": {
      if (isWholePool(change, target)) return rolloutStep(target, deployment, deps.now());
      const pod = podOf(seen, change.instance);
      if (pod !== undefined) return evictStep(target, pod);
      const said = `pod ${target.namespace}/${change.instance} is not there`;
      throw new ActuatorFault("unknown_target", `kubernetes: ${said}`);
    }
  }
};

// ── write ───────────────────────────────────────────────────────────────────────────────────────

const persist = async (
  deps: Deps,
  target: Target,
  wanted: Wanted,
  change: Able,
): Promise<Applied> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await carryOut(deps, target, wanted, change);
    } catch (fault) {
      if (!isOutdated(fault) || attempt === MAX_ATTEMPTS) throw fault;
    }
    await deps.sleep(FIRST_WAIT_MS * 2 ** attempt * deps.random());
  }
};

const carryOut = async (
  deps: Deps,
  target: Target,
  wanted: Wanted,
  change: Able,
): Promise<Applied> => {
  const seen = await look(deps, target, change.kind === "restart" || change.kind === "drain");
  const { deployment } = seen;
  const where = nameOf(target, deployment);
  const ofDeployment = readRecord(deployment.metadata?.annotations, where);
  fence(ofDeployment, wanted.epoch, where);
  const known = ofDeployment.orders.find(({ id }) => id === wanted.id);
  if (known !== undefined && isDone(known, ofDeployment, seen)) return again(known);

  const step = await stepOf(deps, seen, change);
  const record = step.on === "autoscaler" ? recordOf(step.owner) : ofDeployment;
  fence(record, wanted.epoch, where);
  const before = record.orders.find(({ id }) => id === wanted.id);
  if (step.on === "autoscaler" && before !== undefined) return again(before);

  const { effect, undo } = step;
  const order: Order = { id: wanted.id, kind: change.kind, effect, undo };
  const mark = markOf(step, deployment);
  const remembered = mark === undefined ? order : { ...order, mark };
  await send(deps.api, seen, step, written(record, wanted.epoch, remembered), false);
  return { isFirst: true, effect, undo };
};

/**
 * Whether a known order has had its effect, seen from the object alone.
 *
 * A scale: its record leaves the generation alone, each change of the spec raises it, and it was
 * sent under the version of its record: if it came, it was the first change after that. What the
 * next order found then tells, or, where there is none, what is there now.
 */
const isDone = (known: Order, { orders }: Remembered, seen: Seen): boolean => {
  const { mark, undo } = known;
  if (mark === undefined) return true;
  if ("uid" in mark) return !seen.pods.some((pod) => isSame(pod, mark) && !isLeaving(pod));
  if (undo?.kind === "scale" && undo.replicas === mark.replicas) return true;
  const after = orders.slice(orders.indexOf(known) + 1).find(({ kind }) => kind === "scale");
  const { metadata, spec } = seen.deployment;
  const now = { generation: metadata?.generation ?? 0, replicas: spec?.replicas };
  const found = after === undefined ? now : foundBy(after);
  if (found === undefined) return true;
  const changes = found.generation - mark.generation;
  if (changes > 1 || (changes === 1 && found.replicas === mark.replicas)) return true;
  if (after === undefined) return false;
  const said = `${known.id} was overtaken by ${after.id} before it was carried out`;
  throw new ActuatorFault("conflict", `kubernetes: ${said}`);
};

/** What was there when that order came; undefined where it did not say. */
const foundBy = ({ mark, undo }: Order): { generation: number; replicas: number } | undefined =>
  mark !== undefined && "generation" in mark && undo?.kind === "scale"
    ? { generation: mark.generation, replicas: undo.replicas }
    : undefined;

const isSame = ({ metadata }: V1Pod, { pod, uid }: { pod: string; uid: string }): boolean =>
  metadata?.name === pod && metadata.uid === uid;
const isLeaving = ({ metadata }: V1Pod): boolean => metadata?.deletionTimestamp !== undefined;

const markOf = (step: Step, { metadata }: V1Deployment): Order["mark"] => {
  const generation = metadata?.generation ?? 0;
  if (step.on === "pod") return { pod: step.name, uid: step.uid };
  if (step.on === "scale") return { generation, replicas: step.replicas };
  // As many as there were: so that an older order that comes late sees that it was overtaken.
  if (step.on === "nothing" && step.undo?.kind === "scale")
    return { generation, replicas: step.undo.replicas };
  return undefined;
};

const recordOf = ({ metadata }: V2HorizontalPodAutoscaler): Remembered =>
  readRecord(metadata?.annotations, `autoscaler ${metadata?.namespace}/${metadata?.name}`);

const send = async (
  api: KubernetesApi,
  { target, deployment }: Seen,
  step: Step,
  record: { readonly [key: string]: string },
  isDryRun: boolean,
): Promise<void> => {
  const { namespace } = target;
  const name = deployment.metadata?.name ?? "";
  /** Kept before the second request; its answer has the version that request builds on. */
  const keep = async (): Promise<V1Deployment> =>
    isDryRun
      ? deployment
      : await api.patchDeployment(namespace, name, { type: "merge", body: kept }, false);
  const kept = { metadata: metadataOf(deployment, record) };
  switch (step.on) {
    case "nothing":
      await keep();
      return;
    case "deployment":
      await api.patchDeployment(namespace, name, step.patch(record), isDryRun);
      return;
    case "autoscaler": {
      const of = step.owner.metadata?.name ?? "";
      await api.patchAutoscaler(namespace, of, step.patch(record), isDryRun);
      return;
    }
    case "scale": {
      const { resourceVersion = "" } = (await keep()).metadata ?? {};
      const body: V1Scale = {
        ...{ apiVersion: "autoscaling/v1", kind: "Scale" },
        metadata: { namespace, name, resourceVersion },
        spec: { replicas: step.replicas },
      };
      await api.putScale(namespace, name, body, isDryRun);
      return;
    }
    case "pod": {
      await keep();
      try {
        await api.evict(namespace, step.name, step.uid, isDryRun);
      } catch (fault) {
        if (!isGone(fault)) throw fault;
      }
    }
  }
};

const again = ({ effect, undo }: Order): Applied => ({ isFirst: false, effect, undo });
