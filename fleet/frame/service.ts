/**
 * What a service gives the frame, and what the frame gives a service.
 *
 * Shape:  `open(frame)` opens what the service needs and says its routes, its checks of readiness
 *         and how it closes. A check answers undefined when all is well, or says what is wrong.
 */
import type { Meter } from "@opentelemetry/api";
import type { Log } from "../../src/io/log/json-log.ts";
import type { Db } from "../../src/io/postgres/db.ts";
import type { CallOut } from "./call.ts";
import type { FleetEnv } from "./env.ts";
import type { Faults } from "./faults.ts";
import type { Route } from "./route.ts";

export type Frame = {
  readonly env: FleetEnv;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly meter: Meter;
  readonly faults: Faults;
  readonly call: CallOut;
  /** A pool on FLEET_DATABASE_URL; `ddl` is idempotent and names the schema (`schemaOf(id)`). */
  readonly database: (ddl: string, options?: { readonly max?: number }) => Db;
  /** To be asked before each own write to `path`: throws ENOSPC while the disk is "full". */
  readonly beforeWrite: (path: string) => void;
};

export type Check = () => Promise<string | undefined>;

export type Opened = {
  readonly routes: readonly Route[];
  readonly checks?: Readonly<Record<string, Check>>;
  readonly close?: () => Promise<void>;
};

export type Service = {
  readonly id: string;
  readonly title: string;
  /** Ids of services and `partner:<name>`, as the plan says. */
  readonly dependencies: readonly string[];
  readonly open: (frame: Frame) => Promise<Opened>;
};

export const databaseCheck =
  (db: Db): Check =>
  () =>
    db.query("SELECT 1").then(
      () => undefined,
      (fault: unknown) => (fault instanceof Error ? fault.message : String(fault)),
    );
