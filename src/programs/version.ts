/** The version of this NovaEvo, as its package says. */
import { readFileSync } from "node:fs";

export const novaevoVersion = (): string => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
};
