/** `novaevo fault`: break things of the rehearsal, and stop breaking them. */
import type { FaultInForce, Rehearsal } from "../../contract/fault.ts";
import { FaultKind } from "../../contract/fault.ts";
import { parseDuration } from "../../kernel/duration.ts";
import { ask as askApi } from "./api.ts";
import { API_FLAGS } from "./api-flags.ts";
import type { Asked, Command } from "./action.ts";
import { Misuse } from "./parse.ts";
import { table } from "./text.ts";

const faultLine = (fault: FaultInForce): readonly string[] => [
  fault.id,
  fault.kind,
  fault.service,
  fault.region ?? "all regions",
  fault.instances.join(", "),
  fault.until ?? "over at once",
];
/** Nothing else than a rehearsal has faults: its data is where the token is looked for. */
const ask: typeof askApi = (...asked) => {
  process.env["NOVAEVO_DATA"] ??= ".novaevo-rehearsal";
  return askApi(...asked);
};
const HEAD = ["ID", "KIND", "SERVICE", "REGION", "INSTANCES", "UNTIL"] as const;

export const fault: Command = {
  summary: "Faults of the rehearsal: inject, list, stop",
  verbs: {
    inject: {
      summary: `Break a service: ${FaultKind.options.join(", ")}`,
      words: ["SERVICE", "KIND"],
      flags: {
        for: { value: "DURATION", says: "how long, as 2m; two minutes if not given" },
        share: { value: "SHARE", says: "of the instances or of the requests, above 0 to 1" },
        region: { value: "REGION", says: "only there" },
        ...API_FLAGS,
      },
      run: async (asked) => {
        const body = bodyOf(asked);
        return ask(asked, "POST faults", { body }, (made) => table(HEAD, [faultLine(made)]));
      },
    },
    list: {
      summary: "Faults in force, and the scenarios there are",
      flags: API_FLAGS,
      run: async (asked) => ask(asked, "GET faults", {}, listLines),
    },
    stop: {
      summary: "Stop every fault and the scenario, or one fault by its id",
      flags: { id: { value: "ID", says: "only this fault" }, ...API_FLAGS },
      run: async (asked) => {
        const { id } = asked.flags;
        const lines = ({ lifted }: { readonly lifted: readonly string[] }): readonly string[] => [
          lifted.length === 0 ? "nothing was broken" : `lifted: ${lifted.join(", ")}`,
        ];
        return typeof id !== "string"
          ? ask(asked, "DELETE faults", {}, lines)
          : ask(asked, "DELETE fault", { params: { id } }, lines);
      },
    },
    scenario: {
      summary: "Play a scenario: its faults at their times, all lifted at the end",
      words: ["SCENARIO"],
      flags: API_FLAGS,
      run: async (asked) => {
        const body = { scenario: asked.words[0] ?? "" };
        return ask(asked, "POST scenarios", { body }, ({ id, until }) => [`${id}, until ${until}`]);
      },
    },
  },
};

const bodyOf = ({ words: [service = "", kind = ""], flags }: Asked) => {
  const known = FaultKind.safeParse(kind);
  if (!known.success)
    throw new Misuse(`kind: "${kind}" is none of ${FaultKind.options.join(", ")}`);
  const { share, region } = flags;
  const forMs = typeof flags["for"] === "string" ? parseDuration(flags["for"]) : undefined;
  if (flags["for"] !== undefined && forMs === undefined)
    throw new Misuse(`--for: "${String(flags["for"])}" is no duration, write 30s or 2m`);
  return {
    service,
    kind: known.data,
    ...(forMs === undefined ? {} : { forMs }),
    ...(typeof share === "string" ? { share: Number(share) } : {}),
    ...(typeof region === "string" ? { region } : {}),
  };
};

const listLines = (found: Rehearsal): readonly string[] => {
  const { isRehearsal, items, scenarios, running } = found;
  if (!isRehearsal) return ["nothing is rehearsed here: start `novaevo rehearse`"];
  return [
    ...(items.length === 0 ? ["nothing is broken"] : table(HEAD, items.map(faultLine))),
    ...(running === null ? [] : [`scenario ${running.id} until ${running.until}`]),
    `scenarios: ${scenarios.map(({ id }) => id).join(", ")}`,
  ];
};
