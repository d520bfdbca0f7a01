/**
 * Spans to the columns of ClickHouse's table.
 *
 * Shape:  rows in the order of the log, so a repeat is the same block byte by byte; events and
 *         links as JSON, for they are shown and not searched.
 * Units:  ns since the epoch and ns.
 */
import type { Column } from "../../../io/clickhouse/native.ts";
import type { Instant, Span } from "../../intake/otlp/span.ts";
import { fillHalves, type Block } from "./columns.ts";
import type { Content } from "../log/parts.ts";

export const SPAN_COLUMNS = [
  ...(["trace_id", "span_id", "parent_id", "service", "name", "kind", "start"] as const),
  ...(["duration_ns", "status", "status_message", "trace_state", "scope"] as const),
  ...(["scope_version", "resource", "attributes", "events", "links", "dropped", "batch"] as const),
] as const;

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const NS_PER_MS = 1_000_000n;

export const spanBlock = (contents: readonly Content[], batch: number): Block => {
  const all = contents.flatMap((content) => (content.kind === "spans" ? content.spans : []));
  const texts = (of: (span: Span) => string) => ({ type: "String" as const, texts: all.map(of) });
  const maps = (of: (span: Span) => ReadonlyMap<string, string>) => ({
    type: "Map(String, String)" as const,
    maps: all.map((span) => [...of(span)]),
  });
  const batches = new Uint32Array(all.length * 2);
  fillHalves(batches, all.length, batch);
  const columns: Readonly<Record<(typeof SPAN_COLUMNS)[number], Column["data"]>> = {
    trace_id: idColumn(all, TRACE_BYTES, ({ traceId }) => traceId),
    span_id: idColumn(all, SPAN_BYTES, ({ spanId }) => spanId),
    parent_id: idColumn(all, SPAN_BYTES, ({ parentSpanId }) => parentSpanId),
    service: texts(({ resource }) => resource.serviceName),
    name: texts(({ name }) => name),
    kind: texts(({ kind }) => kind),
    start: { type: "DateTime64(9)", ns: BigInt64Array.from(all, ({ start }) => nsOf(start)) },
    duration_ns: { type: "UInt64", halves: halvesOf(all.map(({ durationNs }) => durationNs)) },
    status: texts(({ status }) => status),
    status_message: texts(({ statusMessage }) => statusMessage),
    trace_state: texts(({ traceState }) => traceState),
    scope: texts(({ scope }) => scope.name),
    scope_version: texts(({ scope }) => scope.version),
    resource: maps(({ resource }) => resource.attributes),
    attributes: maps(({ attributes }) => attributes),
    events: texts(({ events }) =>
      json(events, ({ time, name, attributes }) => ({ at: String(nsOf(time)), name, attributes })),
    ),
    links: texts(({ links }) => json(links, (link) => link)),
    dropped: { type: "UInt32", values: Uint32Array.from(all, ({ dropped }) => dropped) },
    batch: { type: "UInt64", halves: batches },
  };
  return {
    rows: all.length,
    columns: SPAN_COLUMNS.map((name) => ({ name, data: columns[name] })),
  };
};

const nsOf = ({ ms, nsBeyond }: Instant): bigint => BigInt(ms) * NS_PER_MS + BigInt(nsBeyond);

const json = <T extends { readonly attributes: ReadonlyMap<string, string> }>(
  all: readonly T[],
  of: (one: T) => object,
): string =>
  all.length === 0
    ? ""
    : JSON.stringify(all.map(of), (_, value: unknown) =>
        value instanceof Map ? Object.fromEntries(value) : value,
      );

const TWO_POW_32 = 2 ** 32;

const halvesOf = (values: readonly number[]): Uint32Array => {
  const halves = new Uint32Array(values.length * 2);
  values.forEach((value, row) => fillOne(halves, row, value));
  return halves;
};

const fillOne = (halves: Uint32Array, row: number, value: number): void => {
  halves[2 * row] = value % TWO_POW_32;
  halves[2 * row + 1] = Math.floor(value / TWO_POW_32);
};

/** Hex to bytes; "" is zeros, which no id may be. */
const idColumn = (
  all: readonly Span[],
  width: 8 | 16,
  of: (span: Span) => string,
): Column["data"] => {
  const bytes = new Uint8Array(all.length * width);
  all.forEach((span, row) => {
    const hex = of(span);
    for (let nth = 0; nth < hex.length / 2; nth += 1) {
      bytes[row * width + nth] = Number.parseInt(hex.slice(2 * nth, 2 * nth + 2), 16);
    }
  });
  return { type: `FixedString(${width})`, width, bytes };
};
