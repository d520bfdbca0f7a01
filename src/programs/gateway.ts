/**
 * `novaevo gateway`: the data plane of a region. Serves on with the hub and the supervisor away.
 *
 * Shape:  NOVAEVO_GATEWAY_CONFIG (gateway-config.ts), NOVAEVO_LOG. Says
 *         `{"ready":true,"port":n,"controlPort":n}` on stdout when it serves; stops on SIGTERM,
 *         SIGINT or the end of its parent: takes no more, finishes what runs, then ends.
 * Errors: exit code 2 when its configuration can never work, 1 when it could not start.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../io/clock.ts";
import { jsonLog, type Log } from "../io/log/json-log.ts";
import { openSegmentLog } from "../io/log/segment-log.ts";
import { EXIT_MISCONFIGURED } from "../io/process/child.ts";
import { onStop } from "../io/process/parent.ts";
import { readSecretFile } from "../io/secret/secret-file.ts";
import { newSpanSender, type SpanSender } from "../respond/gateway/adapters/span-sender.ts";
import { allowAll } from "../respond/gateway/admission.ts";
import { newControlDoor } from "../respond/gateway/control.routes.ts";
import { followSupervisor } from "../respond/gateway/discovery.flow.ts";
import { openGateway, STEP_MS, type Gateway } from "../respond/gateway/gateway.flow.ts";
import { newSpanBatch, type SpanBatch } from "../respond/gateway/span-batch.ts";
import { loadGatewayConfig, type GatewayConfig } from "./gateway-config.ts";

export type RunningGateway = {
  readonly port: number;
  readonly controlPort: number;
  readonly close: () => Promise<void>;
};

const ORDERS_SEGMENT_BYTES = 1024 * 1024;
const ORDERS_BYTES = 64 * 1024 * 1024;
const FLUSH_MS = 1_000;
const FLUSH_AT_SPANS = 2_000;
const DRAIN_MS = 5_000;
const DRAIN_LOOK_MS = 20;
const LEAST_KEY_CHARS = 32;

export const startGateway = async (config: GatewayConfig, log: Log): Promise<RunningGateway> => {
  const controlToken = await secretOf(config.controlTokenFile);
  const sessionKey = Buffer.from(await secretOf(config.sessionKeyFile), "utf8");
  const orders = await openSegmentLog({
    dir: path.join(config.dataDir, "orders"),
    maxSegmentBytes: ORDERS_SEGMENT_BYTES,
    maxBytes: ORDERS_BYTES,
  });
  const say = (message: string, fields: Readonly<Record<string, unknown>>): void =>
    log.info(message, fields);
  const { spans, sender } = await spansOf(config);
  const gateway = await openGateway(
    {
      ...{ clock: systemClock, random: Math.random, log: orders, admission: allowAll, spans, say },
      spansDropped: () => sender?.dropped() ?? 0,
    },
    { ...config, sessionKey },
  );
  const timers = timersOf(gateway, spans, sender);
  const named = config.instances.map((one) => ({ ...one, ready: true }));
  gateway.list(named);
  const discovery = await discoveryOf(config, gateway, say);
  const door = newControlDoor(gateway, controlToken);
  await door.listen({ host: "127.0.0.1", port: config.controlPort });
  gateway.server.listen(config.port, config.host);
  await once(gateway.server, "listening");
  return {
    port: portOf(gateway.server.address()),
    controlPort: portOf(door.server.address()),
    close: async () => {
      const closed = once(gateway.server, "close");
      gateway.server.close();
      gateway.server.closeIdleConnections();
      await drained(gateway);
      gateway.server.closeAllConnections();
      await closed;
      await discovery?.stop();
      await door.close();
      timers.forEach(clearInterval);
      await sender?.flush();
      await gateway.close();
    },
  };
};

const secretOf = async (file: string): Promise<string> => {
  const text = (await readSecretFile(file))?.trim() ?? "";
  if (text.length < LEAST_KEY_CHARS)
    throw new GatewayRefused(`${file} must hold at least ${LEAST_KEY_CHARS} characters`);
  return text;
};

/** A start refused for a reason the operator can act on. */
class GatewayRefused extends Error {
  override readonly name = "GatewayRefused";
}

const spansOf = async ({
  otlp,
  region,
}: GatewayConfig): Promise<{ spans: SpanBatch | undefined; sender: SpanSender | undefined }> => {
  if (otlp === undefined) return { spans: undefined, sender: undefined };
  const token = await secretOf(otlp.tokenFile);
  const spans = newSpanBatch({
    "service.name": "api-gateway",
    "service.namespace": "novaevo",
    "service.instance.id": `gateway.${region}`,
    "cloud.region": region,
  });
  return { spans, sender: newSpanSender(spans, { url: otlp.url, token: () => token }) };
};

const timersOf = (
  gateway: Gateway,
  spans: SpanBatch | undefined,
  sender: SpanSender | undefined,
): readonly NodeJS.Timeout[] => {
  let sinceMs = 0;
  const beat = setInterval(() => {
    gateway.step();
    sinceMs += STEP_MS;
    if (sinceMs < FLUSH_MS && (spans?.spans() ?? 0) < FLUSH_AT_SPANS) return;
    sinceMs = 0;
    void sender?.flush();
  }, STEP_MS);
  return [beat];
};

const discoveryOf = async (
  { supervisor, instances }: GatewayConfig,
  gateway: Gateway,
  say: (message: string, fields: Readonly<Record<string, unknown>>) => void,
) => {
  if (supervisor === undefined) return undefined;
  const token = await secretOf(supervisor.tokenFile);
  const named = instances.map((one) => ({ ...one, ready: true }));
  const pause = (forMs: number, signal: AbortSignal): Promise<void> =>
    sleep(forMs, undefined, { signal }).catch(() => undefined);
  return followSupervisor(
    { url: supervisor.url, token: () => token, sleep: pause, random: Math.random, say },
    (found) =>
      gateway.list([
        ...named,
        ...found.flatMap(({ id, service, region, url, state }) =>
          url === null ? [] : [{ id, service, region, url, ready: state === "ready" }],
        ),
      ]),
  );
};

const drained = async (gateway: Gateway): Promise<void> => {
  const untilMs = performance.now() + DRAIN_MS;
  while (gateway.running() > 0 && performance.now() < untilMs) await sleep(DRAIN_LOOK_MS);
};

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === "object" && address !== null ? address.port : 0;

export const runGateway = async (): Promise<number> => {
  const log = jsonLog("gateway");
  const config = loadGatewayConfig(process.env);
  if (!config.ok) {
    process.stderr.write(config.error.map((fault) => `novaevo gateway: ${fault}\n`).join(""));
    return EXIT_MISCONFIGURED;
  }
  try {
    const gateway = await startGateway(config.value, log);
    const asked = new Promise<string>((resolve) => onStop(resolve));
    const { port, controlPort } = gateway;
    process.stdout.write(`${JSON.stringify({ ready: true, port, controlPort })}\n`);
    log.info("stopping", { why: await asked });
    await gateway.close();
    return 0;
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault);
    log.error("the gateway cannot start", { why });
    return fault instanceof GatewayRefused ? EXIT_MISCONFIGURED : 1;
  }
};
