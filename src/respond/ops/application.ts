/**
 * APIs, services, edges and transactions as tables, from what was answered.
 *
 * Shape:  a service that was called within the hour and not within five minutes is unknown, not
 *         healthy: silence is never ok.
 * Units:  as in the contract: calls per second, shares, seconds.
 */
import { failedShare, joinRows, largest, type Answers, type JoinedRow } from "./rows.ts";
import { stateOf, type ServiceLimits } from "./service.ts";
import type { APPLICATION } from "./tab-queries.ts";

const MAX_ROUTES = 200;
const MAX_SERVICES = 200;
const MAX_EDGES = 300;
const MAX_TRANSACTIONS = 100;
const MS_PER_S = 1_000;

type Question = keyof typeof APPLICATION;
export type ApplicationAnswers = Answers<Question>;

const HUB = ["hubRate", "hubFailed", "hubP50", "hubP90", "hubP99"] as const;
const ROUTE = ["routeRate", "routeFailed", "routeP50", "routeP90", "routeP99"] as const;
const SERVICE = ["serviceRate", "serviceFailed", "serviceP50", "serviceP90", "serviceP99"] as const;
const SPAN = ["spanRate", "spanFailed", "spanP50", "spanP90", "spanP99"] as const;

export const applicationTables = (answers: ApplicationAnswers, limits: ServiceLimits) => {
  const apis = largest(apiRows(answers), MAX_ROUTES, ({ rate }) => rate);
  const services = largest(serviceRows(answers, limits), MAX_SERVICES, ({ rate }) => rate);
  const edges = largest(edgeRows(answers), MAX_EDGES, ({ rate }) => rate);
  const spans = spanRows(answers);
  const slowest = largest(spans, MAX_TRANSACTIONS, ({ p99 }) => p99);
  const failing = largest(spans, MAX_TRANSACTIONS, ({ errors }) => errors);
  const lists = { apis, services, edges, transactions: slowest };
  return {
    apis: apis.items,
    services: services.items,
    edges: edges.items,
    // The slowest, and those that fail most: fast failures must not hide behind slow successes.
    transactions: [...new Set([...slowest.items, ...failing.items])],
    cut: Object.entries(lists).flatMap(([name, { isCut }]) => (isCut ? [name] : [])),
    errorLimit: Number.isFinite(limits.errorRate) ? limits.errorRate : null,
    hasSpans: answers.serviceSeen.length > 0,
  };
};

type Names = readonly [
  rate: Question,
  failed: Question,
  p50: Question,
  p90: Question,
  p99: Question,
];

const redOf = ({ at }: JoinedRow<Question>, [rate, failed, p50, p90, p99]: Names) => ({
  rate: at(rate),
  errors: failedShare(at(rate), at(failed)),
  p50: at(p50),
  p90: at(p90),
  p99: at(p99),
});

const apiRows = (answers: ApplicationAnswers) => [
  ...joinRows<Question>(answers, ["service", "method", "route"], HUB).map(hubRoute),
  ...joinRows<Question>(answers, ["service_name", "http_route"], ROUTE).map(spanRoute),
];

const hubRoute = (row: JoinedRow<Question>) => ({
  service: row.key["service"] ?? "",
  method: row.key["method"] ?? "",
  route: row.key["route"] ?? "",
  ...redOf(row, HUB),
});

const spanRoute = (row: JoinedRow<Question>) => ({
  service: row.key["service_name"] ?? "",
  method: "",
  route: row.key["http_route"] ?? "",
  ...redOf(row, ROUTE),
});

const serviceRows = (answers: ApplicationAnswers, limits: ServiceLimits) => {
  const questions = [...SERVICE, "serviceP95", "serviceSeen"] as const;
  return joinRows<Question>(answers, ["service_name"], questions).map((row) =>
    serviceRow(row, limits),
  );
};

const SILENT = { fr: "Aucun appel depuis 5 min", en: "No call for 5 min" };

const serviceRow = (row: JoinedRow<Question>, limits: ServiceLimits) => {
  const red = redOf(row, SERVICE);
  const p95 = row.at("serviceP95");
  const isCalled = red.rate !== null && red.rate > 0;
  const { state, reason } = stateOf(
    {
      up: isCalled ? 1 : null,
      cpu: null,
      memory: null,
      errorRate: red.errors,
      latencyP95Ms: p95 === null ? null : p95 * MS_PER_S,
    },
    limits,
    [],
  );
  const service = row.key["service_name"] ?? "";
  return { service, state, reason: isCalled ? reason : SILENT, ...red };
};

const edgeRows = (answers: ApplicationAnswers) =>
  joinRows(answers, ["client", "server"], ["edgeRate", "edgeFailed"]).map(({ key, at }) => ({
    client: key["client"] ?? "",
    server: key["server"] ?? "",
    rate: at("edgeRate"),
    errors: failedShare(at("edgeRate"), at("edgeFailed")),
  }));

const KINDS: Readonly<Record<string, "server" | "consumer">> = {
  SPAN_KIND_SERVER: "server",
  SPAN_KIND_CONSUMER: "consumer",
};

const spanRows = (answers: ApplicationAnswers) =>
  joinRows<Question>(answers, ["service_name", "span_name", "span_kind"], SPAN).map(transaction);

const transaction = (row: JoinedRow<Question>) => ({
  service: row.key["service_name"] ?? "",
  name: row.key["span_name"] ?? "",
  kind: KINDS[row.key["span_kind"] ?? ""] ?? ("other" as const),
  ...redOf(row, SPAN),
});
