/** The same requests to Debian's Prometheus and to us: status, kind of fault, body. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../contract/lab.ts";
import { ask, openPeers, type Peers, type Told } from "./prometheus-lab.ts";
import { hasPrometheus } from "./promql-prometheus.ts";

const run = promisify(execFile);
const PROMTOOL = "/usr/bin/promtool";
const FORM = "application/x-www-form-urlencoded";
/** As the backend of Grafana's data source sends them. */
const GRAFANA = {
  "user-agent": "Grafana/11.2.0",
  "x-grafana-org-id": "1",
  "x-datasource-uid": "novaevo",
  "accept-encoding": "gzip",
};

let peers: Peers;

/** `$start`, `$end`, `$time` (seconds) and `$iso` stand for instants of the data. */
const filled = (text: string): string => {
  const { startMs, endMs } = peers;
  return text
    .replaceAll("$start", String(startMs / 1_000))
    .replaceAll("$recent", String(endMs / 1_000 - 900))
    .replaceAll("$old", String(startMs / 1_000 + 300))
    .replaceAll("$end", String(endMs / 1_000))
    .replaceAll("$time", `${endMs / 1_000 - 60}.5`)
    .replaceAll("$iso", new Date(endMs - 600_000).toISOString());
};

type Row = { readonly metric: Readonly<Record<string, string>> };
type Body = {
  readonly status: string;
  readonly errorType?: string;
  readonly error?: string;
  readonly data?: unknown;
};

/** What does not depend on whose words or whose order: rows sorted where none is promised. */
const comparable = ({ status, text }: Told, isComputed = false) => {
  const body = JSON.parse(text, isComputed ? rounded : undefined) as Body;
  return {
    httpStatus: status,
    status: body.status,
    errorType: body.errorType,
    error: body.error === undefined ? undefined : place(body.error),
    data: sorted(body.data),
  };
};

/** Sums and quotients may differ in their last digits: version 3 computes in another order. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === "string" && /^-?\d+(?:\.\d+)?$/.test(value)
    ? Number(value).toPrecision(12)
    : value;

/** Ours names the parameter in every parse fault, as version 3 does; the rest is the parser's. */
const place = (error: string): string =>
  error
    .replace(/^invalid parameter "(?:query|match\[\])": /, "")
    .replace(/(parse error:).*$/s, "$1")
    .replace(/(timed out in query )(?:queue|execution)/, "$1…")
    // The series found twice stand there in no order.
    .replace(/(: \[).*(\];many-to-many)/, "$1…$2")
    .replace(/^[^\d].*at least one non-empty matcher$/, "1:1: parse error:");

const sorted = (data: unknown): unknown => {
  const result = (data as { readonly result?: readonly unknown[] } | undefined)?.result;
  if (!Array.isArray(result) || (result[0] as Row | undefined)?.metric === undefined) return data;
  const key = (row: unknown): string => JSON.stringify((row as Row).metric);
  return { ...(data as object), result: result.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)) };
};

const both = async (at: string, more: RequestInit = {}) => {
  const [ours, theirs] = await Promise.all([
    ask(peers.ours, at, more),
    ask(peers.theirs, at, more),
  ]);
  return { ours, theirs };
};

const GET = [
  "query?query=1%2B1&time=$time",
  "query?query=up&time=$time",
  "query?query=up&time=$iso",
  "query?query=up&time=$time&limit=0&nonsense=1&timeout=10s",
  "query?query=up&time=1",
  "query?query=odd&time=$time",
  "query?query=texts&time=$time",
  "query?query=-0&time=$time",
  "query?query=1e21&time=1.5",
  "query?query=1e-7&time=-1.5",
  "query?query=NaN&time=$time",
  "query?query=-Inf&time=2015-07-01T20:10:30.781%2B02:00",
  "query?query=vector(1e-7)&time=$time",
  'query?query="text <b> é"&time=$time',
  "query?query=up[2m]&time=$time",
  "query?query=sum by (job) (rate(requests_total[5m]))&time=$time",
  "query?query=histogram_quantile(0.9, rate(latency_seconds_bucket[10m]))&time=$time",
  "query?query=sort_desc(odd)&time=$time",
  "query?query=rate(requests_total[5m] offset 2h)&time=$time",
  "query_range?query=up&start=$start&end=$end&step=60",
  "query_range?query=up&start=$start&end=$end&step=1m30s",
  "query_range?query=odd&start=$recent&end=$end&step=15.5",
  "query_range?query=1&start=1&end=5&step=2",
  "query_range?query=sum(rate(requests_total[5m])) by (code)&start=$start&end=$end&step=300",
  "query_range?query=nothing&start=$start&end=$end&step=300",
  "series?match[]=up&start=$start&end=$end",
  'series?match[]=up{job="node"}&match[]=requests_total{code=~"4..|5.."}&start=$start&end=$end',
  "series?match[]=texts&start=$start&end=$end",
  "series?match[]=nothing&start=$start&end=$end",
  "series?match[]=up&start=1&end=2",
  "series?match[]=up&start=$end&end=$start",
  "labels?start=$start&end=$end",
  "labels",
  "labels?match[]=up&start=$start&end=$end",
  'labels?match[]={job="api",le!=""}&start=$recent&end=$end',
  "label/job/values?start=$start&end=$end",
  "label/job/values",
  "label/__name__/values?start=$start&end=$end",
  'label/__name__/values?match[]={job="api"}&start=$start&end=$end',
  'label/instance/values?match[]=up{job!~"a.*"}&start=$start&end=$end',
  "label/text/values",
  "label/nothing/values",
  "query_exemplars?query=up&start=$start&end=$end",
  // What only the store still has
  "query?query=old&time=$old",
  "series?match[]=old&start=$start&end=$end",
  "series?match[]=old&start=$recent&end=$end",
  'label/__name__/values?match[]={instance="gone"}&start=$start&end=$end',
  'labels?match[]={__name__=~"ol.+",instance!~"a.*|b.*"}&start=$start&end=$end',
  // As Grafana asks when a data source is opened
  "rules",
  "metadata?limit=40000",
  "labels?start=$start&end=$end&limit=40000",
  "label/__name__/values?start=$start&end=$end&limit=40000",
  "label/instance/values?match[]=up&start=$start&end=$end&limit=40000",
  'label/code/values?match[]={__name__="requests_total",job="api"}&start=$start&end=$end',
  // Refused
  "query",
  "query?query=",
  "query?query=sum(",
  "query?query=foo bar",
  "query?query=nope(x)",
  "query?query=rate(up)",
  "query?query=up{a=1}",
  "query?query=1&time=abc",
  "query?query=1&time=2015-07-01T20:10:30",
  "query?query=1&timeout=abc",
  "query?query=1&timeout=0",
  "query?query=up * on() up&time=$time",
  "query?query=up / ignoring(instance) up&time=$time",
  'query?query=label_replace(up, "instance", "x", "", "")&time=$time',
  "query_range?query=1",
  "query_range?query=1&start=1",
  "query_range?query=1&start=2&end=1&step=1",
  "query_range?query=1&start=1&end=2",
  "query_range?query=1&start=1&end=2&step=0",
  "query_range?query=1&start=1&end=2&step=-1",
  "query_range?query=1&start=1&end=2&step=1h30x",
  "query_range?query=1&start=1&end=2&step=1e30",
  "query_range?query=1&start=1&end=20000&step=1",
  'query_range?query="a"&start=1&end=2&step=1',
  "query_range?query=up[5m]&start=1&end=2&step=1",
  "query_range?query=sum(up&start=1&end=2&step=1",
  "series",
  "series?match[]=up&start=x",
  'series?match[]={a=~".*"}',
  "labels?end=x",
  "labels?match[]=1",
  "label/job/values?match[]={}",
  "metadata?limit=x",
  "query_exemplars?query=up&start=2&end=1",
] as const;

const POSTS = [
  ["query", "query=1%2B1&time=$time"],
  ["query?query=2&time=$time", "query=3"],
  ["query", "query=up&time=$time&timeout=30s"],
  ["query_range", "query=up&start=$start&end=$end&step=60"],
  ["query_range", "query=up&start=$start&end=$end"],
  ["series", "match[]=up&match[]=texts&start=$start&end=$end"],
  ["series", "start=$start&end=$end"],
  ["labels", "match%5B%5D=up&start=$start&end=$end"],
  ["query_exemplars", "query=up&start=$start&end=$end"],
  ["query", ""],
] as const;

const encoded = (at: string): string => {
  const [path = "", search] = filled(at).split("?");
  return `/api/v1/${path}${search === undefined ? "" : `?${search.replaceAll(/[^\w%&=.+:$-]/gu, encodeURIComponent)}`}`;
};

/** Where we answer otherwise, what we answer, and why. */
const DIFFERENCES = [
  {
    at: "query_range?query=1&start=1&end=2&step=0.0001",
    ours: { httpStatus: 400, errorType: "bad_data" },
    theirs: { httpStatus: 422, errorType: "execution" },
    why: "a step below 1 ms divides by zero there",
  },
  {
    at: "query?query=1&time=NaN",
    ours: { httpStatus: 400, errorType: "bad_data" },
    theirs: { httpStatus: 200 },
    why: "NaN is no instant; there it becomes the year 1677",
  },
  {
    at: "series?match[]=up&limit=1&start=$start&end=$end",
    ours: { httpStatus: 200, data: [expect.anything()] },
    theirs: { httpStatus: 200, data: [{}, {}, {}].map(() => expect.anything() as unknown) },
    why: "limit on lists came with version 3",
  },
  {
    at: "label/a-b/values",
    ours: { httpStatus: 200, data: [] },
    theirs: { httpStatus: 400, errorType: "bad_data" },
    why: "any text is a label's name since version 3",
  },
  {
    at: "labels?limit=-1",
    ours: { httpStatus: 400, errorType: "bad_data" },
    theirs: { httpStatus: 200 },
    why: "limit on lists came with version 3",
  },
  {
    at: "query_range?query=1&start=1e30&end=2&step=1",
    ours: { error: expect.stringContaining("must not be before start") },
    theirs: { error: expect.stringContaining("11,000 points") },
    why: "an instant beyond all calendars is cut there to one of the past",
  },
  {
    at: "query?query=1%2B%0A%2B%2B)",
    ours: { error: "2:3: parse error:" },
    theirs: { error: "2:4: parse error:" },
    why: "version 2 counts from the line break itself",
  },
  {
    at: "query?query=up(&time=$time",
    ours: { error: "1:1: parse error:" },
    theirs: { error: "1:4: parse error:" },
    why: "no function has that name; there the bracket that is not closed is met first",
  },
  {
    at: "labels?match[]=(",
    ours: { error: "1:2: parse error:" },
    theirs: { error: "1:1: parse error:" },
    why: "our one parser takes a bracket; theirs for selectors does not",
  },
  {
    at: "query?query=up&time=$time&stats=all",
    ours: { data: { resultType: "vector" } },
    theirs: { data: { resultType: "vector", stats: expect.anything() } },
    why: "we keep no statistics of a query",
  },
] as const;

beforeAll(async () => {
  if (hasPrometheus()) peers = await openPeers();
});
afterAll(async () => {
  // There is none when it did not start, which is said already.
  await (peers as Peers | undefined)?.close();
});

describe.skipIf(!hasPrometheus())("the same request to Prometheus and to us", () => {
  test.each(GET)("GET %s", async (at) => {
    const { ours, theirs } = await both(encoded(at));
    const isComputed = at.includes("rate(");
    expect(comparable(ours, isComputed)).toEqual(comparable(theirs, isComputed));
    expect(ours.headers.get("content-type")).toMatch(/^application\/json/);
  });

  test.each(POSTS)("POST %s with %s", async (at, form) => {
    const { ours, theirs } = await both(encoded(at), {
      method: "POST",
      headers: { ...GRAFANA, "content-type": FORM },
      body: filled(form),
    });
    expect(comparable(ours)).toEqual(comparable(theirs));
  });

  test("the data is there and is not all alike (control)", async () => {
    const { ours } = await both(encoded("query?query=up&time=$time"));
    const { data } = comparable(ours) as { data: { result: readonly Row[] } };
    expect(data.result.map(({ metric }) => metric["instance"])).toEqual([
      ...["a:9100", "b:9100", "c:9100"],
    ]);
    const { theirs } = await both(encoded("query?query=odd&time=$time"));
    expect(comparable(theirs)).not.toEqual(comparable(ours));
  });

  test.each(DIFFERENCES)("$at differs: $why", async ({ at, ours, theirs }) => {
    const told = await both(encoded(at));
    expect(comparable(told.ours)).toMatchObject(ours);
    expect(comparable(told.theirs)).toMatchObject(theirs);
  });

  test("a large answer is packed when the caller asks for it, and only then", async () => {
    const at = encoded("query_range?query=up&start=$start&end=$end&step=15");
    const packed = await ask(peers.ours, at, { headers: GRAFANA });
    const plain = await ask(peers.ours, at, { headers: { "accept-encoding": "identity" } });
    expect(packed.headers.get("content-encoding")).toBe("gzip");
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(packed.text).toBe(plain.text);
    const small = await ask(peers.ours, encoded("query?query=1"), { headers: GRAFANA });
    expect(small.headers.get("content-encoding")).toBeNull();
  });

  test("who we are has Prometheus' shape, and no feature Grafana would switch on", async () => {
    const { ours, theirs } = await both(encoded("status/buildinfo"));
    const keysOf = ({ text }: Told) =>
      (JSON.parse(text) as { data: Readonly<Record<string, string>> }).data;
    expect(Object.keys(keysOf(ours))).toEqual(expect.arrayContaining(Object.keys(keysOf(theirs))));
    expect(keysOf(ours)).toMatchObject({ application: "NovaEvo", version: VERSION });
    expect(keysOf(ours)).not.toHaveProperty("features");
  });
});

describe.skipIf(!hasPrometheus() || !existsSync(PROMTOOL))("promtool", () => {
  const promtool = async (url: string, words: readonly string[]) => {
    const [command = "", ...rest] = words.map(filled);
    const flags = rest.filter((word) => word.startsWith("--"));
    const others = rest.filter((word) => !word.startsWith("--"));
    const all = ["query", command, ...flags, url, ...others];
    return run(PROMTOOL, all).then(
      ({ stdout }) => ({ code: 0, lines: stdout.split("\n").toSorted() }),
      (fault: { code: number; stderr: string }) => ({
        code: fault.code,
        lines: [fault.stderr.replace(/.*(bad_data|execution): .*/s, "$1")],
      }),
    );
  };

  test.each([
    [["instant", "--time=$time", "up"]],
    [["instant", "--time=$time", "-o=json", "odd"]],
    [["range", "--start=$start", "--end=$end", "--step=5m", "sum by (job) (up)"]],
    [["series", "--start=$start", "--end=$end", "--match=up", "--match=texts"]],
    [["labels", "--start=$start", "--end=$end", "job"]],
    [["labels", "--start=$start", "--end=$end", '--match=up{job="api"}', "instance"]],
    [["labels", "__name__"]],
    [["instant", "sum("]],
    [["instant", "--time=$time", "up * on() up"]],
  ])("query %j says the same of both, with a token as the password", async (words) => {
    const token = peers.lab.tokens.viewer;
    const ours = await promtool(peers.ours.url.replace("//", `//anybody:${token}@`), words);
    expect(ours).toEqual(await promtool(peers.theirs.url, words));
  });

  test("without a token it is refused (control)", async () => {
    const { code, lines } = await promtool(peers.ours.url, ["labels", "job"]);
    expect([code, lines.join()]).toEqual([1, expect.stringContaining("401")]);
  });
});
