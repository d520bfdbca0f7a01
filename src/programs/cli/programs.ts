/** Commands that run a program. */
import { command, OK, type Command } from "./command.ts";

// Each program is loaded only when asked for: none must load another's engine.
export const programs: Readonly<Record<string, Command>> = {
  store: command(
    {
      name: "store",
      summary: "Run the embedded store alone",
      usage: "novaevo store",
      internal: true,
    },
    {},
    async () => {
      await (await import("../store.ts")).main();
      return OK;
    },
  ),
};
