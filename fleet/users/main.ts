/**
 * The program `users`: a million registered users of the platform, and its control door.
 *
 * Shape:  FLEET_USERS_CONFIG names a JSON file (`config.ts`). Says `{"ready":true,"port":n}`.
 *         GET /report what was seen; PUT /load how much is played; POST /restart a measurement
 *         begins anew; /metrics for Prometheus. The end of stdin and SIGTERM stop it.
 * Errors: 400 names the field and the limit, 401 without the control token; exit code 2 for a
 *         configuration that can never work.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { jsonLog } from "../../src/io/log/json-log.ts";
import { loadUsersConfig, loadBody, type UsersConfig } from "./config.ts";
import { newDice } from "./dice.ts";
import { newPopulation } from "./population.ts";
import { publish } from "./publish.flow.ts";
import { openRun, type Run } from "./run.flow.ts";
import { metricsText } from "./metrics.ts";

const EXIT_MISCONFIGURED = 2;
const PUBLISH_TRIES = 60;
const PUBLISH_PAUSE_MS = 1_000;
const log = jsonLog("users");

const main = async (): Promise<void> => {
  const config = loadUsersConfig(process.env);
  if (!config.ok) {
    process.stdout.write(`${JSON.stringify({ refused: config.error })}\n`);
    process.exit(EXIT_MISCONFIGURED);
  }
  const { users, seed, gateways, sessionKeyFile, load, port } = config.value;
  const dice = newDice(seed);
  const population = newPopulation(users, dice);
  const sessionKey = secretIn(sessionKeyFile);
  let image: string | undefined;
  void published(config.value, sessionKey).then((id) => void (image = id));
  const run = openRun({ population, dice, gateways, sessionKey, load, image: () => image });
  const door = doorOf(run, config.value);
  await door.listen({ host: "127.0.0.1", port });
  let isStopping = false;
  const stop = (why: string): void => {
    if (isStopping) return;
    isStopping = true;
    log.info("stopping", { why, report: run.report() });
    void run
      .close()
      .then(() => door.close())
      .then(() => process.exit(0));
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  process.stdin.on("end", () => stop("the parent is gone")).resume();
  const bound = door.server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ ready: true, port: bound.port })}\n`);
  log.info("ready", { port: bound.port, users, bytes: population.bytes });
};

/** The makers' release, as soon as the platform takes it; what cannot be published is left out. */
const published = async (
  { releaseFile, gateways }: UsersConfig,
  sessionKey: string,
): Promise<string | undefined> => {
  if (releaseFile === undefined) return undefined;
  const body = readFileSync(releaseFile, "utf8");
  for (let tries = 0; tries < PUBLISH_TRIES; tries += 1) {
    const image = await publish(gateways[0]!.url, sessionKey, body);
    if (image !== undefined) return image;
    await sleep(PUBLISH_PAUSE_MS);
  }
  log.warn("the firmware was not published: no car is updated");
  return undefined;
};

const secretIn = (file: string): string => readFileSync(file, "utf8").trim();

const doorOf = (run: Run, { controlTokenFile }: UsersConfig): FastifyInstance => {
  const app = Fastify({ bodyLimit: 16 * 1024 });
  const expected = digest(`Bearer ${secretIn(controlTokenFile)}`);
  const isAllowed = ({ headers }: FastifyRequest): boolean =>
    timingSafeEqual(digest(headers.authorization ?? ""), expected);
  app.addHook("onRequest", async (request, reply) => {
    if (request.url === "/metrics" || request.url === "/healthz" || isAllowed(request)) return;
    const error = { code: "unauthenticated", message: "give the control token" };
    return reply.code(401).send({ error });
  });
  app.get("/healthz", async () => ({ alive: true }));
  app.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4").send(metricsText(run.report())),
  );
  app.get("/report", async () => ({ load: run.load(), ...run.report() }));
  app.post("/restart", async () => {
    run.restart();
    return { restarted: true };
  });
  app.put("/load", async (request, reply) => {
    const asked = loadBody.safeParse(request.body);
    if (asked.success) {
      run.setLoad({ ...run.load(), ...asked.data });
      return { load: run.load() };
    }
    const [issue] = asked.error.issues;
    const field = issue?.path.join(".") ?? "";
    const error = { code: "bad_request", message: `${field}: ${issue?.message}`, field };
    return reply.code(400).send({ error });
  });
  return app;
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

await main();
