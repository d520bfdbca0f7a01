/**
 * Which series the data points of an OTLP sender are.
 *
 * Shape:  resource → scope → metric → attributes, each found by the bytes (or text) it came as; a
 *         point that was seen before costs no text at all. `job` is service.namespace/service.name,
 *         `instance` is service.instance.id; the scope is `otel_scope_…`; what else is known of the
 *         resource is labels of `target_info`. Attributes that become one label are joined by ";".
 * Units:  at most `MAX_HELD_BYTES` of what was seen is remembered.
 * Errors: a point or a resource that cannot be a series has `refusal`, the reason; its other fields
 *         then mean nothing. The same bytes are refused always or never.
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility".
 */
import { METRIC_NAME, type Labels } from "../../signal/series.ts";
import type { Catalog, Known } from "../decode/catalog.ts";
import { WireFault } from "../decode/wire.ts";
import { newByteIndex, type Budget, type ByteIndex } from "./byte-index.ts";
import { labelName, metricName, plainNumber, unitName, type MetricKind } from "./names.ts";

/** Attribute keys and their values as text, as sent. */
export type Attributes = readonly (readonly [key: string, text: string])[];

/** What a dashboard wants to know of a metric beside its samples. */
export type MetricFamily = {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram" | "summary";
  readonly help: string;
  readonly unit: string;
};

export type SeriesBook = {
  readonly catalog: Catalog;
  /** Told of every family when it is first seen, or seen anew after much else. */
  readonly onFamily: (family: MetricFamily) => void;
  readonly resources: ByteIndex<ResourceEntry>;
  readonly budget: Budget;
};

export type ResourceEntry = {
  readonly refusal: string;
  /** `job` and `instance`, where there are any. */
  readonly labels: Labels;
  /** `target_info`, if there is more to say than job and instance. */
  readonly info: Known | undefined;
  readonly scopes: ByteIndex<ScopeEntry>;
};

export type ScopeEntry = {
  readonly refusal: string;
  readonly labels: Labels;
  readonly families: ByteIndex<FamilyEntry>;
};

export type FamilyEntry = {
  readonly refusal: string;
  readonly kind: MetricKind;
  readonly name: string;
  readonly scope: ScopeEntry;
  readonly points: ByteIndex<PointEntry>;
};

export type PointEntry = {
  readonly refusal: string;
  /** Number: one. Histogram: its buckets, +Inf, count, sum. Summary: its quantiles, count, sum. */
  series: readonly Known[];
  /** The `le` or `quantile` the series were made for. */
  marks: readonly number[];
  /** Characters of all labels of all its series. */
  textLength: number;
};

/** A metric's name, description and unit together. */
const MAX_HEAD_LENGTH = 16 * 1024;
const MAX_HELD_BYTES = 64 * 1024 * 1024;

export const newSeriesBook = (
  catalog: Catalog,
  onFamily: (family: MetricFamily) => void,
  maxBytes: number = MAX_HELD_BYTES,
): SeriesBook => {
  const budget = { maxBytes, heldBytes: 0, age: 0 };
  return { catalog, onFamily, resources: newByteIndex(budget), budget };
};

const NO_LABELS: Labels = [];
const IDENTIFYING = new Set(["service.name", "service.namespace", "service.instance.id"]);

/** `read` gives the resource's attributes; it may throw a WireFault. */
export const newResource = (book: SeriesBook, read: () => Attributes): ResourceEntry => {
  const scopes = newByteIndex<ScopeEntry>(book.budget);
  const refused = (why: string): ResourceEntry => ({
    ...{ refusal: `resource: ${why}`, labels: NO_LABELS, info: undefined, scopes },
  });
  return orRefused(refused, () => {
    const attributes = checkUnique(read());
    const of = new Map(attributes);
    const name = of.get("service.name") ?? "";
    const space = of.get("service.namespace") ?? "";
    const job = name !== "" && space !== "" ? `${space}/${name}` : name;
    const labels: [string, string][] = [];
    if (job !== "") labels.push(["job", job]);
    const instance = of.get("service.instance.id") ?? "";
    if (instance !== "") labels.push(["instance", instance]);
    const rest = attributes.filter(([key]) => !IDENTIFYING.has(key));
    const info = labels.length === 0 ? undefined : targetInfo(book, rest, labels);
    return { refusal: "", labels, info, scopes };
  });
};

/** A resource that says too much for one series is said nothing of; its metrics are taken. */
const targetInfo = (book: SeriesBook, rest: Attributes, labels: Labels): Known | undefined => {
  try {
    const told = labelsOf(rest, labels);
    if (told.size === labels.length) return undefined;
    return book.catalog.ofLabels([...told, [METRIC_NAME, "target_info"]]);
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return undefined;
  }
};

export type Scope = {
  readonly name: string;
  readonly version: string;
  readonly schemaUrl: string;
  readonly attributes: Attributes;
};

const SCOPE_FIELDS = new Set(["otel_scope_name", "otel_scope_version", "otel_scope_schema_url"]);

export const newScope = (
  book: SeriesBook,
  resource: ResourceEntry,
  read: () => Scope,
): ScopeEntry => {
  const families = newByteIndex<FamilyEntry>(book.budget);
  const refused = (refusal: string) => ({ refusal, labels: NO_LABELS, families });
  if (resource.refusal !== "") return refused(resource.refusal);
  return orRefused(
    (why) => refused(`scope: ${why}`),
    () => {
      const scope = read();
      const more = checkUnique(scope.attributes).map(
        ([key, text]) => [`otel_scope_${key}`, text] as const,
      );
      const labels = labelsOf(more, []);
      for (const name of SCOPE_FIELDS) labels.delete(name);
      labels.set("otel_scope_name", scope.name);
      labels.set("otel_scope_version", scope.version);
      labels.set("otel_scope_schema_url", scope.schemaUrl);
      for (const [name, value] of resource.labels) labels.set(name, value);
      const said = [...labels].filter(([, value]) => value !== "");
      return { refusal: "", labels: said, families };
    },
  );
};

export type Metric = {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
};

export const newFamily = (
  book: SeriesBook,
  scope: ScopeEntry,
  kind: MetricKind,
  read: () => Metric,
): FamilyEntry => {
  const points = newByteIndex<PointEntry>(book.budget);
  const refused = (refusal: string) => ({ refusal, kind, name: "", scope, points });
  if (scope.refusal !== "") return refused(scope.refusal);
  return orRefused(refused, () => {
    const { name: sent, description: help, unit: sentUnit } = read();
    const headLength = sent.length + help.length + sentUnit.length;
    if (headLength > MAX_HEAD_LENGTH) {
      throw new WireFault(`a metric's name, help and unit are over ${MAX_HEAD_LENGTH} characters`);
    }
    const name = metricName(sent, sentUnit, kind);
    if (name === "") {
      const shown = JSON.stringify(sent.slice(0, 64));
      throw new WireFault(`a metric's name ${shown} has no letter or digit`);
    }
    const type = kind === "updown" ? "gauge" : kind;
    book.onFamily({ name, type, help, unit: unitName(sentUnit, kind) });
    return { refusal: "", kind, name, scope, points };
  });
};

/** A gauge's or sum's point: one series. */
export const newNumberPoint = (
  book: SeriesBook,
  family: FamilyEntry,
  read: () => Attributes,
): PointEntry =>
  newPoint(family, () => {
    const base = labelsOf(checkUnique(read()), family.scope.labels);
    return [seriesOf(book, base, family.name)];
  });

/** A histogram's or summary's point: its series are made when its marks are known. */
export const newMarkedPoint = (
  book: SeriesBook,
  family: FamilyEntry,
  read: () => Attributes,
): PointEntry =>
  newPoint(family, () => {
    const base = labelsOf(checkUnique(read()), family.scope.labels);
    return endOfMarked(book, family, base);
  });

const newPoint = (family: FamilyEntry, make: () => readonly Known[]): PointEntry => {
  const refused = (refusal: string): PointEntry => ({
    ...{ refusal, series: [], marks: [], textLength: 0 },
  });
  if (family.refusal !== "") return refused(family.refusal);
  return orRefused(refused, () => {
    const series = make();
    return { refusal: "", series, marks: [], textLength: textLengthOf(series) };
  });
};

/** Makes the series of these marks, `le` without +Inf or `quantile`; says why it cannot. */
export const remark = (
  book: SeriesBook,
  family: FamilyEntry,
  point: PointEntry,
  marks: readonly number[],
): string => {
  const isHistogram = family.kind === "histogram";
  const count = point.series.at(-2)!;
  const base = new Map(count.labels);
  try {
    const marked = marks.map((mark) =>
      isHistogram
        ? seriesOf(book, base, `${family.name}_bucket`, "le", plainNumber(mark))
        : seriesOf(book, base, family.name, "quantile", plainNumber(mark)),
    );
    point.series = marked.concat(endOfMarked(book, family, base));
    point.marks = [...marks];
    point.textLength = textLengthOf(point.series);
    return "";
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return fault.message;
  }
};

const endOfMarked = (
  book: SeriesBook,
  family: FamilyEntry,
  base: ReadonlyMap<string, string>,
): readonly Known[] => {
  const { name, kind } = family;
  const ends = [seriesOf(book, base, `${name}_count`), seriesOf(book, base, `${name}_sum`)];
  if (kind !== "histogram") return ends;
  return [seriesOf(book, base, `${name}_bucket`, "le", "+Inf"), ...ends];
};

const seriesOf = (
  book: SeriesBook,
  base: ReadonlyMap<string, string>,
  name: string,
  mark = "",
  value = "",
): Known => {
  const labels = new Map(base);
  labels.set(METRIC_NAME, name);
  if (mark !== "") labels.set(mark, value);
  return book.catalog.ofLabels([...labels]);
};

/** Attributes as labels; what a server says itself stands over what a sender says. */
const labelsOf = (attributes: Attributes, over: Labels): Map<string, string> => {
  const labels = new Map<string, string>();
  for (const [key, text] of attributes.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const name = labelName(key);
    if (name === "") {
      const shown = JSON.stringify(key.slice(0, 64));
      throw new WireFault(`attribute ${shown} has no letter or digit a label could keep`);
    }
    const before = labels.get(name);
    labels.set(name, before === undefined ? text : `${before};${text}`);
  }
  for (const [name, value] of over) labels.set(name, value);
  return labels;
};

const checkUnique = (attributes: Attributes): Attributes => {
  const keys = new Set<string>();
  for (const [key] of attributes) {
    if (keys.has(key)) throw new WireFault(`attribute ${key.slice(0, 64)} is there twice`);
    keys.add(key);
  }
  return attributes;
};

const textLengthOf = (series: readonly Known[]): number => {
  let length = 0;
  for (const { labels } of series) {
    for (const [name, value] of labels) length += name.length + value.length;
  }
  return length;
};

const orRefused = <T>(refused: (why: string) => T, make: () => T): T => {
  try {
    return make();
  } catch (fault) {
    if (!(fault instanceof WireFault)) throw fault;
    return refused(fault.message);
  }
};
