/**
 * Machines, storage and network as tables, from what was answered.
 *
 * Units:  as in the contract: shares, bytes, bytes per second; a step's instants in ms.
 */
import { joinRows, largest, type Answers } from "./rows.ts";
import type { INFRASTRUCTURE, TRENDS } from "./tab-queries.ts";

export const TREND_MS = 15 * 60_000;
export const TREND_STEP_MS = 30_000;
const MAX_HOSTS = 200;
const MAX_DEVICES = 400;

export type InfrastructureAnswers = Answers<keyof typeof INFRASTRUCTURE>;
export type TrendSeries = {
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly timestamps: ArrayLike<number>;
  readonly values: ArrayLike<number>;
};
export type TrendAnswers = { readonly [K in keyof typeof TRENDS]: readonly TrendSeries[] };

const HOST = ["cpu", "cores", "load", "memory", "memoryUsed", "memoryLimit", "storage"] as const;
const HOST_IO = ["hostRead", "hostWrite", "hostReceive", "hostTransmit"] as const;
const FILE = ["fileUsed", "fileUsedBytes", "fileFreeBytes"] as const;
const DISK = ["diskRead", "diskWrite", "diskOperations", "diskBusy"] as const;
const DEVICE = [
  ...(["deviceReceive", "deviceTransmit", "deviceUse"] as const),
  ...(["deviceErrors", "deviceDropped"] as const),
];

export const infrastructureTables = (
  answers: InfrastructureAnswers,
  trends: TrendAnswers,
  startMs: number,
) => {
  const hosts = largest(hostRows(answers, trends, startMs), MAX_HOSTS, ({ cpu }) => cpu);
  const fileSystems = largest(fileRows(answers), MAX_DEVICES, ({ used }) => used);
  const disks = largest(diskRows(answers), MAX_DEVICES, ({ busy }) => busy);
  const networks = largest(
    networkRows(answers),
    MAX_DEVICES,
    ({ receivePerSecond, transmitPerSecond }) => (receivePerSecond ?? 0) + (transmitPerSecond ?? 0),
  );
  const lists = { hosts, fileSystems, disks, networks };
  return {
    hosts: hosts.items,
    fileSystems: fileSystems.items,
    disks: disks.items,
    networks: networks.items,
    cut: Object.entries(lists).flatMap(([name, { isCut }]) => (isCut ? [name] : [])),
  };
};

const hostRows = (answers: InfrastructureAnswers, trends: TrendAnswers, startMs: number) => {
  const cpu = trendsByHost(trends.cpu, startMs);
  const memory = trendsByHost(trends.memory, startMs);
  return joinRows(answers, ["host"], [...HOST, ...HOST_IO]).map(({ key, at }) => {
    const host = key["host"] ?? "";
    return {
      host,
      cpu: at("cpu"),
      cores: at("cores"),
      load: at("load"),
      memory: at("memory"),
      memoryUsedBytes: at("memoryUsed"),
      memoryLimitBytes: at("memoryLimit"),
      storage: at("storage"),
      readPerSecond: at("hostRead"),
      writePerSecond: at("hostWrite"),
      receivePerSecond: at("hostReceive"),
      transmitPerSecond: at("hostTransmit"),
      trend: {
        stepMs: TREND_STEP_MS,
        cpu: cpu.get(host) ?? [],
        memory: memory.get(host) ?? [],
      },
    };
  });
};

const trendsByHost = (
  series: readonly TrendSeries[],
  startMs: number,
): ReadonlyMap<string, (number | null)[]> =>
  new Map(
    series.map(({ labels, timestamps, values }) => {
      const size = TREND_MS / TREND_STEP_MS + 1;
      const points: (number | null)[] = Array.from({ length: size }, () => null);
      for (let i = 0; i < timestamps.length; i += 1) {
        const slot = Math.round(((timestamps[i] ?? 0) - startMs) / TREND_STEP_MS);
        const value = values[i] ?? Number.NaN;
        if (slot >= 0 && slot < size && Number.isFinite(value)) points[slot] = rounded(value);
      }
      return [new Map(labels).get("host") ?? "", points];
    }),
  );

/** A thumb-sized line shows no more than a thousandth. */
const rounded = (share: number): number => Math.round(share * 1_000) / 1_000;

const fileRows = (answers: InfrastructureAnswers) =>
  joinRows(answers, ["host", "mountpoint", "device", "type"], FILE).map(({ key, at }) => ({
    host: key["host"] ?? "",
    mountpoint: key["mountpoint"] ?? "",
    device: key["device"] ?? "",
    type: key["type"] ?? "",
    used: at("fileUsed"),
    usedBytes: at("fileUsedBytes"),
    freeBytes: at("fileFreeBytes"),
  }));

const diskRows = (answers: InfrastructureAnswers) =>
  joinRows(answers, ["host", "device"], DISK).map(({ key, at }) => ({
    host: key["host"] ?? "",
    device: key["device"] ?? "",
    readPerSecond: at("diskRead"),
    writePerSecond: at("diskWrite"),
    operationsPerSecond: at("diskOperations"),
    busy: at("diskBusy"),
  }));

const networkRows = (answers: InfrastructureAnswers) =>
  joinRows(answers, ["host", "device"], DEVICE).map(({ key, at }) => ({
    host: key["host"] ?? "",
    device: key["device"] ?? "",
    receivePerSecond: at("deviceReceive"),
    transmitPerSecond: at("deviceTransmit"),
    utilization: at("deviceUse"),
    errorsPerSecond: at("deviceErrors"),
    droppedPerSecond: at("deviceDropped"),
  }));
