/**
 * A request of Prometheus' API ends with its connection, or with its `timeout`: over real sockets,
 * with the engine in its thread.
 */
import { once } from "node:events";
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { type AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import fastify from "fastify";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { TooManyCalls } from "../../src/io/rpc.ts";
import { dataReply } from "../../src/watch/signal/prometheus/answer.ts";
import { prometheusRoutes } from "../../src/watch/signal/prometheus/prometheus.routes.ts";
import type { Signals } from "../../src/watch/signal/signals.ts";
import { EVALUATING, started } from "../promql/canceled-lab.ts";

type Prometheus = Signals["prometheus"];

const RANGE = "start=400&end=2000&step=10";
const HEAVY = `/api/v1/query_range?query=sum(rate(m[5m]))&${RANGE}`;
const CANCELED = ["query: query was canceled in expression evaluation"];

afterEach(() => void vi.useRealTimers());

/** The doors on a port, and what became of what they asked. */
const opened = async (prometheus: Prometheus) => {
  const asked: AbortSignal[] = [];
  const routes = prometheusRoutes({
    ...{ version: "1", now: () => 0 },
    signals: {
      prometheus: (ask, signal) => {
        asked.push(signal);
        return prometheus(ask, signal);
      },
    },
  });
  const server = fastify();
  onTestFinished(() => server.close());
  server.get("/api/v1/query", async (request, reply) =>
    routes["GET promQuery"]({ request, reply, principal: undefined }),
  );
  server.get("/api/v1/query_range", async (request, reply) =>
    routes["GET promQueryRange"]({ request, reply, principal: undefined }),
  );
  const heard: string[] = [];
  server.addHook("onRequest", async ({ url }) => void heard.push(url));
  const sockets: Socket[] = [];
  server.server.on("connection", (socket: Socket) => sockets.push(socket));
  await server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const ask = (path: string) => {
    const request = get({ host: "127.0.0.1", port, path, agent: false });
    return { request, answer: answerOf(request) };
  };
  const asks = (many: number) => vi.waitFor(() => expect(heard).toHaveLength(many));
  return { ask, asked, asks, sockets, port };
};

const answerOf = async (request: ClientRequest) => {
  try {
    const [reply] = (await once(request, "response")) as [IncomingMessage];
    return { status: reply.statusCode, body: JSON.parse(await text(reply)) as unknown };
  } catch {
    return "the connection ended";
  }
};

const withEngine = async () => {
  const engine = started();
  const prometheus: Prometheus = (ask, signal) => engine.callUnless(signal, "prometheus", [ask]);
  return { ...engine, ...(await opened(prometheus)) };
};

const aborted = (signal: AbortSignal): Promise<unknown> =>
  signal.aborted ? Promise.resolve() : once(signal, "abort");

test("an evaluation stops in the middle when its only client closes the connection", async () => {
  const { ask, asked, looked, goOn, outcomes } = await withEngine();
  const { request, answer } = ask(HEAVY);
  await looked(EVALUATING);
  request.destroy();
  await aborted(asked[0]!);
  goOn();
  expect(await answer).toBe("the connection ended");
  expect(await outcomes()).toEqual(CANCELED);
});

test("control: the same is answered when the client stays", async () => {
  const { ask, asked, looked, goOn, outcomes } = await withEngine();
  const { answer } = ask(HEAVY);
  await looked(EVALUATING);
  goOn();
  expect(await answer).toMatchObject({
    ...{ status: 200, body: { status: "success", data: { resultType: "matrix" } } },
  });
  expect(await outcomes()).toEqual(["answered"]);
  expect(asked[0]!.aborted).toBe(false);
});

test("one of two who asked the same leaves the work to the other", async () => {
  const { ask, asked, asks, sockets, looked, goOn, outcomes } = await withEngine();
  const first = ask(HEAVY);
  const second = ask(HEAVY);
  await looked(EVALUATING);
  await asks(2);
  const gone = Promise.race(sockets.map((socket) => once(socket, "close")));
  first.request.destroy();
  await gone;
  goOn();
  expect(await second.answer).toMatchObject({ status: 200 });
  expect([asked.length, asked[0]!.aborted]).toEqual([1, false]);
  expect(await outcomes()).toEqual(["answered"]);
});

test("when both have left, it ends", async () => {
  const { ask, asked, asks, looked, goOn, outcomes } = await withEngine();
  const both = [ask(HEAVY), ask(HEAVY)];
  await looked(EVALUATING);
  await asks(2);
  for (const { request } of both) request.destroy();
  await aborted(asked[0]!);
  goOn();
  expect(await outcomes()).toEqual(CANCELED);
  expect(asked.length).toBe(1);
});

test("a request that waits behind another on the same connection ends with it too", async () => {
  const { asked, asks, port } = await opened((_, signal) => endless(signal));
  const socket = new Socket().connect(port, "127.0.0.1");
  await once(socket, "connect");
  for (const n of [1, 2, 3]) {
    socket.write(`GET /api/v1/query?query=${n} HTTP/1.1\r\nhost: x\r\n\r\n`);
  }
  await asks(3);
  await vi.waitFor(() => expect(asked).toHaveLength(3));
  socket.destroy();
  await Promise.all(asked.map(aborted));
});

/** What an answer that never comes does when nobody waits for it. */
const endless = async (signal: AbortSignal): Promise<never> => {
  await aborted(signal);
  throw signal.reason;
};

/** Asks without a network, whose timers are not the test's. */
const askedBy = (prometheus: Prometheus) => {
  const routes = prometheusRoutes({ version: "1", now: () => 0, signals: { prometheus } });
  return (path: string): Promise<{ readonly status: number; readonly body: unknown }> => {
    const said = { status: 0, body: undefined as unknown };
    const reply = {
      code: (status: number) => Object.assign(reply, void (said.status = status)),
      type: () => reply,
      header: () => reply,
      send: (body: Uint8Array) => void (said.body = JSON.parse(body.toString())),
    };
    const request = { url: path, headers: {}, raw: { socket: new Socket() } };
    const caller = { request, reply, principal: undefined } as never;
    return routes["GET promQueryRange"](caller).then(() => said);
  };
};

const TIMED_OUT = {
  status: 503,
  body: { status: "error", errorType: "timeout", error: "query timed out in query execution" },
};

test("an evaluation stops in the middle when the time its client gives is over", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { callUnless, looked, goOn, outcomes } = started();
  const ask = askedBy((one, signal) => callUnless(signal, "prometheus", [one]));
  const answer = ask(`${HEAVY}&timeout=1500ms`);
  await looked(EVALUATING);
  vi.advanceTimersByTime(1_500);
  // Told at once, although the engine is busy.
  expect(await answer).toEqual(TIMED_OUT);
  goOn();
  expect(await outcomes()).toEqual(CANCELED);
});

test("control: it is answered when there is a little time left", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const { callUnless, looked, goOn, outcomes } = started();
  const ask = askedBy((one, signal) => callUnless(signal, "prometheus", [one]));
  const answer = ask(`${HEAVY}&timeout=1.5`);
  await looked(EVALUATING);
  vi.advanceTimersByTime(1_499);
  goOn();
  expect(await answer).toMatchObject({ status: 200, body: { status: "success" } });
  expect(await outcomes()).toEqual(["answered"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("each who asks the same with the same timeout has that time from then on", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const done = Promise.withResolvers<void>();
  const runs: AbortSignal[] = [];
  const ask = askedBy(async (_, signal) => {
    runs.push(signal);
    await Promise.race([done.promise, endless(signal)]);
    return dataReply("answered");
  });
  const first = ask(`${HEAVY}&timeout=10s`);
  vi.advanceTimersByTime(6_000);
  const second = ask(`${HEAVY}&timeout=10s`);
  vi.advanceTimersByTime(6_000);
  expect(await first).toEqual(TIMED_OUT);
  done.resolve();
  expect(await second).toMatchObject({ status: 200, body: { data: "answered" } });
  expect([runs.length, runs[0]!.aborted]).toEqual([1, false]);
});

test("who gives no time is told so by the engine, which computes nothing", async () => {
  const { callUnless, outcomes } = started();
  const ask = askedBy((one, signal) => callUnless(signal, "prometheus", [one]));
  expect(await ask(`${HEAVY}&timeout=0`)).toMatchObject({
    ...{ status: 503, body: { errorType: "timeout", error: "query timed out in query queue" } },
  });
  expect(await outcomes()).toEqual([]);
});

test("when as many calls are open as can be, the next is asked to come again", async () => {
  const { ask } = await opened(() => Promise.reject(new TooManyCalls("9 calls are open already")));
  const { answer } = ask("/api/v1/query?query=1");
  expect(await answer).toMatchObject({
    body: { ok: false, error: { code: "unavailable", message: "9 calls are open already" } },
  });
});

test("control: another fault of the engine is not taken for one", async () => {
  const { ask } = await opened(() => Promise.reject(new Error("broken")));
  expect(await ask("/api/v1/query?query=1").answer).toMatchObject({ status: 500 });
});
