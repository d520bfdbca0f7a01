/**
 * Request bodies: decompressed, bounded, in memory for statements, in a file for data.
 *
 * Units:  bytes after decompression.
 * Errors: BodyFault "too_large" | "encoding" | "disk".
 */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";

const MIB = 1024 * 1024;
const MAX_STATEMENT_BYTES = 64 * MIB;
const MAX_DATA_BYTES = 1024 * MIB;

export class BodyFault extends Error {
  override readonly name = "BodyFault";
  readonly reason: "too_large" | "encoding" | "disk";
  constructor(reason: BodyFault["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

const decoder = (request: IncomingMessage): Transform | undefined => {
  const encoding = (request.headers["content-encoding"] ?? "identity").toLowerCase();
  if (encoding === "identity") return undefined;
  if (encoding === "gzip") return createGunzip();
  if (encoding === "zstd") return createZstdDecompress();
  throw new BodyFault("encoding", `content-encoding ${encoding}: gzip and zstd are supported`);
};

const atMost = (maxBytes: number): Transform => {
  let seen = 0;
  return new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      seen += chunk.length;
      if (seen <= maxBytes) return done(null, chunk);
      done(new BodyFault("too_large", `the body is over ${maxBytes} bytes`));
    },
  });
};

const bounded = (request: IncomingMessage, maxBytes: number): Transform[] => {
  const decode = decoder(request);
  return decode === undefined ? [atMost(maxBytes)] : [decode, atMost(maxBytes)];
};

export const readStatement = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  const collect = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  await pipeline([request, ...bounded(request, MAX_STATEMENT_BYTES), collect]);
  return Buffer.concat(chunks);
};

export type IncomingFile = { readonly path: string; readonly discard: () => Promise<void> };

/**
 * Data of an INSERT in a file of our own folder, because the engine cuts binary data inline.
 *
 * The engine reads it by its descriptor: a path would be a glob pattern to it, and one that matches
 * nothing (a data directory with `{` in its name) would insert nothing, without an error. The name
 * is gone before the engine starts, so a crash leaves nothing behind.
 */
export const incomingFiles = async (dir: string) => {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const write = async (
    stages: readonly (NodeJS.ReadableStream | Transform)[],
  ): Promise<IncomingFile> => {
    const path = join(dir, `${randomUUID()}.data`);
    try {
      await pipeline([...stages, createWriteStream(path, { mode: 0o600, flags: "wx" })]);
      const file = await open(path, "r");
      return { path: `/dev/fd/${file.fd}`, discard: () => file.close() };
    } finally {
      await rm(path, { force: true });
    }
  };
  return {
    /** `first` is data that came with the statement. */
    receive: (request: IncomingMessage, first: Uint8Array) => {
      const stages = bounded(request, MAX_DATA_BYTES);
      if (first.length > 0) stages.at(-1)!.write(first);
      return write([request, ...stages]);
    },
    keep: (data: Uint8Array) => write([Readable.from([data])]),
  };
};

export type Incoming = Awaited<ReturnType<typeof incomingFiles>>;
