import { describe, expect, test } from "vitest";
import { pairs, text } from "../../../../test/otlp/metrics.ts";
import type { Json } from "../../../../test/otlp/proto.ts";
import { id, request, span, taken } from "../../../../test/otlp/traces.ts";
import { GRAPH_LIMITS, newServiceGraph, type ServiceGraph } from "./service-graph.ts";
import type { Span } from "./span.ts";

const NOW = 1_760_000_000_000;
const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;
const CONSUMER = 5;

const one = (service: string, kind: number, more: Json = {}): Span => {
  const [made] = taken("protobuf", request([span({ kind, ...more })], service)).spans;
  return made!;
};
const asked = (service: string, more: Json = {}): Span =>
  one(service, CLIENT, { span_id: id(8, 2), ...more });
const answered = (service: string, more: Json = {}): Span =>
  one(service, SERVER, { span_id: id(8, 3), parent_span_id: id(8, 2), ...more });
const saying = (of: Readonly<Record<string, string>>): Json => ({
  attributes: pairs(Object.fromEntries(Object.entries(of).map(([key, said]) => [key, text(said)]))),
});

/** Counters as `client → server (type): requests, of them failed`. */
const edges = (graph: ServiceGraph, nowMs: number): readonly string[] => {
  const samples = graph.emit(nowMs).filter(({ timeMs }) => timeMs === nowMs);
  const of = (name: string) =>
    samples
      .map(({ labels, value }) => [Object.fromEntries(labels), value] as const)
      .filter(([labels]) => labels["__name__"] === `traces_service_graph_request_${name}`);
  return of("total").map(([labels, value], nth) => {
    const type = labels["connection_type"] ?? "";
    return `${labels["client"]} → ${labels["server"]} (${type}): ${value}, ${of("failed_total")[nth]![1]}`;
  });
};

const seconds = (graph: ServiceGraph, side: string): readonly number[] =>
  graph
    .emit(NOW)
    .filter(({ labels }) => labels.some(([, said]) => said.endsWith(`_${side}_seconds_count`)))
    .map(({ value }) => value);

describe("an edge of the service graph", () => {
  test.each([
    ["the client first", [asked("shop"), answered("pay")]],
    ["the server first", [answered("pay"), asked("shop")]],
  ])("is a client's span and the server's that has it as parent, %s", (_title, spans) => {
    const graph = newServiceGraph();
    graph.observe(spans, NOW);
    expect(edges(graph, NOW)).toEqual(["shop → pay (): 1, 0"]);
    expect(graph.state()).toEqual({ waiting: 0, unpaired: 0 });
  });

  test("has both sides' durations, and failed if either side did", () => {
    const graph = newServiceGraph();
    graph.observe([asked("shop"), answered("pay", { status: { code: 2 } })], NOW);
    expect(seconds(graph, "server")).toEqual([0, 1]);
    const again = newServiceGraph();
    again.observe([asked("shop", { status: { code: 2 } }), answered("pay")], NOW);
    expect(edges(again, NOW)).toEqual(["shop → pay (): 1, 1"]);
  });

  test("over a message is of that type", () => {
    const graph = newServiceGraph();
    const sent = one("shop", PRODUCER, { span_id: id(8, 2) });
    graph.observe([sent, one("mail", CONSUMER, { parent_span_id: id(8, 2) })], NOW);
    expect(edges(graph, NOW)).toEqual(["shop → mail (messaging_system): 1, 0"]);
  });

  test("is none within one service, nor across traces", () => {
    const graph = newServiceGraph();
    graph.observe([asked("shop"), answered("shop")], NOW);
    graph.observe([asked("shop"), answered("pay", { trace_id: id(16, 9) })], NOW);
    expect(edges(graph, NOW)).toEqual([]);
    expect(graph.state().waiting).toBe(2);
  });

  test("to a database is there at once", () => {
    const graph = newServiceGraph();
    graph.observe([asked("shop", saying({ "db.system": "postgresql" }))], NOW);
    const named = saying({ "db.system.name": "postgresql", "db.namespace": "orders" });
    graph.observe([asked("shop", named)], NOW);
    expect(edges(graph, NOW)).toEqual([
      "shop → postgresql (database): 1, 0",
      "shop → orders (database): 1, 0",
    ]);
  });

  test("from nobody is from the user, unless it was a message", () => {
    const graph = newServiceGraph();
    graph.observe([one("shop", SERVER), one("mail", CONSUMER)], NOW);
    expect(edges(graph, NOW)).toEqual(["user → shop (virtual_node): 1, 0"]);
  });

  test("to somebody who never answers is to whom the client says it asked, after the wait", () => {
    const graph = newServiceGraph();
    graph.observe([asked("shop", saying({ "server.address": "bank.example" }))], NOW);
    graph.observe([asked("shop", { span_id: id(8, 7) })], NOW);
    graph.observe([answered("pay", { parent_span_id: id(8, 8) })], NOW);
    expect(edges(graph, NOW + GRAPH_LIMITS.waitMs - 1)).toEqual([]);
    expect(edges(graph, NOW + GRAPH_LIMITS.waitMs)).toEqual([
      "shop → bank.example (virtual_node): 1, 0",
    ]);
    expect(graph.state()).toEqual({ waiting: 0, unpaired: 2 });
  });

  test("is counted once, though a sender repeats its span", () => {
    const graph = newServiceGraph();
    const first = asked("shop", saying({ "peer.service": "pay" }));
    graph.observe([first, first, answered("pay")], NOW);
    expect(edges(graph, NOW + 2 * GRAPH_LIMITS.waitMs)).toEqual(["shop → pay (): 1, 0"]);
  });

  test("waits no longer when there are too many: the oldest goes first", () => {
    const graph = newServiceGraph({ ...GRAPH_LIMITS, maxWaiting: 2 });
    const to = (nth: number) =>
      asked("shop", { span_id: id(8, nth), ...saying({ "peer.service": `p${nth}` }) });
    graph.observe([to(1), to(2), to(3)], NOW);
    expect(graph.state().waiting).toBe(2);
    expect(edges(graph, NOW)).toEqual(["shop → p1 (virtual_node): 1, 0"]);
  });
});
