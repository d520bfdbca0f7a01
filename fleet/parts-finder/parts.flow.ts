/**
 * The Parts Finder as a service: the catalogue and its search, two suppliers with the shared cache
 * of their offers, the NLP Engine and the OBD-II Service through the gateway.
 *
 * Units:  a probe of the suppliers every 10 s; metrics `novaevo.partner.availability` (share),
 *         `.latency.p95` (ms) and `.calls` by partner and outcome.
 * Errors: without the NLP Engine a sentence is searched by its words; without suppliers the answer
 *         has older or list prices and says so; without the OBD-II Service a diagnosis is refused
 *         with 503, codes typed by hand are not.
 */
import { readFileSync } from "node:fs";
import { err, ok, type Result } from "../../src/kernel/result.ts";
import type { CallOut } from "../frame/call.ts";
import { after, observePartners } from "../frame/partner.ts";
import { refuse, type Caller, type Refusal } from "../frame/route.ts";
import type { Service } from "../frame/service.ts";
import { CATALOGUE_SEED, generateCatalogue, type Catalogue } from "./catalogue.ts";
import { openOffers, SUPPLIERS } from "./offers.flow.ts";
import { DDL, offerCache } from "./offers.store.ts";
import { partsRoutes } from "./parts.routes.ts";
import { makeSearch } from "./search.ts";
import { readTables } from "./tables.ts";
import { readUnderstood, type Understood } from "./understanding.ts";

const PROBE_EVERY_MS = 10_000;
const NLP_TIMEOUT_MS = 600;
const OBD2_TIMEOUT_MS = 1_500;
const MAX_CODES = 16;

export const readCatalogue = (): Catalogue =>
  generateCatalogue(
    readTables((table) => readFileSync(new URL(`data/${table}.tsv`, import.meta.url), "utf8")),
    CATALOGUE_SEED,
  );

export const partsFinder: Service = {
  id: "parts-finder",
  title: "Parts Finder",
  dependencies: ["api-gateway", "obd2", "nlp", ...SUPPLIERS.map((name) => `partner:${name}`)],
  open: async ({ database, call, nowMs, log, meter }) => {
    const catalogue = readCatalogue();
    const db = database(DDL);
    const calls = meter.createCounter("novaevo.partner.calls");
    const offers = openOffers({
      ...{ call, cache: offerCache(db), now: nowMs, monotonic: () => performance.now(), after },
      onCacheFault: (fault) => log.warn("the cache of offers is away", { fault }),
      onAnswer: (partner, { isGood }) =>
        calls.add(1, { partner, outcome: isGood ? "good" : "failed" }),
    });
    observePartners(meter, SUPPLIERS, offers.slas);
    const probing = setInterval(() => void offers.probe(), PROBE_EVERY_MS);
    probing.unref();
    return {
      routes: partsRoutes({
        ...{ catalogue, search: makeSearch(catalogue), offers, nowMs },
        understand: understandBy(call),
        codesOf: codesOfDiagnosis(call),
      }),
      // The database holds a cache: without it the service still answers, so it is no check.
      close: async () => {
        clearInterval(probing);
        await db.close();
      },
    };
  },
};

/** Undefined while the NLP Engine is away. */
const understandBy =
  (call: CallOut) =>
  async (sentence: string, caller: Caller): Promise<Understood | undefined> => {
    const answer = await call({
      ...{ to: { service: "nlp" }, path: "/nlp/understand", method: "POST" },
      ...{ body: { sentence }, timeoutMs: NLP_TIMEOUT_MS, caller },
    });
    return answer.ok && answer.value.status === 200 ? readUnderstood(answer.value.body) : undefined;
  };

const codesOfDiagnosis =
  (call: CallOut) =>
  async (id: string, caller: Caller): Promise<Result<readonly string[], Refusal>> => {
    const path = `/obd2/diagnostics/${id}`;
    const answer = await call({
      ...{ to: { service: "obd2" }, path, timeoutMs: OBD2_TIMEOUT_MS, caller },
    });
    if (answer.ok && answer.value.status === 404)
      return refuse("not_found", 404, `id: no diagnosis ${id}`, "id");
    const body = answer.ok && answer.value.status === 200 ? answer.value.body : undefined;
    const troubles = (body as { troubles?: unknown } | undefined)?.troubles;
    if (!Array.isArray(troubles)) {
      const message = "the OBD-II Service is away; ask by trouble code (/parts-finder/codes/:code)";
      return err({ code: "unavailable", message, retryAfterMs: 2_000 });
    }
    const codes = troubles.map((one: { code?: unknown }) => String(one.code));
    return ok([...new Set(codes)].slice(0, MAX_CODES));
  };
