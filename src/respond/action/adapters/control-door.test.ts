/** The adapters against doors that answer over real HTTP, kindly and badly. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ActuatorFault, type Wanted } from "../port.ts";
import { openControlDoor, type ControlDoor } from "./control-door.ts";
import { gatewayActuator } from "./gateway.ts";
import { supervisorActuator } from "./supervisor.ts";

type Said = { readonly status?: number; readonly body: unknown; readonly text?: string };
type Asked = {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly auth: string;
};
const open: Server[] = [];
afterEach(async () => {
  await Promise.all(
    open.splice(0).map(
      (server) =>
        new Promise((resolve) => {
          server.closeAllConnections();
          server.close(resolve);
        }),
    ),
  );
});

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const part of request) text += String(part);
  return text;
};

const doorThat = async (answer: (asked: Asked) => Said | "silence") => {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
      const one = { path: request.url ?? "", body, auth: request.headers.authorization ?? "" };
      asked.push(one);
      const said = answer(one);
      if (said === "silence") return request.socket.destroy();
      response.writeHead(said.status ?? 200, { "content-type": "application/json" });
      return response.end(said.text ?? JSON.stringify(said.body));
    });
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const door: ControlDoor = openControlDoor({ url: `http://127.0.0.1:${port}`, token: "secret" });
  return { door, asked };
};

const hub = { now: () => 1_000, epoch: 3 };
const done = ({ body }: Asked, undo: unknown, repeated = false): Said => ({
  body: { id: body["id"], applied: body["dryRun"] !== true, repeated, effect: "so it is", undo },
});
const scale = { kind: "scale", service: "obd2", region: "paris", replicas: 3 } as const;
const wanted = (change: Wanted["change"], id = "run-1-a-0"): Wanted => ({
  ...{ id, epoch: 3, change, untilMs: null },
});
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (fault: unknown) => (fault instanceof ActuatorFault ? fault.code : String(fault)),
  );

test("a supervisor is asked in its words, with token, id and epoch; a dry run changes nothing", async () => {
  const { door, asked } = await doorThat((one) => done(one, { ...scale, replicas: 2 }));
  const actuator = supervisorActuator(door, hub);
  expect(await actuator.preview(scale)).toEqual({
    effect: "so it is",
    undo: { ...scale, replicas: 2 },
  });
  expect(await actuator.apply(wanted(scale))).toMatchObject({ isFirst: true });
  expect(asked.map(({ body }) => [body["dryRun"], body["epoch"]])).toEqual([
    [true, 3],
    [false, 3],
  ]);
  expect(asked[1]).toMatchObject({
    ...{ auth: "Bearer secret", path: "/control/orders" },
    body: { id: "run-1-a-0", order: scale },
  });
  expect(actuator.can({ kind: "shed", level: 1 })).toBe(false);
});

test("a restart has no way back, a drain's way back knows its service", async () => {
  const restart = { kind: "restart", service: "obd2", instance: "obd2.paris.1" } as const;
  const drain = { kind: "drain", service: "obd2", instance: "obd2.paris.1" } as const;
  const { door } = await doorThat((one) => {
    const { kind } = one.body["order"] as { kind: string };
    return done(one, kind === "drain" ? { kind: "release", instance: "obd2.paris.1" } : null);
  });
  const actuator = supervisorActuator(door, hub);
  expect((await actuator.preview(restart)).undo).toBeNull();
  expect((await actuator.preview(drain)).undo).toEqual({ ...drain, kind: "release" });
});

test.each<{ title: string; said: Said | "silence"; code: string }>([
  { title: "an unknown target", said: refusal(404, "unknown_target"), code: "unknown_target" },
  { title: "an older epoch", said: refusal(409, "stale_epoch"), code: "stale_epoch" },
  { title: "bounds", said: refusal(422, "out_of_bounds"), code: "out_of_bounds" },
  { title: "a bad request", said: refusal(400, "bad_request"), code: "out_of_bounds" },
  { title: "a wrong token", said: refusal(401, "unauthenticated"), code: "unavailable" },
  { title: "a server's fault", said: { status: 500, body: {} }, code: "unavailable" },
  { title: "other words", said: { body: { ok: true } }, code: "unavailable" },
  { title: "no JSON", said: { body: null, text: "<html>" }, code: "unavailable" },
  { title: "a lost connection", said: "silence", code: "unavailable" },
])("$title becomes $code", async ({ said, code }) => {
  const { door } = await doorThat(() => said);
  expect(await codeOf(supervisorActuator(door, hub).apply(wanted(scale)))).toBe(code);
});

function refusal(status: number, code: string): Said {
  return { status, body: { error: { code, message: code } } };
}

const service = {
  ...{ offeredPerS: 40, servedPerS: 30, shedPerS: 10, fallbackPerS: 0, errorShare: 0.1 },
  ...{ p50Ms: 5, p95Ms: 50, p99Ms: 90, inflight: 1, limit: 20, queued: 2 },
};
const state = (more: object = {}, of: object = {}) => ({
  ...{ epoch: 1, revision: 1, orders: [], shed: { level: 0, ordered: 0 } },
  queue: { on: false, waiting: 0, active: 0, expectedWaitMs: null },
  services: [
    {
      ...{ id: "obd2", circuit: "closed", ...service, ...of },
      instances: [
        {
          ...{ id: "obd2.paris.1", region: "paris", url: "http://127.0.0.1:1", circuit: "open" },
          ...{ ready: true, inflight: 0, p95Ms: 4 },
        },
      ],
    },
  ],
  ...more,
});
const shed = { kind: "shed", level: 1 } as const;

test("an order goes to every gateway under one id, and is repeated only when all had it", async () => {
  let lyonHad = false;
  const paris = await doorThat((one) => done(one, { kind: "shed", level: 0 }, true));
  const lyon = await doorThat((one) => done(one, { kind: "shed", level: 0 }, lyonHad));
  const doors = [
    { door: paris.door, region: "paris" },
    { door: lyon.door, region: "lyon" },
  ];
  const { actuator } = gatewayActuator(doors, hub);
  expect(await actuator.apply(wanted(shed))).toMatchObject({
    isFirst: true,
    undo: { kind: "shed", level: 0 },
  });
  lyonHad = true;
  expect(await actuator.apply(wanted(shed))).toMatchObject({ isFirst: false });
  expect(new Set([...paris.asked, ...lyon.asked].map(({ body }) => body["id"])).size).toBe(1);
});

test("one silent gateway makes an order unavailable, one that refuses makes it refused", async () => {
  const well = await doorThat((one) => done(one, null));
  const silent = await doorThat(() => "silence");
  const strict = await doorThat(() => refusal(409, "stale_epoch"));
  const all = [well, silent, strict].map(({ door }) => ({ door, region: null }));
  const apply = (doors: typeof all) =>
    codeOf(gatewayActuator(doors, hub).actuator.apply(wanted(shed)));
  expect(await apply(all.slice(0, 1))).toBe("done");
  expect(await apply(all.slice(0, 2))).toBe("unavailable");
  expect(await apply(all)).toBe("stale_epoch");
});

test("a gateway that was silent before is not waited for", async () => {
  const well = await doorThat((one) =>
    one.path === "/control/state" ? { body: state() } : done(one, null),
  );
  const silent = await doorThat(() => "silence");
  const doors = [well, silent].map(({ door }) => ({ door, region: null }));
  const { actuator } = gatewayActuator(doors, hub);
  expect(await codeOf(actuator.apply(wanted(shed)))).toBe("unavailable");
  await actuator.observe();
  expect(await codeOf(actuator.apply(wanted(shed)))).toBe("done");
});

test("what gateways see is load by region, and what is in force, ordered or not, once each", async () => {
  const ordered = { kind: "throttle", service: "obd2", ratePerS: 2, burst: 3, untilMs: 9 };
  const paris = await doorThat(() => ({
    body: state({ orders: [ordered], shed: { level: 2, ordered: 0 } }),
  }));
  const lyon = await doorThat(() => ({ body: state({}, { circuit: "half_open" }) }));
  const gone = await doorThat(() => "silence");
  const doors = [
    { door: paris.door, region: "paris" },
    { door: lyon.door, region: "lyon" },
    { door: gone.door, region: "nice" },
  ];
  const { actuator, traffic } = gatewayActuator(doors, hub);
  const { inForce, atMs } = await actuator.observe();
  expect(atMs).toBe(1_000);
  expect(inForce).toEqual([
    { kind: "throttle", service: "obd2", ratePerS: 2, burst: 3 },
    { kind: "circuit", service: "obd2", instance: "obd2.paris.1", state: "open" },
    { kind: "shed", level: 2 },
    { kind: "circuit", service: "obd2", instance: null, state: "open" },
  ]);
  expect(
    traffic().map(({ region, services }) => [region, services.get("obd2")?.offeredPerS]),
  ).toEqual([
    ["paris", 40],
    ["lyon", 40],
  ]);
  const lost = gatewayActuator(doors.slice(2), hub).actuator.observe();
  expect(await codeOf(lost)).toBe("unavailable");
});

test("events are waited for at the door", async () => {
  const event = {
    ...{ seq: 4, atMs: 5, kind: "circuit_opened", service: "obd2", instance: null, region: null },
    ...{ why: "errors", evidence: { share: 0.6 } },
  };
  const { door, asked } = await doorThat(() => ({ body: { missed: false, items: [event] } }));
  const { items } = await door.events(3, 50, new AbortController().signal);
  expect(items).toEqual([event]);
  expect(asked[0]?.path).toBe("/control/events?after=3&waitMs=50");
});
