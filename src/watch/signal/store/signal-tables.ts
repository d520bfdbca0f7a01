/**
 * The tables of signals in ClickHouse.
 *
 * Shape:  `samples` holds what was measured, `series` the labels of every series of a day (a day a
 *         row, so that old series leave with their samples), `kpi_reading` every KPI's readings,
 *         `span` what traces are made of, `samples_1m` the 1-minute tier of the samples.
 *         `batch` names the range of the body log a row came from: a retry finds its own rows.
 * Why:    samples are ordered by hour, series and time: an instant query of a whole metric reads
 *         one hour. Delta and ZSTD(1) measured smallest at a bearable price.
 * Source: reference measurements in docs/decisions; names without a database, so that the address
 *         decides.
 */
export const SAMPLE_RETENTION_DAYS = 15;
const SPAN_RETENTION_DAYS = 7;
/** How long the 1-minute tier is kept. */
export const MINUTE_RETENTION_DAYS = 90;
/** One day longer than samples, because a series' day is the first of its samples that day. */
const SERIES_RETENTION_DAYS = MINUTE_RETENTION_DAYS + 1;
const READING_RETENTION_MONTHS = 25;
/** Repeats of an insert are dropped, also by a server whose default is to keep them. */
const DEDUPLICATED = "non_replicated_deduplication_window = 1000";

export const SIGNAL_STEPS = [
  {
    name: "0001-samples",
    sql: `CREATE TABLE IF NOT EXISTS samples (
      id    UInt64 CODEC(Delta(8), ZSTD(1)),
      ts    DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
      value Float64 CODEC(Delta(8), ZSTD(1)),
      batch UInt64 CODEC(Delta(8), ZSTD(1))
    ) ENGINE = MergeTree
    PARTITION BY toYYYYMMDD(ts)
    ORDER BY (toStartOfHour(ts), id, ts)
    TTL toDateTime(ts) + INTERVAL ${SAMPLE_RETENTION_DAYS} DAY
    SETTINGS ttl_only_drop_parts = 1, ${DEDUPLICATED}`,
  },
  {
    name: "0002-series",
    sql: `CREATE TABLE IF NOT EXISTS series (
      day    Date,
      metric String,
      id     UInt64,
      labels Map(String, String)
    ) ENGINE = ReplacingMergeTree
    PARTITION BY toYYYYMM(day)
    ORDER BY (metric, id, day)
    TTL day + INTERVAL ${SERIES_RETENTION_DAYS} DAY`,
  },
  {
    name: "0003-kpi-reading",
    sql: `CREATE TABLE IF NOT EXISTS kpi_reading (
      kpi             String,
      at              DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
      value           Nullable(Float64),
      verdict         String,
      reason          String CODEC(ZSTD(1)),
      n               Float64,
      freshness_ms    Nullable(Float64),
      formula_version UInt32,
      plan_version    UInt32,
      batch           UInt64 CODEC(Delta(8), ZSTD(1))
    ) ENGINE = MergeTree
    PARTITION BY toYYYYMM(at)
    ORDER BY (kpi, at)
    TTL toDateTime(at) + INTERVAL ${READING_RETENTION_MONTHS} MONTH
    SETTINGS ${DEDUPLICATED}`,
  },
  {
    name: "0004-span",
    sql: `CREATE TABLE IF NOT EXISTS span (
      trace_id       FixedString(16) CODEC(ZSTD(1)),
      span_id        FixedString(8) CODEC(ZSTD(1)),
      parent_id      FixedString(8) CODEC(ZSTD(1)),
      service        LowCardinality(String),
      name           LowCardinality(String),
      kind           LowCardinality(String),
      start          DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
      duration_ns    UInt64 CODEC(ZSTD(1)),
      status         LowCardinality(String),
      status_message String CODEC(ZSTD(1)),
      trace_state    String CODEC(ZSTD(1)),
      scope          LowCardinality(String),
      scope_version  LowCardinality(String),
      resource       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
      attributes     Map(LowCardinality(String), String) CODEC(ZSTD(1)),
      events         String CODEC(ZSTD(1)),
      links          String CODEC(ZSTD(1)),
      dropped        UInt32 CODEC(ZSTD(1)),
      batch          UInt64 CODEC(Delta(8), ZSTD(1)),
      INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
    ) ENGINE = MergeTree
    PARTITION BY toYYYYMMDD(start)
    ORDER BY (service, start)
    TTL toDateTime(start) + INTERVAL ${SPAN_RETENTION_DAYS} DAY
    SETTINGS ttl_only_drop_parts = 1, ${DEDUPLICATED}`,
  },
  {
    name: "0005-series-ttl",
    sql: `ALTER TABLE series MODIFY TTL day + INTERVAL ${SERIES_RETENTION_DAYS} DAY`,
  },
  {
    name: "0006-samples-1m",
    sql: `CREATE TABLE IF NOT EXISTS samples_1m (
      id       UInt64 CODEC(Delta(8), ZSTD(1)),
      ts       DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
      least    Float64 CODEC(Delta(8), ZSTD(1)),
      greatest Float64 CODEC(Delta(8), ZSTD(1)),
      sum      Float64 CODEC(Delta(8), ZSTD(1)),
      count    UInt32 CODEC(Delta(4), ZSTD(1)),
      last     Float64 CODEC(Delta(8), ZSTD(1)),
      last_ts  DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
      version  UInt64 CODEC(Delta(8), ZSTD(1))
    ) ENGINE = ReplacingMergeTree(version)
    PARTITION BY toYYYYMM(ts)
    ORDER BY (toStartOfDay(ts), id, ts)
    TTL ts + INTERVAL ${MINUTE_RETENTION_DAYS} DAY`,
  },
] as const;
