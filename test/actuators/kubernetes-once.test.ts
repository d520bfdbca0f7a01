/** One order once, and one hub at a time: lost answers, writers that collide, older epochs. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EPOCH, MAX_ORDERS, ORDERS } from "../../src/respond/action/adapters/kubernetes-record.ts";
import type { Change } from "../../src/respond/action/port.ts";
import type { Call } from "./kube-api.ts";
import { LYON, openKubeLab, PARIS, scaleTo, wanted, type KubeLab } from "./kube-lab.ts";

let lab: KubeLab;
beforeEach(async () => {
  lab = await openKubeLab();
});
afterEach(() => lab.close());

const is =
  (verb: string, what: string) =>
  ({ verb: v, resource, sub, namespace }: Call): boolean =>
    v === verb && `${resource}/${sub ?? ""}` === what && namespace === PARIS;
const RECORD = is("patch", "deployments/");
const SCALE = is("update", "deployments/scale");
const EVICT = is("create", "pods/eviction");
const replicas = (): number | undefined => lab.of(PARIS).spec.replicas;
const ids = (): readonly string[] =>
  (JSON.parse(lab.of(PARIS).metadata.annotations![ORDERS]!) as { id: string }[]).map(
    ({ id }) => id,
  );
const annotate = (annotations: { [key: string]: string }): void => {
  const now = lab.of(PARIS);
  now.metadata.annotations = annotations;
  lab.api.store.update("deployments", now);
};
const fault = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: unknown) => (error as { code: string }).code,
  );

describe("an answer that is lost", () => {
  test("to the scale: the repeat finds it done, and leaves what somebody did since", async () => {
    lab.api.cut(SCALE);
    const order = wanted("o1", scaleTo(5));
    expect(await fault(lab.actuator.apply(order))).toBe("unavailable");
    expect(replicas()).toBe(5);
    lab.byHand(PARIS, 4);
    expect(await lab.hub().apply(order)).toMatchObject({ isFirst: false, undo: scaleTo(2) });
    expect(replicas()).toBe(4);
  });

  test("control: without the annotation the repeat does it again", async () => {
    lab.api.cut(SCALE);
    const order = wanted("o1", scaleTo(5));
    expect(await fault(lab.actuator.apply(order))).toBe("unavailable");
    lab.byHand(PARIS, 4);
    annotate({});
    expect(await lab.hub().apply(order)).toMatchObject({ isFirst: true });
    expect(replicas()).toBe(5);
  });

  test("to the record: the repeat carries the scale out, with the same way back", async () => {
    lab.api.cut(RECORD);
    const order = wanted("o1", scaleTo(5));
    expect(await fault(lab.actuator.apply(order))).toBe("unavailable");
    expect(replicas()).toBe(2);
    expect(await lab.hub().apply(order)).toMatchObject({ isFirst: true, undo: scaleTo(2) });
    expect(replicas()).toBe(5);
    expect(await lab.hub().apply(order)).toMatchObject({ isFirst: false, undo: scaleTo(2) });
    expect(ids()).toEqual(["o1"]);
  });

  test.each([3, 2])("to the record, and an order since: overtaken, never done (%i)", async (to) => {
    lab.api.cut(RECORD);
    expect(await fault(lab.actuator.apply(wanted("o1", scaleTo(5))))).toBe("unavailable");
    await lab.actuator.apply(wanted("o2", scaleTo(to)));
    expect(await fault(lab.actuator.apply(wanted("o1", scaleTo(5))))).toBe("conflict");
    expect(replicas()).toBe(to);
  });

  test("to the scale, and an order since: the first is known as done", async () => {
    lab.api.cut(SCALE);
    expect(await fault(lab.actuator.apply(wanted("o1", scaleTo(5))))).toBe("unavailable");
    await lab.actuator.apply(wanted("o2", scaleTo(3)));
    expect(await lab.actuator.apply(wanted("o1", scaleTo(5)))).toMatchObject({ isFirst: false });
    expect(replicas()).toBe(3);
  });

  test("to the record, and somebody scaled since: it is done upon that", async () => {
    lab.api.cut(RECORD);
    expect(await fault(lab.actuator.apply(wanted("o1", scaleTo(5))))).toBe("unavailable");
    lab.byHand(PARIS, 3);
    const again = await lab.actuator.apply(wanted("o1", scaleTo(5)));
    expect([again.isFirst, again.undo, replicas()]).toEqual([true, scaleTo(3), 5]);
  });

  test("to an eviction: one pod has gone, and no other goes", async () => {
    const instance = lab.pods(PARIS)[0]!.metadata.name;
    const order = wanted("o1", { kind: "restart", service: "obd2", instance });
    lab.api.cut(EVICT);
    expect(await fault(lab.actuator.apply(order))).toBe("unavailable");
    lab.api.settle();
    const after = lab.pods(PARIS).map(({ metadata }) => metadata.uid);
    expect(await lab.hub().apply(order)).toMatchObject({ isFirst: false });
    lab.api.settle();
    expect(lab.pods(PARIS).map(({ metadata }) => metadata.uid)).toEqual(after);
    expect(lab.api.calls.filter((call) => call === "create pods/eviction")).toHaveLength(1);
  });

  test("control: without the annotation the repeat knows no such pod", async () => {
    const instance = lab.pods(PARIS)[0]!.metadata.name;
    const order = wanted("o1", { kind: "restart", service: "obd2", instance });
    lab.api.cut(EVICT);
    expect(await fault(lab.actuator.apply(order))).toBe("unavailable");
    annotate({});
    expect(await fault(lab.hub().apply(order))).toBe("unknown_target");
  });

  test("to a new version: it is not undone by asking again", async () => {
    const order = wanted("o1", { kind: "version", service: "obd2", version: "2.0.0" });
    lab.api.cut(RECORD);
    expect(await fault(lab.actuator.apply(order))).toBe("unavailable");
    const generation = lab.of(PARIS).metadata.generation;
    const undo: Change = { kind: "version", service: "obd2", version: "1.0.0" };
    // Lyon had not been asked yet.
    expect(await lab.hub().apply(order)).toMatchObject({ isFirst: true, undo });
    expect(await lab.hub().apply(order)).toMatchObject({ isFirst: false, undo });
    expect(lab.of(PARIS).metadata.generation).toBe(generation);
    expect(lab.images(LYON)[1]).toMatch(/:2\.0\.0$/);
  });
});

describe("writers that collide", () => {
  test.each([2, 6])("%i hubs with one order: it is carried out once", async (count) => {
    const order = wanted("o1", scaleTo(5));
    const hubs = Array.from({ length: count }, () => lab.hub().apply(order));
    const answers = await Promise.all(hubs);
    expect(new Set(answers.map(({ undo }) => JSON.stringify(undo)))).toHaveLength(1);
    expect(answers.filter(({ isFirst }) => isFirst)).toHaveLength(1);
    expect([replicas(), ids()]).toEqual([5, ["o1"]]);
  });

  test("three hubs with orders of their own: each undo is what the one before had set", async () => {
    const sizes = [3, 4, 5];
    const asked = sizes.map((size) => lab.hub().apply(wanted(`o${size}`, scaleTo(size))));
    const answers = await Promise.allSettled(asked);
    const next = new Map<number | undefined, number>();
    for (const [nth, answer] of answers.entries()) {
      const undo = answer.status === "fulfilled" ? answer.value.undo : null;
      if (undo?.kind === "scale") next.set(undo.replicas, sizes[nth]!);
    }
    // An order that was overtaken says so; of the others each began where one had ended.
    const lost = answers.filter(({ status }) => status === "rejected");
    for (const one of lost) expect(one).toMatchObject({ reason: { code: "conflict" } });
    expect(next.size).toBe(sizes.length - lost.length);
    let at: number | undefined = 2;
    for (const _ of next) at = next.get(at);
    expect(at).toBe(replicas());
  });

  test("somebody scales between the record and the scale: looked at again", async () => {
    lab.api.meanwhile(SCALE, () => lab.byHand(PARIS, 3));
    const applied = await lab.actuator.apply(wanted("o1", scaleTo(5)));
    expect([applied.isFirst, applied.undo, replicas()]).toEqual([true, scaleTo(3), 5]);
  });

  test("a controller writes the status between: tried again", async () => {
    lab.api.meanwhile(SCALE, () =>
      lab.api.store.update("deployments", { ...lab.of(PARIS), status: { replicas: 9 } }),
    );
    const applied = await lab.actuator.apply(wanted("o1", scaleTo(5)));
    expect([applied.isFirst, applied.undo, replicas()]).toEqual([true, scaleTo(2), 5]);
  });

  test("a controller that never rests: a conflict, after eight attempts", async () => {
    let writes = 0;
    const disturb = (): void => {
      writes += 1;
      lab.api.store.update("deployments", { ...lab.of(PARIS), status: { replicas: writes } });
      lab.api.meanwhile(RECORD, disturb);
    };
    lab.api.meanwhile(RECORD, disturb);
    expect(await fault(lab.actuator.apply(wanted("o1", scaleTo(5))))).toBe("conflict");
    expect([writes, replicas()]).toEqual([8, 2]);
  });
});

describe("epochs", () => {
  test("an older hub is refused, an equal and a newer one not", async () => {
    await lab.actuator.apply(wanted("o1", scaleTo(3), 7));
    expect(await fault(lab.hub().apply(wanted("o2", scaleTo(4), 6)))).toBe("stale_epoch");
    expect(await fault(lab.hub().apply(wanted("o1", scaleTo(3), 6)))).toBe("stale_epoch");
    expect(replicas()).toBe(3);
    await lab.hub().apply(wanted("o3", scaleTo(4), 7));
    await lab.hub().apply(wanted("o4", scaleTo(5), 8));
    expect(replicas()).toBe(5);
  });

  const newer = (): void => {
    const now = lab.of(PARIS);
    now.spec.replicas = 7;
    now.metadata.annotations = { ...now.metadata.annotations, [EPOCH]: "9" };
    lab.api.store.update("deployments", now);
  };

  test.each([
    ["the record", RECORD],
    ["the scale", SCALE],
  ])("a newer hub writes right before %s: the older one changes nothing", async (_, at) => {
    lab.api.meanwhile(at, newer);
    expect(await fault(lab.actuator.apply(wanted("o1", scaleTo(5), 8)))).toBe("stale_epoch");
    expect(replicas()).toBe(7);
  });

  test("control: where the server does not lock, both win", async () => {
    lab.api.switches.isLocking = false;
    lab.api.meanwhile(SCALE, newer);
    expect(await fault(lab.actuator.apply(wanted("o1", scaleTo(5), 8)))).toBe("none");
    expect(replicas()).toBe(5);
  });
});

test.each([
  ["the epoch", { [EPOCH]: "-1" }],
  ["the orders, cut off", { [ORDERS]: '[{"id":' }],
  ["the orders, another shape", { [ORDERS]: '{"o1":true}' }],
])("an annotation that is not ours, %s: a conflict that names it", async (_, annotations) => {
  annotate(annotations);
  await expect(lab.actuator.apply(wanted("o1", scaleTo(3)))).rejects.toMatchObject({
    ...{ code: "conflict", message: expect.stringContaining(Object.keys(annotations)[0]!) },
  });
});

test("annotations of others stay, and ours are bounded", async () => {
  annotate({ "example.com/owner": "garage" });
  for (let nth = 0; nth < MAX_ORDERS + 3; nth += 1)
    await lab.actuator.apply(wanted(`o${nth}`, scaleTo(2 + (nth % 3))));
  expect(lab.of(PARIS).metadata.annotations).toMatchObject({ "example.com/owner": "garage" });
  expect(ids()).toHaveLength(MAX_ORDERS);
  expect(ids().at(-1)).toBe(`o${MAX_ORDERS + 2}`);
});
