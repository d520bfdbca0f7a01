/**
 * The supplier double over HTTP, a process of its own: offers of parts, a quota, the frame's
 * faults. Two processes of it make the partners `supplier` and `supplier-alt`, each with its own
 * prices, stock and quota.
 *
 * Errors: 400 names the limit, 429 with Retry-After over the quota. What it does not sell is not in
 *         the answer.
 */
import { z } from "zod";
import { ok } from "../../../src/kernel/result.ts";
import { route } from "../../frame/route.ts";
import type { Service } from "../../frame/service.ts";
import { readCatalogue } from "../../parts-finder/parts.flow.ts";
import { take, type Quota } from "../registry/quota.ts";
import { offerOf, type Offer } from "./offer.ts";

/** Twice what the rehearsal's peak asks for; a probe counts like a call. */
const QUOTA: Quota = { perSecond: 100, burst: 200 };
const MAX_REFERENCES = 50;
const MAX_REFERENCE_CHARS = 32;
const DAY_MS = 86_400_000;

export const supplierOf = (id: "supplier" | "supplier-alt", quota: Quota = QUOTA): Service => ({
  id,
  title: "Supplier of spare parts (partner double)",
  dependencies: [],
  open: async ({ nowMs }) => {
    const catalogue = readCatalogue();
    const ids = new Map(catalogue.references.map((reference, nth) => [reference, nth]));
    let tat = 0;
    return {
      routes: [
        route({
          method: "POST",
          path: "/offers",
          summary: "Prices and stock of up to fifty parts",
          body: z.strictObject({
            references: z
              .array(z.string().max(MAX_REFERENCE_CHARS))
              .max(MAX_REFERENCES, `has at most ${MAX_REFERENCES} references`),
          }),
          answer: z.object({
            offers: z.array(
              z.object({
                reference: z.string(),
                ...{ priceCents: z.int(), stock: z.int(), leadDays: z.int() },
              }),
            ),
          }),
          refusals: { 429: "Over the quota; Retry-After says when" },
          handler: async ({ body }) => {
            const now = nowMs();
            const taken = take(quota, tat, now);
            tat = taken.tat;
            if (!taken.isTaken) {
              const message = `quota: over ${quota.perSecond} requests a second`;
              const { retryAfterMs } = taken;
              return { ok: false, error: { code: "too_many", message, retryAfterMs } };
            }
            const day = Math.floor(now / DAY_MS);
            const offers = body.references.flatMap((reference): readonly Offer[] => {
              const nth = ids.get(reference);
              if (nth === undefined) return [];
              const listPriceCents = catalogue.priceOf[nth]!;
              const offer = offerOf(id, { id: nth, reference, listPriceCents }, day);
              return offer === undefined ? [] : [offer];
            });
            return ok({ offers });
          },
        }),
      ],
    };
  },
});
