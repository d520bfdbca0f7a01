/** Each service: what is asked of it, what it can serve, what is left, and where it runs. */
import type { Capacity } from "../../../../src/contract/action.ts";
import { percent } from "../../format/number.ts";
import { measure } from "../../format/unit.ts";
import { useWords, type Words } from "../../locales/words.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Meter } from "../../parts/meter.tsx";
import { PageLink } from "../../shell/page-link.tsx";
import { CapacityChart } from "./capacity-chart.tsx";

type Item = Capacity["items"][number];
const CHART_WIDTH = 180;

export const CapacityTable = ({ items }: { readonly items: readonly Item[] }) => {
  const words = useWords();
  return (
    <DataTable
      title={words.t("capacity.title")}
      columns={columnsIn(words)}
      rows={items}
      keyOf={({ service }) => service}
      first={{ column: "use", isDown: true }}
    />
  );
};

const columnsIn = ({ t, say, lang }: Words): readonly Column<Item>[] => [
  {
    id: "service",
    title: t("services.service"),
    value: ({ name }) => say(name),
    show: ({ service, name }) => (
      <PageLink to={`/ops/${encodeURIComponent(service)}`} className="row-link" data-row>
        {say(name)}
      </PageLink>
    ),
  },
  {
    id: "use",
    title: t("capacity.use"),
    isRight: true,
    value: ({ use }) => use,
    show: ({ use, target }) => (
      <>
        <Meter share={use} />
        {target !== null && (
          <span className="sub">{t("capacity.target", { share: percent(lang, target) })}</span>
        )}
      </>
    ),
  },
  {
    id: "offered",
    title: t("capacity.offered"),
    isRight: true,
    value: ({ offeredPerS }) => offeredPerS,
    show: ({ offeredPerS, capacityPerS }) => (
      <>
        {measure(lang, offeredPerS, "req/s")}
        <span className="sub">
          {t("capacity.limit", { limit: measure(lang, capacityPerS, "req/s") })}
        </span>
      </>
    ),
  },
  {
    id: "headroom",
    title: t("capacity.headroom"),
    isRight: true,
    value: ({ headroomPerS }) => headroomPerS,
    show: ({ headroomPerS }) => measure(lang, headroomPerS, "req/s"),
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
    id: "pools",
    title: t("capacity.pools"),
    value: ({ pools }) => pools.reduce((sum, { ready }) => sum + ready, 0),
    show: ({ pools }) => <Pools pools={pools} />,
  },
  {
    id: "history",
    title: t("capacity.history"),
    value: ({ history }) => history.at(-1)?.offeredPerS ?? null,
    show: ({ name, history }) => (
      <CapacityChart name={say(name)} history={history} width={CHART_WIDTH} />
    ),
  },
];

export const Pools = ({ pools }: Pick<Item, "pools">) => {
  const { t } = useWords();
  return (
    <ul className="pools">
      {pools.map(({ region, replicas, ready, min, max }) => (
        <li key={region}>
          <span className="region">{region}</span> <b>{t("capacity.ready", { ready, replicas })}</b>{" "}
          <span className="quiet">{t("capacity.bounds", { min, max })}</span>
        </li>
      ))}
    </ul>
  );
};
