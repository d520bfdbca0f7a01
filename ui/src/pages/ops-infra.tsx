/** Infrastructure: servers, storage, network, as the agents measure them. */
import type { ReactNode } from "react";
import type { Infrastructure } from "../../../src/contract/infrastructure.ts";
import "../css/tabs.css";
import { usePolled } from "../live/use-polled.ts";
import { useWords } from "../locales/words.tsx";
import { HostsTable } from "../panels/infra/hosts.tsx";
import { NetworksTable } from "../panels/infra/network.tsx";
import { DisksTable, FileSystemsTable } from "../panels/infra/storage.tsx";
import { TrendPanel } from "../panels/trend.tsx";
import { Nothing } from "../parts/nothing.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";

const OpsInfra = () => {
  const { t } = useWords();
  const { data, fault, loading, retry } = usePolled<Infrastructure>("infrastructure");
  const panel = (
    name: "hosts" | "fileSystems" | "disks" | "networks",
    show: (data: Infrastructure) => ReactNode,
  ): ReactNode => (
    <Panel
      name={name}
      title={t(`infra.${name}`)}
      note={data && t("tab.count", { count: data[name].length })}
      fault={name === "hosts" ? fault : undefined}
      loading={loading}
      onRetry={retry}
      skeleton={<RowsSkeleton rows={4} />}
    >
      {data &&
        (data[name].length > 0 ? (
          <>
            {show(data)}
            {data.cut.includes(name) && <p className="watched">{t("tab.cut")}</p>}
          </>
        ) : (
          <Nothing why={data.why ?? "no_data"}>
            {data.why !== "refilling" && <p>{t("infra.connect")}</p>}
          </Nothing>
        ))}
    </Panel>
  );
  return (
    <>
      {panel("hosts", ({ hosts }) => (
        <HostsTable hosts={hosts} />
      ))}
      <TrendPanel id="disk-io" />
      <TrendPanel id="network-io" />
      {panel("fileSystems", ({ fileSystems }) => (
        <FileSystemsTable items={fileSystems} />
      ))}
      {panel("networks", ({ networks }) => (
        <NetworksTable items={networks} />
      ))}
      {panel("disks", ({ disks }) => (
        <DisksTable items={disks} />
      ))}
    </>
  );
};

export default OpsInfra;
