/** `novaevo gateway`: its program is loaded only when it runs. */
import type { Command } from "./action.ts";

export const gateway: Command = {
  action: {
    summary: "Run a gateway: reverse proxy with circuits, queues, fallbacks",
    flags: { config: { value: "FILE", says: "what to serve, as JSON (NOVAEVO_GATEWAY_CONFIG)" } },
    notes: ['Says {"ready":true,…} on stdout when it serves; logs are JSON on stderr.'],
    run: async ({ flags }) => {
      const { config } = flags;
      if (typeof config === "string") process.env["NOVAEVO_GATEWAY_CONFIG"] = config;
      return (await import("../gateway.ts")).runGateway();
    },
  },
};
