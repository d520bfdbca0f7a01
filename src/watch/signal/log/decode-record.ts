/**
 * A record of the body log to its content: unpacked, decoded, bounded.
 *
 * Units:  bytes; times are judged by when the hub took the record, and series by what was refused
 *         then, so a replay keeps the same samples.
 * Errors: Problems "bad_request", "too_large" that name the limit. No engine, no clock.
 */
import { err, ok, problem, type Result } from "../../../kernel/result.ts";
import { MAX_BODY_BYTES, type BodyEncoding } from "../../intake/body.ts";
import {
  newCardinality,
  type Cardinality,
  type CardinalityLimits,
} from "../../intake/cardinality.ts";
import { newCatalog, type Catalog } from "../../intake/decode/catalog.ts";
import { decodeRemoteWrite, type Family } from "../../intake/decode/remote-write.ts";
import type { Terms } from "../../intake/decode/samples.ts";
import { decodeMetrics } from "../../intake/otlp/metrics.ts";
import { decodeMetricsJson } from "../../intake/otlp/metrics-json.ts";
import type { Rejected } from "../../intake/otlp/rejections.ts";
import { newSeriesBook, type SeriesBook } from "../../intake/otlp/series-book.ts";
import { decodeTraces } from "../../intake/otlp/traces.ts";
import { decodeTracesJson } from "../../intake/otlp/traces-json.ts";
import { decodeHubRecord, type BodyHead } from "./hub-record.ts";
import type { Content } from "./parts.ts";
import { SAMPLE_RETENTION_DAYS } from "../store/signal-tables.ts";

/** Unpacks to at most so many bytes; `undefined` where there are more; throws on garbage. */
export type Inflate = (
  encoding: Exclude<BodyEncoding, "identity">,
  body: Uint8Array,
  maxBytes: number,
) => Uint8Array | undefined;

/** How far a sender's clock may be ahead of the hub's. */
export const MAX_AHEAD_MS = 600_000;
const RETENTION_MS = SAMPLE_RETENTION_DAYS * 86_400_000;

export type DecodeDeps = {
  readonly catalog: Catalog;
  /** OTLP's series, found again by their bytes; over the same catalog. */
  readonly otlpSeries: SeriesBook;
  readonly cardinality: Cardinality;
  readonly inflate: Inflate;
  readonly onFamily: (family: Family) => void;
};

export const newDecoding = (
  deps: Pick<DecodeDeps, "inflate"> & {
    readonly onFamily?: DecodeDeps["onFamily"] | undefined;
    readonly limits?: CardinalityLimits | undefined;
  },
): DecodeDeps => {
  const catalog = newCatalog();
  const onFamily = deps.onFamily ?? (() => undefined);
  const otlpSeries = newSeriesBook(catalog, onFamily);
  return {
    catalog,
    otlpSeries,
    cardinality: newCardinality(deps.limits),
    onFamily,
    inflate: deps.inflate,
  };
};

/** What a body holds; of OTLP also what was left out, point by point. */
export type Decoded = Extract<Content, { kind: "samples" | "spans" }> & {
  readonly rejected: Rejected;
};

const NONE: Rejected = { count: 0, messages: [] };

/** A body that arrives: series beyond the limits are refused, by their places. */
export const decodeBody = (deps: DecodeDeps, head: BodyHead, body: Uint8Array): Result<Decoded> =>
  decoded(deps, head, body, deps.cardinality.admit(head.source, head.atMs));

/** With the places of refused series in its head, so that a replay leaves out the same ones. */
export const withRefused = (content: Decoded): Decoded => {
  if (content.kind === "spans" || content.samples.refused.length === 0) return content;
  return { ...content, head: { ...content.head, refused: content.samples.refused } };
};

const decoded = (
  deps: DecodeDeps,
  head: BodyHead,
  body: Uint8Array,
  admit: Terms["admit"],
): Result<Decoded> => {
  const { encoding, format, atMs } = head;
  const plain = unpacked(deps.inflate, encoding, body);
  if (!plain.ok) return plain;
  const bytes = plain.value;
  const terms = { notBeforeMs: atMs - RETENTION_MS, notAfterMs: atMs + MAX_AHEAD_MS, admit };
  switch (format) {
    case "remote-write": {
      const samples = decodeRemoteWrite(deps.catalog, bytes, terms, deps.onFamily);
      return samples.ok
        ? ok({ kind: "samples", head, samples: samples.value, rejected: NONE })
        : samples;
    }
    case "otlp-metrics":
    case "otlp-metrics-json": {
      const decode = format === "otlp-metrics" ? decodeMetrics : decodeMetricsJson;
      const taken = decode(deps.otlpSeries, bytes, terms);
      return taken.ok ? ok({ kind: "samples", head, ...taken.value }) : taken;
    }
    case "otlp-traces":
    case "otlp-traces-json": {
      const decode = format === "otlp-traces" ? decodeTraces : decodeTracesJson;
      const taken = decode(bytes, terms);
      return taken.ok ? ok({ kind: "spans", head, ...taken.value }) : taken;
    }
    default:
      return format satisfies never;
  }
};

const tooLarge = problem("too_large", `body: over ${MAX_BODY_BYTES} bytes when decompressed`);

const unpacked = (
  inflate: Inflate,
  encoding: BodyEncoding,
  body: Uint8Array,
): Result<Uint8Array> => {
  if (encoding === "identity") return body.length > MAX_BODY_BYTES ? tooLarge : ok(body);
  try {
    const plain = inflate(encoding, body, MAX_BODY_BYTES);
    return plain === undefined ? tooLarge : ok(plain);
  } catch {
    const message = `body: is not ${encoding}, as content-encoding says`;
    return err({ code: "bad_request", message });
  }
};

/** What a record of our own log holds; it was decoded once before: a fault means damage. */
export const decodeContent = (deps: DecodeDeps, bytes: Uint8Array): Content => {
  const record = decodeHubRecord(bytes);
  if (record === undefined) return { kind: "damaged" };
  if (record.kind === "readings") return record;
  const { head, body } = record;
  const admit = deps.cardinality.replay(head.source, head.atMs, head.refused ?? []);
  const content = decoded(deps, head, body, admit);
  return content.ok ? content.value : { kind: "damaged" };
};
