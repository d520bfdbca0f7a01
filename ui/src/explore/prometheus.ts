/**
 * The Prometheus HTTP API as the explorer uses it.
 *
 * Shape:  answers are kept for a minute where they describe (names, labels, metadata) and never
 *         where they measure. Values come as texts, `"NaN"` and `"+Inf"` among them.
 * Units:  instants in ms here, in seconds on the wire.
 * Errors: a Fault in the caller's hands; what only describes answers nothing instead, so that an
 *         editor without completion is still an editor.
 * Source: prometheus.io, "HTTP API"
 */
import type { PathName } from "../../../src/contract/paths.ts";
import type { Answer, Api, Ask } from "../api/client.ts";
import type { Metadata } from "./infer-unit.ts";
import type { Span } from "./range.ts";

export type Labels = Readonly<Record<string, string>>;
export type RangeSeries = {
  readonly labels: Labels;
  readonly points: readonly (readonly [atMs: number, value: number])[];
};
export type InstantSample = {
  readonly labels: Labels;
  readonly atMs: number;
  readonly value: number;
};
export type Told<T> = {
  readonly items: T;
  /** What the server says beside its answer: cut short, doubtful, unusual. */
  readonly notes: readonly string[];
};

type Pair = readonly [atS: number, value: string];
type Reply<T> = {
  readonly data: T;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
};
type QueryData =
  | { readonly resultType: "scalar" | "string"; readonly result: Pair }
  | { readonly resultType: "vector"; readonly result: readonly VectorItem[] }
  | { readonly resultType: "matrix"; readonly result: readonly MatrixItem[] };
type VectorItem = { readonly metric: Labels; readonly value?: Pair };
type MatrixItem = { readonly metric: Labels; readonly values?: readonly Pair[] };
type MetadataReply = Readonly<
  Record<string, readonly { readonly type: string; readonly help: string; readonly unit: string }[]>
>;

export type MetricInfo = { readonly type: string; readonly help: string; readonly unit: string };

const KEPT_MS = 60_000;
const MAX_KEPT = 200;
/** Names and values asked for at once, for lists nobody could read anyway. */
const MAX_LISTED = 10_000;

export type Prometheus = ReturnType<typeof prometheusOf>;

export const prometheusOf = (api: Pick<Api, "get">, nowMs: () => number) => {
  const kept = new Map<string, { readonly atMs: number; readonly answer: Promise<unknown> }>();
  const described = <T>(path: PathName, ask: Ask): Promise<T | undefined> => {
    const key = JSON.stringify([path, ask]);
    const known = kept.get(key);
    if (known !== undefined && nowMs() - known.atMs < KEPT_MS) {
      return known.answer as Promise<T | undefined>;
    }
    const answer = api.get<Reply<T>>(path, ask).then((one) => {
      if (!one.ok) kept.delete(key);
      return one.ok ? one.value.data : undefined;
    });
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(key, { atMs: nowMs(), answer });
    return answer;
  };
  const matching = (match: string): Ask["query"] & {} => ({
    limit: MAX_LISTED,
    "match[]": match === "" ? undefined : match,
  });
  const labelValues = async (label: string, match: string): Promise<readonly string[]> => {
    const ask = { params: { name: label }, query: matching(match) };
    return (await described<string[]>("promLabelValues", ask)) ?? [];
  };

  return {
    range: async (expr: string, { fromMs, toMs, stepMs }: Span, signal: AbortSignal) => {
      const [start, end, step] = [fromMs / 1_000, toMs / 1_000, stepMs / 1_000];
      const query = { query: expr, start, end, step };
      return told(
        await api.get<Reply<QueryData>>("promQueryRange", { query, signal }),
        rangeSeries,
      );
    },
    instant: async (expr: string, atMs: number, signal: AbortSignal) => {
      const query = { query: expr, time: atMs / 1_000 };
      return told(await api.get<Reply<QueryData>>("promQuery", { query, signal }), instantSamples);
    },
    labelNames: async (match: string): Promise<readonly string[]> =>
      (await described<string[]>("promLabels", { query: matching(match) })) ?? [],
    labelValues,
    metricNames: (): Promise<readonly string[]> => labelValues("__name__", ""),
    metadata: async (): Promise<Readonly<Record<string, MetricInfo>>> => {
      const reply = (await described<MetadataReply>("promMetadata", {})) ?? {};
      const all = Object.entries(reply).flatMap(([name, [first]]) =>
        first === undefined ? [] : [[name, first] as const],
      );
      return Object.fromEntries(all) satisfies Metadata;
    },
  };
};

const told = <T>(
  answer: Answer<Reply<QueryData>>,
  read: (data: QueryData) => T,
): Answer<Told<T>> => {
  if (!answer.ok) return answer;
  const { data, warnings = [], infos = [] } = answer.value;
  return { ok: true, value: { items: read(data), notes: [...warnings, ...infos] } };
};

const point = ([atS, value]: Pair): readonly [number, number] => [
  Math.round(atS * 1_000),
  numberOf(value),
];

const numberOf = (text: string): number => {
  if (text === "+Inf" || text === "Inf") return Number.POSITIVE_INFINITY;
  return text === "-Inf" ? Number.NEGATIVE_INFINITY : Number(text);
};

const rangeSeries = (data: QueryData): readonly RangeSeries[] => {
  if (data.resultType !== "matrix") return [];
  return data.result.map(({ metric, values = [] }) => ({
    labels: metric,
    points: values.map(point),
  }));
};

const instantSamples = (data: QueryData): readonly InstantSample[] => {
  switch (data.resultType) {
    case "vector":
      return data.result.flatMap(({ metric, value }) => {
        if (value === undefined) return [];
        const [atMs, figure] = point(value);
        return [{ labels: metric, atMs, value: figure }];
      });
    case "scalar": {
      const [atMs, value] = point(data.result);
      return [{ labels: {}, atMs, value }];
    }
    case "matrix":
      // A range selector: its newest sample is the value at this instant.
      return data.result.flatMap(({ metric, values = [] }) => {
        const last = values.at(-1);
        if (last === undefined) return [];
        const [atMs, value] = point(last);
        return [{ labels: metric, atMs, value }];
      });
    case "string":
      return [];
  }
};

/** `name{a="b"}`, as one would ask for it. */
export const seriesName = (labels: Labels): string => {
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 && name !== "" ? name : `${name}{${pairs.join(", ")}}`;
};
