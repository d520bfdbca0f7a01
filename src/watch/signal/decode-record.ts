/**
 * A record of the body log to its content: unpacked, decoded, bounded.
 *
 * Units:  bytes; times are judged by when the hub took the record, and series by what was refused
 *         then, so a replay keeps the same samples.
 * Errors: Problems "bad_request", "too_large" that name the limit. No engine, no clock.
 */
import { err, ok, problem, type Result } from "../../kernel/result.ts";
import { MAX_BODY_BYTES, type BodyEncoding } from "../intake/body.ts";
import type { Cardinality } from "../intake/cardinality.ts";
import type { Catalog } from "../intake/decode/catalog.ts";
import { decodeRemoteWrite } from "../intake/decode/remote-write.ts";
import type { Samples, Terms } from "../intake/decode/samples.ts";
import { decodeHubRecord, type BodyHead } from "./hub-record.ts";
import type { Content } from "./parts.ts";
import { SAMPLE_RETENTION_DAYS } from "./signal-tables.ts";

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
  readonly cardinality: Cardinality;
  readonly inflate: Inflate;
};

/** A body that arrives: series beyond the limits are refused, by their places. */
export const decodeBody = (deps: DecodeDeps, head: BodyHead, body: Uint8Array): Result<Samples> =>
  decoded(deps, head, body, deps.cardinality.admit(head.source, head.atMs));

const decoded = (
  { catalog, inflate }: DecodeDeps,
  { encoding, atMs }: BodyHead,
  body: Uint8Array,
  admit: Terms["admit"],
): Result<Samples> => {
  const plain = unpacked(inflate, encoding, body);
  if (!plain.ok) return plain;
  return decodeRemoteWrite(catalog, plain.value, {
    notBeforeMs: atMs - RETENTION_MS,
    notAfterMs: atMs + MAX_AHEAD_MS,
    admit,
  });
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

/** What a record of our own log holds; it was decoded once before, so a fault means damage. */
export const decodeContent = (deps: DecodeDeps, bytes: Uint8Array): Content => {
  const record = decodeHubRecord(bytes);
  if (record === undefined) return { kind: "damaged" };
  if (record.kind === "readings") return record;
  const { head, body } = record;
  const admit = deps.cardinality.replay(head.source, head.atMs, head.refused ?? []);
  const samples = decoded(deps, head, body, admit);
  return samples.ok ? { kind: "samples", head, samples: samples.value } : { kind: "damaged" };
};
