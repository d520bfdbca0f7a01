/**
 * Asks what is known of an establishment: fresh cache, the registry, its alternative, older cache.
 *
 * Shape:  a cache row under ten minutes old answers at once. Else the registry is asked, and its
 *         alternative as soon as the first failed or gave no answer in 400 ms; the first answer
 *         counts. When neither answers, the cache of any instance does, with its age, up to seven
 *         days; after that nothing is known. A partner that mostly fails is asked second.
 * Units:  ms.
 * Errors: none; a database that is away costs the cache, not the answer.
 */
import type { CallOut } from "../frame/call.ts";
import { readCompany } from "./company.ts";
import { isPoor, kept, look, type Kept, type Seen } from "../frame/sla.ts";
import type { Company } from "./verdict.ts";

export const SOURCES = ["registry", "registry-alt"] as const;
export type Source = (typeof SOURCES)[number];

/** Undefined in `company`: nobody knows; null: the registry has none. */
export type Known = {
  readonly company: Company | null | undefined;
  readonly source: Source | "cache" | "none";
  readonly ageMs: number;
  /** True when it was to be fresher than it is. */
  readonly isDegraded: boolean;
};
export type Cached = { readonly company: Company | null; readonly fetchedAt: number };
export type Cache = {
  readonly get: (siret: string) => Promise<Cached | undefined>;
  readonly put: (siret: string, cached: Cached) => Promise<void>;
};
export type Registry = {
  readonly known: (siret: string) => Promise<Known>;
  readonly probe: () => Promise<void>;
  readonly slas: () => Readonly<Record<Source, Kept>>;
};

const FRESH_MS = 10 * 60_000;
const MAX_AGE_MS = 7 * 24 * 3_600_000;
const SLOW_MS = 400;
const PARTNER_TIMEOUT_MS = 1_500;

export const openRegistry = (deps: {
  readonly call: CallOut;
  readonly cache: Cache;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly after: (ms: number) => { readonly passed: Promise<void>; readonly cancel: () => void };
  /** What the cache could not do; the answer goes on without it. */
  readonly onCacheFault: (fault: unknown) => void;
  readonly onAnswer: (source: Source, seen: Seen) => void;
}): Registry => {
  const windows: Record<Source, readonly Seen[]> = { registry: [], "registry-alt": [] };
  const slas = (): Readonly<Record<Source, Kept>> => {
    const now = deps.now();
    return {
      registry: kept(windows.registry, now),
      "registry-alt": kept(windows["registry-alt"], now),
    };
  };
  const ask = async (source: Source, what: string): Promise<Company | null | undefined> => {
    const from = deps.monotonic();
    const answer = await deps.call({
      ...{ to: { partner: source }, path: `/${source}/${what}`, timeoutMs: PARTNER_TIMEOUT_MS },
    });
    const company = answer.ok ? readCompany(answer.value) : undefined;
    const isGood =
      answer.ok && (what === PING ? answer.value.status === 200 : company !== undefined);
    const seen = { at: deps.now(), tookMs: deps.monotonic() - from, isGood };
    windows[source] = look(windows[source], seen);
    deps.onAnswer(source, seen);
    return company;
  };
  const askBoth = async (siret: string): Promise<[Source, Company | null] | undefined> => {
    const { registry, "registry-alt": alternative } = slas();
    const order = isPoor(registry) && !isPoor(alternative) ? SOURCES.toReversed() : SOURCES;
    const [first, second] = order as readonly [Source, Source];
    const named = async (source: Source): Promise<[Source, Company | null] | undefined> => {
      const company = await ask(source, `siret/${siret}`);
      return company === undefined ? undefined : [source, company];
    };
    const leading = named(first);
    const slow = deps.after(SLOW_MS);
    const early = await Promise.race([leading, slow.passed.then(() => "slow" as const)]);
    slow.cancel();
    if (early !== "slow") return early ?? named(second);
    return firstKnown([leading, named(second)]);
  };
  const safely = <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch((fault: unknown) => {
      deps.onCacheFault(fault);
      return undefined;
    });
  return {
    slas,
    probe: async () => {
      await Promise.all(SOURCES.map((source) => ask(source, PING)));
    },
    known: async (siret) => {
      const cached = await safely(deps.cache.get(siret));
      const now = deps.now();
      const ageMs = cached === undefined ? 0 : Math.max(0, now - cached.fetchedAt);
      const fromCache = (isDegraded: boolean): Known => ({
        ...{ company: cached?.company, source: "cache", ageMs, isDegraded },
      });
      if (cached !== undefined && ageMs < FRESH_MS) return fromCache(false);
      const answer = await askBoth(siret);
      if (answer === undefined)
        return cached !== undefined && ageMs <= MAX_AGE_MS
          ? fromCache(true)
          : { company: undefined, source: "none", ageMs: 0, isDegraded: true };
      const [source, company] = answer;
      await safely(deps.cache.put(siret, { company, fetchedAt: deps.now() }));
      return { company, source, ageMs: 0, isDegraded: source !== "registry" };
    },
  };
};

const PING = "informations";

/** The first that knows; undefined when none does. */
const firstKnown = async <T>(all: readonly Promise<T | undefined>[]): Promise<T | undefined> => {
  const known = all.map(async (one) => {
    const value = await one;
    if (value === undefined) throw new Error("does not know");
    return value;
  });
  return Promise.any(known).catch(() => undefined);
};
