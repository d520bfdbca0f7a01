/**
 * Booking: check the time, the garage's standing, then take a bay, or say what is in the way.
 *
 * Shape:  a bay is chosen from what is free as read, then placed; where somebody was faster the
 *         key refuses, and the next free bay is tried. A repeated idempotency key answers with
 *         the booking it made. Slots that come free are offered, as holds, to who waits longest.
 * Units:  ms, slots.
 * Errors: 409 `overlap` names what is in the way and the next free start, `key_reused` another
 *         request under the same key, `hold_expired` and `not_open` a booking that is over;
 *         422 `garage_refused`, 503 where nobody knows the garage's standing.
 */
import type { Db, Sql, Tx } from "../../src/io/postgres/db.ts";
import { err, ok, problem, type Result } from "../../src/kernel/result.ts";
import { refuse, type Caller, type Refusal } from "../frame/route.ts";
import * as book from "./book.ts";
import type { Openings, Taken } from "./book.ts";
import * as store from "./booking.store.ts";
import type { Booking } from "./booking.store.ts";
import { garageOf, serviceOf, type Garage, type Service } from "./garages.ts";
import { addDays, dayOf, localTime, msOf, midnight, slotAt, type Span } from "./slots.ts";
import type { Known, Standings } from "./standing.flow.ts";
import * as waiting from "./waiting.store.ts";

const HOLD_MS = 10 * 60_000;
const OFFER_MS = 30 * 60_000;
/** Each time somebody was faster, there is a bay less: more than the bays of any garage. */
const MAX_ATTEMPTS = 10;
const DAYS_SEARCHED = 14;
const OFFERS_AT_ONCE = 20;

export type Deps = {
  readonly db: Db;
  readonly openings: Openings;
  readonly standings: Standings;
  readonly now: () => number;
  readonly newId: () => string;
};
export type Ask = {
  readonly user: string;
  readonly key: string;
  readonly garage: string;
  readonly service: string;
  readonly start: number;
  readonly isHold: boolean;
};
export type Placed = { readonly booking: Booking; readonly standing: Known | null };
type Refused = { readonly ok: false; readonly error: Refusal };

export const placeBooking =
  (deps: Deps) =>
  async (ask: Ask, caller: Caller): Promise<Result<Placed, Refusal>> => {
    const { db, now } = deps;
    const asked = [ask.garage, ask.service, ask.start, ask.isHold].join(" ");
    const before = await store.byKey(db, ask.user, ask.key);
    if (before !== undefined) return repeated(before, asked);
    const [garage, service] = [garageOf(ask.garage), serviceOf(ask.service)];
    if (garage === undefined) return problem("not_found", `garage: no garage ${ask.garage}`);
    if (service === undefined) return problem("not_found", `service: no service ${ask.service}`);
    const job = { first: ask.start, end: ask.start + service.slots };
    const wrong = checkTime(deps, garage, job);
    if (wrong !== undefined) return wrong;
    const standing = await deps.standings(garage.siret, caller);
    if (standing === undefined)
      return problem("unavailable", "garage: its verification cannot be looked up now", {
        retryAfterMs: 5_000,
      });
    if (standing.verdict !== "verified") {
      const why = `garage: ${garage.id} is not verified (${standing.verdict})`;
      return refuse("garage_refused", 422, why, "garage");
    }
    const at = now();
    const one = {
      ...{ id: deps.newId(), user: ask.user, key: ask.key, asked, createdAt: at },
      ...{ garage: garage.id, service: service.id, first: job.first, slots: service.slots },
      ...(ask.isHold
        ? { state: "held" as const, heldUntil: at + HOLD_MS }
        : { state: "booked" as const, heldUntil: null }),
    };
    const placed = await inSomeBay(deps, garage, service, job, null, (bay) =>
      store.place(db, { ...one, bay }),
    );
    if (placed.ok) return ok({ booking: placed.value, standing });
    // The slots may be taken by this very request, sent twice.
    const other = await store.byKey(db, ask.user, ask.key);
    if (other !== undefined) return repeated(other, asked);
    return placed.error === "repeated" ? overtaken : err(placed.error);
  };

const overtaken: Refused = problem("conflict", "somebody else changed this at the same time");

const repeated = (before: Booking, asked: string): Result<Placed, Refusal> =>
  before.asked === asked
    ? ok({ booking: before, standing: null })
    : refuse("key_reused", 409, `key: was used for another booking, ${before.id}`, "key");

const checkTime = (deps: Deps, garage: Garage, job: Span): Refused | undefined => {
  const may = book.mayStart(deps.openings, garage, job, slotAt(deps.now()));
  if (may.ok) return undefined;
  return refuse(may.error.code, 422, `start: ${may.error.message}`, "start");
};

type Tried = Result<Booking, "taken" | "repeated">;

const inSomeBay = async (
  deps: Deps,
  garage: Garage,
  service: Service,
  job: Span,
  own: Booking | null,
  attempt: (bay: number) => Promise<Tried>,
): Promise<Result<Booking, Refusal | "repeated">> => {
  for (let n = 0; n < MAX_ATTEMPTS; n += 1) {
    const all = await store.takenIn(deps.db, [garage.id], job, deps.now());
    // What is moved is in nobody's way where it was.
    const taken = (all.get(garage.id) ?? []).filter(
      (one) => own === null || one.bay !== own.bay || !lies(one, own),
    );
    const [bay] = book.freeBays(garage, service, job, taken);
    if (bay === undefined) return overlap(deps, garage, service, job, taken);
    const tried = await attempt(bay);
    if (tried.ok) return tried;
    if (tried.error === "repeated") return err("repeated");
  }
  return overtaken;
};

const lies = (one: Taken, own: Booking): boolean =>
  one.first < own.first + own.slots && own.first < one.end;

const overlap = async (
  deps: Deps,
  garage: Garage,
  service: Service,
  job: Span,
  taken: readonly Taken[],
): Promise<Refused> => {
  const bays = book.baysFor(garage, service);
  if (bays.length === 0)
    return refuse("no_skill", 422, `service: ${garage.id} has no bay for ${service.id}`, "service");
  const [next] = await searchGarages(deps.db, deps)(
    [garage],
    service,
    dayOf(job.first),
    DAYS_SEARCHED,
    1,
  );
  const then = next === undefined ? "" : `; next free start ${localTime(next.start)}`;
  const message = `start: ${book.overlapText(garage, job, bays, taken)}${then}`;
  return refuse("overlap", 409, message, "start");
};

export type Found = { readonly garage: Garage; readonly start: number; readonly bay: number };

/** The first free starts of each garage, `limit` of each. */
export const searchGarages =
  (sql: Sql, { openings, now }: Pick<Deps, "openings" | "now">) =>
  async (
    garages: readonly Garage[],
    service: Service,
    from: string,
    days: number,
    limit: number,
  ): Promise<readonly Found[]> => {
    if (garages.length === 0) return [];
    const after = slotAt(now());
    const dates = Array.from({ length: days }, (_, n) => addDays(from, n));
    const span = { days: dates, after, before: book.horizonOf(after), limit };
    const whole = { first: midnight(from), end: midnight(addDays(from, days)) };
    const ids = garages.map(({ id }) => id);
    const taken = await store.takenIn(sql, ids, whole, now());
    return garages.flatMap((garage) =>
      book
        .freeStarts(openings, { garage, service, ...span }, taken.get(garage.id) ?? [])
        .map(({ start, bay }) => ({ garage, start, bay })),
    );
  };

export const confirmHold =
  ({ db, now }: Deps) =>
  (user: string, id: string): Promise<Result<Booking, Refusal>> =>
    changing(db, async (tx) => {
      const found = await store.bookingOf(tx, id, user, { lock: true });
      if (found === undefined) return none(id);
      if (found.state === "booked") return ok(found);
      if (found.state === "cancelled") return notOpen(found);
      if (found.state === "expired" || (found.heldUntil ?? 0) <= now())
        return refuse("hold_expired", 409, `the hold ${id} is over`);
      await store.confirm(tx, id);
      return ok({ ...found, state: "booked", heldUntil: null });
    });

const changing = (
  db: Db,
  work: (tx: Tx) => Promise<Result<Booking, Refusal>>,
): Promise<Result<Booking, Refusal>> =>
  db.tx(work).catch((fault: unknown) => {
    // A hold that ends while it is confirmed: one of the two gives way.
    if (store.isClash(fault)) return overtaken;
    throw fault;
  });

const none = (id: string): Refused => problem("not_found", `no booking ${id} of yours`);
const notOpen = ({ id, state }: Booking): Refused =>
  refuse("not_open", 409, `the booking ${id} is ${state}`);

export const cancelBooking =
  (deps: Deps) =>
  async (user: string, id: string): Promise<Result<Booking, Refusal>> => {
    const cancelled = await changing(deps.db, async (tx) => {
      const found = await store.bookingOf(tx, id, user, { lock: true });
      if (found === undefined) return none(id);
      if (found.state === "cancelled") return ok(found);
      if (found.state === "expired") return notOpen(found);
      if (msOf(found.first) <= deps.now())
        return refuse("past", 422, `the booking ${id} began at ${localTime(found.first)}`);
      await store.cancel(tx, id);
      return ok({ ...found, state: "cancelled", heldUntil: null });
    });
    if (cancelled.ok) await offer(deps)(cancelled.value.garage, dayOf(cancelled.value.first));
    return cancelled;
  };

export const reschedule =
  (deps: Deps) =>
  async (user: string, id: string, start: number): Promise<Result<Booking, Refusal>> => {
    const found = await store.bookingOf(deps.db, id, user);
    if (found === undefined) return none(id);
    const isOver = found.state === "held" && (found.heldUntil ?? 0) <= deps.now();
    if (found.state === "cancelled" || found.state === "expired" || isOver) return notOpen(found);
    if (found.first === start) return ok(found);
    const [garage, service] = [garageOf(found.garage), serviceOf(found.service)];
    if (garage === undefined || service === undefined) return none(id);
    const job = { first: start, end: start + service.slots };
    const wrong = checkTime(deps, garage, job);
    if (wrong !== undefined) return wrong;
    const moved = await inSomeBay(deps, garage, service, job, found, (bay) =>
      store.move(deps.db, found, { ...found, bay, first: start }, deps.now()),
    );
    if (!moved.ok) return moved.error === "repeated" ? overtaken : err(moved.error);
    await offer(deps)(found.garage, dayOf(found.first));
    return ok(moved.value);
  };

/** Offers what is free on a day to who waits for it, oldest first; each offer on its own. */
export const offer =
  (deps: Deps) =>
  async (garageId: string, day: string): Promise<number> => {
    const garage = garageOf(garageId);
    if (garage === undefined) return 0;
    let made = 0;
    while (made < OFFERS_AT_ONCE && (await offerOne(deps, garage, day))) made += 1;
    return made;
  };

const offerOne = async (deps: Deps, garage: Garage, day: string): Promise<boolean> => {
  const now = deps.now();
  try {
    return await deps.db.tx(async (tx) => {
      for (const one of await waiting.nextWaiting(tx, garage.id, day, OFFERS_AT_ONCE)) {
        const service = serviceOf(one.service);
        if (service === undefined) continue;
        const [free] = await searchGarages(tx, deps)([garage], service, day, 1, 1);
        if (free === undefined) continue;
        const id = deps.newId();
        await store.placeWithin(tx, {
          ...{ id, user: one.user, key: `wait:${one.id}`, asked: "an offer", createdAt: now },
          ...{ garage: garage.id, service: service.id, bay: free.bay, first: free.start },
          ...{ slots: service.slots, state: "held", heldUntil: now + OFFER_MS },
        });
        await waiting.offered(tx, one.id, id);
        return true;
      }
      return false;
    });
  } catch (fault) {
    // Somebody booked it meanwhile: whoever waits goes on waiting, till the next that comes free.
    if (store.isClash(fault)) return false;
    throw fault;
  }
};

/** What has to be done from time to time, by any process: holds that are over, offers. */
export const sweep = (deps: Deps) => async (): Promise<{ expired: number; offered: number }> => {
  const expired = await store.sweep(deps.db, deps.now());
  const today = dayOf(slotAt(deps.now()));
  let offered = 0;
  for (const { garage, day } of await waiting.daysWaitedFor(deps.db, today, OFFERS_AT_ONCE))
    offered += await offer(deps)(garage, day);
  return { expired, offered };
};
