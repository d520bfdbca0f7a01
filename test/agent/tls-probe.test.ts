/** Probes over TLS, against certificates that are good, expired, of another name, of a stranger. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import { httpProbe } from "../../src/watch/collect/adapters/probes.ts";
import { tlsProbe, type TlsProbeOptions } from "../../src/watch/collect/adapters/tls-probe.ts";
import { authority, type Issued } from "./certificates.ts";
import { closedPort, lookAt, tcpTarget, type Seen } from "./target.ts";

const PATIENT_MS = 20_000;
const HASTY_MS = 200;
const DAY_S = 86_400;

const ca = authority("Test Root");
const stranger = authority("Another Root");
let dir: string;
let caFile: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "novaevo-tls-"));
  caFile = path.join(dir, "ca.pem");
  await writeFile(caFile, ca.cert);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
const serving = async (own: Issued, more: TlsOptions = {}): Promise<number> => {
  const server = createServer({ ...own, ...more }, (socket) => void socket.end());
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
};
const probe = (port: number, more: Partial<TlsProbeOptions> = {}) =>
  tlsProbe(systemClock, {
    ...{ name: "p", intervalMs: 1_000, timeoutMs: PATIENT_MS, labels: { host: "h" } },
    ...{ host: "127.0.0.1", port, caFile, serverName: "good.example", insecure: false },
    ...more,
  });
const labelIn = ({ samples }: Seen, metric: string, label: string): string | undefined =>
  samples
    .map(({ series }) => new Map(series.labels))
    .find((labels) => labels.get("__name__") === metric)
    ?.get(label);
const reasonIn = (seen: Seen) => labelIn(seen, "probe_failure_info", "reason");
const good = (days?: number) =>
  ca.issue({ names: ["good.example", "127.0.0.1"], ...(days === undefined ? {} : { days }) });

describe("a TLS probe", () => {
  test("of a good server says when the first certificate of its chain expires", async () => {
    const seen = await lookAt(probe(await serving(good(30))));
    expect(seen.values).toMatchObject({
      ...{ probe_success: 1, probe_tls_chain_verified: 1, probe_tls_name_matched: 1 },
    });
    const inS = seen.values["probe_ssl_earliest_cert_expiry"]! - Date.now() / 1_000;
    // The root lives ten years: the leaf's end counts.
    expect(inS / DAY_S).toBeGreaterThan(29);
    expect(inS / DAY_S).toBeLessThanOrEqual(30);
    expect(labelIn(seen, "probe_tls_version_info", "version")).toBe("TLS 1.3");
    expect(labelIn(seen, "probe_tls_cipher_info", "cipher")).toMatch(/^TLS_/);
    expect(seen.values["probe_duration_seconds"]).toBeGreaterThan(0);
  });

  test("says the version that was agreed on", async () => {
    const port = await serving(good(), { maxVersion: "TLSv1.2" });
    const seen = await lookAt(probe(port));
    expect(labelIn(seen, "probe_tls_version_info", "version")).toBe("TLS 1.2");
  });

  test("without a name compares the address", async () => {
    const port = await serving(good());
    const seen = await lookAt(probe(port, { serverName: undefined }));
    expect(seen.values).toMatchObject({ probe_success: 1, probe_tls_name_matched: 1 });
  });

  test.each([
    ["expired", () => good(-1), "expired", 0, 1],
    ["another's name", () => ca.issue({ names: ["other.example"] }), "name", 1, 0],
    ["a stranger's", () => stranger.issue({ names: ["good.example"] }), "untrusted", 0, 1],
    ["its own root", () => authority("good.example"), "untrusted", 0, 1],
  ])("of a certificate that is %s", async (_, issued, reason, isVerified, isNamed) => {
    const port = await serving(issued());
    const seen = await lookAt(probe(port));
    expect(reasonIn(seen)).toBe(reason);
    expect(seen.values).toMatchObject({
      ...{
        probe_success: 0,
        probe_tls_chain_verified: isVerified,
        probe_tls_name_matched: isNamed,
      },
    });
    expect(seen.values["probe_ssl_earliest_cert_expiry"]).toBeGreaterThan(0);
    // Control: where it is told not to look, the handshake is enough; the figures are the same.
    const blind = await lookAt(probe(port, { insecure: true }));
    expect(blind.values).toMatchObject({
      ...{
        probe_success: 1,
        probe_tls_chain_verified: isVerified,
        probe_tls_name_matched: isNamed,
      },
    });
  });

  test("an expiry that has passed is a time in the past", async () => {
    const seen = await lookAt(probe(await serving(good(-1))));
    const inS = seen.values["probe_ssl_earliest_cert_expiry"]! - Date.now() / 1_000;
    expect(inS).toBeLessThan(-0.9 * DAY_S);
  });

  test("where nobody listens", async () => {
    expect(reasonIn(await lookAt(probe(await closedPort())))).toBe("refused");
  });

  test("of a server that does not speak TLS", async () => {
    const target = await tcpTarget((socket) => void socket.end("220 mail.example ESMTP\r\n"));
    closers.push(target.close);
    expect(reasonIn(await lookAt(probe(target.port)))).toBe("handshake");
  });

  test("of a server that says nothing ends in time", async () => {
    const target = await tcpTarget(() => undefined);
    closers.push(target.close);
    const seen = await lookAt(probe(target.port, { timeoutMs: HASTY_MS }));
    expect(reasonIn(seen)).toBe("timeout");
  });

  test("of a name that does not exist", async () => {
    expect(reasonIn(await lookAt(probe(443, { host: "no-such-host.invalid" })))).toBe("dns");
  });

  test("whose authority cannot be read says so", async () => {
    const port = await serving(good());
    const seen = await lookAt(probe(port, { caFile: path.join(dir, "gone.pem") }));
    expect(reasonIn(seen)).toBe("certificate_file");
  });
});

describe("an HTTP probe over TLS", () => {
  const serveHttps = async (own: Issued): Promise<string> => {
    const server = createHttps(own, (_, response) => void response.end("ok"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  const probeOf = (url: string, tls: Parameters<typeof httpProbe>[1]["tls"]) =>
    httpProbe(systemClock, {
      ...{
        name: "p",
        intervalMs: 1_000,
        timeoutMs: PATIENT_MS,
        labels: {},
        url,
        statuses: [],
        tls,
      },
    });

  test("says the expiry beside the status", async () => {
    const url = await serveHttps(good(30));
    const { values } = await lookAt(probeOf(url, { caFile, insecure: false }));
    expect(values).toMatchObject({
      ...{ probe_success: 1, probe_http_status_code: 200, probe_http_ssl: 1 },
      ...{ probe_http_version: 1.1, probe_http_uncompressed_body_length: 2 },
    });
    expect(values["probe_ssl_earliest_cert_expiry"]! - Date.now() / 1_000).toBeGreaterThan(0);
  });

  test("says how long each phase took; together no longer than the whole", async () => {
    const url = await serveHttps(good(30));
    const seen = await lookAt(probeOf(url, { caFile, insecure: false }));
    const phases = new Map(
      seen.samples.flatMap(({ series, value }) => {
        const labels = new Map(series.labels);
        const isPhase = labels.get("__name__") === "probe_http_duration_seconds";
        return isPhase ? [[labels.get("phase")!, value] as const] : [];
      }),
    );
    expect([...phases.keys()].sort()).toEqual([
      ...["connect", "processing", "resolve", "tls", "transfer"],
    ]);
    // An address needs no look-up; the rest takes some time.
    expect(phases.get("resolve")).toBe(0);
    for (const name of ["connect", "tls", "processing"])
      expect(phases.get(name)).toBeGreaterThan(0);
    const sum = [...phases.values()].reduce((a, b) => a + b, 0);
    expect(sum).toBeLessThanOrEqual(seen.values["probe_duration_seconds"]!);
  });

  test("does not believe a stranger, unless it is told to", async () => {
    const url = await serveHttps(stranger.issue({ names: ["127.0.0.1"] }));
    expect((await lookAt(probeOf(url, { caFile, insecure: false }))).values).toMatchObject({
      ...{ probe_success: 0, probe_http_status_code: 0 },
    });
    const blind = await lookAt(probeOf(url, { insecure: true }));
    expect(blind.values["probe_success"]).toBe(1);
  });
});
