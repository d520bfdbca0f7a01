/**
 * Turns the text of a scrape into samples of one target.
 *
 * Shape:  every series gets the target's labels (`job`, `instance`, its own); where a scraped label
 *         has the same name it becomes `exported_<name>`, unless the target's labels are to give
 *         way (`honorLabels`). What was parsed once is looked up by its text afterwards.
 * Errors: a text that is not an exposition, has more than `maxSamples`, or labels over the limits.
 */
import { ok, type Result } from "../../kernel/result.ts";
import { parseExposition, parseSeriesName, type Format, type SeriesName } from "./exposition.ts";
import { familyBook, type FamilyBook } from "./family.ts";
import { seriesOf, type Labels, type Sample, type Series } from "./series.ts";

export type ScrapeTarget = {
  readonly labels: Readonly<Record<string, string>>;
  readonly honorLabels: boolean;
  /** Added where a series does not have them already, as Prometheus's external labels are. */
  readonly externalLabels: Readonly<Record<string, string>>;
  /** False: a time the target gives is not believed, all samples carry that of the scrape. */
  readonly honorTimestamps: boolean;
  readonly maxSamples: number;
};

export type ScrapedText = {
  readonly samples: readonly Sample[];
  /** The same series twice in one text: the first counts. */
  readonly duplicates: number;
  /** Series that the last whole text did not have. */
  readonly added: number;
};

export type ScrapeReader = {
  readonly read: (text: string, format: Format) => Result<ScrapedText, string>;
  readonly families: FamilyBook;
};

/** The hub's limits: it would refuse the whole batch for one such series. */
const MAX_LABELS = 64;
const MAX_NAME_LENGTH = 256;
const MAX_VALUE_LENGTH = 4_096;
const MAX_SHOWN = 80;
/** Texts kept beyond those of the last scrape before the cache is swept. */
const CACHE_SLACK = 1_000;

export const targetLabels = (
  {
    labels,
    honorLabels,
    externalLabels,
  }: Pick<ScrapeTarget, "labels" | "honorLabels" | "externalLabels">,
  parsed: SeriesName,
): Map<string, string> => {
  const merged = new Map(parsed.labels.filter(([, value]) => value !== ""));
  for (const [name, value] of Object.entries(labels)) {
    const scraped = merged.get(name);
    if (scraped !== undefined && honorLabels) continue;
    if (scraped !== undefined) {
      let renamed = `exported_${name}`;
      while (merged.has(renamed)) renamed = `exported_${renamed}`;
      merged.set(renamed, scraped);
    }
    merged.set(name, value);
  }
  for (const [name, value] of Object.entries(externalLabels)) {
    if (!merged.has(name)) merged.set(name, value);
  }
  merged.set("__name__", parsed.name);
  return merged;
};

const overLimit = (labels: Labels): string | undefined => {
  if (labels.length > MAX_LABELS) return `over ${MAX_LABELS} labels with the target's own`;
  for (const [name, value] of labels) {
    const shown = name.slice(0, MAX_SHOWN);
    if (name.length > MAX_NAME_LENGTH)
      return `${shown}…: a name over ${MAX_NAME_LENGTH} characters`;
    const max = name === "__name__" ? MAX_NAME_LENGTH : MAX_VALUE_LENGTH;
    if (value.length > max) return `${shown}: over ${max} characters`;
    if (value.includes("\0")) return `${shown}: a NUL in the value`;
  }
  return undefined;
};

export const scrapeReader = (target: ScrapeTarget): ScrapeReader => {
  const byText = new Map<string, Series>();
  const byLabels = new Map<string, Series>();
  const families = familyBook();
  let round = 0;
  let wholeRound = 0;

  const learn = (seriesText: string): Series | string => {
    const parsed = parseSeriesName(seriesText);
    if (parsed === undefined || parsed.end !== seriesText.length) return "not a series";
    const fresh = seriesOf(targetLabels(target, parsed));
    const wrong = overLimit(fresh.labels);
    if (wrong !== undefined) return wrong;
    const key = JSON.stringify(fresh.labels);
    const series = byLabels.get(key) ?? fresh;
    byLabels.set(key, series);
    byText.set(seriesText, series);
    return series;
  };

  const sweep = (): void => {
    for (const cache of [byText, byLabels]) {
      for (const [key, series] of cache) if (series.round !== round) cache.delete(key);
    }
  };

  const read = (text: string, format: Format): Result<ScrapedText, string> => {
    round += 1;
    families.begin();
    const samples: Sample[] = [];
    let duplicates = 0;
    let added = 0;
    const outcome = parseExposition(text, {
      format,
      family: families.note,
      sample: ({ seriesText, value, timeMs }) => {
        const series = byText.get(seriesText) ?? learn(seriesText);
        if (typeof series === "string") return series;
        if (series.round === round) {
          duplicates += 1;
          return undefined;
        }
        if (samples.length >= target.maxSamples) return `more than ${target.maxSamples} samples`;
        // A text that was refused half-way has marked some: they are still not new to the hub.
        if (series.round < wholeRound || series.round === 0) added += 1;
        series.round = round;
        const isStamped = timeMs !== undefined && target.honorTimestamps;
        samples.push(isStamped ? { series, value, timeMs } : { series, value });
        return undefined;
      },
    });
    // A target that invents labels on every scrape must not fill the memory.
    if (byText.size > 2 * samples.length + CACHE_SLACK) sweep();
    if (!outcome.ok) return outcome;
    wholeRound = round;
    return ok({ samples, duplicates, added });
  };
  return { read, families };
};
