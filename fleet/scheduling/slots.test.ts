/** The garage's time: Paris's two odd days, holidays, free starts; tables and laws. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  freeBays,
  freeStarts,
  HORIZON_DAYS,
  horizonOf,
  mayStart,
  newOpenings,
  type Taken,
} from "./book.ts";
import { COMMUNES, distanceKm } from "./communes.ts";
import { GARAGES, garageOf, inDepartment, nearCommune, SERVICES, serviceOf } from "./garages.ts";
import { parseSiret } from "../kbis/identifiers.ts";
import {
  addDays,
  dayOf,
  localTime,
  midnight,
  msOf,
  openOn,
  parseDay,
  parseStart,
} from "./slots.ts";
import { slotAt, type Hours } from "./slots.ts";

const slot = (text: string): number => slotAt(Date.parse(text));
const at = (from: number, to: number): Hours => ({
  week: Array.from({ length: 7 }, () => [[from * 60, to * 60] as const]),
  openOnHolidays: true,
});
const lengthOn = (hours: Hours, day: string): number =>
  openOn(hours, day).reduce((sum, { first, end }) => sum + end - first, 0);

describe("opening hours in Paris", () => {
  test.each([
    ["winter", "2027-01-12", "2027-01-12T07:00:00Z"],
    ["summer", "2027-07-13", "2027-07-13T06:00:00Z"],
  ])("eight o'clock in %s", (_, day, utc) => {
    expect(openOn(at(8, 12), day)).toEqual([{ first: slot(utc), end: slot(utc) + 16 }]);
  });

  test.each([
    ["an ordinary day", "2027-03-27", 0, 24, 96],
    ["the day that lacks an hour", "2027-03-28", 0, 24, 92],
    ["the day with an hour twice", "2027-10-31", 0, 24, 100],
    ["a night around the missing hour", "2027-03-28", 1, 5, 12],
    ["a night around the hour that is twice", "2027-10-31", 1, 5, 20],
    ["only the missing hour", "2027-03-28", 2, 3, 0],
    ["from within the missing hour", "2027-03-28", 2, 4, 4],
    ["until within the missing hour", "2027-03-28", 0, 2, 8],
  ])("%s", (_, day, from, to, slots) => {
    expect(lengthOn(at(from, to), day)).toBe(slots);
  });

  test("a start within the missing hour cannot be had, the next is at three", () => {
    const [span] = openOn(at(2, 6), "2027-03-28");
    expect(localTime(span!.first)).toBe("2027-03-28T03:00:00+02:00");
    const first = midnight("2027-10-31");
    expect([8, 12].map((n) => localTime(first + n))).toEqual([
      ...["2027-10-31T02:00:00+02:00", "2027-10-31T02:00:00+01:00"],
    ]);
  });

  test.each([
    ...["2027-01-01", "2027-03-29", "2027-05-01", "2027-05-06", "2027-05-08", "2027-05-17"],
    ...["2027-07-14", "2027-11-01", "2027-11-11", "2026-12-25", "2028-04-17"],
  ])("%s is a holiday", (day) => {
    const hours = { ...at(8, 12), openOnHolidays: false };
    expect(openOn(hours, day)).toEqual([]);
    expect(openOn(hours, addDays(day, 3))).not.toEqual([]);
    expect(openOn(at(8, 12), day)).toHaveLength(1);
  });

  test("law: what is written in Paris's time is read back as the same slot", () => {
    fc.assert(
      fc.property(fc.integer({ min: slot("2020-01-01Z"), max: slot("2040-01-01Z") }), (one) => {
        expect(parseStart(localTime(one))).toEqual({ ok: true, value: one });
        const day = dayOf(one);
        expect(midnight(day) <= one && one < midnight(addDays(day, 1))).toBe(true);
      }),
    );
  });

  test.each([
    ["2026-12-01T09:00:00", "an offset"],
    ["2026-12-01T09:07:00Z", "quarter"],
    ["tomorrow", "an offset"],
    ["2026-02-30T09:00:00Z", "an offset"],
  ])("the start %s is refused", (text, why) => {
    const start = parseStart(text);
    expect(start.ok ? "held" : start.error).toContain(why);
  });
  test.each(["2026-02-30", "26-1-1", "2026-12-01T00:00"])("the day %s is refused", (text) => {
    expect(parseDay(text).ok).toBe(false);
  });
});

describe("the network", () => {
  test("96 departments, every one with garages, every SIRET sound and its own", () => {
    expect(COMMUNES).toHaveLength(96);
    expect(new Set(COMMUNES.map(({ department }) => department)).size).toBe(96);
    expect(GARAGES.every(({ siret }) => parseSiret(siret).ok)).toBe(true);
    expect(new Set(GARAGES.map(({ siret }) => siret)).size).toBe(GARAGES.length);
    expect(inDepartment("2A").length).toBeGreaterThan(0);
    expect(garageOf("75056-1")?.commune.name).toBe("Paris");
  });
  test("near Paris are its neighbours and not Lyon, nearest first", () => {
    const near = nearCommune("75056", 50)!;
    const names = new Set(near.map(({ garage }) => garage.commune.name));
    expect([...names].slice(0, 1)).toEqual(["Paris"]);
    expect(names).toContain("Versailles");
    expect(names).not.toContain("Lyon");
    const [paris, lyon] = ["75056", "69123"].map((code) => COMMUNES.find((c) => c.code === code)!);
    expect(Math.abs(distanceKm(paris!, lyon!) - 392)).toBeLessThan(5);
    expect(nearCommune("99999", 50)).toBeUndefined();
  });
});

const openings = newOpenings();
const office = GARAGES.find(({ hours, bays }) => !hours.openOnHolidays && bays.length >= 4)!;
const NOW = slot("2026-12-01T06:00:00Z");
const start = (text: string): number => slot(text);

describe("what may start", () => {
  const job = (text: string, slots = 2) => ({ first: start(text), end: start(text) + slots });
  test.each([
    ["in the morning", job("2026-12-01T09:00+01:00"), undefined, ""],
    ["now", job("2026-12-01T07:00+01:00"), "past", "the first start is 2026-12-01T07:15:00+01:00"],
    ["before opening", job("2026-12-01T07:15+01:00"), "closed", "it is open 0"],
    ["past closing", job("2026-12-01T18:15+01:00", 6), "closed", "the job ends 19:45"],
    ["on Sunday", job("2026-12-06T09:00+01:00"), "closed", "it is closed"],
    ["on Christmas Day", job("2026-12-25T09:00+01:00"), "closed", "it is closed"],
    ["beyond the horizon", job("2027-01-31T09:00+01:00"), "beyond_horizon", "2027-01-30"],
  ] as const)("%s", (_, asked, code, why) => {
    const may = mayStart(openings, office, asked, NOW);
    expect(may.ok ? undefined : may.error.code).toBe(code);
    expect(may.ok ? "" : may.error.message).toContain(why);
  });

  test("a garage that never closes takes a job past midnight, and no other does", () => {
    const always = GARAGES.find(({ hours }) => hours.openOnHolidays)!;
    const asked = job("2026-12-01T23:30+01:00", 4);
    expect(mayStart(openings, always, asked, NOW).ok).toBe(true);
    expect(mayStart(openings, office, asked, NOW).ok).toBe(false);
  });
});

test("law: a free start may start, has a free bay, and none before it was left out", () => {
  const bays = office.bays.length;
  const busy = fc.record({
    bay: fc.nat(bays - 1),
    first: fc.integer({ min: NOW, max: NOW + 60 }),
    slots: fc.integer({ min: 1, max: 16 }),
  });
  const service = fc.constantFrom(...SERVICES);
  fc.assert(
    fc.property(fc.array(busy, { maxLength: 20 }), service, (all, service) => {
      const taken: readonly Taken[] = all.map(({ bay, first, slots }) => ({
        ...{ bay, first, end: first + slots },
      }));
      const ask = { garage: office, service, days: ["2026-12-01"], after: NOW, before: Infinity };
      const found = freeStarts(openings, { ...ask, limit: 200 }, taken);
      const free = new Map(found.map((one) => [one.start, one.bay]));
      for (let first = NOW - 4; first < NOW + 96; first += 1) {
        const job = { first, end: first + service.slots };
        const [bay] = freeBays(office, service, job, taken);
        const may = mayStart(openings, office, job, NOW).ok && bay !== undefined;
        expect([first, free.get(first)]).toEqual([first, may ? bay : undefined]);
      }
      expect(freeStarts(openings, { ...ask, limit: 3 }, taken)).toEqual(found.slice(0, 3));
    }),
    { numRuns: 50 },
  );
});

test("the horizon ends the search", () => {
  const last = addDays(dayOf(NOW), HORIZON_DAYS);
  const service = serviceOf("diagnosis")!;
  const garage = GARAGES.find(({ hours }) => hours.openOnHolidays)!;
  const days = [0, 1, 2].map((n) => addDays(last, n));
  const ask = { garage, service, days, after: NOW, before: horizonOf(NOW), limit: 1_000 };
  const found = freeStarts(openings, ask, []);
  expect(found.at(-1)!.start).toBeLessThan(midnight(addDays(last, 1)));
  expect(msOf(found[0]!.start)).toBe(msOf(midnight(last)));
});
