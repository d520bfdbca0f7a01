/**
 * A record of the body log to its content: decompressed, decoded, bounded.
 *
 * Units:  bytes; times are judged by when the hub took the record, so a replay keeps the same ones.
 * Errors: Problems "bad_request", "too_large" that name the limit. No engine, no clock.
 */
import { err, ok, problem, type Result } from "../../kernel/result.ts";
import type { Catalog } from "../intake/decode/catalog.ts";
import { decodeRemoteWrite, MAX_BODY_BYTES } from "../intake/decode/remote-write.ts";
import type { Samples } from "../intake/decode/samples.ts";
import { decodeHubRecord, type SamplesHead } from "./hub-record.ts";
import type { Content } from "./parts.ts";
import { SAMPLE_RETENTION_DAYS } from "./signal-tables.ts";

/** Decompresses to at most so many bytes; `undefined` where there are more; throws on garbage. */
export type Inflate = (body: Uint8Array, maxBytes: number) => Uint8Array | undefined;

/** How far a sender's clock may be ahead of the hub's. */
export const MAX_AHEAD_MS = 600_000;
const RETENTION_MS = SAMPLE_RETENTION_DAYS * 86_400_000;

export type DecodeDeps = { readonly catalog: Catalog; readonly inflate: Inflate };

export const decodeBody = (
  { catalog, inflate }: DecodeDeps,
  { encoding, atMs }: Pick<SamplesHead, "encoding" | "atMs">,
  body: Uint8Array,
): Result<Samples> => {
  const plain = encoding === "zstd" ? inflated(inflate, body) : ok(body);
  if (!plain.ok) return plain;
  if (plain.value.length > MAX_BODY_BYTES) return tooLarge;
  return decodeRemoteWrite(catalog, plain.value, {
    notBeforeMs: atMs - RETENTION_MS,
    notAfterMs: atMs + MAX_AHEAD_MS,
  });
};

const tooLarge = problem("too_large", `body: over ${MAX_BODY_BYTES} bytes when decompressed`);

const inflated = (inflate: Inflate, body: Uint8Array): Result<Uint8Array> => {
  try {
    const plain = inflate(body, MAX_BODY_BYTES);
    return plain === undefined ? tooLarge : ok(plain);
  } catch {
    return err({ code: "bad_request", message: "body: is not zstd, as content-encoding says" });
  }
};

/** What a record of our own log holds; it was decoded once before, so a fault means damage. */
export const decodeContent = (deps: DecodeDeps, bytes: Uint8Array): Content => {
  const record = decodeHubRecord(bytes);
  if (record === undefined) return { kind: "damaged" };
  if (record.kind === "readings") return record;
  const samples = decodeBody(deps, record.head, record.body);
  return samples.ok
    ? { kind: "samples", head: record.head, samples: samples.value }
    : { kind: "damaged" };
};
