/**
 * Use and capacity of each service over the last hour, and what scaling remembers.
 *
 * Units:  requests per second; ms since the epoch. Lost with the process: it fills again within
 *         minutes, and until then nothing is scaled down.
 */
import { SCALE_MEMORY_MS, type Recommendation } from "./autoscale.ts";
import type { Point } from "./forecast.ts";

export type CapacityPoint = {
  readonly atMs: number;
  readonly offeredPerS: number | null;
  readonly capacityPerS: number;
  readonly ready: number;
  readonly replicas: number;
};

export type CapacityBook = {
  readonly note: (service: string, point: CapacityPoint) => void;
  readonly history: (service: string) => readonly CapacityPoint[];
  readonly load: (place: string, point: Point) => void;
  readonly points: (place: string) => readonly Point[];
  readonly recommend: (place: string, one: Recommendation) => void;
  readonly recommendations: (place: string) => readonly Recommendation[];
};

/** One point each five seconds, for an hour. */
const MAX_POINTS = 720;
const FORECAST_POINTS = 60;

export const newCapacityBook = (): CapacityBook => {
  const histories = new Map<string, CapacityPoint[]>();
  const loads = new Map<string, Point[]>();
  const recommendations = new Map<string, Recommendation[]>();
  return {
    note: (service, point) => push(histories, service, point, MAX_POINTS),
    history: (service) => histories.get(service) ?? [],
    load: (place, point) => push(loads, place, point, FORECAST_POINTS),
    points: (place) => loads.get(place) ?? [],
    recommend: (place, one) => {
      push(recommendations, place, one, MAX_POINTS);
      const list = recommendations.get(place) ?? [];
      while ((list[0]?.atMs ?? one.atMs) < one.atMs - SCALE_MEMORY_MS) list.shift();
    },
    recommendations: (place) => recommendations.get(place) ?? [],
  };
};

const push = <T>(into: Map<string, T[]>, key: string, item: T, most: number): void => {
  const list = into.get(key) ?? [];
  list.push(item);
  if (list.length > most) list.shift();
  into.set(key, list);
};
