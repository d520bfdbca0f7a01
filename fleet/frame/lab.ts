/**
 * For tests: a service in this process on a free port, and what a test asks of it.
 *
 * Shape:  `startForTest(service, { databaseUrl, partners, … })` → `call("POST", "/obd2/…", body)`.
 *         Every answer is held against its schema: what does not fit is a 500.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { jsonLog } from "../../src/io/log/json-log.ts";
import type { FleetEnv } from "./env.ts";
import { runService } from "./start.ts";
import type { Service } from "./service.ts";

export const FAULT_TOKEN = "a-token-of-the-tests";

type CallLab = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<{ readonly status: number; readonly body: any; readonly headers: Headers }>;

export type Lab = {
  readonly url: string;
  readonly env: FleetEnv;
  readonly call: CallLab;
  readonly fault: (order: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly liftFaults: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export const startForTest = async (
  service: Service,
  options: Partial<FleetEnv> & { readonly dice?: () => number } = {},
): Promise<Lab> => {
  const { dice, ...given } = options;
  const dataDir = given.dataDir ?? (await mkdtemp(path.join(tmpdir(), "novaevo-fleet-")));
  const env: FleetEnv = {
    ...{
      service: service.id,
      instance: `${service.id}.paris.1`,
      region: "paris",
      version: "1.0.0",
    },
    ...{ databaseUrl: undefined, gatewayUrl: undefined, port: 0, otlp: undefined, partners: {} },
    ...{ faultToken: FAULT_TOKEN, ...given, dataDir },
  };
  const log = jsonLog(service.id, { level: "error" });
  const running = await runService(service, env, log, {
    checkAnswers: true,
    ...(dice === undefined ? {} : { dice }),
  });
  const url = `http://127.0.0.1:${running.port}`;
  const call = callOn(url);
  const door = async (method: string, body?: unknown): Promise<void> => {
    const answer = await call(method, "/_fault", body, { "x-fault-token": FAULT_TOKEN });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  };
  return {
    ...{ url, env, call },
    fault: (order) => door("POST", order),
    liftFaults: () => door("DELETE"),
    stop: async () => {
      await running.stop();
      if (given.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
};

const callOn =
  (url: string): CallLab =>
  async (method, where, body, headers = {}) => {
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(url + where, {
      method,
      headers: { ...type, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === "" ? null : JSON.parse(text),
    };
  };

export type SpawnedLab = {
  readonly child: ChildProcess;
  readonly call: CallLab;
  /** Resolves with the exit code, or null after a signal that cannot be caught. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
};

/** A service as the process it is, for what only a process can go through. */
export const spawnForTest = async (
  id: string,
  env: Readonly<Record<string, string>>,
): Promise<SpawnedLab> => {
  const main = fileURLToPath(new URL(`../${id}/main.ts`, import.meta.url));
  const child = spawn(process.execPath, ["--max-old-space-size=192", main], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...{ FLEET_SERVICE: id, FLEET_INSTANCE: `${id}.paris.1`, FLEET_REGION: "paris" },
      ...{ FLEET_VERSION: "1.0.0", FLEET_FAULT_TOKEN: FAULT_TOKEN, ...env },
    },
  });
  const exited = once(child, "exit");
  const ended = exited.then(([code]) => {
    throw new Error(`${id} ended with ${code} before it was ready`);
  });
  ended.catch(() => undefined);
  const said = once(createInterface({ input: child.stdout }), "line");
  const [line] = await Promise.race([said, ended]);
  const { port } = JSON.parse(String(line)) as { port?: number };
  if (port === undefined) throw new Error(`${id} said ${line}`);
  return {
    child,
    call: callOn(`http://127.0.0.1:${port}`),
    end: async (signal) => {
      child.kill(signal);
      const [code] = await exited;
      return code as number | null;
    },
  };
};

/**
 * What is wrong with a service's OpenAPI: an empty list is a document a client can be made from.
 */
export const openApiFaults = (document: any): readonly string[] => {
  const wrong: string[] = [];
  if (document.openapi !== "3.1.0") wrong.push("openapi: not 3.1.0");
  const ids = new Set<string>();
  for (const [where, methods] of Object.entries<any>(document.paths ?? {}))
    for (const [method, operation] of Object.entries<any>(methods)) {
      const at = `${method} ${where}`;
      if (ids.has(operation.operationId)) wrong.push(`${at}: operationId is there twice`);
      ids.add(operation.operationId);
      const said = operation.parameters.filter((one: any) => one.in === "path");
      const named = [...where.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      if (named.join() !== said.map((one: any) => one.name).join())
        wrong.push(`${at}: the path's parameters are not those declared`);
      if (!Object.keys(operation.responses).some((status) => status.startsWith("2")))
        wrong.push(`${at}: no good answer`);
    }
  const text = JSON.stringify(document);
  for (const [, ref] of text.matchAll(/"\$ref":"([^"]+)"/g)) {
    const found = ref!.startsWith("#/")
      ? ref!
          .slice(2)
          .split("/")
          .reduce<any>((at, key) => at?.[key], document)
      : undefined;
    if (found === undefined) wrong.push(`${ref}: leads nowhere`);
  }
  if (ids.size === 0) wrong.push("paths: none");
  return wrong;
};
