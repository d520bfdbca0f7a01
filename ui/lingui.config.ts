/** Catalogues: French is the source, English the translation. Ids are explicit. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "@lingui/cli";

export default defineConfig({
  rootDir: fileURLToPath(new URL(".", import.meta.url)),
  sourceLocale: "fr",
  locales: ["fr", "en"],
  catalogs: [{ path: "<rootDir>/src/locales/{locale}", include: ["<rootDir>/src"] }],
});
