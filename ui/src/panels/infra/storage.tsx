/** File systems by how full they are, and disks by how busy. */
import type { Disk, FileSystem } from "../../../../src/contract/infrastructure.ts";
import { measure } from "../../format/unit.ts";
import { useWords, type Words } from "../../locales/words.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Meter } from "../../parts/meter.tsx";

export const FileSystemsTable = ({ items }: { readonly items: readonly FileSystem[] }) => {
  const words = useWords();
  return (
    <DataTable
      title={words.t("infra.fileSystems")}
      columns={fileColumns(words)}
      rows={items}
      keyOf={({ host, mountpoint, device }) => `${host} ${mountpoint} ${device}`}
      first={{ column: "used", isDown: true }}
    />
  );
};

const fileColumns = ({ t, lang }: Words): readonly Column<FileSystem>[] => [
  {
    id: "mountpoint",
    title: t("infra.mountpoint"),
    value: ({ mountpoint }) => mountpoint,
    show: ({ mountpoint, device, type }) => (
      <>
        <span className="long">{mountpoint}</span>
        <span className="sub long">
          {device} · {type}
        </span>
      </>
    ),
  },
  { id: "host", title: t("infra.host"), value: ({ host }) => host, show: ({ host }) => host },
  {
    id: "used",
    title: t("infra.used"),
    isRight: true,
    value: ({ used }) => used,
    show: ({ used }) => <Meter share={used} />,
  },
  {
    id: "free",
    title: t("infra.free"),
    isRight: true,
    value: ({ freeBytes }) => freeBytes,
    show: ({ freeBytes }) => measure(lang, freeBytes, "By"),
  },
];

export const DisksTable = ({ items }: { readonly items: readonly Disk[] }) => {
  const words = useWords();
  return (
    <DataTable
      title={words.t("infra.disks")}
      columns={diskColumns(words)}
      rows={items}
      keyOf={({ host, device }) => `${host} ${device}`}
      first={{ column: "busy", isDown: true }}
    />
  );
};

const diskColumns = ({ t, lang }: Words): readonly Column<Disk>[] => [
  {
    id: "device",
    title: t("infra.disk"),
    value: ({ device }) => device,
    show: ({ device }) => device,
  },
  { id: "host", title: t("infra.host"), value: ({ host }) => host, show: ({ host }) => host },
  {
    id: "busy",
    title: t("infra.busy"),
    isRight: true,
    value: ({ busy }) => busy,
    show: ({ busy }) => <Meter share={busy} />,
  },
  {
    id: "read",
    title: t("line.read"),
    isRight: true,
    value: ({ readPerSecond }) => readPerSecond,
    show: ({ readPerSecond }) => measure(lang, readPerSecond, "By/s"),
  },
  {
    id: "write",
    title: t("line.write"),
    isRight: true,
    value: ({ writePerSecond }) => writePerSecond,
    show: ({ writePerSecond }) => measure(lang, writePerSecond, "By/s"),
  },
  {
    id: "operations",
    title: t("infra.operations"),
    isRight: true,
    value: ({ operationsPerSecond }) => operationsPerSecond,
    show: ({ operationsPerSecond }) => measure(lang, operationsPerSecond, "1/s"),
  },
];
