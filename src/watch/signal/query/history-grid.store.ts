/**
 * Range functions computed by ClickHouse, per series and step of a grid.
 *
 * Shape:  `readGrid` gives points (id, step from 1, value); `readOdd` says beforehand which series
 *         the store would compute otherwise than we do; `countPerHour` how much there is to read.
 * Units:  ms; ids as bigint.
 * Errors: StoreFault; HistoryLimit for more samples than were to be read.
 * Why:    stale markers are left out by their bits, the quiet form as well, but not where the
 *         newest sample is asked for: there they say that none is. Series are odd where
 *         a time is there twice (we keep the first that was stored) or a value is not finite, or
 *         so large that sums overflow: those few are read sample by sample.
 * Source: timeSeries*ToGrid of ClickHouse 26.7, whose ranges are left-open like ours (tested).
 */
import type { Store } from "../../../io/clickhouse/client.ts";
import { decodeFixedBlocks } from "../../../io/clickhouse/native.ts";
import { type GridPoints, OF_PARTS, spanOf, TO_GRID } from "./history-grid.ts";
import { HistoryLimit, type SampleColumns } from "./history.ts";
import { NEWEST, type RangeGrid } from "../promql/grid.ts";

const LIVE = "reinterpretAsUInt64(value) NOT IN (9218868437227405314, 9221120237041090562)";
/** Beyond this, sums may overflow on the way, and then their order counts. */
const MAX_ADDEND = "1e290";
const SECOND_MS = 1_000;

/**
 * What a call reads, stale markers as well. Ids stand in the text: thousands of them would not fit
 * an address.
 */
const samplesOf = ({ firstMs, strideMs, rangeMs }: RangeGrid, ids: readonly bigint[]): string =>
  `samples
    WHERE toStartOfHour(ts) >= toStartOfHour(fromUnixTimestamp64Milli({from: Int64}))
      AND toStartOfHour(ts) <= toStartOfHour(fromUnixTimestamp64Milli({to: Int64}))
      AND ts BETWEEN fromUnixTimestamp64Milli({from: Int64}) AND fromUnixTimestamp64Milli({to: Int64})
      AND id IN (${ids.join(",")})
      ${strideMs > rangeMs ? `AND ${timeAfter(firstMs - rangeMs)} % ${strideMs} < ${rangeMs}` : ""}`;

const liveSamplesOf = (call: RangeGrid, ids: readonly bigint[]): string =>
  call.func === NEWEST ? samplesOf(call, ids) : `${samplesOf(call, ids)} AND ${LIVE}`;

/** Ms from the first after an instant, which no range includes itself. */
const timeAfter = (ms: number): string => `(toUnixTimestamp64Milli(ts) - ${ms + 1})`;

const bounds = (call: RangeGrid) => {
  const { fromMs, toMs } = spanOf(call);
  return { from: fromMs, to: toMs };
};

/** Samples by hour since the epoch, of these series together. */
export const countPerHour = async (
  store: Pick<Store, "blocks">,
  call: RangeGrid,
  ids: readonly bigint[],
): Promise<ReadonlyMap<number, number>> => {
  const whole = { ...call, rangeMs: Math.max(call.rangeMs, call.strideMs) };
  const bytes = await store.blocks(
    `SELECT toUInt32(intDiv(toUnixTimestamp64Milli(ts), 3600000)) AS hour, count() AS n
      FROM ${samplesOf(whole, ids)} GROUP BY hour`,
    bounds(call),
  );
  const block = decodeFixedBlocks(bytes);
  const hours = new Uint32Array(block.column("hour"));
  const counts = new BigUint64Array(block.column("n"));
  return new Map(Array.from(hours, (hour, row) => [hour, Number(counts[row])]));
};

export type Odd = {
  /** Series to be read sample by sample. */
  readonly ids: ReadonlySet<bigint>;
  /** Of all series, odd or not. */
  readonly newestMs: number | null;
};

export const readOdd = async (
  store: Pick<Store, "blocks">,
  call: RangeGrid,
  ids: readonly bigint[],
): Promise<Odd> => {
  const bytes = await store.blocks(
    `SELECT id, newest, toUInt32(extreme > 0 OR isTwice) AS odd FROM (
      SELECT id, toUnixTimestamp64Milli(max(ts)) AS newest,
        ${call.func === NEWEST ? "0" : `countIf(NOT (abs(value) <= ${MAX_ADDEND}) AND ${LIVE})`} AS extreme,
        arraySort(groupArray(ts)) AS times,
        arrayExists((a, b) -> a = b, arrayPopBack(times), arrayPopFront(times)) AS isTwice
      FROM ${samplesOf(call, ids)} GROUP BY id)`,
    bounds(call),
  );
  const block = decodeFixedBlocks(bytes);
  const found = new BigUint64Array(block.column("id"));
  const odd = new Uint32Array(block.column("odd"));
  let newestMs: number | null = null;
  for (const at of new BigInt64Array(block.column("newest"))) {
    newestMs = Math.max(newestMs ?? -Infinity, Number(at));
  }
  return { ids: new Set(found.filter((_, row) => odd[row] !== 0)), newestMs };
};

/** The samples themselves, by series and time; of those at the same time the first stored first. */
export const readRanges = async (
  store: Pick<Store, "blocks">,
  call: RangeGrid,
  ids: readonly bigint[],
  limit: number,
): Promise<SampleColumns> => {
  const bytes = await store.blocks(
    `SELECT id, toUnixTimestamp64Milli(ts) AS t, value
      FROM ${samplesOf(call, ids)} ORDER BY id, ts, batch LIMIT {limit: UInt64}`,
    { ...bounds(call), limit: limit + 1 },
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

export const readGrid = async (
  store: Pick<Store, "blocks">,
  call: RangeGrid,
  ids: readonly bigint[],
): Promise<GridPoints<bigint>> => {
  const sql = TO_GRID[call.func] === undefined ? partsSql(call, ids) : toGridSql(call, ids);
  const block = decodeFixedBlocks(await store.blocks(sql, bounds(call)));
  return {
    rows: block.rows,
    ids: new BigUint64Array(block.column("id")),
    steps: new Uint32Array(block.column("step")),
    values: new Float64Array(block.column("value")),
  };
};

const toGridSql = (call: RangeGrid, ids: readonly bigint[]): string => {
  const { func, firstMs, strideMs, rangeMs, steps } = call;
  const at = (ms: number): string => `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`;
  const seconds = (ms: number): string => `toDecimal64('${(ms / SECOND_MS).toFixed(3)}', 3)`;
  const lastMs = firstMs + (steps - 1) * strideMs;
  const grid = [at(firstMs), at(lastMs), seconds(strideMs), seconds(rangeMs)].join(", ");
  return `SELECT id, step, assumeNotNull(point) AS value FROM (
      SELECT id, ${TO_GRID[func]}(${grid})(ts, value) AS points
      FROM ${liveSamplesOf(call, ids)} GROUP BY id
    ) ARRAY JOIN arrayEnumerate(points) AS step, points AS point
    WHERE isNotNull(point)
    SETTINGS allow_experimental_ts_to_grid_aggregate_function = 1`;
};

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** A part is as long as what divides both the range and the step: every range is whole parts. */
const partsSql = (call: RangeGrid, ids: readonly bigint[]): string => {
  const { func, firstMs, strideMs, rangeMs, steps } = call;
  const partMs = gcd(rangeMs, strideMs);
  const perStep = strideMs / partMs;
  const perRange = rangeMs / partMs;
  return `SELECT id, toUInt32(nth + 1) AS step, toFloat64(${OF_PARTS[func]}) AS value FROM (
      SELECT id, intDiv(${timeAfter(firstMs - rangeMs)}, ${partMs}) AS part,
        count() AS n, sumKahan(value) AS total, min(value) AS least, max(value) AS greatest
      FROM ${liveSamplesOf(call, ids)} GROUP BY id, part
    ) ARRAY JOIN range(
      if(part < ${perRange}, 0, toUInt32(intDiv(part - ${perRange}, ${perStep}) + 1)),
      toUInt32(least(intDiv(part, ${perStep}) + 1, ${steps}))) AS nth
    GROUP BY id, nth ORDER BY id`;
};
