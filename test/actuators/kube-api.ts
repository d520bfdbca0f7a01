/**
 * A small Kubernetes API server in memory: what the actuator asks of a real one, as a real one
 * answers it.
 *
 * Shape:  GET lists (pages, label selectors, watch with bookmarks and 410), PATCH of three kinds,
 *         the scale subresource, evictions under disruption budgets, dry run, optimistic locking,
 *         a Role that decides who may what. Controllers run after each write. Faults are planted:
 *         `meanwhile` writes between a read and a write, `cut` loses the answer to what was done.
 * Errors: a body that its published schema refuses is a 400 for the asker, and for answers an
 *         entry in `problems`, which the tests want empty.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Scale } from "kubernetes-models/autoscaling/v1";
import { Eviction } from "kubernetes-models/policy/v1";
import { jsonPatch, mergePatch, PatchFault, strategicPatch, type Json } from "./kube-patch.ts";
import {
  control,
  KINDS,
  KubeFault,
  openKubeStore,
  schemaFault,
  type KubeEvent,
  type KubeStore,
  type Labels,
  type Resource,
  type Thing,
} from "./kube-store.ts";

export type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
};
export type Call = {
  readonly verb: string;
  readonly group: string;
  readonly resource: Resource;
  readonly sub: string | undefined;
  readonly namespace: string;
  readonly name: string | undefined;
  readonly query: URLSearchParams;
};
type Planted = { readonly of: (call: Call) => boolean; readonly act: () => void };
type Answer = { readonly status: number; readonly body: object };

const PLAIN = { "insecure-skip-tls-verify": true };
const TOKEN = "kube-test-token";

export const startKubeApi = async (role: readonly Rule[]) => {
  const switches = { isLocking: true, isSilent: false };
  const store = openKubeStore({ isLocking: () => switches.isLocking });
  const problems: string[] = [];
  const calls: string[] = [];
  const used = new Set<string>();
  const planted: Planted[] = [];
  const cuts: ((call: Call) => boolean)[] = [];
  const streams = new Set<ServerResponse>();
  const namespaces = new Set<string>();

  const settle = (): void => {
    for (const namespace of namespaces)
      for (let pass = 0; control(store, namespace) && pass < 20; pass += 1);
  };
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = callOf(request);
    calls.push(`${call.verb} ${call.resource}${call.sub === undefined ? "" : `/${call.sub}`}`);
    if (switches.isSilent) return;
    const body = await bodyOf(request);
    let answer: Answer | null;
    try {
      if (request.headers.authorization !== `Bearer ${TOKEN}`)
        throw new KubeFault(401, "Unauthorized", "Unauthorized");
      allow(role, call, used);
      const at = planted.findIndex(({ of }) => of(call));
      if (at >= 0) planted.splice(at, 1)[0]!.act();
      if (call.verb === "watch") {
        streams.add(response);
        watch(store, call, response);
        response.on("close", () => streams.delete(response));
        return;
      }
      answer = handle(store, call, request.headers["content-type"] ?? "", body);
      const fault = answerFault(answer.body);
      if (fault !== undefined) problems.push(`${calls.at(-1)}: ${fault}`);
    } catch (fault) {
      answer = refusal(fault);
    }
    const cut = cuts.findIndex((of) => of(call));
    if (cut >= 0) {
      cuts.splice(cut, 1);
      request.socket.destroy();
    } else {
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(JSON.stringify(answer.body));
    }
    if (!["get", "list"].includes(call.verb)) setImmediate(settle);
  };
  const server = createServer((request, response) => {
    take(request, response).catch((fault: unknown) => {
      problems.push(String(fault));
      response.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;

  return {
    ...{ store, problems, calls, used, settle, switches },
    /** As a file that kubectl would read too. */
    kubeconfig: (token = TOKEN): string =>
      JSON.stringify({
        ...{ apiVersion: "v1", kind: "Config", "current-context": "test" },
        // Without it the client refuses plain HTTP, as it should.
        clusters: [{ name: "test", cluster: { server: `http://127.0.0.1:${port}`, ...PLAIN } }],
        users: [{ name: "novaevo", user: { token } }],
        contexts: [{ name: "test", context: { cluster: "test", user: "novaevo" } }],
      }),
    addNamespace: (namespace: string) => namespaces.add(namespace),
    /** Once, right before such a request is carried out. */
    meanwhile: (of: (call: Call) => boolean, act: () => void) => planted.push({ of, act }),
    /** Once: such a request is carried out, and its answer lost. */
    cut: (of: (call: Call) => boolean) => cuts.push(of),
    bookmark: () => {
      const metadata = { resourceVersion: String(store.version()) };
      const object = { apiVersion: "v1", kind: "Pod", metadata };
      for (const stream of streams) line(stream, { type: "BOOKMARK", object });
    },
    endWatches: () => {
      for (const stream of streams) stream.end();
    },
    watchers: () => streams.size,
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};

// ── requests ────────────────────────────────────────────────────────────────────────────────────

const PATH =
  /^\/(?:api\/v1|apis\/([a-z.]+)\/v[12])\/namespaces\/([^/]+)\/([a-z]+)(?:\/([^/]+)(?:\/([a-z]+))?)?$/;
const GROUPS: Readonly<Record<Resource, string>> = {
  deployments: "apps",
  replicasets: "apps",
  pods: "",
  horizontalpodautoscalers: "autoscaling",
  poddisruptionbudgets: "policy",
};

const callOf = (request: IncomingMessage): Call => {
  const url = new URL(request.url ?? "/", "http://api");
  const found = PATH.exec(url.pathname);
  if (found === null) throw new Error(`no such path: ${url.pathname}`);
  const [, group = "", namespace = "", resource = "", name, sub] = found;
  if (GROUPS[resource as Resource] !== group) throw new Error(`no such resource: ${url.pathname}`);
  const read = url.searchParams.get("watch") === "true" ? "watch" : "list";
  const verbs: Readonly<Record<string, string>> = {
    ...{ GET: name === undefined ? read : "get", PUT: "update", PATCH: "patch", POST: "create" },
  };
  const verb = verbs[request.method ?? ""] ?? "delete";
  const query = url.searchParams;
  return { verb, group, resource: resource as Resource, sub, namespace, name, query };
};

const bodyOf = async (request: IncomingMessage): Promise<Json> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === "" ? null : (JSON.parse(text) as Json);
};

const allow = (role: readonly Rule[], call: Call, used: Set<string>): void => {
  const { verb, group, resource, sub } = call;
  const what = sub === undefined ? resource : `${resource}/${sub}`;
  const isAllowed = role.some(
    (rule) =>
      rule.apiGroups.includes(group) && rule.resources.includes(what) && rule.verbs.includes(verb),
  );
  if (!isAllowed) {
    const said = `${what} is forbidden: User "novaevo" cannot ${verb} resource "${what}"`;
    throw new KubeFault(403, "Forbidden", said);
  }
  used.add(`${group} ${what} ${verb}`);
};

const refusal = (fault: unknown): Answer => {
  if (!(fault instanceof KubeFault) && !(fault instanceof PatchFault)) throw fault;
  const status = fault instanceof KubeFault ? fault.status : 422;
  const reason = fault instanceof KubeFault ? fault.reason : "Invalid";
  const causes =
    fault instanceof KubeFault && fault.detail !== undefined ? [{ reason: fault.detail }] : [];
  return {
    status,
    body: {
      ...{ apiVersion: "v1", kind: "Status", metadata: {}, status: "Failure" },
      ...{ message: fault.message, reason, code: status, details: { causes } },
    },
  };
};

const handle = (store: KubeStore, call: Call, type: string, body: Json): Answer => {
  const { verb, resource, sub, namespace, name = "" } = call;
  const dryRun = call.query.get("dryRun");
  if (dryRun !== null && dryRun !== "All")
    throw new KubeFault(400, "BadRequest", `dryRun: ${dryRun} is not All`);
  const isDryRun = dryRun === "All";
  if (verb === "list") return list(store, call);
  if (sub === "scale" && verb === "update") return ok(scale(store, call, body, isDryRun));
  if (sub === "eviction" && verb === "create") return evict(store, call, body, isDryRun);
  if (sub === undefined && verb === "patch") {
    const before = store.find(resource, namespace, name);
    return ok(store.update(resource, patched(before, type, body), isDryRun));
  }
  throw new KubeFault(405, "MethodNotAllowed", `${verb} is not allowed here`);
};

const ok = (body: object): Answer => ({ status: 200, body });

const patched = (before: Thing, type: string, body: Json): Thing => {
  const target = before as unknown as Json;
  switch (type) {
    case "application/merge-patch+json":
      return mergePatch(target, body) as unknown as Thing;
    case "application/strategic-merge-patch+json":
      return strategicPatch(target, body) as unknown as Thing;
    case "application/json-patch+json":
      return jsonPatch(target, body) as unknown as Thing;
    default:
      throw new KubeFault(415, "UnsupportedMediaType", `${type} is no patch`);
  }
};

const list = (store: KubeStore, { resource, namespace, query }: Call): Answer => {
  const labels: Labels = {};
  for (const pair of (query.get("labelSelector") ?? "").split(",").filter((one) => one !== "")) {
    const [key = "", value = ""] = pair.split("=");
    labels[key] = value;
  }
  const all = store.list(resource, namespace, labels);
  const from = Number(query.get("continue") ?? 0);
  const limit = Number(query.get("limit") ?? all.length);
  const items = all.slice(from, from + limit);
  const next = from + limit < all.length ? { continue: String(from + limit) } : {};
  const kind = `${new KINDS[resource]().kind}List`;
  const metadata = { resourceVersion: String(store.version()), ...next };
  return ok({ apiVersion: new KINDS[resource]().apiVersion, kind, metadata, items });
};

const scale = (store: KubeStore, call: Call, body: Json, isDryRun: boolean): object => {
  const asked = body as unknown as Thing;
  valid(() => new Scale(asked as ConstructorParameters<typeof Scale>[0]).validate());
  const { namespace, name = "" } = call;
  const deployment = store.find("deployments", namespace, name);
  const given = asked.metadata.resourceVersion;
  // The annotations of a Scale are not the Deployment's: only the replicas are taken over.
  deployment.metadata.resourceVersion = given ?? deployment.metadata.resourceVersion;
  deployment.spec.replicas = asked.spec.replicas ?? 0;
  const next = store.update("deployments", deployment, isDryRun);
  const { resourceVersion, uid } = next.metadata;
  return {
    ...{ apiVersion: "autoscaling/v1", kind: "Scale" },
    metadata: { name, namespace, resourceVersion, uid },
    spec: { replicas: next.spec.replicas },
    status: { replicas: next.spec.replicas, selector: "app=x" },
  };
};

const evict = (store: KubeStore, call: Call, body: Json, isDryRun: boolean): Answer => {
  valid(() => new Eviction(body as ConstructorParameters<typeof Eviction>[0]).validate());
  const { namespace, name = "" } = call;
  const pod = store.find("pods", namespace, name);
  const asked = body as { deleteOptions?: { preconditions?: { uid?: string } } };
  const uid = asked.deleteOptions?.preconditions?.uid;
  if (uid !== undefined && uid !== pod.metadata.uid)
    throw new KubeFault(409, "Conflict", `the UID in the precondition (${uid}) is another`);
  const budgets = store
    .list("poddisruptionbudgets", namespace)
    .filter(({ spec }) => isOf(pod, spec.selector?.matchLabels ?? {}));
  if (budgets.length > 1)
    throw new KubeFault(500, "InternalError", "This pod has more than one PodDisruptionBudget");
  for (const { spec } of budgets) {
    const healthy = store
      .list("pods", namespace, spec.selector?.matchLabels)
      .filter(({ status }) => (status as { phase?: string }).phase === "Running").length;
    if (healthy > (spec.minAvailable ?? 0)) continue;
    const said = "Cannot evict pod as it would violate the pod's disruption budget.";
    throw new KubeFault(429, "TooManyRequests", said, "DisruptionBudget");
  }
  if (!isDryRun) store.remove("pods", namespace, name);
  const done = { apiVersion: "v1", kind: "Status", metadata: {}, status: "Success" };
  return { status: 201, body: done };
};

const isOf = ({ metadata }: Thing, labels: Labels): boolean =>
  Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value);

const valid = (check: () => void): void => {
  try {
    check();
  } catch (fault) {
    throw new KubeFault(400, "BadRequest", fault instanceof Error ? fault.message : "");
  }
};

/** What goes out is held against the schemas as well: a fake that lies would prove nothing. */
const answerFault = (body: object): string | undefined => {
  const { kind = "", items } = body as { kind?: string; items?: object[] };
  if (kind === "Scale") {
    try {
      new Scale(body).validate();
    } catch (fault) {
      return String(fault);
    }
  }
  const name = kind.replace(/List$/, "").toLowerCase();
  const resource = Object.keys(KINDS).find((one) => one === `${name}s`) as Resource | undefined;
  if (resource === undefined) return undefined;
  const faults = (items ?? [body]).map((one) => schemaFault(resource, one));
  return faults.find((fault) => fault !== undefined);
};

// ── watch ───────────────────────────────────────────────────────────────────────────────────────

const watch = (store: KubeStore, call: Call, response: ServerResponse): void => {
  const from = Number(call.query.get("resourceVersion") ?? 0);
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  if (from < store.forgotten()) {
    const message = `too old resource version: ${from} (${store.forgotten()})`;
    const object = { kind: "Status", code: 410, reason: "Expired", message };
    line(response, { type: "ERROR", object });
    response.end();
    return;
  }
  const tell = ({ version, type, resource, object }: KubeEvent): void => {
    const isOurs = resource === call.resource && object.metadata.namespace === call.namespace;
    if (isOurs && version > from) line(response, { type, object });
  };
  for (const event of store.history()) tell(event);
  const stop = store.watch(tell);
  response.on("close", stop);
};

const line = (response: ServerResponse, event: object): void => {
  if (!response.writableEnded) response.write(`${JSON.stringify(event)}\n`);
};
