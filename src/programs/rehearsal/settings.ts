/**
 * What the processes of the rehearsal are told: the supervisor's and the gateways' configurations,
 * made of the plan (services, regions, bounds) and of the fleet's manifest (programs, routes).
 *
 * Units:  bytes, cores, ports.
 * Errors: a service of the manifest that the plan has not, or without `scaling`, is named.
 */
import path from "node:path";
import type { Plan, Service } from "../../launch/plan/plan.ts";
import type { GatewaySettings } from "../gateway-config.ts";
import type { SupervisorSettings } from "../supervisor-config.ts";
import { ROOT, type Manifest } from "./manifest.ts";

/** What is running has a version: that of the checkout's platform. */
const VERSION = "1.0.0";
const MEBIBYTE = 1024 * 1024;
const READY_WITHIN_MS = 60_000;
const PARTNER_REGION = "partners";
const PARTNER_MB = 224;
const PARTNER_CORES = 1;

export type Ports = {
  readonly supervisor: number;
  readonly users: number;
  readonly partners: Readonly<Record<string, number>>;
  readonly gateways: Readonly<Record<string, { readonly open: number; readonly control: number }>>;
};
export type Files = {
  /** Where the rehearsal keeps what is its own. */
  readonly dir: string;
  readonly controlToken: string;
  readonly sessionKey: string;
  readonly ingestToken: string;
};
export type Where = {
  readonly ports: Ports;
  readonly files: Files;
  readonly hubUrl: string;
  readonly databaseUrl: string;
};

const local = (port: number): string => `http://127.0.0.1:${port}`;

/** Services that run here, each with its place in the plan. */
export const staged = (
  plan: Plan,
  { services }: Manifest,
): readonly { readonly planned: Service; readonly made: Manifest["services"][number] }[] =>
  services.map((made) => {
    const planned = plan.services.find(({ id }) => id === made.id);
    if (planned?.scaling === undefined)
      throw new Error(`fleet.yaml: ${made.id}: the plan has no such service with a scaling`);
    return { planned, made };
  });

export const regionsOf = (plan: Plan): readonly string[] =>
  (plan.regions ?? []).map(({ id }) => id);

export const supervisorSettings = (
  plan: Plan,
  manifest: Manifest,
  where: Where,
): SupervisorSettings => {
  const { ports, files, hubUrl, databaseUrl } = where;
  const regions = regionsOf(plan);
  return {
    dataDir: path.join(files.dir, "supervisor"),
    port: ports.supervisor,
    tokenFile: files.controlToken,
    rehearsal: true,
    scenariosDir: path.join(ROOT, "fleet", "scenarios"),
    databaseUrl,
    otlp: { url: hubUrl, tokenFile: files.ingestToken },
    gatewayUrls: urls(ports.gateways, ({ open }) => local(open)),
    partners: urls(ports.partners, local),
    // Sixteen processes start at once: on a small machine each takes its time.
    policy: { readyWithinMs: READY_WITHIN_MS },
    services: [
      ...manifest.partners.map(({ id, entry, memoryMb = PARTNER_MB }) => ({
        ...{ id, entry: path.join(ROOT, entry), version: VERSION, cpuCores: PARTNER_CORES },
        memoryBytes: memoryMb * MEBIBYTE,
        regions: { [PARTNER_REGION]: { replicas: 1, min: 1, max: 1 } },
        // Others know a partner by its address, which must outlive its process.
        env: { FLEET_PORT: String(ports.partners[id] ?? 0) },
      })),
      ...staged(plan, manifest).map(({ planned, made }) => {
        const { min, max, cpuCores, memoryMb } = planned.scaling!;
        const bounds = { replicas: min, min, max };
        return {
          id: made.id,
          entry: path.join(ROOT, made.entry),
          version: VERSION,
          cpuCores,
          memoryBytes: memoryMb * MEBIBYTE,
          regions: Object.fromEntries(regions.map((region) => [region, bounds])),
        };
      }),
    ],
  };
};

export const gatewaySettings = (
  plan: Plan,
  manifest: Manifest,
  where: Where,
  region: string,
): GatewaySettings => {
  const { ports, files, hubUrl } = where;
  const own = ports.gateways[region]!;
  return {
    port: own.open,
    controlPort: own.control,
    region,
    regions: [...regionsOf(plan)],
    dataDir: path.join(files.dir, `gateway-${region}`),
    controlTokenFile: files.controlToken,
    sessionKeyFile: files.sessionKey,
    supervisor: { url: local(ports.supervisor), tokenFile: files.controlToken },
    otlp: { url: hubUrl, tokenFile: files.ingestToken },
    routes: staged(plan, manifest).flatMap(({ planned, made }) =>
      made.routes.map(({ criticality, feature, retries, cacheable, ...route }) => ({
        ...route,
        service: made.id,
        criticality: criticality ?? planned.criticality,
        ...(feature === undefined ? {} : { feature }),
        ...(retries === undefined ? {} : { retries }),
        ...(cacheable === undefined ? {} : { cacheable }),
        ...(route.static === undefined ? {} : { static: route.static }),
      })),
    ) as GatewaySettings["routes"],
  };
};

/** The simulated users' own file; its schema is theirs (fleet/users/config.ts). */
export const usersSettings = (
  plan: Plan,
  { ports, files }: Where,
  told: { readonly share: number; readonly releaseFile: string },
) => ({
  releaseFile: told.releaseFile,
  port: ports.users,
  gateways: regionsOf(plan).map((region) => ({ region, url: local(ports.gateways[region]!.open) })),
  sessionKeyFile: files.sessionKey,
  controlTokenFile: files.controlToken,
  load: { share: told.share, compression: 1, shape: "day" },
});

const urls = <V>(
  all: Readonly<Record<string, V>>,
  urlOf: (value: V) => string,
): Record<string, string> =>
  Object.fromEntries(Object.entries(all).map(([name, value]) => [name, urlOf(value)]));
