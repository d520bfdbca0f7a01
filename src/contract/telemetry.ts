/** Doors for what others measure: Prometheus sends here unchanged. */
import type { RouteSpec } from "./route.ts";

const MAX_TELEMETRY_BYTES = 16 * 1024 * 1024;
const PROTOBUF = "application/x-protobuf";

export const telemetryRoutes = [
  {
    path: "remoteWrite",
    method: "POST",
    access: "ingest",
    summary: "Prometheus remote write 1.0, snappy",
    raw: PROTOBUF,
    maxBodyBytes: MAX_TELEMETRY_BYTES,
  },
] as const satisfies readonly RouteSpec[];
