/**
 * What a running `novaevo up` leaves for commands beside it: the addresses of its embedded engines,
 * in `<data>/run/engines.json` (mode 0600, they hold passwords), gone when it stops.
 */
import { rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { readSecretFile, replaceSecretFile } from "../io/secret/secret-file.ts";
import type { Engines } from "./children.ts";
import type { Config } from "./config.ts";

const Addresses = z.object({ databaseUrl: z.string(), clickhouseUrl: z.string() });

const fileIn = (dataDir: string): string => path.join(dataDir, "run", "engines.json");

/** Those the settings name are not ours to write down. */
export const noteEngines = (config: Config, engines: Engines): Promise<void> =>
  replaceSecretFile(
    fileIn(config.dataDir),
    `${JSON.stringify({
      ...(config.databaseUrl === undefined ? { databaseUrl: engines.databaseUrl } : {}),
      ...(config.clickhouseUrl === undefined ? { clickhouseUrl: engines.clickhouseUrl } : {}),
    })}\n`,
  );

/** A file that stays names engines that do not answer, and is replaced at the next start. */
export const forgetEngines = (config: Config): Promise<void> =>
  rm(fileIn(config.dataDir), { force: true }).catch(() => undefined);

/** Those of the settings, else those of the `up` that runs on this data. */
export const engineAddresses = async (config: Config): Promise<Partial<Engines>> => {
  const text = await readSecretFile(fileIn(config.dataDir));
  const noted = Addresses.partial()
    .catch({})
    .parse(text === undefined ? {} : parse(text));
  const databaseUrl = config.databaseUrl ?? noted.databaseUrl;
  const clickhouseUrl = config.clickhouseUrl ?? noted.clickhouseUrl;
  return {
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(clickhouseUrl === undefined ? {} : { clickhouseUrl }),
  };
};

export const databaseAddress = async (config: Config): Promise<string | undefined> =>
  (await engineAddresses(config)).databaseUrl;

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};
