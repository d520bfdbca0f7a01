/**
 * Which service calls which, from pairs of spans: one says it asked, another that it was asked.
 *
 * Shape:  a client's (producer's) span waits for the server's (consumer's) span that has it as its
 *         parent, or the other way round; a pair is an edge. A call to a database is an edge at
 *         once; a client nobody answered for is an edge to whom it says it asked; a server without
 *         a parent was asked by "user". Edges are counted as `traces_service_graph_…`.
 * Units:  durations in seconds; waiting in ms by arrival.
 * Errors: none; spans beyond the limit push out those that wait longest.
 * Source: the OpenTelemetry collector's servicegraph connector and Grafana Tempo, whose names and
 *         labels these are.
 */
import type { Span, SpanAttributes } from "./span.ts";
import { newTally, TALLY_LIMITS, type EmittedSample, type TallyLimits } from "./tally.ts";

export type ServiceGraph = {
  readonly observe: (spans: readonly Span[], nowMs: number) => void;
  /** Gives up waiting where it is time, then the samples of what changed. */
  readonly emit: (nowMs: number) => readonly EmittedSample[];
  /** Spans that wait, and those that nobody was found for. */
  readonly state: () => { readonly waiting: number; readonly unpaired: number };
};

export type ServiceGraphLimits = TallyLimits & {
  readonly maxWaiting: number;
  readonly waitMs: number;
};

export const GRAPH_LIMITS: ServiceGraphLimits = {
  ...TALLY_LIMITS,
  maxWaiting: 20_000,
  waitMs: 10_000,
};

const PREFIX = "traces_service_graph_request";
const REQUESTS = 0;
const FAILED = 1;
const SERVER_SECONDS = 0;
const CLIENT_SECONDS = 1;
const BOUNDS_S = [...[0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1], ...[0.25, 0.5, 1, 2.5, 5, 10]];
const NS_PER_S = 1_000_000_000;
const MAX_LABEL_LENGTH = 256;

type ConnectionType = "" | "messaging_system" | "database" | "virtual_node";

/** What of a span is needed when its other half comes, or does not. */
type Half = {
  readonly service: string;
  readonly seconds: number;
  readonly isFailed: boolean;
  readonly type: ConnectionType;
  readonly isClient: boolean;
  /** Whom a client says it asked; "" if it does not say. */
  readonly peer: string;
  readonly arrivedMs: number;
};

type Edge = {
  readonly client: string;
  readonly server: string;
  readonly type: ConnectionType;
  readonly isFailed: boolean;
  readonly serverSeconds: number | undefined;
  readonly clientSeconds: number | undefined;
};

export const newServiceGraph = (limits: ServiceGraphLimits = GRAPH_LIMITS): ServiceGraph => {
  const tally = newTally(
    {
      counters: [`${PREFIX}_total`, `${PREFIX}_failed_total`],
      histograms: [
        { name: `${PREFIX}_server_seconds`, bounds: BOUNDS_S },
        { name: `${PREFIX}_client_seconds`, bounds: BOUNDS_S },
      ],
    },
    limits,
  );
  /** In order of arrival. */
  const waiting = new Map<string, Half>();
  let unpaired = 0;

  const add = ({ client, server, type, isFailed, serverSeconds, clientSeconds }: Edge): void => {
    const cell = tally.cell([client, server, type].join("\0"), () => [
      ["client", client],
      ["server", server],
      ["connection_type", type],
    ]);
    tally.count(cell, REQUESTS);
    if (isFailed) tally.count(cell, FAILED);
    if (serverSeconds !== undefined) tally.observe(cell, SERVER_SECONDS, serverSeconds);
    if (clientSeconds !== undefined) tally.observe(cell, CLIENT_SECONDS, clientSeconds);
  };
  const giveUp = (key: string, half: Half): void => {
    waiting.delete(key);
    if (half.isClient && half.peer !== "") add(edgeToVirtual(half));
    else unpaired += 1;
  };
  const expire = (nowMs: number): void => {
    for (const [key, half] of waiting) {
      if (nowMs - half.arrivedMs < limits.waitMs) return;
      giveUp(key, half);
    }
  };
  const meet = (key: string, half: Half): void => {
    const other = waiting.get(key);
    if (other === undefined || other.isClient === half.isClient) {
      // The same span again is one that was sent twice; another that was asked is one too many.
      if (other !== undefined && !other.isClient) unpaired += 1;
      waiting.delete(key);
      if (waiting.size >= limits.maxWaiting) giveUp(...oldest(waiting));
      waiting.set(key, half);
      return;
    }
    waiting.delete(key);
    const [client, server] = half.isClient ? [half, other] : [other, half];
    // A service that calls itself is no connection between services.
    if (client.service !== server.service) add(edgeBetween(client, server));
  };
  const observe = (span: Span, nowMs: number): void => {
    const half = halfOf(span, nowMs);
    if (half === undefined) return;
    if (half.type === "database") add(edgeToDatabase(half));
    else if (half.isClient) meet(span.traceId + span.spanId, half);
    else if (span.parentSpanId !== "") meet(span.traceId + span.parentSpanId, half);
    // A message without a parent was sent by something; a request without one, by somebody.
    else if (span.kind === "server") add(edgeFromUser(half));
  };
  return {
    observe: (spans, nowMs) => {
      expire(nowMs);
      for (const span of spans) observe(span, nowMs);
    },
    emit: (nowMs) => {
      expire(nowMs);
      return tally.emit(nowMs);
    },
    state: () => ({ waiting: waiting.size, unpaired }),
  };
};

const oldest = (waiting: ReadonlyMap<string, Half>): [string, Half] => {
  const [first] = waiting;
  return first!;
};

const halfOf = (span: Span, arrivedMs: number): Half | undefined => {
  const { kind, attributes } = span;
  const isClient = kind === "client" || kind === "producer";
  if (!isClient && kind !== "server" && kind !== "consumer") return undefined;
  const isMessage = kind === "producer" || kind === "consumer";
  const system = attributes.get("db.system.name") ?? attributes.get("db.system") ?? "";
  const isDatabase = kind === "client" && (system !== "" || databaseIn(attributes) !== "");
  const peer = isDatabase ? databaseOf(attributes, system) : isClient ? peerOf(attributes) : "";
  const type = isDatabase ? "database" : isMessage ? "messaging_system" : "";
  return {
    ...{ service: short(span.resource.serviceName), seconds: span.durationNs / NS_PER_S },
    ...{ isFailed: span.status === "error", type, isClient, peer: short(peer), arrivedMs },
  };
};

const short = (text: string): string =>
  text.slice(0, MAX_LABEL_LENGTH).toWellFormed().replaceAll("\0", "");

const firstOf = (attributes: SpanAttributes, names: readonly string[]): string => {
  for (const name of names) {
    const value = attributes.get(name);
    if (value !== undefined && value !== "") return value;
  }
  return "";
};

const databaseIn = (attributes: SpanAttributes): string =>
  firstOf(attributes, ["db.namespace", "db.name"]);

const databaseOf = (attributes: SpanAttributes, system: string): string =>
  firstOf(attributes, ["peer.service", "db.namespace", "db.name", "server.address"]) || system;

const peerOf = (attributes: SpanAttributes): string =>
  firstOf(attributes, [
    ...["peer.service", "server.address", "net.peer.name", "rpc.service"],
    ...["messaging.destination.name", "messaging.system", "network.peer.address"],
  ]);

const edgeBetween = (client: Half, server: Half): Edge => ({
  ...{ client: client.service, server: server.service },
  type: client.type === "" ? server.type : client.type,
  isFailed: client.isFailed || server.isFailed,
  ...{ serverSeconds: server.seconds, clientSeconds: client.seconds },
});

/** Nobody there measures: what the client waited is all that is known of either side. */
const edgeToDatabase = (half: Half): Edge => ({
  ...{ client: half.service, server: half.peer, type: "database", isFailed: half.isFailed },
  ...{ serverSeconds: half.seconds, clientSeconds: half.seconds },
});

const edgeToVirtual = (half: Half): Edge => ({
  ...{ client: half.service, server: half.peer, isFailed: half.isFailed },
  type: half.type === "" ? "virtual_node" : half.type,
  ...{ serverSeconds: half.seconds, clientSeconds: half.seconds },
});

const USER = "user";

const edgeFromUser = (half: Half): Edge => ({
  ...{ client: USER, server: half.service, type: "virtual_node", isFailed: half.isFailed },
  ...{ serverSeconds: half.seconds, clientSeconds: undefined },
});
