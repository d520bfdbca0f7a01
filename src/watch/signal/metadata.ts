/**
 * What senders say about their metrics: type, help and unit.
 *
 * Shape:  family → the different descriptions of it, the one said last first. In memory only: who
 *         sends metrics repeats what they are, so a start loses nothing for long.
 * Errors: none. What is over a limit is cut or forgotten, the longest unsaid first; a description
 *         is for people, nothing is computed with it.
 */

export type Description = {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
};

export type MetadataBook = {
  readonly note: (family: string, description: Description) => void;
  /** Of one metric or of all, by name; a limit below 0 is none. */
  readonly list: (ask: {
    readonly metric?: string | undefined;
    readonly limit: number;
    readonly limitPerMetric: number;
  }) => Readonly<Record<string, readonly Description[]>>;
};

export type MetadataLimits = {
  readonly maxFamilies: number;
  readonly maxPerFamily: number;
  readonly maxNameChars: number;
  readonly maxHelpChars: number;
  readonly maxUnitChars: number;
};

const LIMITS: MetadataLimits = {
  maxFamilies: 10_000,
  maxPerFamily: 4,
  maxNameChars: 256,
  maxHelpChars: 512,
  maxUnitChars: 64,
};

/** Other words are no types of Prometheus'. */
const TYPES: ReadonlySet<string> = new Set([
  ...["counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"],
]);

export const newMetadataBook = (limits: Partial<MetadataLimits> = {}): MetadataBook => {
  const bounds = { ...LIMITS, ...limits };
  const families = new Map<string, readonly Description[]>();
  return {
    note: (family, said) => {
      if (family === "" || family.length > bounds.maxNameChars) return;
      const known = families.get(family) ?? [];
      const description = cut(bounds, said);
      // A map keeps the order of insertion: what is said again is put last.
      families.delete(family);
      families.set(family, withFirst(known, description, bounds.maxPerFamily));
      if (families.size <= bounds.maxFamilies) return;
      for (const oldest of families.keys()) {
        families.delete(oldest);
        return;
      }
    },
    list: ({ metric, limit, limitPerMetric }) => {
      const names = metric === undefined ? [...families.keys()].sort() : [metric];
      const found: [string, readonly Description[]][] = [];
      for (const name of names) {
        if (limit >= 0 && found.length >= limit) break;
        const known = families.get(name);
        if (known === undefined) continue;
        found.push([name, limitPerMetric > 0 ? known.slice(0, limitPerMetric) : known]);
      }
      return Object.fromEntries(found);
    },
  };
};

const withFirst = (
  known: readonly Description[],
  description: Description,
  most: number,
): readonly Description[] => {
  const [first] = known;
  if (first !== undefined && isSame(first, description)) return known;
  return [description, ...known.filter((one) => !isSame(one, description))].slice(0, most);
};

const isSame = (a: Description, b: Description): boolean =>
  a.type === b.type && a.help === b.help && a.unit === b.unit;

const cut = (bounds: MetadataLimits, { type, help, unit }: Description): Description => ({
  type: TYPES.has(type) ? type : "unknown",
  help: help.slice(0, bounds.maxHelpChars),
  unit: unit.slice(0, bounds.maxUnitChars),
});
