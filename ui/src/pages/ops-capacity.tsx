/** Capacity: use, limit and headroom of each service, its pools, and what was scaled. */
import type { Capacity } from "../../../src/contract/action.ts";
import "../css/tabs.css";
import "../css/respond.css";
import { usePolled } from "../live/use-polled.ts";
import { useWords } from "../locales/words.tsx";
import { CapacityKey } from "../panels/capacity/capacity-chart.tsx";
import { CapacityTable } from "../panels/capacity/services-table.tsx";
import { ScalingEvents } from "../panels/scaling.tsx";
import { Nothing } from "../parts/nothing.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";

const OpsCapacity = () => {
  const { t } = useWords();
  const { data, fault, loading, retry } = usePolled<Capacity>("capacity");
  return (
    <>
      <Panel
        name="capacity"
        title={t("capacity.title")}
        note={data && t("tab.count", { count: data.items.length })}
        tools={<CapacityKey />}
        fault={fault}
        loading={loading}
        onRetry={retry}
        skeleton={<RowsSkeleton rows={8} />}
      >
        {data &&
          (data.isConnected ? (
            <CapacityTable items={data.items} />
          ) : (
            <Nothing why="not_connected">
              <p>{t("actions.connect")}</p>
            </Nothing>
          ))}
      </Panel>
      {data?.isConnected === true && (
        <Panel
          name="scaling-events"
          title={t("scaling.title")}
          note={t("scaling.span")}
          loading={false}
          onRetry={retry}
          skeleton={null}
        >
          <ScalingEvents data={data} isWide />
        </Panel>
      )}
    </>
  );
};

export default OpsCapacity;
