/**
 * Scheduling as a service: its database, the standing of garages by KBIS, the sweep, the routes.
 *
 * Units:  a sweep of holds and the waiting list every 5 s, by each process.
 */
import { randomUUID } from "node:crypto";
import { databaseCheck, type Frame, type Service } from "../frame/service.ts";
import { newOpenings } from "./book.ts";
import { sweep, type Deps } from "./booking.flow.ts";
import { DDL } from "./booking.store.ts";
import { schedulingRoutes } from "./scheduling.routes.ts";
import { openStandings } from "./standing.flow.ts";
import { saveStanding, standingOf } from "./waiting.store.ts";

const SWEEP_EVERY_MS = 5_000;
const POOL = 8;

/** `nowMs` of its own in tests, where time is a lever. */
export const schedulingAt = (nowMs?: () => number): Service => ({
  id: "scheduling",
  title: "Scheduling Service",
  dependencies: ["api-gateway", "kbis"],
  open: async (frame) => {
    const deps = openDeps(frame, nowMs ?? frame.nowMs);
    const timer = setInterval(() => {
      sweep(deps)().catch((fault: unknown) => frame.log.warn("the sweep failed", { fault }));
    }, SWEEP_EVERY_MS);
    timer.unref();
    return {
      routes: schedulingRoutes(deps),
      checks: { database: databaseCheck(deps.db) },
      close: async () => {
        clearInterval(timer);
        await deps.db.close();
      },
    };
  },
});

const openDeps = ({ database, call }: Frame, now: () => number): Deps => {
  const db = database(DDL, { max: POOL });
  return {
    ...{ db, now, newId: randomUUID, openings: newOpenings() },
    standings: openStandings({
      ...{ call, now },
      load: (siret) => standingOf(db, siret),
      save: (siret, standing) => saveStanding(db, siret, standing),
    }),
  };
};
