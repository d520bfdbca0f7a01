/**
 * Sends batches of spans to an OTLP/HTTP door, one at a time; what cannot be sent is dropped.
 *
 * Shape:  a batch is tried until the next one is due; the gateway serves on whatever the hub does.
 * Errors: none; `dropped` counts the spans that were lost.
 */
import { gzip } from "node:zlib";
import { promisify } from "node:util";
import { request } from "undici";
import type { SpanBatch } from "../span-batch.ts";

const SEND_MS = 5_000;
const FASTEST = { level: 1 };
const pack = promisify(gzip);

export type SpanSender = {
  readonly flush: () => Promise<void>;
  readonly dropped: () => number;
};

export const newSpanSender = (
  batch: SpanBatch,
  to: { readonly url: string; readonly token: () => string },
): SpanSender => {
  let lost = 0;
  let isSending = false;
  return {
    dropped: () => lost + batch.dropped(),
    flush: async () => {
      // The next spans wait in the batch, which is bounded.
      if (isSending) return;
      const taken = batch.take();
      if (taken === undefined) return;
      isSending = true;
      try {
        const { statusCode, body } = await request(`${to.url}/v1/traces`, {
          method: "POST",
          headers: {
            "content-type": "application/x-protobuf",
            "content-encoding": "gzip",
            authorization: `Bearer ${to.token()}`,
          },
          body: await pack(taken.body, FASTEST),
          headersTimeout: SEND_MS,
          bodyTimeout: SEND_MS,
        });
        await body.dump();
        if (statusCode >= 300) lost += taken.spans;
      } catch {
        lost += taken.spans;
      } finally {
        isSending = false;
      }
    },
  };
};
