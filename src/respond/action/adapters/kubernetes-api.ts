/**
 * The requests that the actuator makes of a Kubernetes API server, and no others: the Role in
 * docs/actuators.md allows exactly these.
 *
 * Shape:  every request has a time limit; `isDryRun` has the server check and answer, and keep
 *         nothing. Lists are read in pages.
 * Units:  ms.
 * Errors: ActuatorFault. 404 and 403: unknown_target (not there, or not ours; a quota is
 *         out_of_bounds). 409, and 429 of a disruption budget: conflict. 400 and 422:
 *         out_of_bounds. Anything else, and silence: unavailable.
 */
import type {
  KubeConfig,
  KubernetesObject,
  Observable,
  ObservableMiddleware,
  V1Deployment,
  V1Pod,
  V1ReplicaSet,
  V1Scale,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { ActuatorFault } from "../port.ts";
import type { KubernetesConfig } from "./kubernetes-config.ts";

const PAGE = 500;
/** Objects of one list, over all its pages. */
const MAX_LISTED = 5_000;
const MAX_REASON = 300;
const MANAGER = "novaevo";

export type Labels = Readonly<{ [key: string]: string }>;
type Listed<T> = {
  readonly items: T[];
  readonly metadata?: { _continue?: string; resourceVersion?: string };
};
type Asked = {
  readonly namespace: string;
  readonly limit: number;
  readonly labelSelector?: string;
  readonly _continue?: string;
};
export type Patch =
  | { readonly type: "merge" | "strategic"; readonly body: object }
  | { readonly type: "json"; readonly body: readonly object[] };

export type KubernetesApi = Awaited<ReturnType<typeof connectKubernetes>>;

/** The client library is loaded here, when a cluster is configured: it takes 90 MB. */
export const connectKubernetes = async (
  config: Pick<KubernetesConfig, "kubeconfig" | "context" | "timeoutMs">,
) => {
  const client = await import("@kubernetes/client-node");
  const kube = await credentials(new client.KubeConfig(), config);
  const apps = kube.makeApiClient(client.AppsV1Api);
  const core = kube.makeApiClient(client.CoreV1Api);
  const autoscaling = kube.makeApiClient(client.AutoscalingV2Api);
  const ask = asking(config.timeoutMs, (value) => new client.Observable(Promise.resolve(value)));

  return {
    kube,
    watch: new client.Watch(kube),
    listDeployments: (namespace: string, labels?: Labels) =>
      listed<V1Deployment>(namespace, labels, (page) =>
        ask("deployments", (o) => apps.listNamespacedDeployment(page, o)),
      ),
    listReplicaSets: (namespace: string, labels: Labels) =>
      listed<V1ReplicaSet>(namespace, labels, (page) =>
        ask("replicasets", (o) => apps.listNamespacedReplicaSet(page, o)),
      ),
    listPods: (namespace: string, labels?: Labels) =>
      listed<V1Pod>(namespace, labels, (page) =>
        ask("pods", (o) => core.listNamespacedPod(page, o)),
      ),
    listAutoscalers: (namespace: string) =>
      listed<V2HorizontalPodAutoscaler>(namespace, undefined, (page) =>
        ask("horizontalpodautoscalers", (o) =>
          autoscaling.listNamespacedHorizontalPodAutoscaler(page, o),
        ),
      ),
    patchDeployment: (namespace: string, name: string, patch: Patch, isDryRun: boolean) =>
      ask(
        `deployment ${namespace}/${name}`,
        (o) =>
          apps.patchNamespacedDeployment(
            { ...{ namespace, name, body: patch.body }, ...written(isDryRun) },
            o,
          ),
        CONTENT_TYPES[patch.type],
      ),
    patchAutoscaler: (namespace: string, name: string, patch: Patch, isDryRun: boolean) =>
      ask(
        `horizontalpodautoscaler ${namespace}/${name}`,
        (o) =>
          autoscaling.patchNamespacedHorizontalPodAutoscaler(
            { ...{ namespace, name, body: patch.body }, ...written(isDryRun) },
            o,
          ),
        CONTENT_TYPES[patch.type],
      ),
    putScale: (namespace: string, name: string, body: V1Scale, isDryRun: boolean) =>
      ask(`scale of deployment ${namespace}/${name}`, (o) =>
        apps.replaceNamespacedDeploymentScale({ namespace, name, body, ...written(isDryRun) }, o),
      ),
    /** Of that very pod: one that took its name meanwhile stays. */
    evict: (namespace: string, name: string, uid: string, isDryRun: boolean) =>
      ask(`pod ${namespace}/${name}`, (o) =>
        core.createNamespacedPodEviction(
          {
            ...{ namespace, name, ...written(isDryRun) },
            body: {
              ...{ apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace, name } },
              deleteOptions: { preconditions: { uid } },
            },
          },
          o,
        ),
      ),
  };
};

const CONTENT_TYPES = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
} as const;

const written = (isDryRun: boolean): { fieldManager: string; dryRun?: string } =>
  isDryRun ? { fieldManager: MANAGER, dryRun: "All" } : { fieldManager: MANAGER };

/** Throws an Error that names the setting: a start with bad credentials is not worth repeating. */
const credentials = async (
  kube: KubeConfig,
  { kubeconfig, context }: Pick<KubernetesConfig, "kubeconfig" | "context">,
): Promise<KubeConfig> => {
  if (kubeconfig === null) {
    kube.loadFromCluster();
    return kube;
  }
  try {
    kube.loadFromString(await readFile(kubeconfig, "utf8"));
  } catch (fault) {
    throw new Error(`kubernetes.kubeconfig: ${kubeconfig}: ${text(fault)}`, { cause: fault });
  }
  if (context !== undefined) {
    if (kube.getContextObject(context) === null) {
      const known = kube.contexts.map(({ name }) => name).join(", ");
      throw new Error(
        `kubernetes.context: ${context} is not in ${kubeconfig}, which has: ${known}`,
      );
    }
    kube.setCurrentContext(context);
  }
  const cluster = kube.getCurrentCluster();
  if (cluster === null)
    throw new Error(`kubernetes.kubeconfig: ${kubeconfig} names no cluster for its context`);
  if (cluster.server.startsWith("http:") && !cluster.skipTLSVerify)
    throw new Error(`kubernetes.kubeconfig: ${cluster.server} is not encrypted: use https`);
  return kube;
};

type Options = {
  readonly middleware: ObservableMiddleware[];
  readonly middlewareMergeStrategy: "append";
};

const asking =
  (timeoutMs: number, of: <V>(value: V) => Observable<V>) =>
  async <T>(
    what: string,
    request: (options: Options) => Promise<T>,
    contentType?: string,
  ): Promise<T> => {
    const middleware: ObservableMiddleware = {
      pre: (context) => {
        context.setSignal(AbortSignal.timeout(timeoutMs));
        if (contentType !== undefined) context.setHeaderParam("Content-Type", contentType);
        return of(context);
      },
      post: (answer) => of(answer),
    };
    try {
      return await request({ middleware: [middleware], middlewareMergeStrategy: "append" });
    } catch (fault) {
      throw faultOf(fault, what);
    }
  };

const listed = async <T extends KubernetesObject>(
  namespace: string,
  labels: Labels | undefined,
  page: (asked: Asked) => Promise<Listed<T>>,
): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }> => {
  let asked: Asked = { namespace, limit: PAGE };
  if (labels !== undefined) asked = { ...asked, labelSelector: selectorOf(labels) };
  const items: T[] = [];
  for (;;) {
    const { items: more, metadata } = await page(asked);
    items.push(...more);
    const { _continue: next = "" } = metadata ?? {};
    if (next === "") return { items, resourceVersion: metadata?.resourceVersion ?? "" };
    if (items.length >= MAX_LISTED) {
      const said = `namespace ${namespace} holds more than ${MAX_LISTED} objects of a kind`;
      throw new ActuatorFault("out_of_bounds", `kubernetes: ${said}`);
    }
    asked = { ...asked, _continue: next };
  }
};

const selectorOf = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** An answer of the server, as the client library throws it. */
type Refusal = { readonly code: number; readonly body: unknown };

const faultOf = (fault: unknown, what: string): ActuatorFault => {
  if (!isRefusal(fault)) {
    const said = `kubernetes: ${what}: no answer: ${text(fault)}`;
    return new ActuatorFault("unavailable", said, { cause: fault });
  }
  const { message, causes } = statusOf(fault.body);
  const why = `kubernetes: ${what}: ${fault.code} ${message}`.slice(0, MAX_REASON);
  return new ActuatorFault(codeOf(fault.code, message, causes), why, { cause: fault });
};

const codeOf = (
  status: number,
  message: string,
  causes: readonly string[],
): ActuatorFault["code"] => {
  switch (status) {
    case 404:
      return "unknown_target";
    case 403:
      return message.includes("quota") ? "out_of_bounds" : "unknown_target";
    case 409:
      return "conflict";
    case 400:
    case 422:
      return "out_of_bounds";
    case 429:
      return causes.includes("DisruptionBudget") ? "conflict" : "unavailable";
    // Of an eviction: more than one disruption budget covers the pod, which no waiting cures.
    case 500:
      return /disruption ?budget/i.test(message) ? "out_of_bounds" : "unavailable";
    default:
      return "unavailable";
  }
};

const isRefusal = (fault: unknown): fault is Refusal =>
  fault instanceof Error && "code" in fault && typeof fault.code === "number" && "body" in fault;

export const isGone = (fault: unknown): boolean =>
  fault instanceof ActuatorFault && isRefusal(fault.cause) && fault.cause.code === 404;

/** The object was written meanwhile: what one knows of it is old. */
export const isOutdated = (fault: unknown): boolean =>
  fault instanceof ActuatorFault && isRefusal(fault.cause) && fault.cause.code === 409;

const status = z.object({
  message: z.string().default(""),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string().default("") })).default([]) })
    .optional(),
});

/** The body is a Status as JSON text, or as the client made an object of it. */
const statusOf = (body: unknown): { message: string; causes: readonly string[] } => {
  const parsed = status.safeParse(typeof body === "string" ? parseJson(body) : body);
  if (!parsed.success) return { message: "", causes: [] };
  const { message, details } = parsed.data;
  return { message, causes: (details?.causes ?? []).map(({ reason }) => reason) };
};

const parseJson = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

const text = (fault: unknown): string => {
  if (!(fault instanceof Error)) return String(fault);
  return fault.cause instanceof Error ? `${fault.message}: ${fault.cause.message}` : fault.message;
};
