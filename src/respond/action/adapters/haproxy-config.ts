/**
 * Which HAProxy, and what of it is ours: its admin socket, backends, frontend and maps.
 *
 * Shape:  a service's backend and its servers, whose names are the instances' ids
 *         (`<service>.<region>.<nth>`). The maps are the files that HAProxy's own configuration
 *         names (docs/actuators.md has it); the actuator writes them too, so that a reload keeps
 *         what is in force.
 * Units:  ms; connections.
 * Errors: the schema names the field.
 */
import * as z from "zod";

const MAX_BACKENDS = 64;
const MAX_CONNECTIONS = 1_000_000;
/** A UNIX socket's path; longer ones no system takes. */
const MAX_SOCKET_PATH = 107;

const token = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,63}$/, "1 to 63 of A-Z, a-z, 0-9, '.', '_' and -");
const file = z
  .string()
  .max(1_024)
  .regex(/^\/[A-Za-z0-9/._-]+$/, "an absolute path of A-Z, a-z, 0-9, '/', '.', '_' and -");

export const haproxyConfig = z.strictObject({
  socket: file.max(MAX_SOCKET_PATH),
  timeoutMs: z.int().min(50).max(60_000).default(2_000),
  frontend: token,
  /** What `maxconn` of the frontend is when no queue is ordered. */
  frontendMaxconn: z.int().min(1).max(MAX_CONNECTIONS),
  /** HAProxy's `timeout queue`: premium requests of share s overtake who waits up to s of it. */
  queueMs: z.int().min(1).max(300_000),
  /** Service → backend. */
  backends: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "a service's id"), token)
    .refine((all) => Object.keys(all).length > 0, "at least one backend")
    .refine((all) => Object.keys(all).length <= MAX_BACKENDS, `at most ${MAX_BACKENDS} backends`),
  maps: z.strictObject({
    memory: file,
    features: file,
    limits: file,
    premium: file,
  }),
  /** Of servers that are added at run time. */
  server: z
    .strictObject({
      maxconn: z.int().min(1).max(MAX_CONNECTIONS).default(50),
      checkMs: z.int().min(100).max(60_000).default(500),
    })
    .prefault({}),
});
export type HaproxyConfig = z.infer<typeof haproxyConfig>;
