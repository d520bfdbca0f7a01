/**
 * Labels of the series in ClickHouse, by day: whole sets, names, and the values of one name.
 *
 * Shape:  series that satisfy one of several sets of matchers (none: every series) and have samples
 *         on one of the days. A label that is absent has the empty value, as for Prometheus.
 * Units:  instants in ms since the epoch; both days are included.
 * Errors: StoreFault; the limits cut, and the caller asks for one more to learn of it.
 */
import type { Params, Store } from "../../../io/clickhouse/client.ts";
import { DAY_MS } from "../store/columns.ts";
import type { Matcher } from "../matcher.ts";
import { METRIC_NAME, type Labels } from "../series.ts";

export type LabelScope = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly sets: readonly (readonly Matcher[])[];
};

/** Lists are for people who wait: what takes longer is given up. */
const MAX_S = 5;
const SETTINGS = `SETTINGS max_execution_time = ${MAX_S}`;

export const readLabelSets = async (
  store: Pick<Store, "rows">,
  scope: LabelScope,
  limit: number,
): Promise<readonly Labels[]> => {
  const { where, params } = conditionsOf(scope);
  // Under another name than the column's: the conditions would be told of the aggregate.
  const rows = await store.rows<{ found: Record<string, string> }>(
    `SELECT any(labels) AS found FROM series WHERE ${where}
      GROUP BY metric, id ORDER BY metric, id LIMIT {limit: UInt32} ${SETTINGS}`,
    { ...params, limit },
  );
  return rows.map(({ found }) =>
    Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))),
  );
};

export const readLabelNames = async (
  store: Pick<Store, "rows">,
  scope: LabelScope,
  limit: number,
): Promise<readonly string[]> => {
  const { where, params } = conditionsOf(scope);
  const rows = await store.rows<{ name: string }>(
    `SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name FROM series WHERE ${where}
      ORDER BY name LIMIT {limit: UInt32} ${SETTINGS}`,
    { ...params, limit },
  );
  return rows.map(({ name }) => name);
};

export const readLabelValues = async (
  store: Pick<Store, "rows">,
  name: string,
  scope: LabelScope,
  limit: number,
): Promise<readonly string[]> => {
  const { where, params } = conditionsOf(scope);
  const value = name === METRIC_NAME ? "metric" : "labels[{name: String}]";
  const rows = await store.rows<{ value: string }>(
    `SELECT DISTINCT ${value} AS value FROM series WHERE ${where} AND value != ''
      ORDER BY value LIMIT {limit: UInt32} ${SETTINGS}`,
    { ...params, name, limit },
  );
  return rows.map((row) => row.value);
};

/** Texts are parameters, never part of the statement. */
const conditionsOf = ({ fromMs, toMs, sets }: LabelScope) => {
  const params: Record<string, string | number> = {
    from: Math.max(0, Math.floor(fromMs / DAY_MS)),
    to: Math.max(0, Math.floor(toMs / DAY_MS)),
  };
  const alternatives = sets.map((matchers, set) =>
    matchers
      .map(({ name, op, value }, nth) => {
        const key = `${set}_${nth}`;
        params[`v${key}`] = op === "=~" || op === "!~" ? `^(?s:${value})$` : value;
        if (name !== METRIC_NAME) params[`n${key}`] = name;
        const label = name === METRIC_NAME ? "metric" : `labels[{n${key}: String}]`;
        return CONDITIONS[op](label, `{v${key}: String}`);
      })
      .join(" AND "),
  );
  const days = "day BETWEEN toDate({from: UInt32}) AND toDate({to: UInt32})";
  const where =
    alternatives.length === 0 ? days : `${days} AND (${alternatives.map(bracketed).join(" OR ")})`;
  return { where, params: params satisfies Params };
};

const bracketed = (text: string): string => `(${text})`;
/** ClickHouse's `match` is RE2, as Prometheus' own. */
const CONDITIONS: Readonly<Record<Matcher["op"], (label: string, value: string) => string>> = {
  "=": (label, value) => `${label} = ${value}`,
  "!=": (label, value) => `${label} != ${value}`,
  "=~": (label, value) => `match(${label}, ${value})`,
  "!~": (label, value) => `NOT match(${label}, ${value})`,
};
