/**
 * Connections to backends: one keep-alive pool per address, closed when nobody needs it any more.
 *
 * Units:  ms.
 * Errors: those of undici, to the handler of each call.
 */
import { Pool, type Dispatcher } from "undici";

const CONNECT_MS = 1_000;
const KEEP_ALIVE_MS = 30_000;
const MAX_CONNECTIONS = 512;
const MAX_ANSWER_HEADER_BYTES = 32 * 1024;

export type Upstreams = {
  readonly dispatch: (
    origin: string,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ) => void;
  /** Closes the pools of other addresses; what runs on them goes on to its end. */
  readonly keep: (origins: ReadonlySet<string>) => void;
  readonly close: () => Promise<void>;
};

export const newUpstreams = (terms: { readonly idleMs: number }): Upstreams => {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    const known = pools.get(origin);
    if (known !== undefined) return known;
    const made = new Pool(origin, {
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      connect: { timeout: CONNECT_MS },
      keepAliveTimeout: KEEP_ALIVE_MS,
      // The call's own deadline comes first; this is for what hangs without one.
      headersTimeout: terms.idleMs,
      bodyTimeout: terms.idleMs,
      maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
    });
    pools.set(origin, made);
    return made;
  };
  const closePool = (pool: Pool): Promise<void> => pool.close().catch(() => undefined);
  return {
    dispatch: (origin, options, handler) => void poolOf(origin).dispatch(options, handler),
    keep: (origins) => {
      for (const [origin, pool] of pools) {
        if (origins.has(origin)) continue;
        pools.delete(origin);
        void closePool(pool);
      }
    },
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy().catch(() => undefined)));
    },
  };
};
