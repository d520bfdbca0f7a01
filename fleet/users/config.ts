/**
 * What the simulated users are told: FLEET_USERS_CONFIG names a JSON file.
 *
 * Units:  shares of a million's day; 0 is silence. At most 3 times the nominal load, compressed at
 *         most a hundred times.
 * Errors: every problem with its field.
 */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { err, ok, type Result } from "../../src/kernel/result.ts";
import { MAX_USERS } from "./population.ts";

const MAX_SHARE = 10;
const MAX_COMPRESSION = 100;
const file = z.string().min(1).max(4_096);

const load = z.strictObject({
  share: z.number().min(0).max(MAX_SHARE),
  compression: z.number().min(1).max(MAX_COMPRESSION),
  shape: z.enum(["day", "peak"]),
});
export const loadBody = load
  .partial()
  .refine((said) => Object.keys(said).length > 0, "give share, compression or shape")
  // What is not said stays as it is: a key with nothing in it would not.
  .transform(
    (said) =>
      Object.fromEntries(
        Object.entries(said).filter(([, value]) => value !== undefined),
      ) as Partial<z.infer<typeof load>>,
  );

const settings = z.strictObject({
  port: z.int().min(0).max(65_535).default(0),
  users: z.int().min(1).max(MAX_USERS).default(1_000_000),
  seed: z.int().min(0).default(1),
  gateways: z
    .array(z.strictObject({ region: z.string().min(1).max(63), url: z.url() }))
    .min(1)
    .max(8),
  sessionKeyFile: file,
  controlTokenFile: file,
  /** A firmware release the makers publish before anybody drives; none: no car is updated. */
  releaseFile: file.optional(),
  load: load.prefault({ share: 0.02, compression: 1, shape: "day" }),
});

export type UsersConfig = z.output<typeof settings>;

export const loadUsersConfig = (
  env: Readonly<Record<string, string | undefined>>,
): Result<UsersConfig, string> => {
  const name = env["FLEET_USERS_CONFIG"] ?? "";
  try {
    const read = settings.safeParse(JSON.parse(readFileSync(name, "utf8")));
    if (read.success) return ok(read.data);
    const faults = read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    return err(`FLEET_USERS_CONFIG: ${faults.join("; ")}`);
  } catch (fault) {
    return err(`FLEET_USERS_CONFIG: ${name} cannot be read: ${String(fault)}`);
  }
};
