/**
 * `novaevo rehearse`: NovaEvo, and a platform for it to watch: the fleet's services as real
 * processes in two regions, behind a gateway each, on this machine.
 *
 * Shape:  as `up`, in a folder of its own (NOVAEVO_DATA, default `.novaevo-rehearsal`), so that no
 *         rehearsal is ever mistaken for the real thing. Ports of the gateways and of the control
 *         doors are written to `<data>/run/rehearsal.json`.
 * Errors: as `up`; a manifest that does not fit the plan stops it before anything is started.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { sha256 } from "../ledger/adapters/node-crypto.ts";
import { createSecretFile } from "../io/secret/secret-file.ts";
import type { Child } from "../io/process/child.ts";
import { freePort } from "../io/process/port.ts";
import { parsePlan } from "../launch/plan/parse.ts";
import type { Plan } from "../launch/plan/plan.ts";
import { makeDatabase, programChild, scriptChild } from "./children.ts";
import type { Config } from "./config.ts";
import { Refusal } from "./data-dir.ts";
import { GATEWAY_CONFIG } from "./gateway-config.ts";
import { prepareFirmware } from "./rehearsal/firmware.ts";
import { readManifest, ROOT, type Manifest } from "./rehearsal/manifest.ts";
import {
  gatewaySettings,
  regionsOf,
  supervisorSettings,
  usersSettings,
  type Ports,
  type Where,
} from "./rehearsal/settings.ts";
import { SUPERVISOR_CONFIG } from "./supervisor-config.ts";
import { up, type Besides, type Saying } from "./up.ts";

const PLATFORM_DATABASE = "novaevo_platform";
const SECRET_BYTES = 32;
/** The supervisor waits six seconds for what drains. */
const GRACE_MS = 10_000;
/** Of a million's day: what leaves a small machine room for faults and for the house itself. */
const SHARE = 0.04;

const local = (port: number): string => `http://127.0.0.1:${port}`;

export const rehearse = async (config: Config, saying: Saying = {}): Promise<number> => {
  const plan = await planOf(config);
  const manifest = readManifest();
  if (!manifest.ok) throw new Refusal(manifest.error.join("\n"));
  return up(config, saying, await staging(config, plan, manifest.value));
};

const planOf = async ({ planFile }: Config): Promise<Plan> => {
  const parsed = parsePlan({ sha256 })(await readFile(planFile, "utf8"), path.basename(planFile));
  if (!parsed.ok) throw new Refusal(`${planFile} has problems; see: novaevo plan check`);
  const { plan } = parsed.value;
  if (regionsOf(plan).length === 0) throw new Refusal(`${planFile}: a rehearsal needs regions`);
  return plan;
};

const staging = async (config: Config, plan: Plan, manifest: Manifest): Promise<Besides> => {
  const regions = regionsOf(plan);
  const ports = await portsFor(regions, manifest);
  const dir = path.join(config.dataDir, "rehearsal");
  const files = {
    dir,
    controlToken: path.join(dir, "control-token"),
    sessionKey: path.join(dir, "session-key"),
    ingestToken: path.join(config.dataDir, "agent", "token"),
  };
  const gateways = gatewaysOf(plan, ports);
  return {
    graceMs: GRACE_MS,
    processes: [
      { name: "supervisor", program: "supervisor" },
      ...regions.map((region) => ({ name: `gateway-${region}`, program: "gateway" })),
    ],
    prepare: async (ready, { databaseUrl }) => {
      await prepared({ config, plan, manifest, ports, files }, ready, databaseUrl);
      return {
        hubEnv: {
          NOVAEVO_REHEARSAL: "1",
          NOVAEVO_USERS_URL: local(ports.users),
          NOVAEVO_SUPERVISOR_URL: local(ports.supervisor),
          NOVAEVO_GATEWAY_URLS: gateways.map((one) => `${one.region}=${local(one.control)}`).join(),
          NOVAEVO_CONTROL_TOKEN_FILE: files.controlToken,
        },
        watched: {
          scrapes: [
            { job: "supervisor", url: `${local(ports.supervisor)}/metrics`, isHonest: true },
            { job: "simulated-users", url: `${local(ports.users)}/metrics`, isHonest: false },
            ...gateways.map(({ control }) => ({
              ...{ job: "api-gateway", url: `${local(control)}/metrics`, isHonest: false },
            })),
          ],
          processes: regions.map((region) => ({
            ...{ name: `gateway-${region}`, service: "api-gateway" },
          })),
        },
      };
    },
    begin: async (start) => {
      const child = (name: string, program: string, variable: string, file: string): Child =>
        start(programChild(name, program, { [variable]: path.join(dir, file) }));
      const begun = [
        child("supervisor", "supervisor", SUPERVISOR_CONFIG, "supervisor.json"),
        ...regions.map((region) =>
          child(`gateway-${region}`, "gateway", GATEWAY_CONFIG, `gateway-${region}.json`),
        ),
      ];
      await Promise.all(begun.map(({ ready }) => ready));
      // Last: whoever comes before the doors are open would count as an outage.
      const users = { FLEET_USERS_CONFIG: path.join(dir, "users.json") };
      await start(scriptChild("users", path.join(ROOT, "fleet", "users", "main.ts"), users)).ready;
      return gateways.map(({ region, open }) => `Plateforme / platform ${local(open)} (${region})`);
    },
  };
};

const gatewaysOf = (plan: Plan, ports: Ports) =>
  regionsOf(plan).map((region) => ({ region, ...ports.gateways[region]! }));

type Stage = {
  readonly config: Config;
  readonly plan: Plan;
  readonly manifest: Manifest;
  readonly ports: Ports;
  readonly files: Where["files"];
};

/** Secrets, firmware, the platform's database, and a configuration for each process. */
const prepared = async (
  { config, plan, manifest, ports, files }: Stage,
  ready: Config,
  databaseUrl: string,
): Promise<void> => {
  const { dir } = files;
  const gateways = gatewaysOf(plan, ports);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await secret(files.controlToken);
  await secret(files.sessionKey);
  const where: Where = {
    ...{ ports, files, hubUrl: local(ready.port) },
    databaseUrl: await makeDatabase(databaseUrl, PLATFORM_DATABASE),
  };
  await writeJson(path.join(dir, "supervisor.json"), supervisorSettings(plan, manifest, where));
  for (const { region } of gateways) {
    const told = gatewaySettings(plan, manifest, where, region);
    await writeJson(path.join(dir, `gateway-${region}.json`), told);
  }
  const releaseFile = path.join(dir, "firmware.json");
  const instancesDir = path.join(dir, "supervisor", "instances");
  await prepareFirmware({ dir, instancesDir, releaseFile });
  const told = { share: SHARE, releaseFile };
  await writeJson(path.join(dir, "users.json"), usersSettings(plan, where, told));
  await writeJson(path.join(config.dataDir, "run", "rehearsal.json"), {
    usersUrl: local(ports.users),
    supervisorUrl: local(ports.supervisor),
    gateways: gateways.map(({ region, open, control }) => ({
      ...{ region, url: local(open), controlUrl: local(control) },
    })),
    controlTokenFile: files.controlToken,
    sessionKeyFile: files.sessionKey,
  });
};

const portsFor = async (regions: readonly string[], manifest: Manifest): Promise<Ports> => {
  // One after the other, each held until all are known: no two may be the same.
  const taken = new Set<number>();
  const port = async (): Promise<number> => {
    let found = await freePort();
    while (taken.has(found)) found = await freePort();
    taken.add(found);
    return found;
  };
  const [supervisor, users] = [await port(), await port()];
  const partners: Record<string, number> = {};
  for (const { id } of manifest.partners) partners[id] = await port();
  const gateways: Record<string, { open: number; control: number }> = {};
  for (const region of regions) gateways[region] = { open: await port(), control: await port() };
  return { supervisor, users, partners, gateways };
};

const secret = (file: string): Promise<string> =>
  createSecretFile(file, `${randomBytes(SECRET_BYTES).toString("base64url")}\n`);

/** It holds the database's password. */
const writeJson = (file: string, value: unknown): Promise<void> =>
  writeFile(file, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
