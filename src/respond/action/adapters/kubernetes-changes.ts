/**
 * What one change is in Kubernetes: which object is written how, what that does, and the way back.
 *
 * Shape:  a write of a Deployment or of an autoscaler carries its record in the same request; a
 *         scale and an eviction are requests of their own, after the record. An autoscaler owns
 *         the replicas of its Deployment: then its range is moved, and never the replicas.
 * Units:  replicas.
 * Errors: out_of_bounds with the limit; unknown_target; conflict for what is ambiguous.
 */
import type {
  V1Deployment,
  V1Pod,
  V1ReplicaSet,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import * as z from "zod";
import { ActuatorFault, type Change } from "../port.ts";
import type { Patch } from "./kubernetes-api.ts";
import type { Target } from "./kubernetes-config.ts";

export const OWN_RANGE = "novaevo/own-range";
const RESTARTED = "kubectl.kubernetes.io/restartedAt";
const REVISION = "deployment.kubernetes.io/revision";
const TEMPLATE_HASH = "pod-template-hash";

type Annotations = { readonly [key: string]: string };
type MakePatch = (record: Annotations) => Patch;
export type Step = { readonly effect: string; readonly undo: Change | null } & (
  | { readonly on: "nothing" }
  | { readonly on: "scale"; readonly replicas: number }
  | { readonly on: "pod"; readonly name: string; readonly uid: string }
  /** `patch` is given the annotations of the record; none for a dry run. */
  | { readonly on: "deployment"; readonly patch: MakePatch }
  | {
      readonly on: "autoscaler";
      readonly owner: V2HorizontalPodAutoscaler;
      readonly patch: MakePatch;
    }
);

export const nameOf = (target: Target, deployment: V1Deployment): string =>
  `${target.namespace}/${deployment.metadata?.name ?? "?"}`;

// ── replicas ────────────────────────────────────────────────────────────────────────────────────

export const scaleStep = (
  target: Target,
  deployment: V1Deployment,
  autoscaler: V2HorizontalPodAutoscaler | undefined,
  replicas: number,
): Step => {
  const { service, region, min, max } = target;
  const where = nameOf(target, deployment);
  if (!Number.isSafeInteger(replicas) || replicas < min || replicas > max)
    throw outOfBounds(`${where}: replicas ${replicas} is outside of ${min} to ${max}`);
  if (autoscaler !== undefined) return rangeStep(target, autoscaler, replicas);
  const before = deployment.spec?.replicas ?? 1;
  const undo: Change = { kind: "scale", service, region, replicas: before };
  const effect = `deployment ${where}: ${before} → ${replicas} replicas`;
  if (before === replicas) return { on: "nothing", effect: `${effect}: so it is`, undo };
  return { on: "scale", replicas, effect, undo };
};

const ownRange = z.strictObject({
  min: z.int(),
  max: z.int(),
  /** What ran under it when we first moved it: asked for again, the own range comes back. */
  replicas: z.int(),
  /** What we set it to: another range is somebody else's, and his from then on. */
  set: z.strictObject({ min: z.int(), max: z.int(), replicas: z.int() }),
});
export type OwnRange = z.infer<typeof ownRange>;

const rangeStep = (
  target: Target,
  autoscaler: V2HorizontalPodAutoscaler,
  replicas: number,
): Step => {
  const where = `${target.namespace}/${autoscaler.metadata?.name ?? "?"}`;
  const range = { min: autoscaler.spec?.minReplicas ?? 1, max: autoscaler.spec?.maxReplicas ?? 1 };
  const own = readOwnRange(autoscaler) ?? {
    ...range,
    replicas: autoscaler.status?.desiredReplicas ?? range.min,
  };
  const next = rangeFor(own, replicas);
  const before = readOwnRange(autoscaler)?.set.replicas ?? own.replicas;
  const { service, region } = target;
  const undo: Change = { kind: "scale", service, region, replicas: before };
  const effect =
    `autoscaler ${where}: ${range.min} to ${range.max} → ${next.min} to ${next.max} replicas, ` +
    `for ${replicas}`;
  const isOwn = next.min === own.min && next.max === own.max;
  const kept = { min: own.min, max: own.max, replicas: own.replicas, set: { ...next, replicas } };
  const mine = { [OWN_RANGE]: isOwn ? null : JSON.stringify(kept) };
  const patch = (record: Annotations): Patch => ({
    type: "merge",
    body: {
      metadata: {
        resourceVersion: autoscaler.metadata?.resourceVersion,
        annotations: { ...record, ...mine },
      },
      spec: { minReplicas: next.min, maxReplicas: next.max },
    },
  });
  return { on: "autoscaler", owner: autoscaler, effect, undo, patch };
};

/** More than ran: the floor rises. Fewer: the ceiling sinks. As many: the owner's own range. */
export const rangeFor = (
  own: { readonly min: number; readonly max: number; readonly replicas: number },
  replicas: number,
): { readonly min: number; readonly max: number } => {
  if (replicas > own.replicas)
    return { min: Math.max(own.min, replicas), max: Math.max(own.max, replicas) };
  if (replicas < own.replicas)
    return { min: Math.min(own.min, replicas), max: Math.min(own.max, replicas) };
  return { min: own.min, max: own.max };
};

/** Undefined: the range is its owner's, also when he has set another over ours. */
export const readOwnRange = (autoscaler: V2HorizontalPodAutoscaler): OwnRange | undefined => {
  const text = autoscaler.metadata?.annotations?.[OWN_RANGE];
  if (text === undefined) return undefined;
  try {
    const own = ownRange.parse(JSON.parse(text));
    const { minReplicas = 1, maxReplicas } = autoscaler.spec ?? {};
    return minReplicas === own.set.min && maxReplicas === own.set.max ? own : undefined;
  } catch {
    return undefined;
  }
};

export const autoscalerOf = (
  deployment: V1Deployment,
  autoscalers: readonly V2HorizontalPodAutoscaler[],
): V2HorizontalPodAutoscaler | undefined => {
  const name = deployment.metadata?.name;
  const mine = autoscalers.filter(({ spec }) => {
    const of = spec?.scaleTargetRef;
    return of?.kind === "Deployment" && of.name === name;
  });
  if (mine.length > 1)
    throw new ActuatorFault("conflict", `kubernetes: ${mine.length} autoscalers own ${name}`);
  return mine[0];
};

// ── pods ────────────────────────────────────────────────────────────────────────────────────────

/** Restart and drain of one pod: it leaves as its disruption budget allows, another comes. */
export const evictStep = (target: Target, pod: V1Pod): Step => {
  const { name = "?", uid = "?" } = pod.metadata ?? {};
  const effect = `pod ${target.namespace}/${name} is evicted, its Deployment makes another`;
  return { on: "pod", name, uid, effect, undo: null };
};

/** Restart of all of them, one after the other, as `kubectl rollout restart` does. */
export const rolloutStep = (target: Target, deployment: V1Deployment, atMs: number): Step => {
  const again = { [RESTARTED]: new Date(atMs).toISOString() };
  return {
    on: "deployment",
    effect: `deployment ${nameOf(target, deployment)}: its pods are replaced one after the other`,
    undo: null,
    patch: (record) => ({
      type: "strategic",
      body: {
        metadata: metadataOf(deployment, record),
        spec: { template: { metadata: { annotations: again } } },
      },
    }),
  };
};

// ── version ─────────────────────────────────────────────────────────────────────────────────────

/** Back to what ran before: the whole template of that ReplicaSet. New: only the image's tag. */
export const versionStep = (
  target: Target,
  deployment: V1Deployment,
  replicaSets: readonly V1ReplicaSet[],
  version: string,
): Step => {
  const where = nameOf(target, deployment);
  if (!/^(?:sha256:[a-f0-9]{64}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/.test(version))
    throw outOfBounds(`${where}: version ${JSON.stringify(version)} is no image tag or digest`);
  const container = containerOf(target, deployment);
  const { image, version: before } = container;
  const undo: Change = { kind: "version", service: target.service, version: before };
  const effect = `deployment ${where}: ${before} → ${version}`;
  if (before === version) return { on: "nothing", effect: `${effect}: so it is`, undo };
  const earlier = replicaSets
    .filter((one) => versionOf(one.spec?.template?.spec?.containers, target) === version)
    .filter((one) => isOwned(one, deployment))
    .toSorted((a, b) => revisionOf(b) - revisionOf(a))[0];
  if (earlier !== undefined) {
    const from = `${effect}, the template of ${earlier.metadata?.name ?? "?"}`;
    return { on: "deployment", effect: from, undo, patch: templatePatch(deployment, earlier) };
  }
  const next = withVersion(image, version);
  return {
    on: "deployment",
    ...{ effect, undo },
    patch: (record) => ({
      type: "strategic",
      body: {
        metadata: metadataOf(deployment, record),
        spec: { template: { spec: { containers: [{ name: container.name, image: next }] } } },
      },
    }),
  };
};

const templatePatch =
  (deployment: V1Deployment, earlier: V1ReplicaSet) =>
  (record: Annotations): Patch => {
    const template = structuredClone(earlier.spec?.template) ?? {};
    // The Deployment's controller gives the hash; a template that brings one is refused.
    if (template.metadata?.labels !== undefined) delete template.metadata.labels[TEMPLATE_HASH];
    const annotations = { ...deployment.metadata?.annotations, ...record };
    const { resourceVersion } = deployment.metadata ?? {};
    return {
      type: "json",
      body: [
        // A `test` that fails is a 422; another resourceVersion is the 409 it should be.
        { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
        { op: "add", path: "/metadata/annotations", value: annotations },
        { op: "replace", path: "/spec/template", value: template },
      ],
    };
  };

/** What stands behind the last `@`, else behind the last `:` of the last part of the path. */
export const imageVersion = (image: string): string => {
  const digest = image.split("@")[1];
  if (digest !== undefined) return digest;
  const last = image.slice(image.lastIndexOf("/") + 1);
  return last.includes(":") ? last.slice(last.indexOf(":") + 1) : "latest";
};

export const withVersion = (image: string, version: string): string => {
  const plain = image.split("@")[0]!;
  const slash = plain.lastIndexOf("/") + 1;
  const name = plain.slice(0, slash) + plain.slice(slash).split(":")[0]!;
  return version.startsWith("sha256:") ? `${name}@${version}` : `${name}:${version}`;
};

type Container = { readonly name: string; readonly image?: string };

export const versionOf = (
  containers: readonly Container[] | undefined,
  { container }: Pick<Target, "container">,
): string | undefined => {
  const one = containers?.find(({ name }) => container === undefined || name === container);
  return one?.image === undefined ? undefined : imageVersion(one.image);
};

const containerOf = (
  target: Target,
  deployment: V1Deployment,
): { readonly name: string; readonly image: string; readonly version: string } => {
  const containers = deployment.spec?.template.spec?.containers ?? [];
  const wanted = target.container;
  const one = containers.find(({ name }) => wanted === undefined || name === wanted);
  if (one?.image === undefined) {
    const said = `${nameOf(target, deployment)} has no container ${wanted ?? "with an image"}`;
    throw new ActuatorFault("unknown_target", `kubernetes: ${said}`);
  }
  return { name: one.name, image: one.image, version: imageVersion(one.image) };
};

const isOwned = (replicaSet: V1ReplicaSet, deployment: V1Deployment): boolean =>
  (replicaSet.metadata?.ownerReferences ?? []).some(({ uid }) => uid === deployment.metadata?.uid);

const revisionOf = (replicaSet: V1ReplicaSet): number =>
  Number(replicaSet.metadata?.annotations?.[REVISION] ?? "0");

// ── common ──────────────────────────────────────────────────────────────────────────────────────

/** Names the version that was read: the server refuses the write when it is no longer that. */
export const metadataOf = (deployment: V1Deployment, record: Annotations): object => ({
  resourceVersion: deployment.metadata?.resourceVersion,
  annotations: record,
});

const outOfBounds = (said: string): ActuatorFault =>
  new ActuatorFault("out_of_bounds", `kubernetes: ${said}`);
