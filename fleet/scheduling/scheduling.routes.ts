/**
 * Scheduling over HTTP: garages and services, free slots near a place, bookings with holds, the
 * waiting list.
 *
 * Units:  instants as ISO 8601 with an offset, answered in Paris's; days as YYYY-MM-DD in Paris.
 * Errors: 401 where a booking needs a user, 4xx that name the field and the limit, 409 `overlap`
 *         that names what is in the way.
 */
import * as z from "zod";
import { ok, problem, type Result } from "../../src/kernel/result.ts";
import { refuse, route, type Caller, type Refusal, type Route } from "../frame/route.ts";
import * as flow from "./booking.flow.ts";
import type { Deps } from "./booking.flow.ts";
import { HORIZON_DAYS } from "./book.ts";
import { BOOKING_STATES, bookingOf, bookingsOf, type Booking } from "./booking.store.ts";
import { garageOf, inDepartment, nearCommune, serviceOf, SERVICES, type Near } from "./garages.ts";
import { addDays, dayOf, localTime, parseDay, parseStart, slotAt } from "./slots.ts";
import * as waiting from "./waiting.store.ts";

const MAX_DAYS = 14;
const MAX_RADIUS_KM = 200;
const MAX_GARAGES = 20;
const MAX_ITEMS = 100;
const STARTS_PER_GARAGE = 10;

const id = z.string().regex(/^[a-z0-9-]{1,40}$/, "1 to 40 of a-z, 0-9 and -");
const text = z.string().min(1).max(40);
const whole = (min: number, max: number, preset: number) =>
  z.coerce.number().int().min(min).max(max).default(preset);
const byId = z.strictObject({ id: z.uuid() });

const garage = z.object({ id: z.string(), name: z.string(), commune: z.string(), km: z.number() });
const booking = z.object({
  id: z.string(),
  state: z.enum(BOOKING_STATES),
  garage: z.string(),
  service: z.string(),
  bay: z.int().min(1),
  start: z.string(),
  end: z.string(),
  heldUntil: z.string().nullable(),
});
const verification = z.object({
  verdict: z.string(),
  ageMs: z.number().nonnegative(),
  degraded: z.boolean(),
});
const wait = z.object({
  ...{ id: z.string(), garage: z.string(), service: z.string(), day: z.string() },
  ...{ state: z.enum(waiting.WAITING_STATES), booking: z.string().nullable() },
});

export const schedulingRoutes = (deps: Deps): readonly Route[] => [
  ...searchRoutes(deps),
  ...bookingRoutes(deps),
  ...changeRoutes(deps),
  ...waitingRoutes(deps),
];

const place = {
  commune: z.string().max(5).optional().describe("INSEE code"),
  department: z.string().max(3).optional(),
  radiusKm: whole(1, MAX_RADIUS_KM, 50),
};

const searchRoutes = (deps: Deps): readonly Route[] => [
  route({
    method: "GET",
    path: "/services",
    summary: "What garages do, and how long it takes",
    answer: z.object({ items: z.array(z.object({ id: z.string(), minutes: z.int() })) }),
    handler: async () =>
      ok({ items: SERVICES.map((one) => ({ id: one.id, minutes: one.slots * 15 })) }),
  }),
  route({
    method: "GET",
    path: "/garages",
    summary: "Garages of a department or near a commune",
    query: z.strictObject(place),
    answer: z.object({ items: z.array(garage) }),
    refusals: { 404: "No such commune or department on the map" },
    handler: async ({ query }) => {
      const near = placesOf(query);
      if (!near.ok) return near;
      return ok({ items: near.value.slice(0, MAX_ITEMS).map(garageAnswer) });
    },
  }),
  route({
    method: "GET",
    path: "/slots",
    summary: "Free starts near a place, soonest first",
    query: z.strictObject({
      ...place,
      service: id,
      from: text.optional().describe("YYYY-MM-DD, today unless said"),
      days: whole(1, MAX_DAYS, 3),
      limit: whole(1, MAX_ITEMS, 20),
    }),
    answer: z.object({
      items: z.array(z.object({ garage, start: z.string(), end: z.string() })),
    }),
    refusals: { 404: "No such place or service", 422: "A day past or beyond the horizon" },
    handler: async ({ query }) => {
      const service = serviceOf(query.service);
      if (service === undefined)
        return problem("not_found", `service: no service ${query.service}`, { field: "service" });
      const near = placesOf(query);
      if (!near.ok) return near;
      const from = dayWithin(deps, "from", query.from ?? dayOf(slotAt(deps.now())));
      if (!from.ok) return from;
      const sirets = near.value.map((one) => one.garage.siret);
      const refused = await waiting.refusedAmong(deps.db, sirets);
      const open = near.value.filter((one) => !refused.has(one.garage.siret));
      const nearest = open.slice(0, MAX_GARAGES);
      const search = flow.searchGarages(deps.db, deps);
      const garages = nearest.map((one) => one.garage);
      const perGarage = Math.min(query.limit, STARTS_PER_GARAGE);
      const found = await search(garages, service, from.value, query.days, perGarage);
      const kmOf = new Map(nearest.map((one) => [one.garage.id, one.km]));
      const km = (one: flow.Found): number => kmOf.get(one.garage.id) ?? 0;
      const items = found
        .toSorted((a, b) => a.start - b.start || km(a) - km(b))
        .slice(0, query.limit)
        .map((one) => ({
          garage: garageAnswer({ garage: one.garage, km: km(one) }),
          start: localTime(one.start),
          end: localTime(one.start + service.slots),
        }));
      return ok({ items });
    },
  }),
];

const garageAnswer = ({ garage: one, km }: Near): z.input<typeof garage> => ({
  ...{ id: one.id, name: one.name, commune: one.commune.code },
  km: Math.round(km * 10) / 10,
});

const placesOf = (query: {
  readonly commune?: string | undefined;
  readonly department?: string | undefined;
  readonly radiusKm: number;
}): Result<readonly Near[], Refusal> => {
  const { commune, department, radiusKm } = query;
  if ((commune === undefined) === (department === undefined))
    return problem("bad_request", "commune: give either a commune or a department");
  if (department !== undefined) {
    const near = inDepartment(department.toUpperCase());
    return near.length > 0
      ? ok(near)
      : problem("not_found", `department: no garage in ${department}`, { field: "department" });
  }
  const near = nearCommune(commune?.toUpperCase() ?? "", radiusKm);
  if (near !== undefined) return ok(near);
  const why = `commune: ${commune} is not on the map; give its department`;
  return problem("not_found", why, { field: "commune" });
};

const dayWithin = ({ now }: Deps, field: string, given: string): Result<string, Refusal> => {
  const day = parseDay(given);
  if (!day.ok) return refuse("bad_request", 400, `${field}: ${day.error}`, field);
  const today = dayOf(slotAt(now()));
  const last = addDays(today, HORIZON_DAYS);
  if (day.value < today) return refuse("past", 422, `${field}: ${given} is past`, field);
  if (day.value <= last) return day;
  const why = `${field}: is beyond the horizon of ${HORIZON_DAYS} days, which ends on ${last}`;
  return refuse("beyond_horizon", 422, why, field);
};

const TIMES = {
  401: "No user",
  409: "Overlaps; the message names what is in the way",
  422: "Past, closed, beyond the horizon, or a garage that is not verified",
};

const bookingRoutes = (deps: Deps): readonly Route[] => [
  route({
    method: "POST",
    path: "/bookings",
    summary: "Books a start, or holds it for ten minutes",
    body: z.strictObject({
      key: z.string().regex(/^[\w-]{8,64}$/, "8 to 64 of A-Z, a-z, 0-9, _ and -"),
      ...{ garage: id, service: id, start: text },
      hold: z.boolean().default(false),
    }),
    answer: z.object({ booking, verification: verification.nullable() }),
    status: 201,
    refusals: { ...TIMES, 404: "No such garage or service", 503: "Its standing is not known now" },
    handler: ({ body, caller }) =>
      asUser(caller, async (user) => {
        const start = startOf(body.start);
        if (!start.ok) return start;
        const { key, garage, service, hold } = body;
        const ask = { user, key, garage, service, start: start.value, isHold: hold };
        const placed = await flow.placeBooking(deps)(ask, caller);
        if (!placed.ok) return placed;
        const { booking, standing } = placed.value;
        return ok({
          booking: bookingAnswer(booking),
          verification: standing && {
            ...{ verdict: standing.verdict, ageMs: standing.ageMs },
            degraded: standing.isDegraded,
          },
        });
      }),
  }),
  route({
    method: "GET",
    path: "/bookings",
    summary: "The caller's bookings, newest first, at most 100",
    answer: z.object({ items: z.array(booking) }),
    refusals: { 401: "No user" },
    handler: ({ caller }) =>
      asUser(caller, async (user) =>
        ok({ items: (await bookingsOf(deps.db, user)).map(bookingAnswer) }),
      ),
  }),
  route({
    method: "GET",
    path: "/bookings/:id",
    summary: "One booking of the caller",
    params: byId,
    answer: booking,
    refusals: { 401: "No user", 404: "Not there, or another's" },
    handler: ({ params, caller }) =>
      asUser(caller, async (user) => {
        const found = await bookingOf(deps.db, params.id, user);
        return found === undefined
          ? problem("not_found", `id: no booking ${params.id} of yours`)
          : ok(bookingAnswer(found));
      }),
  }),
];

const changeRoutes = (deps: Deps): readonly Route[] => [
  route({
    method: "POST",
    path: "/bookings/:id/confirm",
    summary: "Makes a hold a booking",
    params: byId,
    answer: booking,
    refusals: { 401: "No user", 404: "Not there", 409: "The hold is over, or was cancelled" },
    handler: ({ params, caller }) =>
      asUser(caller, (user) => answered(flow.confirmHold(deps)(user, params.id))),
  }),
  route({
    method: "POST",
    path: "/bookings/:id/reschedule",
    summary: "Moves a booking to another start, or leaves it where it is",
    params: byId,
    body: z.strictObject({ start: text }),
    answer: booking,
    refusals: { ...TIMES, 404: "Not there" },
    handler: ({ params, body, caller }) =>
      asUser(caller, async (user) => {
        const start = startOf(body.start);
        if (!start.ok) return start;
        return answered(flow.reschedule(deps)(user, params.id, start.value));
      }),
  }),
  route({
    method: "DELETE",
    path: "/bookings/:id",
    summary: "Cancels, and offers what came free to who waits",
    params: byId,
    answer: booking,
    refusals: { 401: "No user", 404: "Not there", 409: "Over", 422: "Already begun" },
    handler: ({ params, caller }) =>
      asUser(caller, (user) => answered(flow.cancelBooking(deps)(user, params.id))),
  }),
];

const waitingRoutes = (deps: Deps): readonly Route[] => [
  route({
    method: "POST",
    path: "/waiting",
    summary: "Waits for a start on a day; an offer is a hold of thirty minutes",
    body: z.strictObject({ garage: id, service: id, day: text }),
    answer: wait,
    status: 201,
    refusals: { 401: "No user", 404: "No such garage or service", 422: "Past or too far" },
    handler: ({ body, caller }) =>
      asUser(caller, async (user) => {
        if (garageOf(body.garage) === undefined)
          return problem("not_found", `garage: no garage ${body.garage}`, { field: "garage" });
        if (serviceOf(body.service) === undefined)
          return problem("not_found", `service: no service ${body.service}`, { field: "service" });
        const day = dayWithin(deps, "day", body.day);
        if (!day.ok) return day;
        const one = { ...body, id: deps.newId(), user, state: "waiting", booking: null } as const;
        return ok(waitAnswer(await waiting.join(deps.db, one, deps.now())));
      }),
  }),
  route({
    method: "GET",
    path: "/waiting",
    summary: "What the caller waits for, and what was offered",
    answer: z.object({ items: z.array(wait) }),
    refusals: { 401: "No user" },
    handler: ({ caller }) =>
      asUser(caller, async (user) =>
        ok({ items: (await waiting.waitsOf(deps.db, user)).map(waitAnswer) }),
      ),
  }),
  route({
    method: "DELETE",
    path: "/waiting/:id",
    summary: "Waits no longer",
    params: byId,
    answer: wait,
    refusals: { 401: "No user", 404: "Not there" },
    handler: ({ params, caller }) =>
      asUser(caller, async (user) => {
        const left = await waiting.leave(deps.db, params.id, user);
        return left === undefined
          ? problem("not_found", `id: no wait ${params.id} of yours`)
          : ok(waitAnswer(left));
      }),
  }),
];

const asUser = async <T>(
  { user }: Caller,
  work: (user: string) => Promise<Result<T, Refusal>>,
): Promise<Result<T, Refusal>> =>
  user === null ? problem("unauthenticated", "a booking needs a signed-in user") : work(user);

const startOf = (given: string): Result<number, Refusal> => {
  const start = parseStart(given);
  return start.ok ? start : refuse("bad_request", 400, `start: ${start.error}`, "start");
};

const answered = async (
  work: Promise<Result<Booking, Refusal>>,
): Promise<Result<z.input<typeof booking>, Refusal>> => {
  const done = await work;
  return done.ok ? ok(bookingAnswer(done.value)) : done;
};

const bookingAnswer = (one: Booking): z.input<typeof booking> => ({
  ...{ id: one.id, state: one.state, garage: one.garage, service: one.service },
  bay: one.bay + 1,
  start: localTime(one.first),
  end: localTime(one.first + one.slots),
  heldUntil: one.heldUntil === null ? null : new Date(one.heldUntil).toISOString(),
});

const waitAnswer = (one: waiting.Waiting): z.input<typeof wait> => ({
  ...{ id: one.id, garage: one.garage, service: one.service, day: one.day },
  ...{ state: one.state, booking: one.booking },
});
