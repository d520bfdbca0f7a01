/** What each change does to a cluster, how it comes back, and what is refused. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { connectKubernetes } from "../../src/respond/action/adapters/kubernetes-api.ts";
import {
  imageVersion,
  rangeFor,
  withVersion,
} from "../../src/respond/action/adapters/kubernetes-changes.ts";
import { kubernetesConfig } from "../../src/respond/action/adapters/kubernetes-config.ts";
import { stateOf } from "../../src/respond/action/adapters/kubernetes-observe.ts";
import type { ReplicaChange } from "../../src/respond/action/adapters/kubernetes-watch.ts";
import type { Change } from "../../src/respond/action/port.ts";
import {
  autoscaler,
  budget,
  documentedRole,
  LYON,
  openKubeLab,
  PARIS,
  scaleTo,
  wanted,
  type KubeLab,
} from "./kube-lab.ts";

let lab: KubeLab;
beforeEach(async () => {
  lab = await openKubeLab();
});
afterEach(() => lab.close());

const version = (to: string): Change => ({ kind: "version", service: "obd2", version: to });
const restart = (instance: string): Change => ({ kind: "restart", service: "obd2", instance });
const range = () => {
  const { minReplicas, maxReplicas } = lab.api.store.find(
    ...(["horizontalpodautoscalers", PARIS, "obd2"] as const),
  ).spec;
  return [minReplicas, maxReplicas];
};

describe("scale", () => {
  test("through the scale subresource, and back by its undo", async () => {
    const applied = await lab.actuator.apply(wanted("o1", scaleTo(5)));
    expect(applied).toMatchObject({ isFirst: true, undo: scaleTo(2) });
    expect(applied.effect).toBe("deployment novaevo-paris/obd2: 2 → 5 replicas");
    expect(lab.api.calls).toContain("update deployments/scale");
    lab.api.settle();
    expect([lab.pods(PARIS).length, lab.pods(LYON).length]).toEqual([5, 2]);
    await lab.actuator.apply(wanted("o2", applied.undo!));
    lab.api.settle();
    expect(lab.pods(PARIS)).toHaveLength(2);
  });

  test("an autoscaler owns the replicas: its range is moved, and comes back exactly", async () => {
    lab.api.store.create("horizontalpodautoscalers", autoscaler(2, 6));
    lab.api.settle();
    const up = await lab.actuator.apply(wanted("o1", scaleTo(4)));
    expect([range(), up.undo]).toEqual([[4, 6], scaleTo(2)]);
    lab.api.settle();
    expect(lab.pods(PARIS)).toHaveLength(4);
    const more = await lab.actuator.apply(wanted("o2", scaleTo(7)));
    expect([range(), more.undo]).toEqual([[7, 7], scaleTo(4)]);
    expect((await lab.actuator.observe()).inForce).toEqual([scaleTo(7)]);
    const again = await lab.actuator.apply(wanted("o2", scaleTo(7)));
    expect(again).toEqual({ ...more, isFirst: false });
    await lab.actuator.apply(wanted("o3", more.undo!));
    await lab.actuator.apply(wanted("o4", up.undo!));
    expect(range()).toEqual([2, 6]);
    expect((await lab.actuator.observe()).inForce).toEqual([]);
    expect(lab.api.calls).not.toContain("update deployments/scale");
  });

  test("a range that its owner has set since is his own", async () => {
    lab.api.store.create("horizontalpodautoscalers", autoscaler(2, 6));
    lab.api.settle();
    await lab.actuator.apply(wanted("o1", scaleTo(4)));
    const his = lab.api.store.find("horizontalpodautoscalers", PARIS, "obd2");
    Object.assign(his.spec, { minReplicas: 3, maxReplicas: 5 });
    lab.api.store.update("horizontalpodautoscalers", his);
    lab.api.settle();
    const applied = await lab.actuator.apply(wanted("o2", scaleTo(5)));
    expect(range()).toEqual([5, 5]);
    await lab.actuator.apply(wanted("o3", applied.undo!));
    expect(range()).toEqual([3, 5]);
  });

  test("two autoscalers of one Deployment are a conflict", async () => {
    lab.api.store.create("horizontalpodautoscalers", autoscaler(2, 6));
    const other = autoscaler(2, 6);
    other.metadata.name = "other";
    lab.api.store.create("horizontalpodautoscalers", other);
    await expect(lab.actuator.apply(wanted("o1", scaleTo(3)))).rejects.toMatchObject({
      code: "conflict",
    });
  });

  test("a preview is checked by the server and leaves nothing", async () => {
    const before = lab.of(PARIS);
    const told = await lab.actuator.preview(scaleTo(5));
    expect(told).toMatchObject({ effect: expect.stringContaining("2 → 5"), undo: scaleTo(2) });
    await lab.actuator.preview(version("2.0.0"));
    await lab.actuator.preview(restart(lab.pods(PARIS)[0]!.metadata.name));
    expect(lab.of(PARIS)).toEqual(before);
    expect(lab.pods(PARIS)).toHaveLength(2);
    const hpa = autoscaler(1, 6);
    lab.api.store.create("horizontalpodautoscalers", hpa);
    await lab.actuator.preview(scaleTo(5));
    expect(range()).toEqual([1, 6]);
  });
});

describe("restart and drain", () => {
  test.each(["restart", "drain"] as const)("%s: that pod goes, another comes", async (kind) => {
    const [first, second] = lab.pods(PARIS);
    const instance = first!.metadata.name;
    const applied = await lab.actuator.apply(wanted("o1", { kind, service: "obd2", instance }));
    expect(applied).toMatchObject({ isFirst: true, undo: null });
    lab.api.settle();
    const after = lab.pods(PARIS).map(({ metadata }) => metadata.name);
    expect(after).toHaveLength(2);
    expect(after).toContain(second!.metadata.name);
    expect(after).not.toContain(instance);
    const again = await lab.actuator.apply(wanted("o1", { kind, service: "obd2", instance }));
    expect(again).toEqual({ ...applied, isFirst: false });
  });

  test("a disruption budget is honoured, with its reason; later it is allowed", async () => {
    lab.api.store.create("poddisruptionbudgets", budget("two", 2));
    const order = wanted("o1", restart(lab.pods(PARIS)[0]!.metadata.name));
    await expect(lab.actuator.preview(order.change)).rejects.toMatchObject({ code: "conflict" });
    await expect(lab.actuator.apply(order)).rejects.toMatchObject({
      ...{ code: "conflict", message: expect.stringContaining("disruption budget") },
    });
    expect(lab.api.calls.filter((call) => call === "create pods/eviction")).toHaveLength(2);
    lab.byHand(PARIS, 3);
    lab.api.settle();
    expect(await lab.actuator.apply(order)).toMatchObject({ isFirst: true });
    expect(await lab.actuator.apply(order)).toMatchObject({ isFirst: false });
  });

  test("two budgets over one pod: no waiting cures that", async () => {
    lab.api.store.create("poddisruptionbudgets", budget("one", 0));
    lab.api.store.create("poddisruptionbudgets", budget("two", 0));
    const change = restart(lab.pods(PARIS)[0]!.metadata.name);
    await expect(lab.actuator.apply(wanted("o1", change))).rejects.toMatchObject({
      code: "out_of_bounds",
    });
  });

  test("restart of the whole pool replaces each pod", async () => {
    const before = new Set(lab.pods(PARIS).map(({ metadata }) => metadata.uid));
    const there = lab.pods(LYON).map(({ metadata }) => metadata.uid);
    await lab.actuator.apply(wanted("o1", restart("obd2.paris")));
    lab.api.settle();
    lab.api.settle();
    const after = lab.pods(PARIS).map(({ metadata }) => metadata.uid);
    expect(after).toHaveLength(2);
    expect(after.filter((uid) => before.has(uid))).toEqual([]);
    expect(lab.pods(LYON).map(({ metadata }) => metadata.uid)).toEqual(there);
  });
});

describe("version", () => {
  test("a new one by its tag; back by the whole template that ran", async () => {
    const up = await lab.actuator.apply(wanted("o1", version("2.0.0")));
    expect(up.undo).toEqual(version("1.0.0"));
    lab.api.settle();
    expect(lab.images(PARIS)).toEqual([
      "registry:5000/proxy:3",
      "registry:5000/novaevo/obd2:2.0.0",
    ]);
    expect(lab.images(LYON)[1]).toMatch(/:2\.0\.0$/);
    const changed = lab.of(PARIS);
    changed.spec.template!.spec.containers[0]!.image = "registry:5000/proxy:4";
    lab.api.store.update("deployments", changed);
    const back = await lab.actuator.apply(wanted("o2", up.undo!));
    expect(back.effect).toMatch(/the template of obd2-[0-9a-f]{10}/);
    expect(lab.images(PARIS)).toEqual([
      "registry:5000/proxy:3",
      "registry:5000/novaevo/obd2:1.0.0",
    ]);
    expect(lab.of(PARIS).spec.template!.metadata!.labels).toEqual({ app: "obd2" });
    lab.api.settle();
    const { replicas } = await lab.actuator.observe();
    expect(new Set(replicas.map((one) => one.version))).toEqual(new Set(["1.0.0"]));
  });

  test("regions that differed have no single way back, and it says so", async () => {
    const lyon = lab.of(LYON);
    lyon.spec.template!.spec.containers[1]!.image = "registry:5000/novaevo/obd2:0.9.0";
    lab.api.store.update("deployments", lyon);
    const applied = await lab.actuator.apply(wanted("o1", version("2.0.0")));
    expect(applied).toMatchObject({ undo: null, effect: expect.stringContaining("differed") });
  });

  test("one region failed: the repeat does the other only", async () => {
    lab.api.meanwhile(
      ({ verb, namespace }) => verb === "patch" && namespace === LYON,
      () => lab.api.store.remove("deployments", LYON, "obd2"),
    );
    const lyon = lab.of(LYON);
    const order = wanted("o1", version("2.0.0"));
    await expect(lab.actuator.apply(order)).rejects.toMatchObject({ code: "unknown_target" });
    lab.api.store.create("deployments", lyon);
    const uid = lab.of(PARIS).metadata.resourceVersion;
    expect(await lab.actuator.apply(order)).toMatchObject({ isFirst: true });
    expect(lab.images(LYON)[1]).toMatch(/:2\.0\.0$/);
    expect(lab.of(PARIS).metadata.resourceVersion).toBe(uid);
  });

  test.each([
    ["obd2", "latest", "obd2:2"],
    ["registry:5000/obd2", "latest", "registry:5000/obd2:2"],
    ["registry:5000/a/obd2:1.0", "1.0", "registry:5000/a/obd2:2"],
    [`a/obd2:1@sha256:${"0".repeat(64)}`, `sha256:${"0".repeat(64)}`, "a/obd2:2"],
  ])("the version of %s is %s", (image, is, next) => {
    expect(imageVersion(image)).toBe(is);
    expect(withVersion(image, "2")).toBe(next);
    expect(imageVersion(withVersion(image, is === "latest" ? "latest" : is))).toBe(is);
  });
});

describe("observe and follow", () => {
  test("pools and pods of both regions", async () => {
    const { pools, replicas } = await lab.actuator.observe();
    expect(pools).toEqual([
      { service: "obd2", region: "paris", replicas: 2, min: 1, max: 8 },
      { service: "obd2", region: "lyon", replicas: 2, min: 1, max: 8 },
    ]);
    expect(replicas).toHaveLength(4);
    expect(replicas[0]).toMatchObject({ state: "ready", restarts: 0, version: "1.0.0" });
  });

  test.each([
    ["starting", { phase: "Pending" }],
    ["unhealthy", { phase: "Pending", containerStatuses: [waiting("ImagePullBackOff")] }],
    ["quarantined", { phase: "Running", containerStatuses: [waiting("CrashLoopBackOff")] }],
    ["stopped", { phase: "Failed" }],
    ["starting", { phase: "Running", containerStatuses: [{ ...waiting(""), restartCount: 0 }] }],
    ["unhealthy", { phase: "Running", containerStatuses: [{ ...waiting(""), started: true }] }],
    ["ready", { phase: "Running", conditions: [{ type: "Ready", status: "True" }] }],
  ])("a pod is %s", (state, status) => {
    expect(stateOf({ status })).toBe(state);
  });

  test("changes come as they happen; after 410 it lists, and says what has gone", async () => {
    const stop = new AbortController();
    const seen: ReplicaChange[] = [];
    const done = lab.actuator.follow((change) => seen.push(change), stop.signal);
    const gone = () => seen.filter(({ kind }) => kind === "gone").map(({ replica }) => replica.id);
    await vi.waitFor(() => expect(lab.api.watchers()).toBe(2));
    expect(seen).toHaveLength(4);
    const [first, second] = lab.pods(PARIS).map(({ metadata }) => metadata.name);
    lab.api.store.remove("pods", PARIS, first!);
    await vi.waitFor(() => expect(gone()).toEqual([first]));

    // A bookmark moves the place to go on from: the forgotten past is then no loss.
    lab.api.store.update("deployments", { ...lab.of(PARIS), status: { replicas: 2 } });
    lab.api.store.compact();
    lab.api.bookmark();
    const lists = () => lab.api.calls.filter((call) => call === "list pods").length;
    const before = lists();
    lab.api.endWatches();
    await vi.waitFor(() => expect(lab.api.watchers()).toBe(2));
    expect(lists()).toBe(before);

    // Without one it has to list again.
    lab.api.endWatches();
    lab.api.store.remove("pods", PARIS, second!);
    lab.api.store.compact();
    await vi.waitFor(() => expect(gone()).toEqual([first, second]));
    expect(lists()).toBeGreaterThan(before);
    stop.abort();
    await done;
  });
});

describe("refused", () => {
  test.each([
    ["a service that is not configured", { ...scaleTo(3), service: "nlp" }, "unknown_target"],
    ["a region that is not configured", scaleTo(3, "nice"), "unknown_target"],
    ["more than the plan's", scaleTo(9), "out_of_bounds"],
    ["none at all", scaleTo(0), "out_of_bounds"],
    ["half a replica", scaleTo(1.5), "out_of_bounds"],
    ["a pod that is not there", restart("obd2-0000000000-zzzzz"), "unknown_target"],
    ["a pool of another region", restart("obd2.nice"), "unknown_target"],
    ["a version that is no tag", version("2.0; rm -rf /"), "out_of_bounds"],
    ["a change it cannot make", { kind: "shed", level: 1 }, "out_of_bounds"],
  ] as const)("%s", async (_, change, code) => {
    const before = lab.of(PARIS);
    await expect(lab.actuator.apply(wanted("o1", change))).rejects.toMatchObject({
      code,
    });
    await expect(lab.actuator.preview(change)).rejects.toMatchObject({ code });
    expect(lab.of(PARIS)).toEqual(before);
  });

  test("what the server itself refuses is out of bounds, with its words", async () => {
    lab.api.store.create("horizontalpodautoscalers", autoscaler(1, 6));
    lab.config.services["obd2"]!.min = 0;
    await expect(lab.actuator.apply(wanted("o1", scaleTo(0)))).rejects.toMatchObject({
      ...{ code: "out_of_bounds", message: expect.stringContaining("minReplicas") },
    });
  });

  test("an order that is to end by itself", async () => {
    const order = { ...wanted("o1", scaleTo(3)), untilMs: Date.now() + 1_000 };
    await expect(lab.actuator.apply(order)).rejects.toMatchObject({ code: "out_of_bounds" });
  });

  test("two Deployments with the labels; none", async () => {
    const other = lab.of(PARIS);
    other.metadata.name = "other";
    lab.api.store.create("deployments", other);
    const apply = () => lab.actuator.apply(wanted("o1", scaleTo(3)));
    await expect(apply()).rejects.toMatchObject({ code: "conflict" });
    lab.api.store.remove("deployments", PARIS, "other");
    lab.api.store.remove("deployments", PARIS, "obd2");
    await expect(apply()).rejects.toMatchObject({ code: "unknown_target" });
  });

  test("no server, a silent one, bad credentials: unavailable", async () => {
    const file = path.join(lab.dir, "other");
    const observe = async (text: string, timeoutMs = 10_000) => {
      await writeFile(file, text);
      const api = await connectKubernetes({ kubeconfig: file, timeoutMs });
      return api.listPods(PARIS);
    };
    const unavailable = { code: "unavailable" };
    await expect(observe(lab.api.kubeconfig("stolen"))).rejects.toMatchObject(unavailable);
    lab.api.switches.isSilent = true;
    await expect(observe(lab.api.kubeconfig(), 200)).rejects.toMatchObject(unavailable);
    lab.api.switches.isSilent = false;
    const text = lab.api.kubeconfig();
    await lab.api.close();
    await expect(observe(text)).rejects.toMatchObject(unavailable);
    await lab.close();
    lab = await openKubeLab();
  });
});

describe("configuration", () => {
  const good = {
    kubeconfig: null,
    regions: { paris: { namespace: "p" } },
    services: { obd2: { labels: { app: "obd2" }, max: 3 } },
  };
  test.each([
    [
      "services.obd2.min",
      { ...good, services: { obd2: { labels: { app: "x" }, min: 4, max: 3 } } },
    ],
    ["services.obd2.labels", { ...good, services: { obd2: { labels: {}, max: 3 } } }],
    ["regions.paris.namespace", { ...good, regions: { paris: { namespace: "No Such" } } }],
    ["regions", { ...good, regions: {} }],
    ["timeoutMs", { ...good, timeoutMs: 1 }],
    ["", { ...good, tiemoutMs: 100 }],
  ])("an error names %s", (field, config) => {
    expect(kubernetesConfig.safeParse(good).success).toBe(true);
    const { error } = kubernetesConfig.safeParse(config);
    expect(error?.issues.map(({ path }) => path.join("."))).toEqual([field]);
  });

  test("a kubeconfig that is not there, is damaged, or lacks the context", async () => {
    const file = path.join(lab.dir, "bad");
    const connect = (kubeconfig: string, context: { context?: string } = {}) =>
      connectKubernetes({ kubeconfig, timeoutMs: 1_000, ...context });
    await expect(connect(file)).rejects.toThrow(/kubernetes\.kubeconfig: .*bad: ENOENT/);
    await writeFile(file, "{");
    await expect(connect(file)).rejects.toThrow(/kubernetes\.kubeconfig/);
    await writeFile(file, lab.api.kubeconfig());
    await expect(connect(file, { context: "prod" })).rejects.toThrow(/prod is not in .*test/);
    await writeFile(file, lab.api.kubeconfig().replace("skip-tls-verify", "other"));
    await expect(connect(file)).rejects.toThrow(/is not encrypted: use https/);
  });
});

test("the documented Role suffices, and no rule of it is idle", async () => {
  lab.api.store.create("poddisruptionbudgets", budget("one", 0));
  await lab.actuator.apply(wanted("o1", scaleTo(3)));
  await lab.actuator.apply(wanted("o2", version("2.0.0")));
  await lab.actuator.apply(wanted("o3", restart(lab.pods(PARIS)[0]!.metadata.name)));
  lab.api.store.create("horizontalpodautoscalers", autoscaler(1, 6));
  lab.api.settle();
  await lab.actuator.apply(wanted("o4", scaleTo(4)));
  const stop = new AbortController();
  const done = lab.actuator.follow(() => undefined, stop.signal);
  await vi.waitFor(() => expect(lab.api.watchers()).toBe(2));
  stop.abort();
  await done;
  const documented = (await documentedRole()).flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((what) => verbs.map((verb) => `${group} ${what} ${verb}`)),
    ),
  );
  expect([...lab.api.used].toSorted()).toEqual(documented.toSorted());
});

test("law: a range holds what is asked, and asked for what ran it is the owner's", () => {
  for (let min = 1; min <= 4; min += 1)
    for (let max = min; max <= 6; max += 1)
      for (let replicas = min; replicas <= max; replicas += 1)
        for (let asked = 1; asked <= 8; asked += 1) {
          const next = rangeFor({ min, max, replicas }, asked);
          const isOwn = next.min === min && next.max === max;
          expect(next.min <= asked && asked <= next.max).toBe(true);
          expect(asked !== replicas || isOwn).toBe(true);
        }
});

function waiting(reason: string) {
  const state = reason === "" ? {} : { waiting: { reason } };
  return { ...{ name: "app", image: "x", imageID: "", ready: false, restartCount: 3 }, state };
}
