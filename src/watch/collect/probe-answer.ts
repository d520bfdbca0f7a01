/**
 * A probe's findings as samples, and a DNS answer as texts that can be compared.
 *
 * Shape:  metrics named as the blackbox exporter names them, each with the label `probe`. Why a
 *         probe failed is `probe_failure_info{reason="…"}` 1; reasons are few and fixed.
 * Units:  seconds; instants in seconds since the epoch.
 */
import { seriesOf, type Sample, type Series } from "./series.ts";

export const RECORD_TYPES = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT"] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

export type Finding = {
  readonly metric: string;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
};

/** Spellings of one probe's series; a server that changes its cipher each time must not fill it. */
const MAX_SERIES = 200;

export const probeReporter = (own: Readonly<Record<string, string>>) => {
  const known = new Map<string, Series>();
  return (findings: readonly Finding[]): readonly Sample[] => {
    if (known.size > MAX_SERIES) known.clear();
    return findings.map(({ metric, value, labels = {} }) => {
      const key = JSON.stringify([metric, labels]);
      let series = known.get(key);
      if (series === undefined) {
        series = seriesOf(Object.entries({ ...own, ...labels, __name__: metric }));
        known.set(key, series);
      }
      return { series, value };
    });
  };
};

export const outcome = (why: string | undefined, elapsedMs: number): readonly Finding[] => [
  { metric: "probe_success", value: why === undefined ? 1 : 0 },
  { metric: "probe_duration_seconds", value: elapsedMs / 1_000 },
  ...(why === undefined
    ? []
    : [{ metric: "probe_failure_info", value: 1, labels: { reason: why } }]),
];

/** What is expected and not among the answers; names are compared without their last dot. */
export const missingFrom = (
  answers: readonly string[],
  expected: readonly string[],
  type: RecordType,
): readonly string[] => {
  const found = new Set(answers.map((answer) => comparable(answer, type)));
  return expected.filter((one) => !found.has(comparable(one, type)));
};

const comparable = (text: string, type: RecordType): string =>
  type === "TXT" || type === "CAA" ? text : text.toLowerCase().replace(/\.$/, "");
