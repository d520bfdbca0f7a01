/**
 * Parts of the log to the columns of ClickHouse's tables.
 *
 * Shape:  rows in the order of the log, so the same range of the log is the same block, byte by
 *         byte: a repeated insert is recognised by its content as well as by its token.
 */
import type { Column } from "../../../io/clickhouse/native.ts";
import type { Known } from "../../intake/decode/catalog.ts";
import type { Content } from "../log/parts.ts";

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
const FIRST_ROWS = 25_000;

/** Memory for the columns of samples, used again for each block: of 64-bit halves and doubles. */
export type SampleScratch = {
  ids: Uint32Array;
  times: Uint32Array;
  values: Float64Array;
  batches: Uint32Array;
};
export const newSampleScratch = (rows = FIRST_ROWS): SampleScratch => ({
  ids: new Uint32Array(rows * 2),
  times: new Uint32Array(rows * 2),
  values: new Float64Array(rows),
  batches: new Uint32Array(rows * 2),
});

/** Views of the scratch: good until the next block. */
export const sampleBlock = (
  scratch: SampleScratch,
  contents: readonly Content[],
  rows: number,
  batch: number,
): Block => {
  if (rows > scratch.values.length) Object.assign(scratch, newSampleScratch(rows));
  const { ids, times, values, batches } = scratch;
  let at = 0;
  for (const content of contents) {
    if (content.kind !== "samples") continue;
    const { series, timesMs, values: found, count } = content.samples;
    values.set(found, at);
    for (let nth = 0; nth < count; nth += 1) {
      const { id } = series[nth]!;
      const place = 2 * (at + nth);
      ids[place] = id.low;
      ids[place + 1] = id.high;
      const ms = timesMs[nth]!;
      times[place] = ms % TWO_POW_32;
      times[place + 1] = ms / TWO_POW_32;
    }
    at += count;
  }
  fillHalves(batches, rows, batch);
  const columns: readonly Column[] = [
    { name: "id", data: { type: "UInt64", halves: ids.subarray(0, 2 * rows) } },
    { name: "ts", data: { type: "DateTime64(3)", ms: times.subarray(0, 2 * rows) } },
    { name: "value", data: { type: "Float64", values: values.subarray(0, rows) } },
    { name: "batch", data: { type: "UInt64", halves: batches.subarray(0, 2 * rows) } },
  ];
  return { rows, columns };
};

/** One 64-bit number in every row. */
export const fillHalves = (halves: Uint32Array, rows: number, value: number): void => {
  for (let row = 0; row < rows; row += 1) {
    halves[2 * row] = value % TWO_POW_32;
    halves[2 * row + 1] = Math.floor(value / TWO_POW_32);
  }
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
  const halves = new Uint32Array(all.length * 2);
  fillHalves(halves, all.length, batch);
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
    { name: "batch", data: { type: "UInt64", halves } },
  ];
  return { rows: all.length, columns };
};
