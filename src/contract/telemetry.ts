/** Doors for what others measure: Prometheus and OpenTelemetry send here unchanged. */
import type { RouteSpec } from "./route.ts";

const MAX_TELEMETRY_BYTES = 16 * 1024 * 1024;
const PROTOBUF = "application/x-protobuf";
const OTLP = [PROTOBUF, "application/json"] as const;

export const telemetryRoutes = [
  {
    path: "remoteWrite",
    method: "POST",
    access: "ingest",
    summary: "Prometheus remote write 1.0, snappy",
    raw: PROTOBUF,
    maxBodyBytes: MAX_TELEMETRY_BYTES,
  },
  {
    path: "otlpMetrics",
    method: "POST",
    access: "ingest",
    summary: "OTLP/HTTP metrics, protobuf or JSON",
    raw: PROTOBUF,
    takes: OTLP,
    maxBodyBytes: MAX_TELEMETRY_BYTES,
  },
  {
    path: "otlpTraces",
    method: "POST",
    access: "ingest",
    summary: "OTLP/HTTP traces, protobuf or JSON",
    raw: PROTOBUF,
    takes: OTLP,
    maxBodyBytes: MAX_TELEMETRY_BYTES,
  },
] as const satisfies readonly RouteSpec[];
