/** Machines: what each uses of what it has, and what it moves. */
import type { Host } from "../../../../src/contract/infrastructure.ts";
import { MISSING, number } from "../../format/number.ts";
import { measure } from "../../format/unit.ts";
import { useWords, type Words } from "../../locales/words.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { Meter } from "../../parts/meter.tsx";
import { MiniLine } from "../../parts/mini-line.tsx";

export const HostsTable = ({ hosts }: { readonly hosts: readonly Host[] }) => {
  const words = useWords();
  return (
    <DataTable
      title={words.t("infra.hosts")}
      columns={columnsIn(words)}
      rows={hosts}
      keyOf={({ host }) => host}
      first={{ column: "cpu", isDown: true }}
    />
  );
};

const columnsIn = (words: Words): readonly Column<Host>[] => {
  const { t, lang } = words;
  return [
    { id: "host", title: t("infra.host"), value: ({ host }) => host, show: ({ host }) => host },
    {
      id: "cpu",
      title: t("infra.cpu"),
      isRight: true,
      value: ({ cpu }) => cpu,
      show: ({ cpu, cores, trend }) => (
        <Used share={cpu} trend={trend.cpu}>
          {cores === null
            ? MISSING
            : t("infra.cores", { count: cores, figure: number(lang, cores) })}
        </Used>
      ),
    },
    {
      id: "memory",
      title: t("infra.memory"),
      isRight: true,
      value: ({ memory }) => memory,
      show: ({ memory, memoryUsedBytes, memoryLimitBytes, trend }) => (
        <Used share={memory} trend={trend.memory}>
          {t("infra.of", {
            used: measure(lang, memoryUsedBytes, "By"),
            size: measure(lang, memoryLimitBytes, "By"),
          })}
        </Used>
      ),
    },
    {
      id: "storage",
      title: t("infra.fullest"),
      isRight: true,
      value: ({ storage }) => storage,
      show: ({ storage }) => <Meter share={storage} />,
    },
    {
      id: "load",
      title: t("infra.load"),
      isRight: true,
      value: ({ load, cores }) => (load === null ? null : load / Math.max(1, cores ?? 1)),
      show: ({ load }) => (load === null ? MISSING : number(lang, load)),
    },
    traffic("disk", words, ({ readPerSecond, writePerSecond }) => [readPerSecond, writePerSecond]),
    traffic("network", words, ({ receivePerSecond, transmitPerSecond }) => [
      receivePerSecond,
      transmitPerSecond,
    ]),
  ];
};

type Both = readonly [into: number | null, out: number | null];

const traffic = (
  of: "disk" | "network",
  { t, lang }: Words,
  both: (host: Host) => Both,
): Column<Host> => ({
  id: of,
  title: t(`infra.${of}Io`),
  isRight: true,
  value: (host) => {
    const [a, b] = both(host);
    return a === null && b === null ? null : (a ?? 0) + (b ?? 0);
  },
  show: (host) =>
    both(host).map((value, i) => (
      <span key={i === 0 ? "in" : "out"} className="pair">
        {t(`infra.${of}.${i === 0 ? "in" : "out"}`, { figure: measure(lang, value, "By/s") })}
      </span>
    )),
});

type UsedProps = {
  readonly share: number | null;
  readonly trend: Host["trend"]["cpu"];
  readonly children: string;
};

/** A share, how it moved, and what it is a share of. */
const Used = ({ share, trend, children }: UsedProps) => (
  <>
    <span className="with-line">
      <MiniLine values={trend} />
      <Meter share={share} />
    </span>
    <span className="sub">{children}</span>
  </>
);
