/** Network devices by what they move, and what they lose. */
import type { NetworkDevice } from "../../../../src/contract/infrastructure.ts";
import { measure } from "../../format/unit.ts";
import { useWords, type Words } from "../../locales/words.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { Meter } from "../../parts/meter.tsx";

export const NetworksTable = ({ items }: { readonly items: readonly NetworkDevice[] }) => {
  const words = useWords();
  return (
    <DataTable
      title={words.t("infra.networks")}
      columns={columnsIn(words)}
      rows={items}
      keyOf={({ host, device }) => `${host} ${device}`}
      first={{ column: "receive", isDown: true }}
    />
  );
};

const columnsIn = ({ t, lang }: Words): readonly Column<NetworkDevice>[] => [
  {
    id: "device",
    title: t("infra.device"),
    value: ({ device }) => device,
    show: ({ device }) => device,
  },
  { id: "host", title: t("infra.host"), value: ({ host }) => host, show: ({ host }) => host },
  {
    id: "receive",
    title: t("line.receive"),
    isRight: true,
    value: ({ receivePerSecond }) => receivePerSecond,
    show: ({ receivePerSecond }) => measure(lang, receivePerSecond, "By/s"),
  },
  {
    id: "transmit",
    title: t("line.transmit"),
    isRight: true,
    value: ({ transmitPerSecond }) => transmitPerSecond,
    show: ({ transmitPerSecond }) => measure(lang, transmitPerSecond, "By/s"),
  },
  {
    id: "utilization",
    title: t("infra.utilization"),
    isRight: true,
    value: ({ utilization }) => utilization,
    show: ({ utilization }) => <Meter share={utilization} />,
  },
  {
    id: "lost",
    title: t("infra.lost"),
    isRight: true,
    value: lostPerSecond,
    show: (device) => (
      <Lost perSecond={lostPerSecond(device)}>{measure(lang, lostPerSecond(device), "1/s")}</Lost>
    ),
  },
];

/** Errors and drops together: either way it did not arrive. */
const lostPerSecond = ({ errorsPerSecond, droppedPerSecond }: NetworkDevice): number | null =>
  errorsPerSecond === null && droppedPerSecond === null
    ? null
    : (errorsPerSecond ?? 0) + (droppedPerSecond ?? 0);

type LostProps = { readonly perSecond: number | null; readonly children: string };

const Lost = ({ perSecond, children }: LostProps) =>
  perSecond !== null && perSecond > 0 ? (
    <span className="mark mark-degraded">
      <Glyph shape="triangle" />
      {children}
    </span>
  ) : (
    children
  );
