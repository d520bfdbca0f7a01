/**
 * Follows the pods of the platform: a list, then the changes since its resourceVersion.
 *
 * Shape:  one watch per namespace. A watch that ends goes on from the last version seen, bookmarks
 *         included; when the server has forgotten that version (410) it lists anew, and what has
 *         gone meanwhile is said as gone.
 * Units:  ms.
 * Errors: none; a server that is away is asked again, ever more rarely.
 */
import type { V1Pod } from "@kubernetes/client-node";
import type { Replica } from "../port.ts";
import type { KubernetesApi } from "./kubernetes-api.ts";
import { everyTarget, type KubernetesConfig, type Target } from "./kubernetes-config.ts";
import { replicaOf } from "./kubernetes-observe.ts";

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 10_000;
const GONE = 410;

export type ReplicaChange = { readonly kind: "is" | "gone"; readonly replica: Replica };
type Deps = {
  readonly api: Pick<KubernetesApi, "watch" | "listPods">;
  readonly config: KubernetesConfig;
  readonly sleep: (delayMs: number) => Promise<unknown>;
};
type Tell = (change: ReplicaChange) => void;
/** How a watch ended: `gone` has to list again, `failed` has to wait. */
type End = "closed" | "gone" | "failed";

export const followCluster = async (deps: Deps, tell: Tell, signal: AbortSignal): Promise<void> => {
  const targets = everyTarget(deps.config);
  const namespaces = [...new Set(targets.map(({ namespace }) => namespace))];
  const follow = async (namespace: string): Promise<void> => {
    const mine = targets.filter((target) => target.namespace === namespace);
    await followNamespace(deps, namespace, seenAs(mine, tell), signal);
  };
  await Promise.all(namespaces.map(follow));
};

type Pods = Map<string, V1Pod>;
type See = (kind: ReplicaChange["kind"], pod: V1Pod) => void;

/** Pods that are nobody's are passed over. */
const seenAs =
  (targets: readonly Target[], tell: Tell): See =>
  (kind, pod) => {
    const labels = pod.metadata?.labels ?? {};
    const owner = targets.find((target) =>
      Object.entries(target.labels).every(([key, value]) => labels[key] === value),
    );
    if (owner !== undefined) tell({ kind, replica: replicaOf(owner, pod) });
  };

const followNamespace = async (
  deps: Deps,
  namespace: string,
  see: See,
  signal: AbortSignal,
): Promise<void> => {
  const pods: Pods = new Map();
  let version: string | null = null;
  let waitMs = FIRST_WAIT_MS;
  while (!signal.aborted) {
    let end: End = "failed";
    try {
      version ??= await relist(deps, namespace, pods, see);
      const watched = await watchFrom(deps, { namespace, version, pods, see, signal });
      if (watched.version !== version) waitMs = FIRST_WAIT_MS;
      ({ version, end } = watched);
    } catch {
      // No list: asked again below.
    }
    if (end === "gone") version = null;
    if (signal.aborted) return;
    if (end === "closed") waitMs = FIRST_WAIT_MS;
    await deps.sleep(waitMs);
    waitMs = Math.min(waitMs * 2, MAX_WAIT_MS);
  }
};

const relist = async ({ api }: Deps, namespace: string, pods: Pods, see: See): Promise<string> => {
  const { items, resourceVersion } = await api.listPods(namespace);
  const there = new Map(items.map((pod) => [nameOf(pod), pod]));
  for (const [name, pod] of pods) if (!there.has(name)) see("gone", pod);
  pods.clear();
  for (const [name, pod] of there) {
    pods.set(name, pod);
    see("is", pod);
  }
  return resourceVersion;
};

type Watching = {
  readonly namespace: string;
  readonly version: string;
  readonly pods: Pods;
  readonly see: See;
  readonly signal: AbortSignal;
};

const watchFrom = async (
  { api }: Deps,
  { namespace, version, pods, see, signal }: Watching,
): Promise<{ readonly version: string; readonly end: End }> => {
  let at = version;
  let isForgotten = false;
  const onEvent = (phase: string, object: unknown): void => {
    if (phase === "ERROR") {
      isForgotten = (object as { code?: number }).code === GONE;
      return;
    }
    const pod = object as V1Pod;
    at = pod.metadata?.resourceVersion ?? at;
    if (phase === "BOOKMARK") return;
    if (phase === "DELETED") pods.delete(nameOf(pod));
    else pods.set(nameOf(pod), pod);
    see(phase === "DELETED" ? "gone" : "is", pod);
  };
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const query = { resourceVersion: version, allowWatchBookmarks: true };
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const abort = (): void => resolve(null);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const request = await api.watch.watch(path, query, onEvent, resolve);
    const fault = await promise;
    request.abort();
    if (isForgotten || statusOf(fault) === GONE) return { version: at, end: "gone" };
    return { version: at, end: fault === null || isQuiet(fault) ? "closed" : "failed" };
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

const nameOf = (pod: V1Pod): string => pod.metadata?.name ?? "";
const statusOf = (fault: unknown): number | undefined =>
  (fault as { statusCode?: number } | null | undefined)?.statusCode;
/** The library ends a watch in which nothing came for a while: nothing is wrong with it. */
const isQuiet = (fault: unknown): boolean =>
  fault instanceof Error && fault.name === "TimeoutError";
