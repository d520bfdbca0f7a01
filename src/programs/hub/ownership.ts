/**
 * One hub acts at a time: it holds a lease, and each write that acts is fenced by its epoch.
 *
 * A hub that cannot get the lease waits as the standby. One that loses it stops, and comes back as
 * the standby.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  acquireLease,
  fenceOf,
  releaseLease,
  renewLease,
  type Fence,
} from "../../io/lease/lease.store.ts";
import type { Log } from "../../io/log/json-log.ts";
import type { Db } from "../../io/postgres/db.ts";
import type { Clock } from "../../kernel/clock.ts";

const LEASE = "hub";
const TTL_MS = 10_000;
const RENEW_MS = 3_000;
const WAIT_MS = 500;

export type Ownership = {
  readonly fence: Fence;
  /** Rises with every owner: orders of an older one are refused. */
  readonly epoch: number;
  /** Resolves when another hub has taken over. */
  readonly lost: Promise<void>;
  readonly release: () => Promise<void>;
};

export const holdLease = async (
  db: Db,
  deps: { readonly holder: string; readonly clock: Clock; readonly log: Log },
): Promise<Ownership> => {
  const { holder, log } = deps;
  let lease = await acquireLease(db, { name: LEASE, holder, ttlMs: TTL_MS });
  if (lease === undefined) log.warn("another hub is active; waiting as the standby");
  while (lease === undefined) {
    await delay(WAIT_MS);
    lease = await acquireLease(db, { name: LEASE, holder, ttlMs: TTL_MS });
  }
  const held = lease;
  const lost = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    renewLease(db, held, TTL_MS).then(
      (still) => {
        if (!still) lost.resolve();
      },
      (fault: unknown) => log.warn("the lease could not be renewed yet", { fault }),
    );
  }, RENEW_MS);
  return {
    fence: fenceOf(held),
    epoch: held.epoch,
    lost: lost.promise,
    release: async () => {
      clearInterval(timer);
      await releaseLease(db, held).catch(() => undefined);
    },
  };
};
