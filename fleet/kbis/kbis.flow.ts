/**
 * KBIS Verification as a service: the registry with its alternative, the shared cache, the probe of
 * what the partners promise, the routes.
 *
 * Units:  a probe every 10 s; metrics `novaevo.partner.availability` (share), `.latency.p95` (ms)
 *         and `.calls` by partner and outcome.
 */
import { after, observePartners } from "../frame/partner.ts";
import { databaseCheck, type Service } from "../frame/service.ts";
import { kbisRoutes } from "./kbis.routes.ts";
import { companyCache, DDL } from "./kbis.store.ts";
import { openRegistry, SOURCES } from "./registry.flow.ts";

const PROBE_EVERY_MS = 10_000;

export const kbis: Service = {
  id: "kbis",
  title: "KBIS Verification",
  dependencies: ["api-gateway", ...SOURCES.map((source) => `partner:${source}`)],
  open: async ({ database, call, nowMs, log, meter }) => {
    const db = database(DDL);
    const calls = meter.createCounter("novaevo.partner.calls");
    const registry = openRegistry({
      ...{ call, cache: companyCache(db), now: nowMs, monotonic: () => performance.now(), after },
      onCacheFault: (fault) => log.warn("the cache of companies is away", { fault }),
      onAnswer: (partner, { isGood }) =>
        calls.add(1, { partner, outcome: isGood ? "good" : "failed" }),
    });
    observePartners(meter, SOURCES, registry.slas);
    const timer = setInterval(() => void registry.probe(), PROBE_EVERY_MS);
    timer.unref();
    return {
      routes: kbisRoutes({ db, registry, nowMs }),
      checks: { database: databaseCheck(db) },
      close: async () => {
        clearInterval(timer);
        await db.close();
      },
    };
  },
};
