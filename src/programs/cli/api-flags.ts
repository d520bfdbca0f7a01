/** Flags of every command that speaks to a running NovaEvo. */
import { SETTING_FLAGS } from "./command.ts";
import type { Flags } from "./parse.ts";

export const API_FLAGS = {
  url: { value: "URL", says: "address of NovaEvo (NOVAEVO_URL, else 127.0.0.1 and --port)" },
  "token-file": {
    value: "FILE",
    says: "file that holds a token (else NOVAEVO_TOKEN, else <data>/admin-token)",
  },
  data: SETTING_FLAGS.data,
  port: SETTING_FLAGS.port,
  config: SETTING_FLAGS.config,
} as const satisfies Flags;
