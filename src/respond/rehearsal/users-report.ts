/**
 * What the program of the simulated users says of itself, as far as people are shown it.
 *
 * Units:  ms, requests per second; shares 0 to 1.
 */
import * as z from "zod";

const figure = z.number().nullable();
const quantiles = z.object({ p50: figure, p95: figure, p99: figure });

export const usersReport = z.object({
  share: z.number(),
  compression: z.number(),
  shape: z.enum(["day", "peak"]),
  verdict: z.enum(["valid", "void", "unknown"]),
  why: z.string(),
  elapsedMs: z.number(),
  requests: z.number(),
  requestsPerS: z.number(),
  nominalPerS: z.number(),
  registeredUsers: z.number(),
  distinctUsers: z.number(),
  sessions: z.number(),
  errorShare: figure,
  latencyMs: quantiles,
  sessionStartMs: quantiles,
  latenessP99Ms: figure,
});
