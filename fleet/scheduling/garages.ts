/**
 * The garages of the network and what they do: generated, the same in every process.
 *
 * Shape:  a garage has hours, a SIRET and bays; a bay has skills; a service needs one skill for so
 *         many slots in a row. Names are made of words; nobody is meant.
 * Units:  slots of 15 minutes.
 * Errors: none.
 */
import { COMMUNES, distanceKm, type Commune } from "./communes.ts";
import type { Hours } from "./slots.ts";

export const SKILLS = ["diagnosis", "mechanics", "brakes", "tyres", "electronics"] as const;
export type Skill = (typeof SKILLS)[number];
export type Service = { readonly id: string; readonly skill: Skill; readonly slots: number };

export const SERVICES: readonly Service[] = [
  { id: "diagnosis", skill: "diagnosis", slots: 2 },
  { id: "oil-change", skill: "mechanics", slots: 3 },
  { id: "tyres", skill: "tyres", slots: 4 },
  { id: "brakes", skill: "brakes", slots: 6 },
  { id: "ecu-update", skill: "electronics", slots: 4 },
  { id: "timing-belt", skill: "mechanics", slots: 16 },
];
export const serviceOf = (id: string): Service | undefined =>
  SERVICES.find((service) => service.id === id);

export type Garage = {
  readonly id: string;
  readonly name: string;
  readonly siret: string;
  readonly commune: Commune;
  readonly hours: Hours;
  readonly bays: readonly (readonly Skill[])[];
};

const at = (hour: number, minute = 0): number => hour * 60 + minute;
const MORNING = [at(8), at(12)] as const;
const AFTERNOON = [at(14), at(18)] as const;
const days = <T>(count: number, value: T): readonly T[] =>
  Array.from({ length: count }, () => value);

const OFFICE: Hours = {
  week: [...days(5, [MORNING, AFTERNOON]), [], []],
  openOnHolidays: false,
};
const LONG: Hours = {
  week: [...days(5, [[at(7, 30), at(18, 30)] as const]), [MORNING], []],
  openOnHolidays: false,
};
/** Breakdown service: never closes. */
const ALWAYS: Hours = { week: days(7, [[at(0), at(24)] as const]), openOnHolidays: true };
const HOURS = [OFFICE, OFFICE, LONG, LONG, ALWAYS] as const;

const BAYS: readonly (readonly Skill[])[] = [
  ["diagnosis", "electronics"],
  ["mechanics", "brakes"],
  ["tyres", "brakes"],
  ["diagnosis", "mechanics"],
  ["mechanics", "tyres", "electronics"],
];
const MIN_BAYS = 2;
const NAMES = ["Garage", "Atelier", "Auto", "Relais", "Station"] as const;
const STEM = 52_000_000;

export const GARAGES: readonly Garage[] = COMMUNES.flatMap((commune, place) =>
  Array.from({ length: commune.garages }, (_, nth): Garage => {
    const index = place * 16 + nth;
    const count = MIN_BAYS + (index % 4);
    const stem = String(STEM + index * 37);
    const head = `${stem}${luhnDigit(stem)}0001`;
    return {
      id: `${commune.code.toLowerCase()}-${nth + 1}`,
      name: `${NAMES[index % NAMES.length]} ${commune.name} ${nth + 1}`,
      siret: head + luhnDigit(head),
      commune,
      hours: HOURS[index % HOURS.length]!,
      bays: Array.from({ length: count }, (_, bay) => BAYS[(index + bay) % BAYS.length]!),
    };
  }),
);

/** The digit that makes a SIREN or a SIRET hold (Luhn). */
function luhnDigit(stem: string): string {
  const sum = Array.from(stem).reduceRight((all, digit, index) => {
    const value = Number(digit) * ((stem.length - index) % 2 === 1 ? 2 : 1);
    return all + (value > 9 ? value - 9 : value);
  }, 0);
  return String((10 - (sum % 10)) % 10);
}

const BY_ID = new Map(GARAGES.map((garage) => [garage.id, garage]));
export const garageOf = (id: string): Garage | undefined => BY_ID.get(id);

export type Near = { readonly garage: Garage; readonly km: number };

export const inDepartment = (department: string): readonly Near[] =>
  GARAGES.filter(({ commune }) => commune.department === department).map((garage) => ({
    garage,
    km: 0,
  }));

/** Undefined for a commune that is not on the map. */
export const nearCommune = (code: string, withinKm: number): readonly Near[] | undefined => {
  const from = COMMUNES.find((commune) => commune.code === code);
  if (from === undefined) return undefined;
  return GARAGES.map((garage) => ({ garage, km: distanceKm(from, garage.commune) }))
    .filter(({ km }) => km <= withinKm)
    .toSorted((a, b) => a.km - b.km);
};
