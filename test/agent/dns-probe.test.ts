/** The DNS probe against a name server that answers as the test says. */
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import { dnsProbe, type DnsProbeOptions } from "../../src/watch/collect/adapters/dns-probe.ts";
import { lookAt, type Seen } from "./target.ts";
import { nameServer, TYPE, wireName, type NameServer, type Reply } from "./name-server.ts";

const PATIENT_MS = 20_000;
const HASTY_MS = 200;
const NAME = "novaevo.example";

let server: NameServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
const serving = async (answer: () => Reply | Uint8Array | undefined): Promise<string> => {
  server = await nameServer(answer);
  return server.address;
};
const probe = (resolver: string, more: Partial<DnsProbeOptions> = {}) =>
  dnsProbe(systemClock, {
    ...{ name: "p", intervalMs: 1_000, timeoutMs: PATIENT_MS, labels: { host: "h" } },
    ...{ query: NAME, type: "A", resolver, expected: [] },
    ...more,
  });
const reasonIn = ({ samples }: Seen): string | undefined => {
  const found = samples.map(({ series }) => new Map(series.labels));
  return found.find((l) => l.get("__name__") === "probe_failure_info")?.get("reason");
};
const a = (last: number) => ({ type: TYPE.A, data: Uint8Array.from([192, 0, 2, last]) });

test("an answer is counted and timed, under the probe's name", async () => {
  const seen = await lookAt(probe(await serving(() => ({ records: [a(1), a(2)] }))));
  expect(seen.values).toMatchObject({
    ...{ probe_success: 1, probe_dns_query_succeeded: 1, probe_dns_answer_rrs: 2 },
  });
  expect(seen.values["probe_dns_lookup_time_seconds"]).toBeGreaterThan(0);
  expect(seen.values).not.toHaveProperty("probe_failure_info");
  expect(Object.fromEntries(seen.samples[0]!.series.labels)).toEqual({
    ...{ __name__: "probe_success", probe: "p", host: "h" },
  });
});

const uint16 = (...numbers: readonly number[]): Buffer =>
  Buffer.from(numbers.flatMap((n) => [n >> 8, n & 255]));
const text = (...parts: readonly string[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from([part.length, ...Buffer.from(part)])));
const AAAA = Buffer.from("20010db8000000000000000000000001", "hex");

test.each<[DnsProbeOptions["type"], Uint8Array, string]>([
  ["A", Uint8Array.from([192, 0, 2, 7]), "192.0.2.7"],
  ["AAAA", AAAA, "2001:db8::1"],
  ["CNAME", wireName("Edge.example"), "edge.example."],
  ["NS", wireName("ns1.example"), "ns1.example"],
  ["MX", Buffer.concat([uint16(10), wireName("mail.example")]), "10 mail.example"],
  ["SRV", Buffer.concat([uint16(1, 2, 443), wireName("api.example")]), "1 2 443 api.example"],
  ["TXT", text("v=spf1 ", "-all"), "v=spf1 -all"],
  [
    "CAA",
    Buffer.concat([Buffer.from([0]), text("issue"), Buffer.from("ca.example")]),
    "0 issue ca.example",
  ],
])("%s records are compared as a zone file writes them", async (type, data, expected) => {
  const records = [{ type: TYPE[type as keyof typeof TYPE], data }];
  const resolver = await serving(() => ({ records }));
  const good = await lookAt(probe(resolver, { type, expected: [expected] }));
  expect(reasonIn(good)).toBeUndefined();
  expect(good.values["probe_success"]).toBe(1);
  const bad = await lookAt(probe(resolver, { type, expected: [`${expected}x`] }));
  expect(reasonIn(bad)).toBe("unexpected");
  expect(bad.values).toMatchObject({ probe_success: 0, probe_dns_query_succeeded: 1 });
});

describe("a failure is named", () => {
  const failures: readonly [string, () => Reply | Uint8Array | undefined, string, number][] = [
    ["no such name", () => ({ rcode: 3 }), "nxdomain", 1],
    ["no such record", () => ({}), "nodata", 1],
    ["a server in trouble", () => ({ rcode: 2 }), "servfail", 0],
    ["a server that refuses", () => ({ rcode: 5 }), "refused", 0],
    ["silence", () => undefined, "timeout", 0],
    ["bytes that are no answer", () => Uint8Array.from([1, 2, 3]), "malformed", 0],
  ];
  test.each(failures)("%s", async (_, answer, reason, isAnswered) => {
    const isHasty = reason === "timeout";
    const resolver = await serving(answer);
    const seen = await lookAt(probe(resolver, isHasty ? { timeoutMs: HASTY_MS } : {}));
    expect(seen.why).toBeUndefined();
    expect(reasonIn(seen)).toBe(reason);
    expect(seen.values).toMatchObject({
      ...{ probe_success: 0, probe_dns_query_succeeded: isAnswered, probe_dns_answer_rrs: 0 },
    });
  });

  test("a record cut short", async () => {
    const records = [{ type: TYPE.A, data: Uint8Array.from([192, 0]) }];
    const seen = await lookAt(probe(await serving(() => ({ records }))));
    expect(reasonIn(seen)).toBe("malformed");
  });
});

test("every look asks the server: no cache answers for it", async () => {
  const collector = probe(await serving(() => ({ records: [a(1)] })));
  for (let look = 0; look < 3; look += 1) await lookAt(collector);
  expect(server!.asked()).toBe(3);
});

test("stopping ends a question that hangs", async () => {
  const stop = new AbortController();
  const resolver = await serving(() => {
    stop.abort();
    return undefined;
  });
  const seen = await lookAt(probe(resolver), stop.signal);
  expect(seen.values["probe_success"]).toBe(0);
});
