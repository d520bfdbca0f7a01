/** OpenMetrics targets, redirects, credentials and certificates; metadata on its way to the hub. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { zstdDecompressSync } from "node:zlib";
import protobuf from "protobufjs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { simDisk } from "../../sim/disk.ts";
import { seeded } from "../../sim/random.ts";
import { systemClock } from "../../src/io/clock.ts";
import {
  scrapeCollector,
  type ScrapeOptions,
} from "../../src/watch/collect/adapters/prometheus-scrape.ts";
import { readyRound } from "../../src/watch/collect/round.ts";
import { authority } from "./certificates.ts";
import { hubLedger } from "./hub-ledger.ts";
import { labAgent, ledgerLink } from "./lab.ts";
import { httpTarget, lookAt, type Target } from "./target.ts";

const OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PATIENT_MS = 20_000;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "novaevo-scrape-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));
const closers: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});
const kept = async (opening: Promise<Target>): Promise<Target> => {
  const target = await opening;
  closers.push(target.close);
  return target;
};
const collectorOf = (url: string, more: Partial<ScrapeOptions> = {}) => {
  const collector = scrapeCollector(systemClock, {
    ...{ job: "j", url, intervalMs: 1_000, timeoutMs: PATIENT_MS, labels: {}, honorLabels: false },
    ...{ externalLabels: {}, maxBytes: 100_000, maxSamples: 100, maxRedirects: 5 },
    ...{ honorTimestamps: true },
    ...more,
  });
  closers.push(() => collector.close?.());
  return collector;
};
const answering = (body: string, type = OPENMETRICS) =>
  kept(httpTarget((_, response) => void response.setHeader("content-type", type).end(body)));
const file = async (name: string, text: string): Promise<string> => {
  const at = path.join(dir, name);
  await writeFile(at, text);
  return at;
};

describe("the answer's type decides", () => {
  test("OpenMetrics: times are seconds, exemplars are left, the end must be there", async () => {
    const text = 'm_total{a="1"} 5 1.5 # {trace_id="x"} 1\nm_created 1\n# EOF\n';
    const { samples, values } = await lookAt(collectorOf((await answering(text)).url));
    expect(values).toMatchObject({ m_total: 5, m_created: 1, up: 1, scrape_samples_scraped: 2 });
    expect(values["scrape_body_size_bytes"]).toBe(text.length);
    expect(samples[0]!.timeMs).toBe(1_500);
    const cut = await lookAt(collectorOf((await answering("m_total 5\n")).url));
    expect(cut.why).toBe("no # EOF at the end: the answer was cut off");
    expect(cut.values["up"]).toBe(0);
  });

  test("control: the same bytes as plain text are whole, and their times ms", async () => {
    const { url } = await answering("m_total 5 1500\n", "text/plain; version=0.0.4");
    const { samples } = await lookAt(collectorOf(url));
    expect(samples[0]!.timeMs).toBe(1_500);
  });

  test("of a target that gives times nobody is to believe, the scrape's time is taken", async () => {
    const { url } = await answering("m_total 5 1.5\n# EOF\n");
    const { samples } = await lookAt(collectorOf(url, { honorTimestamps: false }));
    expect(samples[0]!.timeMs).toBeUndefined();
  });

  test("a series that is gone ends with a marker; one with its own time does not", async () => {
    let text = "a 1\nb 1\nc 1 1.5\n# EOF\n";
    const { url } = await kept(
      httpTarget((_, response) => void response.setHeader("content-type", OPENMETRICS).end(text)),
    );
    const collector = collectorOf(url);
    const first = await lookAt(collector);
    expect(first.values["scrape_series_added"]).toBe(3);
    const before = readyRound(first.samples, new Set(), 10_000);
    text = "a 2\n# EOF\n";
    const second = await lookAt(collector);
    expect(second.values["scrape_series_added"]).toBe(0);
    const ended = readyRound(second.samples, before.live, 11_000).samples.filter((s) => s.stale);
    expect(ended.map(({ series }) => new Map(series.labels).get("__name__"))).toEqual(["b"]);
  });
});

describe("redirects", () => {
  const hopping = (to: (url: string) => string | undefined) => {
    const seen: IncomingHttpHeaders[] = [];
    const target = kept(
      httpTarget((request, response) => {
        seen.push(request.headers);
        const location = to(request.url!);
        if (location === undefined) response.end("m 1\n");
        else response.writeHead(302, { location }).end();
      }),
    );
    return { seen, target };
  };

  test("are followed, a bounded number of them", async () => {
    const { target, seen } = hopping((url) => (url === "/metrics" ? "/metrics/" : undefined));
    expect((await lookAt(collectorOf((await target).url))).values).toMatchObject({ m: 1, up: 1 });
    expect(seen).toHaveLength(2);
    const endless = hopping((url) => `${url}x`);
    const seenIt = await lookAt(collectorOf((await endless.target).url));
    expect(seenIt.why).toBe("more than 5 redirects");
    expect(endless.seen).toHaveLength(6);
  });

  test("to another origin do not take the credential along", async () => {
    const bearerTokenFile = await file("token", "s3cret\n");
    const other = hopping(() => undefined);
    const { url } = await other.target;
    const first = hopping(() => url);
    const found = await lookAt(collectorOf((await first.target).url, { bearerTokenFile }));
    expect(found.values["up"]).toBe(1);
    expect(first.seen[0]!.authorization).toBe("Bearer s3cret");
    expect(other.seen[0]).not.toHaveProperty("authorization");
    // Control: on the same origin it does.
    const same = hopping((at) => (at === "/metrics" ? "/m" : undefined));
    await lookAt(collectorOf((await same.target).url, { bearerTokenFile }));
    expect(same.seen[1]!.authorization).toBe("Bearer s3cret");
  });

  test.each([
    ["file:///etc/passwd", "no http(s) address"],
    ["http://[broken", "no http(s) address"],
  ])("to %s are refused", async (location, why) => {
    const { target } = hopping(() => location);
    expect((await lookAt(collectorOf((await target).url))).why).toContain(why);
  });
});

describe("credentials", () => {
  const echoing = () => {
    const seen: (string | undefined)[] = [];
    const target = kept(
      httpTarget((request, response) => {
        seen.push(request.headers.authorization);
        response.end("m 1\n");
      }),
    );
    return { seen, target };
  };

  test("a token is read anew at each look", async () => {
    const bearerTokenFile = await file("rotating", "one");
    const { seen, target } = echoing();
    const collector = collectorOf((await target).url, { bearerTokenFile });
    await lookAt(collector);
    await file("rotating", "two\n");
    await lookAt(collector);
    expect(seen).toEqual(["Bearer one", "Bearer two"]);
  });

  test("a name and a password", async () => {
    const passwordFile = await file("password", "pa:ss wörd");
    const { seen, target } = echoing();
    const { url } = await target;
    const refused = await lookAt(
      collectorOf(url, { basicAuth: { username: "scraper", passwordFile } }),
    );
    expect(refused.why).toContain("not in ASCII");
    await file("password", "pa:ss word");
    await lookAt(collectorOf(url, { basicAuth: { username: "scraper", passwordFile } }));
    expect(seen).toEqual([`Basic ${Buffer.from("scraper:pa:ss word").toString("base64")}`]);
  });

  test("one that cannot be read fails the look and names the file, not its content", async () => {
    const { url } = await answering("# EOF\n");
    const gone = await lookAt(collectorOf(url, { bearerTokenFile: path.join(dir, "gone") }));
    expect(gone.why).toContain("gone");
    const large = await file("large", "x".repeat(20_000));
    const seen = await lookAt(collectorOf(url, { bearerTokenFile: large }));
    expect(seen.why).toBe(`${large}: over 16384 bytes`);
  });
});

test("a target over TLS is believed by its authority, or by nobody's where told so", async () => {
  const ca = authority("Test Root");
  const server = createServer(ca.issue({ names: ["exporter.example"] }), (_, response) => {
    response.end("m 1\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  const caFile = await file("ca.pem", ca.cert);
  const serverName = "exporter.example";
  const upWith = async (tls?: ScrapeOptions["tls"]) => {
    const seen = await lookAt(collectorOf(url, { tls }));
    return seen.why ?? seen.values["up"];
  };
  expect(await upWith({ caFile, serverName, insecure: false })).toBe(1);
  expect(await upWith({ insecure: true })).toBe(1);
  expect(await upWith({ caFile, insecure: false })).toContain("does not match");
  expect(await upWith()).toContain("unable to verify");
});

const { root } = protobuf.parse(`syntax = "proto3";
  message WriteRequest { repeated MetricMetadata metadata = 3; }
  message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4;
                           string unit = 5; }`);
const WriteRequest = root.lookupType("WriteRequest");
type Metadata = { readonly metadata: readonly { readonly metricFamilyName: string }[] };

test("type, help and unit reach the hub once, with the samples of their first scrape", async () => {
  const { url } = await answering(
    [
      ...["# TYPE m_seconds counter", "# UNIT m_seconds seconds", "# HELP m_seconds What it is."],
      ...["m_seconds_total 5", "# EOF\n"],
    ].join("\n"),
  );
  const ledger = hubLedger();
  const agent = await labAgent({
    ...{ disk: simDisk(seeded(1)).boot(), dir: "/agent", link: ledgerLink(ledger) },
    collectors: [collectorOf(url, { intervalMs: 100, timeoutMs: 90 })],
    intervalMs: 100,
  });
  const scraped = () => ledger.samples().filter(({ labels }) => labels["job"] === "j");
  await expect.poll(() => scraped().length, { timeout: 30_000 }).toBeGreaterThan(20);
  await agent.stop();
  const said = ledger.taken().flatMap(({ body }) => {
    const request = WriteRequest.decode(zstdDecompressSync(body));
    return (WriteRequest.toObject(request, { arrays: true }) as Metadata).metadata;
  });
  // The agent's own are among them.
  expect(said.length).toBeGreaterThan(10);
  expect(said.filter(({ metricFamilyName: name }) => !name.startsWith("novaevo_"))).toEqual([
    { type: 1, metricFamilyName: "m_seconds", help: "What it is.", unit: "seconds" },
  ]);
});
