/**
 * What parts cost and whether they are there: fresh cache, the supplier, its alternative, older
 * cache, and where nobody knows, the list price alone.
 *
 * Shape:  offers under two minutes old answer at once. For the rest the supplier is asked in one
 *         call, and its alternative when the first failed, has not answered within 300 ms, or does
 *         not sell some of it. Then offers up to a day old, with their age. A supplier that mostly
 *         fails is asked second.
 * Units:  ms, cents.
 * Errors: none; a database that is away costs the cache, not the answer.
 */
import { z } from "zod";
import type { CallOut } from "../frame/call.ts";
import { isPoor, kept, look, type Kept, type Seen } from "../frame/sla.ts";

export const SUPPLIERS = ["supplier", "supplier-alt"] as const;
export type Supplier = (typeof SUPPLIERS)[number];
export type Offer = {
  readonly reference: string;
  readonly priceCents: number;
  readonly stock: number;
  readonly leadDays: number;
  readonly supplier: Supplier;
  readonly fetchedAt: number;
};
export type Offers = {
  /**
   * Of at most `MAX_REFERENCES`; what nobody sells or knows is not in the answer. `isCurrent` is
   * false when suppliers that were needed gave no answer.
   */
  readonly of: (references: readonly string[]) => Promise<Current>;
  readonly probe: () => Promise<void>;
  readonly slas: () => Readonly<Record<Supplier, Kept>>;
};
export type Current = {
  readonly known: ReadonlyMap<string, Offer>;
  readonly isCurrent: boolean;
};
export type OfferCache = {
  readonly get: (references: readonly string[]) => Promise<readonly Offer[]>;
  readonly put: (offers: readonly Offer[]) => Promise<void>;
};

export const MAX_REFERENCES = 50;
export const LIVE_MS = 5_000;
const FRESH_MS = 2 * 60_000;
const MAX_AGE_MS = 24 * 3_600_000;
const SLOW_MS = 300;
const PARTNER_TIMEOUT_MS = 1_200;
const MAX_PRICE_CENTS = 100_000_00;

const answer = z.object({
  offers: z
    .array(
      z.object({
        reference: z.string().max(32),
        priceCents: z.int().min(1).max(MAX_PRICE_CENTS),
        stock: z.int().min(0).max(1_000_000),
        leadDays: z.int().min(0).max(365),
      }),
    )
    .max(MAX_REFERENCES),
});

type Deps = {
  readonly call: CallOut;
  readonly cache: OfferCache;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly after: (ms: number) => { readonly passed: Promise<void>; readonly cancel: () => void };
  readonly onCacheFault: (fault: unknown) => void;
  readonly onAnswer: (supplier: Supplier, seen: Seen) => void;
};
type Ask = (supplier: Supplier, references: readonly string[]) => Promise<Heard>;
/** Undefined: no answer that can be used. */
type Heard = readonly Offer[] | undefined;

export const openOffers = (deps: Deps): Offers => {
  const windows: Record<Supplier, readonly Seen[]> = { supplier: [], "supplier-alt": [] };
  const slas = (): Readonly<Record<Supplier, Kept>> => {
    const now = deps.now();
    return {
      supplier: kept(windows.supplier, now),
      "supplier-alt": kept(windows["supplier-alt"], now),
    };
  };
  const ask = asking(deps, (supplier, seen) => {
    windows[supplier] = look(windows[supplier], seen);
    deps.onAnswer(supplier, seen);
  });
  const askBoth = async (references: readonly string[]): Promise<Heard> => {
    const { supplier, "supplier-alt": alternative } = slas();
    const order = isPoor(supplier) && !isPoor(alternative) ? SUPPLIERS.toReversed() : SUPPLIERS;
    const [first, second] = order as readonly [Supplier, Supplier];
    const leading = ask(first, references);
    const slow = deps.after(SLOW_MS);
    const early = await Promise.race([leading, slow.passed.then(() => "slow" as const)]);
    slow.cancel();
    if (early === "slow") return (await ask(second, references)) ?? leading;
    if (early === undefined) return ask(second, references);
    const sold = new Set(early.map(({ reference }) => reference));
    const missing = references.filter((one) => !sold.has(one));
    if (missing.length === 0) return early;
    // What the first does not sell costs nobody the answer it gave.
    return [...early, ...((await ask(second, missing)) ?? [])];
  };
  const safely = <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch((fault: unknown) => {
      deps.onCacheFault(fault);
      return undefined;
    });
  return {
    slas,
    probe: async () => {
      await Promise.all(SUPPLIERS.map((supplier) => ask(supplier, [])));
    },
    of: async (all) => {
      const references = [...new Set(all)].slice(0, MAX_REFERENCES);
      if (references.length === 0) return { known: new Map(), isCurrent: true };
      const cached = (await safely(deps.cache.get(references))) ?? [];
      const now = deps.now();
      const known = new Map<string, Offer>();
      const older = new Map<string, Offer>();
      for (const offer of cached) {
        const ageMs = now - offer.fetchedAt;
        if (ageMs < FRESH_MS) known.set(offer.reference, offer);
        else if (ageMs < MAX_AGE_MS) older.set(offer.reference, offer);
      }
      const missing = references.filter((one) => !known.has(one));
      if (missing.length === 0) return { known, isCurrent: true };
      const heard = await askBoth(missing);
      const live = heard ?? [];
      for (const offer of live) known.set(offer.reference, offer);
      if (live.length > 0) await safely(deps.cache.put(live));
      for (const [reference, offer] of older)
        if (!known.has(reference)) known.set(reference, offer);
      return { known, isCurrent: heard !== undefined };
    },
  };
};

const asking =
  (deps: Deps, saw: (supplier: Supplier, seen: Seen) => void): Ask =>
  async (supplier, references) => {
    const from = deps.monotonic();
    const said = await deps.call({
      ...{ to: { partner: supplier }, path: `/${supplier}/offers`, method: "POST" },
      ...{ body: { references }, timeoutMs: PARTNER_TIMEOUT_MS },
    });
    const isAnswer = said.ok && said.value.status === 200;
    const read = isAnswer ? answer.safeParse(said.value.body) : undefined;
    const isGood = read?.success === true;
    const seen = { at: deps.now(), tookMs: deps.monotonic() - from, isGood };
    saw(supplier, seen);
    if (!isGood) return undefined;
    // A partner may say more than it was asked: that is not taken.
    const asked = new Set(references);
    return read.data.offers
      .filter(({ reference }) => asked.has(reference))
      .map((one) => Object.assign({ supplier, fetchedAt: seen.at }, one));
  };
