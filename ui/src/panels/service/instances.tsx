/** The instances of a service: how each is, what it uses, how often it began anew. */
import type { Capacity } from "../../../../src/contract/action.ts";
import "../../css/scaling.css";
import { number } from "../../format/number.ts";
import { useWords, type Words } from "../../locales/words.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Glyph, type Shape } from "../../parts/glyph.tsx";
import { Meter } from "../../parts/meter.tsx";

type Instance = Capacity["items"][number]["instances"][number];

/** As the supervisor names them; worst first. */
const STATES: Readonly<Record<string, readonly [shape: Shape, look: string, rank: number]>> = {
  quarantined: ["hexagon", "mark-down", 5],
  unhealthy: ["triangle", "mark-degraded", 4],
  stopped: ["cross", "mark-unknown", 3],
  draining: ["pause", "verdict-hold", 2],
  starting: ["play", "mark-info", 1],
  ready: ["check", "mark-ok", 0],
};
const UNKNOWN = ["question", "mark-unknown", 6] as const;

export const InstancesTable = ({ items }: { readonly items: readonly Instance[] }) => {
  const words = useWords();
  return (
    <DataTable
      title={words.t("instances.title")}
      columns={columnsIn(words)}
      rows={items}
      keyOf={({ id }) => id}
      first={{ column: "state", isDown: true }}
    />
  );
};

const columnsIn = ({ t, lang }: Words): readonly Column<Instance>[] => [
  {
    id: "id",
    title: t("instances.instance"),
    value: ({ id }) => id,
    show: ({ id, region }) => (
      <>
        {id}
        <span className="sub region">{region}</span>
      </>
    ),
  },
  {
    id: "state",
    title: t("services.state"),
    value: ({ state }) => (STATES[state] ?? UNKNOWN)[2],
    show: ({ state }) => {
      const [shape, look] = STATES[state] ?? UNKNOWN;
      return (
        <span className={`mark ${look}`}>
          <Glyph shape={shape} />
          {state in STATES ? t(`instance.${state}`) : state}
        </span>
      );
    },
  },
  {
    id: "cpu",
    title: t("services.cpu"),
    isRight: true,
    value: ({ cpu }) => cpu,
    show: ({ cpu }) => <Meter share={cpu} />,
  },
  {
    id: "memory",
    title: t("services.memory.long"),
    isRight: true,
    value: ({ memory }) => memory,
    show: ({ memory }) => <Meter share={memory} />,
  },
  {
    id: "restarts",
    title: t("instances.restarts"),
    isRight: true,
    value: ({ restarts }) => restarts,
    show: ({ restarts }) => number(lang, restarts),
  },
  {
    id: "version",
    title: t("instances.version"),
    value: ({ version }) => version,
    show: ({ version }) => <code>{version}</code>,
  },
];
