/**
 * What the infrastructure tab shows: machines, storage, network.
 *
 * Units:  shares 0 to 1, bytes, bytes per second; null where nothing is measured.
 */
import { z } from "zod";
import type { RouteSpec } from "./route.ts";
import { Instant, UnknownWhy } from "./words.ts";

const Figure = z.number().nullable();

export const Host = z.object({
  host: z.string(),
  cpu: Figure,
  cores: Figure,
  /** Threads that run or wait, over one minute. */
  load: Figure,
  memory: Figure,
  memoryUsedBytes: Figure,
  memoryLimitBytes: Figure,
  /** Of the fullest file system. */
  storage: Figure,
  readPerSecond: Figure,
  writePerSecond: Figure,
  receivePerSecond: Figure,
  transmitPerSecond: Figure,
  /** The last quarter of an hour, oldest first, a gap where nothing was measured. */
  trend: z.object({ stepMs: z.number(), cpu: z.array(Figure), memory: z.array(Figure) }),
});
export type Host = z.infer<typeof Host>;

export const FileSystem = z.object({
  host: z.string(),
  mountpoint: z.string(),
  device: z.string(),
  type: z.string(),
  used: Figure,
  usedBytes: Figure,
  freeBytes: Figure,
});
export type FileSystem = z.infer<typeof FileSystem>;

export const Disk = z.object({
  host: z.string(),
  device: z.string(),
  readPerSecond: Figure,
  writePerSecond: Figure,
  operationsPerSecond: Figure,
  /** Share of the time it had something to do. */
  busy: Figure,
});
export type Disk = z.infer<typeof Disk>;

export const NetworkDevice = z.object({
  host: z.string(),
  device: z.string(),
  receivePerSecond: Figure,
  transmitPerSecond: Figure,
  /** Share of the link's speed, of the busier direction. */
  utilization: Figure,
  errorsPerSecond: Figure,
  droppedPerSecond: Figure,
});
export type NetworkDevice = z.infer<typeof NetworkDevice>;

export const Infrastructure = z.object({
  at: Instant,
  hosts: z.array(Host),
  fileSystems: z.array(FileSystem),
  disks: z.array(Disk),
  networks: z.array(NetworkDevice),
  /** Lists that are longer than what is shown, by name. */
  cut: z.array(z.string()),
  /** Why nothing can be shown. */
  why: UnknownWhy.nullable(),
});
export type Infrastructure = z.infer<typeof Infrastructure>;

export const infrastructureRoutes = [
  {
    path: "infrastructure",
    method: "GET",
    access: "viewer",
    summary: "Machines, storage and network, as the agents measure them",
    reply: Infrastructure,
  },
] as const satisfies readonly RouteSpec[];
