/** `novaevo doctor`: the effective settings, what was looked at, and what is wrong. */
import { describeConfig } from "../config.ts";
import { examine } from "../doctor.ts";
import { addressOf } from "./api.ts";
import type { Command } from "./action.ts";
import { configOf, OK, PROBLEM, SETTING_FLAGS } from "./command.ts";
import { count, table } from "./text.ts";

export const doctor: Command = {
  action: {
    summary: "Settings with their origin, versions, durability, migrations, disk, health",
    flags: {
      url: { value: "URL", says: "address of NovaEvo (NOVAEVO_URL, else --host and --port)" },
      ...SETTING_FLAGS,
    },
    notes: ["Changes nothing. Secrets are masked. Exit code 1 when a problem was found."],
    run: async (asked) => {
      const config = await configOf(asked);
      const findings = await examine(config, addressOf(asked, config));
      const settings = describeConfig(config);
      const problems = findings.filter(({ state }) => state === "problem");
      asked.show({ ok: problems.length === 0, settings, findings }, () => [
        ...table(
          ["SETTING", "FROM", "VALUE"],
          settings.map(({ name, origin, value }) => [name, origin, value]),
        ),
        "",
        ...table(
          ["AREA", "WHAT", "STATE", "FOUND"],
          findings.map(({ area, name, state, value }) => [area, name, MARK[state], value]),
        ),
        "",
        problems.length === 0 ? "no problem found" : `${count(problems.length, "problem")} found`,
      ]);
      return problems.length === 0 ? OK : PROBLEM;
    },
  },
};

const MARK = { ok: "ok", note: "note", problem: "PROBLEM" } as const;
