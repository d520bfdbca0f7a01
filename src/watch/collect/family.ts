/**
 * What a target says of its metric families: type, help and unit, and when that is to be sent.
 *
 * Shape:  a family has the name the exposition gives it, as Prometheus sends it: a counter of
 *         OpenMetrics is `foo` while its samples are `foo_total`. What is new or changed is due at
 *         once, all that the last scrape had is due again every `RESEND_MS`, for a hub that forgot.
 * Units:  ms.
 * Errors: none. A name over the limit and families beyond `MAX_FAMILIES` are passed over, a help is
 *         cut: metadata never spoils a scrape.
 * Source: prometheus/prompb types.proto (MetricMetadata); OpenMetrics 1.0, "MetricFamily".
 */
export const FAMILY_TYPES = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
] as const;
export type FamilyType = (typeof FAMILY_TYPES)[number];

export type Family = {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  readonly unit: string;
};
/** One line of an exposition about a family. */
export type FamilyLine = {
  readonly name: string;
  readonly says: Partial<Pick<Family, "type" | "help" | "unit">>;
};

export type FamilyBook = {
  /** A scrape begins: what it does not name is forgotten at the next sending of all. */
  readonly begin: () => void;
  readonly note: (line: FamilyLine) => void;
  readonly due: (nowMs: number) => readonly Family[];
};

/** As often as Prometheus. */
const RESEND_MS = 60_000;
const MAX_FAMILIES = 10_000;
const MAX_NAME_LENGTH = 256;
const MAX_HELP_LENGTH = 1_024;
const MAX_UNIT_LENGTH = 64;

type Entry = { family: Family; round: number; isDue: boolean };

export const familyBook = (): FamilyBook => {
  const entries = new Map<string, Entry>();
  let round = 0;
  let allSentMs = Number.NEGATIVE_INFINITY;
  return {
    begin: () => (round += 1),
    note: ({ name, says }) => {
      const known = entries.get(name);
      if (known === undefined && (entries.size >= MAX_FAMILIES || name.length > MAX_NAME_LENGTH))
        return;
      const before = known?.family ?? { name, type: "unknown", help: "", unit: "" };
      const family = bounded({ ...before, ...says });
      const isDue = known === undefined || known.isDue || !isSame(family, before);
      entries.set(name, { family, round, isDue });
    },
    due: (nowMs) => {
      const isForAll = nowMs - allSentMs >= RESEND_MS;
      if (isForAll) {
        allSentMs = nowMs;
        for (const [name, entry] of entries) if (entry.round !== round) entries.delete(name);
      }
      const found: Family[] = [];
      for (const entry of entries.values()) {
        if (!isForAll && !entry.isDue) continue;
        entry.isDue = false;
        found.push(entry.family);
      }
      return found;
    },
  };
};

const isSame = (a: Family, b: Family): boolean =>
  a.type === b.type && a.help === b.help && a.unit === b.unit;

const bounded = (family: Family): Family => ({
  ...family,
  help: cut(family.help, MAX_HELP_LENGTH),
  unit: cut(family.unit, MAX_UNIT_LENGTH),
});

/** A cut inside a character of two units must not leave half of it. */
const cut = (text: string, length: number): string =>
  text.length <= length ? text : text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");

const COMMENT = /^#[ \t]+(TYPE|HELP|UNIT)[ \t]+([a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t]+(.*))?$/;
const UNESCAPED: Readonly<Record<string, string>> = { "\\\\": "\\", "\\n": "\n", '\\"': '"' };
const TYPES: ReadonlyMap<string, FamilyType> = new Map([
  ...FAMILY_TYPES.map((type) => [type, type] as const),
  ["untyped", "unknown"],
]);

/** A line with `#` in front: of a family, of nothing (undefined), or wrong, in words. */
export const parseComment = (
  line: string,
  isOpenMetrics: boolean,
): FamilyLine | string | undefined => {
  const [, what, name = "", text = ""] = COMMENT.exec(line) ?? [];
  if (what === undefined) {
    // The text format has free comments; OpenMetrics has none.
    return isOpenMetrics ? "a comment that is no TYPE, HELP or UNIT" : undefined;
  }
  if (what === "HELP") {
    const escapes = isOpenMetrics ? /\\[\\n"]/g : /\\[\\n]/g;
    return { name, says: { help: text.replaceAll(escapes, (one) => UNESCAPED[one] ?? one) } };
  }
  if (what === "UNIT") {
    if (!isOpenMetrics) return undefined;
    const isWrong = text !== "" && !name.endsWith(`_${text}`);
    return isWrong ? `the unit is not the end of ${name}` : { name, says: { unit: text } };
  }
  const type = TYPES.get(text.trim());
  if (type === undefined && isOpenMetrics) return "no such type of metric";
  return { name, says: { type: type ?? "unknown" } };
};
