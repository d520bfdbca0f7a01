/**
 * The registry double over HTTP, a process of its own: Sirene-like JSON, a quota, the frame's
 * faults. A stand-in of the rehearsal for the public registry, with generated companies.
 *
 * Shape:  `registry` and `registry-alt` are two processes of it, a quota each; the routes are under
 *         the id.
 * Errors: 400 for what is no SIRET, 404 unknown, 429 with Retry-After over the quota.
 */
import * as z from "zod";
import { ok } from "../../../src/kernel/result.ts";
import { refuse, route } from "../../frame/route.ts";
import type { Service } from "../../frame/service.ts";
import { companyOf } from "./companies.ts";
import { take, type Quota } from "./quota.ts";

const SEED = 20_261_125;
/** What the rehearsal's peak asks for twice over; the public one gives far less. */
const QUOTA: Quota = { perSecond: 200, burst: 400 };
const open = z.looseObject({});

export const registryOf = (
  id: "registry" | "registry-alt",
  quota: Quota = QUOTA,
  seed: number = SEED,
): Service => ({
  id,
  title: "Registry of companies (partner double)",
  dependencies: [],
  open: async ({ nowMs }) => {
    let tat = 0;
    return {
      routes: [
        route({
          method: "GET",
          path: "/siret/:siret",
          summary: "One establishment",
          params: z.strictObject({ siret: z.string().regex(/^\d{14}$/, "14 digits") }),
          answer: open,
          refusals: { 404: "Unknown", 429: "Over the quota; Retry-After says when" },
          handler: async ({ params }) => {
            const taken = take(quota, tat, nowMs());
            tat = taken.tat;
            if (!taken.isTaken) {
              const { retryAfterMs } = taken;
              const message = `quota: over ${quota.perSecond} requests a second`;
              return { ok: false, error: { code: "too_many", message, retryAfterMs } };
            }
            const found = companyOf(seed, params.siret);
            if (found !== undefined) return ok({ ...found });
            return refuse("not_found", 404, `siret: no establishment ${params.siret}`, "siret");
          },
        }),
        route({
          method: "GET",
          path: "/informations",
          summary: "Whether the registry is up; outside the quota",
          answer: open,
          handler: async () => ok({ etatService: "UP" }),
        }),
      ],
    };
  },
});
