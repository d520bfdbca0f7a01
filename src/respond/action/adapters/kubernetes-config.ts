/**
 * Where the platform's services are in a cluster: service and region → namespace and labels.
 *
 * Shape:  a Deployment is found by the labels of its region and its service together; exactly one
 *         may match. `kubeconfig` null: the credentials that Kubernetes mounts into a pod.
 * Units:  ms; replicas.
 * Errors: the schema names the field; `locate` throws unknown_target for what is not configured.
 */
import * as z from "zod";
import { ActuatorFault } from "../port.ts";

const MAX_SERVICES = 64;
const MAX_REGIONS = 16;
const MAX_REPLICAS = 1_000;
const MAX_LABELS = 16;
const TIMEOUT_MS = 5_000;
const MAX_TIMEOUT_MS = 60_000;

const dnsLabel = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "1 to 63 of a-z, 0-9 and -, as a DNS label");
const labelKey = z
  .string()
  .max(317)
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    "a label's key, e.g. app.kubernetes.io/name",
  );
const labelValue = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    "a label's value, 1 to 63 characters",
  );
const atMost = (limit: number, what: string) => ({
  check: (value: object) => Object.keys(value).length <= limit,
  says: `at most ${limit} ${what}`,
});
const few = atMost(MAX_LABELS, "labels");
const regions = atMost(MAX_REGIONS, "regions");
const services = atMost(MAX_SERVICES, "services");

const serviceSchema = z
  .strictObject({
    labels: z
      .record(labelKey, labelValue)
      .refine(few.check, few.says)
      .refine((labels) => Object.keys(labels).length > 0, "at least one label"),
    /** The container whose image says the version; absent: the first. */
    container: dnsLabel.optional(),
    min: z.int().min(0).max(MAX_REPLICAS).default(1),
    max: z.int().min(1).max(MAX_REPLICAS),
  })
  .refine(({ min, max }) => min <= max, { path: ["min"], error: "min is more than max" });

export const kubernetesConfig = z.strictObject({
  kubeconfig: z.string().min(1).max(4_096).nullable(),
  /** A context of the kubeconfig; absent: its current one. */
  context: z.string().min(1).max(253).optional(),
  timeoutMs: z.int().min(100).max(MAX_TIMEOUT_MS).default(TIMEOUT_MS),
  regions: z
    .record(
      dnsLabel,
      z.strictObject({
        namespace: dnsLabel,
        labels: z.record(labelKey, labelValue).refine(few.check, few.says).default({}),
      }),
    )
    .refine(regions.check, regions.says)
    .refine((all) => Object.keys(all).length > 0, "at least one region"),
  services: z
    .record(dnsLabel, serviceSchema)
    .refine(services.check, services.says)
    .refine((all) => Object.keys(all).length > 0, "at least one service"),
});
export type KubernetesConfig = z.infer<typeof kubernetesConfig>;

/** One service in one region. */
export type Target = {
  readonly service: string;
  readonly region: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly container: string | undefined;
  readonly min: number;
  readonly max: number;
};

export const locate = (config: KubernetesConfig, service: string, region: string): Target => {
  const ofRegion = config.regions[region];
  const ofService = config.services[service];
  if (ofRegion === undefined || ofService === undefined) {
    const what = ofService === undefined ? `service ${service}` : `region ${region}`;
    throw new ActuatorFault("unknown_target", `kubernetes: ${what} is not in the configuration`);
  }
  const { container, min, max } = ofService;
  const labels = { ...ofRegion.labels, ...ofService.labels };
  return { service, region, namespace: ofRegion.namespace, labels, container, min, max };
};

export const everyTarget = (config: KubernetesConfig): readonly Target[] =>
  Object.keys(config.services).flatMap((service) => everyRegion(config, service));

export const everyRegion = (config: KubernetesConfig, service: string): readonly Target[] =>
  Object.keys(config.regions).map((region) => locate(config, service, region));
