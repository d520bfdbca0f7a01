/**
 * The platform of the rehearsal as `fleet/fleet.yaml` describes it.
 *
 * Units:  ms. Paths are meant from the project's root.
 * Errors: every problem at once, each with its place in the file.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import * as z from "zod";
import { err, ok, type Result } from "../../kernel/result.ts";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const MANIFEST_FILE = fileURLToPath(new URL("fleet/fleet.yaml", `file://${ROOT}`));

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -");
const entry = z.string().regex(/^fleet\/[\w./-]{1,200}\.ts$/, "a program below fleet/");
const criticality = z.enum(["critical", "essential", "standard", "optional"]);

const route = z.strictObject({
  prefix: z.string().min(1).max(201),
  criticality: criticality.optional(),
  feature: z.string().min(1).max(64).optional(),
  timeoutMs: z.int().min(1).max(300_000),
  retries: z.union([z.literal(0), z.literal(1)]).optional(),
  cacheable: z.strictObject({ ttlMs: z.int().min(0), maxAgeMs: z.int().min(1) }).optional(),
  static: z.strictObject({ status: z.int().min(200).max(599), body: z.unknown() }).optional(),
});
const manifest = z.strictObject({
  services: z.array(z.strictObject({ id: name, entry, routes: z.array(route).min(1) })).min(1),
  partners: z.array(z.strictObject({ id: name, entry, memoryMb: z.int().min(96).optional() })),
});

export type Manifest = z.infer<typeof manifest>;

export const readManifest = (file: string = MANIFEST_FILE): Result<Manifest, readonly string[]> => {
  const read = manifest.safeParse(parse(readFileSync(file, "utf8")));
  if (read.success) return ok(read.data);
  return err(
    read.error.issues.map((issue) => `${file}: ${issue.path.join(".")}: ${issue.message}`),
  );
};
