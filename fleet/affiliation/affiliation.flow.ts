/** Affiliation as a service: its database and its routes. */
import { randomBytes, randomUUID } from "node:crypto";
import { databaseCheck, type Service } from "../frame/service.ts";
import { affiliationRoutes } from "./affiliation.routes.ts";
import { DDL } from "./affiliation.store.ts";

/** `nowMs` of its own in tests, where time is a lever. */
export const affiliationAt = (nowMs?: () => number): Service => ({
  id: "affiliation",
  title: "Affiliation Service",
  dependencies: ["api-gateway", "parts-finder"],
  open: async (frame) => {
    const db = frame.database(DDL);
    const now = nowMs ?? frame.nowMs;
    return {
      routes: affiliationRoutes({ db, now, newId: randomUUID, dice: randomBytes }),
      checks: { database: databaseCheck(db) },
      close: db.close,
    };
  },
});
