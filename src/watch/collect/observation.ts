/**
 * What our own collectors say, in OpenTelemetry's names; becomes samples in Prometheus's.
 *
 * Shape:  an observation has a name, a unit and a kind by OpenTelemetry's conventions. A value that
 *         is not finite is noise (a division by an interval of nothing) and is dropped.
 */
import type { FamilyBook } from "./family.ts";
import { prometheusName, prometheusUnit, type Kind } from "./metric-name.ts";
import { seriesOf, type Sample, type Series } from "./series.ts";

export type Observation = {
  readonly name: string;
  readonly unit: string;
  readonly kind: Kind;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
};

type Attributes = Readonly<Record<string, string>>;

export const gauge = (
  name: string,
  unit: string,
  value: number,
  labels: Attributes = {},
): Observation => ({ name, unit, kind: "gauge", value, labels });

export const counter = (
  name: string,
  unit: string,
  value: number,
  labels: Attributes = {},
): Observation => ({ name, unit, kind: "counter", value, labels });

/** Remembered series; far more than a host has, so that only a runaway label meets it. */
const MAX_SERIES = 20_000;

/**
 * Observations → samples, with the same series object for the same name and labels; the book hears
 * of each metric's type and unit.
 */
export const sampler = (common: Attributes, book?: Pick<FamilyBook, "note">) => {
  const known = new Map<string, Series>();
  return (observations: readonly Observation[]): readonly Sample[] => {
    if (known.size > MAX_SERIES) known.clear();
    return observations
      .filter(({ value }) => Number.isFinite(value))
      .map(({ name, unit, kind, value, labels }) => {
        const key = `${name}|${Object.entries(labels).join("|")}`;
        let series = known.get(key);
        if (series === undefined) {
          const metric = prometheusName(name, unit, kind);
          series = seriesOf(Object.entries({ ...common, ...labels, __name__: metric }));
          known.set(key, series);
          book?.note({ name: metric, says: { type: kind, unit: prometheusUnit(unit, kind) } });
        }
        return { series, value };
      });
  };
};
