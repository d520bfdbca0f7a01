/**
 * Where the rehearsal's own doors are, as `novaevo rehearse` says by the environment.
 *
 * Shape:  undefined unless NOVAEVO_REHEARSAL is 1: a NovaEvo that watches a real platform has no
 *         door for faults at all.
 * Errors: a token file that others may read throws when it is used.
 */
import { readSecretFile } from "../../io/secret/secret-file.ts";
import type { RehearsalDoors } from "../../respond/rehearsal/fault.routes.ts";

export const rehearsalDoors = (
  env: Readonly<Record<string, string | undefined>>,
): RehearsalDoors | undefined => {
  const supervisorUrl = env["NOVAEVO_SUPERVISOR_URL"];
  const usersUrl = env["NOVAEVO_USERS_URL"];
  const tokenFile = env["NOVAEVO_CONTROL_TOKEN_FILE"];
  if (env["NOVAEVO_REHEARSAL"] !== "1") return undefined;
  if (supervisorUrl === undefined || usersUrl === undefined || tokenFile === undefined)
    return undefined;
  const token = async (): Promise<string> => (await readSecretFile(tokenFile))?.trim() ?? "";
  return { supervisorUrl, usersUrl, token };
};
