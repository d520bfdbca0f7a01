/**
 * Signals in ClickHouse: written a batch at a time, read by series and time.
 *
 * Units:  instants in ms since the epoch; ids as bigint.
 * Errors: StoreFault; HistoryLimit when a question would load more than its limit.
 */
import type { Store } from "../../../io/clickhouse/client.ts";
import { decodeFixedBlocks, encodeParts } from "../../../io/clickhouse/native.ts";
import {
  type Block,
  DAY_MS,
  newSampleScratch,
  newSeriesDays,
  READING_COLUMNS,
  readingBlock,
  SAMPLE_COLUMNS,
  sampleBlock,
  SERIES_COLUMNS,
  seriesBlock,
} from "./columns.ts";
import { SPAN_COLUMNS, spanBlock } from "./span-columns.ts";
import type { BatchSink } from "../log/flush.flow.ts";
import { HistoryLimit, type SampleColumns, type StoredSeries } from "../query/history.ts";
import type { KpiReadingRow } from "../signals.ts";

const encoded = ({ rows, columns }: Block): readonly Uint8Array[] => encodeParts(rows, columns);

const BATCH_TIMES =
  "BETWEEN fromUnixTimestamp64Milli({from: Int64}) AND fromUnixTimestamp64Milli({to: Int64})";

export const batchSink = (
  store: Pick<Store, "insert" | "rows" | "command">,
  log: string,
): BatchSink => {
  const scratch = newSampleScratch();
  return {
    insert: async (open, contents) => {
      const token = `${log}:${open.batch}:${open.attempt}`;
      const days = newSeriesDays(contents);
      // Labels before samples: a sample whose labels are unknown could never be found.
      if (days.length > 0) {
        await store.insert(
          { table: "series", columns: SERIES_COLUMNS },
          encoded(seriesBlock(days)),
        );
        for (const { series, day } of days) series.storedDay = Math.max(series.storedDay, day);
      }
      if (open.samples > 0) {
        const block = encoded(sampleBlock(scratch, contents, open.samples, open.batch));
        await store.insert({ table: "samples", columns: SAMPLE_COLUMNS, token }, block);
      }
      if (open.spans > 0) {
        const block = encoded(spanBlock(contents, open.batch));
        await store.insert({ table: "span", columns: SPAN_COLUMNS, token }, block);
      }
      if (open.readings > 0) {
        const block = encoded(readingBlock(contents, open.batch));
        await store.insert({ table: "kpi_reading", columns: READING_COLUMNS, token }, block);
      }
    },
    count: async ({ batch, fromMs, toMs }) => {
      const count = (table: string, time: string): string =>
        `(SELECT count() FROM ${table} WHERE ${time} ${BATCH_TIMES} AND batch = {batch: UInt64})`;
      const [row] = await store.rows<Record<"samples" | "readings" | "spans", string>>(
        `SELECT ${count("samples", "ts")} AS samples, ${count("kpi_reading", "at")} AS readings,
                ${count("span", "start")} AS spans`,
        { from: fromMs ?? 0, to: toMs ?? 0, batch },
      );
      return {
        samples: Number(row?.samples ?? 0),
        readings: Number(row?.readings ?? 0),
        spans: Number(row?.spans ?? 0),
      };
    },
    remove: async (batch) => {
      for (const table of ["samples", "kpi_reading", "span"]) {
        await store.command(`DELETE FROM ${table} WHERE batch = {batch: UInt64}`, { batch });
      }
    },
  };
};

export const oldestSampleMs = async (store: Pick<Store, "rows">): Promise<number | null> => {
  const found = await store.rows<{ n: string; oldest: string }>(
    `SELECT count() AS n, toUnixTimestamp64Milli(min(ts)) AS oldest FROM samples
     UNION ALL
     SELECT count(), toUnixTimestamp(min(ts)) * 1000 FROM samples_1m`,
  );
  const oldest = found.filter(({ n }) => Number(n) > 0).map((row) => Number(row.oldest));
  return oldest.length === 0 ? null : Math.min(...oldest);
};

/** Series with samples on the days of a range; of one metric, or of all. */
export const readSeries = async (
  store: Pick<Store, "rows">,
  range: { readonly fromMs: number; readonly toMs: number; readonly metric?: string | undefined },
  limit: number,
): Promise<readonly StoredSeries[]> => {
  const { fromMs, toMs, metric } = range;
  const rows = await store.rows<{ id: string; labels: Record<string, string> }>(
    `SELECT toString(id) AS id, any(labels) AS labels FROM series
      WHERE day BETWEEN toDate({from: UInt32}) AND toDate({to: UInt32})
        ${metric === undefined ? "" : "AND metric = {metric: String}"}
      GROUP BY metric, id ORDER BY metric, id LIMIT {limit: UInt32}`,
    {
      from: Math.floor(fromMs / DAY_MS),
      to: Math.floor(toMs / DAY_MS),
      metric: metric ?? "",
      limit: limit + 1,
    },
  );
  if (rows.length > limit) throw new HistoryLimit(`over ${limit} series`);
  return rows.map(({ id, labels }) => ({
    id: BigInt(id),
    labels: Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))),
  }));
};

const LAST_OF_MINUTES = `
  SELECT id, toUnixTimestamp64Milli(last_ts), last, 0 FROM samples_1m FINAL
   WHERE toStartOfDay(ts) >= toStartOfDay(fromUnixTimestamp64Milli({from: Int64}))
     AND toStartOfDay(ts) <= toStartOfDay(fromUnixTimestamp64Milli({tierTo: Int64}))
     AND last_ts BETWEEN fromUnixTimestamp64Milli({from: Int64})
                     AND fromUnixTimestamp64Milli({tierTo: Int64})`;

export type SampleRange = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly ids?: readonly bigint[];
  /** Before this, the last sample of each minute is what is left. */
  readonly rawFromMs?: number;
};

/** Samples with from <= t <= to, by series and time; the first stored comes first. */
export const readSamples = async (
  store: Pick<Store, "blocks">,
  range: SampleRange,
  limit: number,
): Promise<SampleColumns> => {
  const { fromMs, toMs, ids, rawFromMs = -Infinity } = range;
  const isAmong = ids === undefined ? "" : `AND id IN (${ids.join(",")})`;
  // Ids stand in the text: as a parameter thousands of them would not fit an address.
  // The hours are the table's first key: naming them reads those hours and no others.
  const bytes = await store.blocks(
    `SELECT id, t, value FROM (
      SELECT id, toUnixTimestamp64Milli(ts) AS t, value, batch FROM samples
       WHERE toStartOfHour(ts) >= toStartOfHour(fromUnixTimestamp64Milli({raw: Int64}))
         AND toStartOfHour(ts) <= toStartOfHour(fromUnixTimestamp64Milli({to: Int64}))
         AND ts BETWEEN fromUnixTimestamp64Milli({raw: Int64})
                    AND fromUnixTimestamp64Milli({to: Int64}) ${isAmong}
      ${fromMs < rawFromMs ? `UNION ALL ${LAST_OF_MINUTES} ${isAmong}` : ""})
      ORDER BY id, t, batch LIMIT {limit: UInt64}`,
    {
      ...{ from: Math.ceil(fromMs), to: Math.floor(toMs), limit: limit + 1 },
      raw: Math.ceil(Math.max(fromMs, rawFromMs)),
      tierTo: Math.max(0, Math.floor(Math.min(toMs, rawFromMs - 1))),
    },
  );
  const block = decodeFixedBlocks(bytes);
  if (block.rows > limit) throw new HistoryLimit(`over ${limit} samples`);
  return {
    rows: block.rows,
    ids: new BigUint64Array(block.column("id")),
    timesMs: new BigInt64Array(block.column("t")),
    values: new Float64Array(block.column("value")),
  };
};

type ReadingRow = {
  readonly atMs: string;
  readonly value: number | null;
  readonly verdict: KpiReadingRow["verdict"];
  readonly reason: string;
  readonly n: number;
  readonly freshness_ms: number | null;
  readonly formula_version: number;
  readonly plan_version: number;
};

/** The newest readings of a range, in order of time. */
export const readReadings = async (
  store: Pick<Store, "rows">,
  ask: {
    readonly kpi: string;
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  },
): Promise<readonly KpiReadingRow[]> => {
  const rows = await store.rows<ReadingRow>(
    `SELECT toUnixTimestamp64Milli(at) AS atMs, value, verdict, reason, n, freshness_ms,
            formula_version, plan_version
       FROM kpi_reading
      WHERE kpi = {kpi: String} AND at ${BATCH_TIMES}
      ORDER BY at DESC, batch DESC LIMIT {limit: UInt32}`,
    { kpi: ask.kpi, from: Math.ceil(ask.fromMs), to: Math.floor(ask.toMs), limit: ask.limit },
  );
  return rows.toReversed().map((row) => ({
    kpi: ask.kpi,
    atMs: Number(row.atMs),
    value: row.value,
    verdict: row.verdict,
    reason: row.reason,
    n: row.n,
    freshnessMs: row.freshness_ms,
    formulaVersion: row.formula_version,
    planVersion: row.plan_version,
  }));
};
