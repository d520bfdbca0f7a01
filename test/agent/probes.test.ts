/** Probes from outside, against targets of every temper. */
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/io/clock.ts";
import {
  httpProbe,
  tcpProbe,
  type HttpProbeOptions,
} from "../../src/watch/collect/adapters/probes.ts";
import { closedPort, httpTarget, lookAt, tcpTarget, type Target } from "./target.ts";

const PATIENT_MS = 20_000;
const HASTY_MS = 100;
const COMMON = { intervalMs: 1_000, timeoutMs: PATIENT_MS, labels: { host: "h" } };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
const kept = async (opening: Promise<Target>): Promise<Target> => {
  const target = await opening;
  closers.push(target.close);
  return target;
};
const answering = (status: number, headers: Record<string, string> = {}) =>
  kept(httpTarget((_, response) => void response.writeHead(status, headers).end("x")));
const probe = (url: string, more: Partial<HttpProbeOptions> = {}) =>
  httpProbe(systemClock, { ...COMMON, name: "p", url, statuses: [], ...more });

describe("an HTTP probe", () => {
  test.each([
    [200, [], 1],
    [204, [], 1],
    [301, [], 0],
    [404, [], 0],
    [503, [], 0],
    [401, [401, 403], 1],
    [200, [401, 403], 0],
  ])("answered with %i where %j is expected: %i", async (status, statuses, success) => {
    const target = await answering(status, { location: "/" });
    const { values } = await lookAt(probe(target.url, { statuses }));
    expect(values).toMatchObject({ probe_success: success, probe_http_status_code: status });
  });

  test("carries its name, so that the plan finds it", async () => {
    const target = await answering(200);
    const { samples } = await lookAt(probe(target.url, { name: "novaevo-hub" }));
    expect(Object.fromEntries(samples[0]!.series.labels)).toEqual({
      __name__: "probe_success",
      probe: "novaevo-hub",
      host: "h",
    });
  });

  test("without an answer says 0, and is no fault of the collector", async () => {
    const url = `http://127.0.0.1:${await closedPort()}/`;
    const seen = await lookAt(probe(url));
    expect(seen.why).toBeUndefined();
    expect(seen.values).toMatchObject({ probe_success: 0, probe_http_status_code: 0 });
  });

  test("of a target that hangs ends in time", async () => {
    const target = await kept(tcpTarget(() => undefined));
    const seen = await lookAt(probe(target.url, { timeoutMs: HASTY_MS }));
    expect(seen.values["probe_success"]).toBe(0);
    expect(seen.values["probe_duration_seconds"]).toBeGreaterThanOrEqual(0.09);
  });
});

describe("a TCP probe", () => {
  const tcp = (port: number, host = "127.0.0.1", timeoutMs = PATIENT_MS) =>
    tcpProbe(systemClock, { ...COMMON, timeoutMs, name: "p", host, port });

  test("of a port that accepts is 1", async () => {
    const target = await kept(tcpTarget((socket) => void socket.end()));
    const { values } = await lookAt(tcp(target.port));
    expect(values["probe_success"]).toBe(1);
    expect(values).not.toHaveProperty("probe_http_status_code");
  });

  test("of a port where nobody listens is 0", async () => {
    expect((await lookAt(tcp(await closedPort()))).values["probe_success"]).toBe(0);
  });

  test("of a name that does not exist is 0", async () => {
    const seen = await lookAt(tcp(80, "no-such-host.invalid"));
    expect(seen.values["probe_success"]).toBe(0);
  });
});
