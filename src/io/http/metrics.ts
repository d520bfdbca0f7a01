/**
 * The hub's own metrics. They live in memory and need no engine.
 *
 * Names:  Prometheus conventions; durations in seconds.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10];

export type HubMetrics = ReturnType<typeof hubMetrics>;

export const hubMetrics = () => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: "novaevo_http_requests_total",
      help: "Requests answered, by route of the table, method and status.",
      labelNames: ["route", "method", "status", "surface"],
      registers,
    }),
    durations: new Histogram({
      name: "novaevo_http_request_duration_seconds",
      help: "Time from the request's arrival to the end of its answer.",
      labelNames: ["route", "method", "surface"],
      buckets: BUCKETS_S,
      registers,
    }),
    evaluations: new Counter({
      name: "novaevo_kpi_evaluations_total",
      help: "KPI readings taken, by verdict.",
      labelNames: ["verdict"],
      registers,
    }),
    alertsFiring: new Gauge({
      name: "novaevo_alerts_firing",
      help: "Alerts firing, by severity.",
      labelNames: ["severity"],
      registers,
    }),
    streamClients: new Gauge({
      name: "novaevo_stream_clients",
      help: "Browsers connected to the live stream.",
      registers,
    }),
    streamCut: new Counter({
      name: "novaevo_stream_cut_total",
      help: "Stream clients cut because they read too slowly.",
      registers,
    }),
    faults: new Counter({
      name: "novaevo_faults_total",
      help: "Faults nobody expected, by where they were caught.",
      labelNames: ["where"],
      registers,
    }),
    clockJumps: new Counter({
      name: "novaevo_clock_jumps_total",
      help: "Times the wall clock moved by more than 2 s against the monotonic clock.",
      registers,
    }),
    intakeTaken: new Counter({
      name: "novaevo_intake_taken_total",
      help: "Samples and spans that were acknowledged, by the protocol they came in.",
      labelNames: ["protocol"],
      registers,
    }),
    intakeLeftOut: new Counter({
      name: "novaevo_intake_left_out_total",
      help: "Samples, data points and spans that their senders were told are not kept.",
      labelNames: ["protocol"],
      registers,
    }),
    intakeDeferred: new Counter({
      name: "novaevo_intake_deferred_total",
      help: "Bodies that were asked to come again, because the hub could not keep more.",
      labelNames: ["protocol"],
      registers,
    }),
    signals: new Gauge({
      name: "novaevo_signals",
      help: "State of the telemetry engine: series, window bytes, log bytes, pending records.",
      labelNames: ["what"],
      registers,
    }),
  };
};
