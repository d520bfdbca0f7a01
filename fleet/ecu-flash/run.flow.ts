/**
 * Works on jobs, a few at a time: claims one, flashes what is left of it, notes each block after
 * the unit confirmed it.
 *
 * Units:  milliseconds.
 * Errors: what the unit refuses ends the job as failed, with its reason. What breaks on the way
 *         (the database away, the disk full) leaves it as it is: its lease runs out, and whoever
 *         claims it then goes on.
 */
import type { Db } from "../../src/io/postgres/db.ts";
import type { Log } from "../../src/io/log/json-log.ts";
import * as store from "./ecu-flash.store.ts";
import type { Unit } from "./ecu.ts";
import { flashImage } from "./job.ts";

const MAX_AT_ONCE = 4;
const LOOK_EVERY_MS = 500;
/** Longer than a block takes on a slow disk; a frozen instance loses its job after this. */
const LEASE_MS = 5_000;

export type Runner = { readonly wake: () => void; readonly stop: () => Promise<void> };

export const startRunner = (deps: {
  readonly db: Db;
  readonly log: Log;
  readonly owner: string;
  readonly unitOf: (vehicle: string) => Promise<Unit>;
  readonly ended: (outcome: "done" | "failed") => void;
}): Runner => {
  const { db, log, owner } = deps;
  const running = new Set<Promise<void>>();
  let stopping = false;
  let freed = false;
  let looking = false;

  const work = async (job: store.Claimed): Promise<void> => {
    const image = await store.findImage(db, job.image);
    if (image === undefined) throw new Error(`image ${job.image} of a job is gone`);
    const result = await flashImage(
      {
        unit: await deps.unitOf(job.vehicle),
        progress: async (next) => (await store.noteProgress(db, job, next, LEASE_MS)) && !stopping,
      },
      ...([image.manifest, image.signature, await store.contentOf(db, image.id)] as const),
      job.nextBlock,
    );
    if (result.ok && result.value === "canceled") return;
    const outcome = result.ok ? "done" : "failed";
    await store.finish(db, job, outcome, result.ok ? null : result.error.message);
    deps.ended(outcome);
    log.info("a flash job ended", { job: job.id, outcome });
  };

  const look = async (): Promise<void> => {
    if (!freed) await store.freeOwn(db, owner);
    freed = true;
    while (!stopping && running.size < MAX_AT_ONCE) {
      const job = await store.claim(db, owner, LEASE_MS);
      if (job === undefined) return;
      const one = work(job)
        .catch((fault: unknown) => log.warn("a flash job waits", { job: job.id, fault }))
        .finally(() => {
          running.delete(one);
          wake();
        });
      running.add(one);
    }
  };
  const wake = (): void => {
    if (looking || stopping) return;
    looking = true;
    void look()
      .catch((fault: unknown) => log.warn("no look for jobs", { fault }))
      .finally(() => (looking = false));
  };
  const timer = setInterval(wake, LOOK_EVERY_MS);
  timer.unref();
  wake();
  return {
    wake,
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      // Each stops after the block it is at; another instance goes on from there.
      await Promise.allSettled(running);
      if (freed) await store.freeOwn(db, owner).catch(() => undefined);
    },
  };
};
