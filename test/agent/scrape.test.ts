/** Targets that behave, and targets that do not. */
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import {
  scrapeCollector,
  type ScrapeOptions,
} from "../../src/watch/collect/adapters/prometheus-scrape.ts";
import { simDisk } from "../../sim/disk.ts";
import { seeded } from "../../sim/random.ts";
import { countingCollector, labAgent, ledgerLink } from "./lab.ts";
import { hubLedger } from "./hub-ledger.ts";
import { closedPort, httpTarget, lookAt, tcpTarget, type Target } from "./target.ts";

const PATIENT_MS = 20_000;
const HASTY_MS = 100;
const MAX_BYTES = 100_000;

const collectorOf = (url: string, more: Partial<ScrapeOptions> = {}) =>
  scrapeCollector(systemClock, {
    ...{ job: "j", url, intervalMs: 1_000, timeoutMs: PATIENT_MS, labels: {}, honorLabels: false },
    ...{ externalLabels: { host: "h" }, maxBytes: MAX_BYTES, maxSamples: 100 },
    ...{ honorTimestamps: true, maxRedirects: 0 },
    ...more,
  });

const closers: (() => Promise<void> | undefined)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});
const kept = async (opening: Promise<Target>): Promise<Target> => {
  const target = await opening;
  closers.push(target.close);
  return target;
};
const answering = (body: string | Buffer, headers: Record<string, string> = {}, status = 200) =>
  kept(httpTarget((_, response) => void response.writeHead(status, headers).end(body)));

describe("a target that behaves", () => {
  test("gives its samples with job, instance and the host's label", async () => {
    const target = await answering('m{a="1"} 5\n');
    const { samples, values } = await lookAt(collectorOf(target.url));
    expect(Object.fromEntries(samples[0]!.series.labels)).toEqual({
      ...{ __name__: "m", a: "1", job: "j", instance: `127.0.0.1:${target.port}`, host: "h" },
    });
    expect(values).toMatchObject({ m: 5, up: 1, scrape_samples_scraped: 1 });
    expect(values["scrape_duration_seconds"]).toBeGreaterThan(0);
  });

  test("may pack its answer", async () => {
    const target = await answering(gzipSync("m 5\n"), { "content-encoding": "gzip" });
    expect((await lookAt(collectorOf(target.url))).values).toMatchObject({ m: 5, up: 1 });
  });

  test("`up` carries the labels it was given, so that a service is found by them", async () => {
    const target = await answering("m 5\n");
    const { samples } = await lookAt(collectorOf(target.url, { labels: { service: "obd2" } }));
    const up = samples
      .map(({ series }) => new Map(series.labels))
      .find((l) => l.get("__name__") === "up");
    expect(up?.get("service")).toBe("obd2");
  });

  test("is asked on one connection", async () => {
    const target = await answering("m 1\n");
    const collector = collectorOf(target.url);
    closers.push(() => collector.close?.());
    for (let look = 0; look < 3; look += 1) await lookAt(collector);
    expect(target.connections()).toBe(1);
  });
});

/** Sends for as long as somebody reads. */
const flood = (chunk: Buffer, headers: Record<string, string> = {}) =>
  kept(
    httpTarget((_, response) => {
      response.writeHead(200, headers);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
    }),
  );
const line = Buffer.from("m 1\n".repeat(10_000));

type Case = readonly [
  what: string,
  why: string,
  open: () => Promise<{ readonly url: string }>,
  timeoutMs?: number,
];

describe("a target that does not", () => {
  const cases: readonly Case[] = [
    [
      "nobody is there",
      "ECONNREFUSED",
      async () => ({ url: `http://127.0.0.1:${await closedPort()}/` }),
    ],
    [
      "accepts and says nothing",
      `no answer in ${HASTY_MS} ms`,
      () => kept(tcpTarget(() => undefined)),
      HASTY_MS,
    ],
    [
      "begins and stops",
      `no answer in ${HASTY_MS} ms`,
      () => kept(httpTarget((_, response) => void response.write("m 1\n"))),
      HASTY_MS,
    ],
    ["sends without end", `more than ${MAX_BYTES} bytes`, () => flood(line)],
    [
      "announces a gigabyte",
      `more than ${MAX_BYTES} bytes`,
      () => flood(line, { "content-length": String(1024 ** 3) }),
    ],
    [
      "packs a gigabyte into little",
      `more than ${MAX_BYTES} bytes`,
      () => answering(gzipSync(Buffer.alloc(1024 ** 2 * 64)), { "content-encoding": "gzip" }),
    ],
    [
      "says it is packed and is not",
      "incorrect header",
      () => answering("m 1\n", { "content-encoding": "gzip" }),
    ],
    [
      "packs in a way not asked for",
      'packed as "br"',
      () => answering(Buffer.from([31, 200, 9]), { "content-encoding": "br" }),
    ],
    ["sends garbage", "not valid UTF-8", () => answering(Buffer.from(seeded(1).bytes(5_000)))],
    [
      "sends a page",
      "line 1: not a",
      () => answering("<html></html>", { "content-type": "text/html" }),
    ],
    ["sends one bad line", 'line 2: not a sample: "oops"', () => answering("m 1\noops\n")],
    [
      "sends too many samples",
      "more than 100 samples",
      () => answering(Array.from({ length: 101 }, (_, n) => `m${n} 1\n`).join("")),
    ],
    ["answers 500", "HTTP 500", () => answering("m 1\n", {}, 500)],
    ["answers 204", "HTTP 204", () => answering("", {}, 204)],
    ["moves elsewhere", "HTTP 302", () => answering("", { location: "http://127.0.0.1:1/" }, 302)],
    [
      "resets the connection",
      "ECONNRESET",
      () => kept(tcpTarget((socket) => void socket.once("data", () => socket.resetAndDestroy()))),
    ],
    [
      "closes the connection",
      "socket hang up",
      () => kept(tcpTarget((socket) => void socket.once("data", () => socket.end()))),
    ],
    [
      "breaks off in the middle",
      "aborted",
      () =>
        kept(
          tcpTarget(
            (socket) =>
              void socket.once("data", () =>
                socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nm 1\n"),
              ),
          ),
        ),
    ],
    [
      "speaks something else",
      "Parse Error",
      () => kept(tcpTarget((socket) => void socket.end("220 mail.example ESMTP\r\n"))),
    ],
    [
      "sends endless headers",
      "Parse Error",
      () =>
        kept(
          tcpTarget(
            (socket) => void socket.end(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`),
          ),
        ),
    ],
  ];
  test.for(cases)("%s: %s", async ([, why, open, timeoutMs = PATIENT_MS]) => {
    const collector = collectorOf((await open()).url, { timeoutMs });
    closers.push(() => collector.close?.());
    const seen = await lookAt(collector);
    expect(seen.why).toContain(why);
    expect(seen.values).toMatchObject({ up: 0, scrape_samples_scraped: 0 });
    expect(seen.values).not.toHaveProperty("m");
  });

  test("a gigabyte is not read: the connection ends soon after the limit", async () => {
    let sent = 0;
    const ended = Promise.withResolvers<void>();
    const target = await kept(
      httpTarget((_, response) => {
        response.on("close", ended.resolve);
        const more = (): void => {
          while (!response.destroyed && response.write(line)) sent += line.length;
        };
        response.on("drain", more);
        more();
      }),
    );
    await lookAt(collectorOf(target.url));
    await ended.promise;
    expect(sent).toBeLessThan(50e6);
  });

  test("stopping ends a look that hangs", async () => {
    const target = await kept(tcpTarget(() => undefined));
    const stop = new AbortController();
    const look = lookAt(collectorOf(target.url), stop.signal);
    stop.abort();
    expect((await look).why).toBe("given up");
  });
});

test("beside a target that hangs, others go on; its failure is counted and said once", async () => {
  const hanging = await kept(tcpTarget(() => undefined));
  const target = await answering("m 7\n");
  const ledger = hubLedger();
  const agent = await labAgent({
    ...{
      disk: simDisk(seeded(1)).boot(),
      dir: "/agent",
      link: ledgerLink(ledger),
      intervalMs: 100,
    },
    collectors: [
      collectorOf(hanging.url, { job: "hangs", intervalMs: 100, timeoutMs: 90 }),
      collectorOf(target.url, { job: "works", intervalMs: 100, timeoutMs: 90 }),
      countingCollector(100),
    ],
  });
  const count = (name: string, job?: string, value?: number): number =>
    ledger
      .samples()
      .filter(
        ({ labels }) => labels["__name__"] === name && (job === undefined || labels["job"] === job),
      )
      .filter((sample) => value === undefined || sample.value === value).length;
  while (count("up", "hangs", 0) < 3 || count("m", "works", 7) < 5 || count("looks_total") < 5) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await agent.stop();
  expect(count("up", "hangs", 1)).toBe(0);
  const failures = agent.said.filter(({ message }) => message === "a look failed");
  expect(
    failures.filter(({ fields }) => String(fields["collector"]).includes("hangs")),
  ).toHaveLength(1);
});
