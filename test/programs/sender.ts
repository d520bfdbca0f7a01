/**
 * An agent whose samples are known beforehand, and what ClickHouse has of them.
 *
 * Shape:  batch n is `SAMPLES` samples of one series, numbered from n * SAMPLES; sample k has the
 *         time `fromMs + k` and the value k, so that each is unique and nothing needs to be kept
 *         to send a batch again. Door, headers and order are the agent's own (`hubOverHttp`).
 * Units:  ms.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { zstdCompressSync } from "node:zlib";
import { hubOverHttp } from "../../src/watch/collect/adapters/hub-http.ts";
import type { LinkOutcome } from "../../src/watch/collect/hub-link.ts";
import { encodeWriteRequest } from "../../src/watch/collect/remote-write.ts";
import { seriesOf } from "../../src/watch/collect/series.ts";

export const SAMPLES = 5;
/** Leaves the machine's cores to those who are under test. */
const PAUSE_MS = 5;
const RETRY_MS = 50;
/** After this a wait has failed, and says where the sender stands. */
const PATIENCE_MS = 30_000;

export type Sender = {
  /** Every batch up to here was acknowledged. */
  readonly acknowledged: () => number;
  /** The newest batch that was put on the wire, whatever became of it. */
  readonly sent: () => number;
  /** The newest batch the hub called stored. */
  readonly stored: () => number;
  /** How often the connection was agreed on anew. */
  readonly agreements: () => number;
  /** What the hub took back or made up, in words. */
  readonly faults: () => readonly string[];
  /** Resolves once `isSo`; looks at every answer. */
  readonly until: (isSo: () => boolean) => Promise<void>;
  /** Sends no new batch; goes on asking until all that was acknowledged is stored. */
  readonly drain: () => Promise<void>;
  readonly close: () => Promise<void>;
};

type Options = {
  readonly hubUrl: string;
  readonly tokenFile: string;
  readonly name: string;
  readonly metric: string;
  readonly fromMs: number;
  /** Breaks the promise of numbers: after each loss the last batch goes again under a new one. */
  readonly renumbers?: boolean;
};

type Course = {
  acknowledged: number;
  sent: number;
  stored: number;
  agreements: number;
  draining: boolean;
  readonly faults: string[];
};

export const openSender = (options: Options): Sender => {
  const { hubUrl, tokenFile, name } = options;
  const link = hubOverHttp({ hubUrl, token: () => readFile(tokenFile, "utf8") });
  const bodyOf = bodies(options);
  const stopping = new AbortController();
  const { signal } = stopping;
  const at: Course = {
    ...{ acknowledged: 0, sent: 0, stored: 0, agreements: 0, draining: false, faults: [] },
  };
  const listeners = new Set<() => void>();
  const next = async (isAgreed: boolean): Promise<LinkOutcome> => {
    if (!isAgreed || at.draining) return link.state(name, signal);
    const seq = at.acknowledged + 1;
    at.sent = Math.max(at.sent, seq);
    const shift = options.renumbers === true ? at.agreements - 1 : 0;
    return link.send(name, { seq, previous: seq - 1, body: bodyOf(seq - shift) }, signal);
  };
  const work = async (): Promise<void> => {
    let isAgreed = false;
    while (!signal.aborted) {
      const outcome = await next(isAgreed);
      if (signal.aborted) return;
      if (outcome.kind === "state") {
        if (!isAgreed) at.agreements += 1;
        isAgreed = true;
        note(at, outcome.state);
      } else {
        isAgreed = false;
        if (outcome.kind === "poison") at.faults.push(`refused for good: ${outcome.why}`);
      }
      for (const listener of listeners) listener();
      await delay(isAgreed ? PAUSE_MS : RETRY_MS);
    }
  };
  const working = work();
  working.catch((fault: unknown) => at.faults.push(`the sender broke: ${String(fault)}`));
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const untilMs = performance.now() + PATIENCE_MS;
      const look = (): void => {
        const isDone = isSo();
        if (!isDone && performance.now() < untilMs) return;
        listeners.delete(look);
        if (isDone) resolve();
        else reject(new Error(`the sender waits in vain: ${JSON.stringify(at)}`));
      };
      listeners.add(look);
      look();
    });
  return {
    acknowledged: () => at.acknowledged,
    sent: () => at.sent,
    stored: () => at.stored,
    agreements: () => at.agreements,
    faults: () => at.faults,
    until,
    drain: async () => {
      at.draining = true;
      let asked = 0;
      // The answer to what was under way is not yet the last word.
      await until(() => (asked += 1) > 3 && at.stored === at.acknowledged);
    },
    close: async () => {
      stopping.abort();
      await working;
      link.close();
    },
  };
};

const bodies = ({ metric, fromMs }: Pick<Options, "metric" | "fromMs">) => {
  const series = seriesOf([
    ["__name__", metric],
    ["job", "kills"],
  ]);
  return (batch: number): Uint8Array => {
    const numbers = Array.from({ length: SAMPLES }, (_, index) => batch * SAMPLES + index);
    const samples = numbers.map((k) => ({ series, value: k, timeMs: fromMs + k }));
    return zstdCompressSync(encodeWriteRequest(samples));
  };
};

/** What was said is never taken back: not by a restart, not by the state door. */
const note = (at: Course, { accepted, stored }: { accepted: number; stored: number }): void => {
  const back = `took back ${accepted + 1}…${at.acknowledged}`;
  // Once: who lost it says so at every question.
  if (accepted < at.acknowledged && !at.faults.includes(back)) at.faults.push(back);
  if (accepted > at.sent) at.faults.push(`accepted ${accepted}, ${at.sent} were sent`);
  if (stored < at.stored) at.faults.push(`stored ${at.stored}, then ${stored}`);
  if (stored > accepted) at.faults.push(`stored ${stored} of ${accepted}`);
  at.acknowledged = Math.max(at.acknowledged, accepted);
  at.stored = Math.max(at.stored, stored);
};

export type Held = {
  readonly rows: number;
  readonly unique: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly sum: number;
};

/** Asks ClickHouse itself, by the address `up` leaves for those beside it. */
export const heldIn = (enginesFile: string, metric: string): Promise<Held> =>
  asked<Held>(
    enginesFile,
    { metric },
    `
    SELECT toFloat64(count()) AS rows, toFloat64(uniqExact(ts)) AS unique,
      toFloat64(toUnixTimestamp64Milli(min(ts))) AS firstMs,
      toFloat64(toUnixTimestamp64Milli(max(ts))) AS lastMs, sum(value) AS sum
    FROM samples WHERE id IN (SELECT id FROM series WHERE metric = {metric:String})`,
  );

/** Samples of all that was watched, by this sender and the local agent: all, and those twice. */
export const allIn = (enginesFile: string): Promise<{ rows: number; twice: number }> =>
  asked(
    enginesFile,
    {},
    `
    SELECT toFloat64(count()) AS rows, toFloat64(count() - uniqExact(id, ts)) AS twice
    FROM samples`,
  );

/** Spans of a service in ClickHouse, those with an error, and their routes. */
export const countSpans = (
  enginesFile: string,
  service: string,
): Promise<{ spans: number; errors: number; routes: number }> =>
  asked(
    enginesFile,
    { service },
    `
    SELECT toFloat64(count()) AS spans, toFloat64(countIf(status = 'error')) AS errors,
      toFloat64(uniqExact(attributes['http.route'])) AS routes
    FROM span WHERE service = {service:String}`,
  );

const asked = async <T>(
  enginesFile: string,
  params: Readonly<Record<string, string>>,
  query: string,
): Promise<T> => {
  const { clickhouseUrl } = JSON.parse(await readFile(enginesFile, "utf8")) as {
    clickhouseUrl: string;
  };
  const { origin, username, password } = new URL(clickhouseUrl);
  const named = Object.entries(params).map(([name, value]) => [`param_${name}`, value]);
  const search = new URLSearchParams(Object.fromEntries(named));
  const answer = await fetch(`${origin}/?${search}`, {
    method: "POST",
    headers: { "x-clickhouse-user": username, "x-clickhouse-key": password },
    body: `${query} FORMAT JSONEachRow`,
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`ClickHouse: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
};

/** Batches 1 … acknowledged, each sample once, unchanged: all that differs, in words. */
export const unkept = (held: Held, acknowledged: number, fromMs: number): readonly string[] => {
  const rows = acknowledged * SAMPLES;
  const first = SAMPLES;
  const last = first + rows - 1;
  const faults: string[] = [];
  const must = (what: string, is: number, be: number): void => {
    if (is !== be) faults.push(`${what}: ${is}, not ${be}`);
  };
  must("twice", held.rows - held.unique, 0);
  must("different samples", held.unique, rows);
  must("first", held.firstMs, fromMs + first);
  must("last", held.lastMs, fromMs + last);
  must("sum of values", held.sum, ((first + last) * rows) / 2);
  return faults;
};
