/**
 * Parts of the log to the columns of ClickHouse's tables.
 *
 * Shape:  rows in the order of the log, so the same range of the log is the same block, byte by
 *         byte: a repeated insert is recognised by its content as well as by its token.
 */
import type { Column } from "../../io/clickhouse/native.ts";
import type { Known } from "../intake/decode/catalog.ts";
import type { Content } from "./parts.ts";

export const DAY_MS = 86_400_000;
export const SAMPLE_COLUMNS = ["id", "ts", "value", "batch"] as const;
export const SERIES_COLUMNS = ["day", "metric", "id", "labels"] as const;
export const READING_COLUMNS = [
  "kpi",
  "at",
  "value",
  "verdict",
  "reason",
  "n",
  "freshness_ms",
  "formula_version",
  "plan_version",
  "batch",
] as const;
/** The columns of one insert; the store knows how they go over the wire. */
export type Block = { readonly rows: number; readonly columns: readonly Column[] };

const TWO_POW_32 = 2 ** 32;

const filledHalves = (rows: number, value: number): Uint32Array => {
  const halves = new Uint32Array(rows * 2);
  for (let row = 0; row < rows; row += 1) {
    halves[2 * row] = value % TWO_POW_32;
    halves[2 * row + 1] = Math.floor(value / TWO_POW_32);
  }
  return halves;
};

export const sampleBlock = (contents: readonly Content[], rows: number, batch: number): Block => {
  const halves = new Uint32Array(rows * 2);
  const ms = new Float64Array(rows);
  const values = new Float64Array(rows);
  let at = 0;
  for (const content of contents) {
    if (content.kind !== "samples") continue;
    const { series, timesMs, values: found, count } = content.samples;
    ms.set(timesMs, at);
    values.set(found, at);
    for (let nth = 0; nth < count; nth += 1) {
      const { id } = series[nth]!;
      halves[2 * (at + nth)] = id.low;
      halves[2 * (at + nth) + 1] = id.high;
    }
    at += count;
  }
  const columns: readonly Column[] = [
    { name: "id", data: { type: "UInt64", halves } },
    { name: "ts", data: { type: "DateTime64(3)", ms } },
    { name: "value", data: { type: "Float64", values } },
    { name: "batch", data: { type: "UInt64", halves: filledHalves(rows, batch) } },
  ];
  return { rows, columns };
};

export type SeriesDay = { readonly series: Known; readonly day: number };

/** Series the store has not been told of on the day of their samples. */
export const newSeriesDays = (contents: readonly Content[]): readonly SeriesDay[] => {
  const found = new Map<Known, Set<number>>();
  for (const content of contents) {
    if (content.kind !== "samples") continue;
    const { series, timesMs, count } = content.samples;
    for (let nth = 0; nth < count; nth += 1) {
      const day = Math.floor(timesMs[nth]! / DAY_MS);
      const one = series[nth]!;
      if (one.storedDay === day) continue;
      const days = found.get(one);
      if (days === undefined) found.set(one, new Set([day]));
      else days.add(day);
    }
  }
  return [...found].flatMap(([series, days]) => [...days].map((day) => ({ series, day })));
};

export const seriesBlock = (days: readonly SeriesDay[]): Block => ({
  rows: days.length,
  columns: [
    { name: "day", data: { type: "Date", days: Uint16Array.from(days, ({ day }) => day) } },
    { name: "metric", data: { type: "String", texts: days.map(({ series }) => series.metric) } },
    {
      name: "id",
      data: {
        type: "UInt64",
        halves: Uint32Array.from(days.flatMap(({ series }) => [series.id.low, series.id.high])),
      },
    },
    {
      name: "labels",
      data: { type: "Map(String, String)", maps: days.map(({ series }) => series.labels) },
    },
  ],
});

export const readingBlock = (contents: readonly Content[], batch: number): Block => {
  const all = contents.flatMap((content) => (content.kind === "readings" ? content.readings : []));
  const texts = (of: (row: (typeof all)[number]) => string) => ({
    type: "String" as const,
    texts: all.map(of),
  });
  const versions = (of: (row: (typeof all)[number]) => number) => ({
    type: "UInt32" as const,
    values: Uint32Array.from(all, of),
  });
  const columns: readonly Column[] = [
    { name: "kpi", data: texts(({ kpi }) => kpi) },
    { name: "at", data: { type: "DateTime64(3)", ms: Float64Array.from(all, (r) => r.atMs) } },
    { name: "value", data: { type: "Nullable(Float64)", values: all.map(({ value }) => value) } },
    { name: "verdict", data: texts(({ verdict }) => verdict) },
    { name: "reason", data: texts(({ reason }) => reason) },
    { name: "n", data: { type: "Float64", values: Float64Array.from(all, ({ n }) => n) } },
    {
      name: "freshness_ms",
      data: { type: "Nullable(Float64)", values: all.map(({ freshnessMs }) => freshnessMs) },
    },
    { name: "formula_version", data: versions(({ formulaVersion }) => formulaVersion) },
    { name: "plan_version", data: versions(({ planVersion }) => planVersion) },
    { name: "batch", data: { type: "UInt64", halves: filledHalves(all.length, batch) } },
  ];
  return { rows: all.length, columns };
};
