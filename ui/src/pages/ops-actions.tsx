/**
 * Corrective actions: what is done by itself, what waits for a person, what is held back and why.
 *
 * URL: `action` opens one with its course.
 */
import { lazy, Suspense } from "react";
import "../css/respond.css";
import { useReload, useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";
import { ActionList } from "../panels/action/action-list.tsx";
import { AutonomyPanel } from "../panels/action/autonomy-panel.tsx";
import { SwitchPanel } from "../panels/action/switch-panel.tsx";
import { Nothing } from "../parts/nothing.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";
import { useParam } from "../shell/place.ts";

const ActionSheet = lazy(() => import("../panels/action/detail.tsx"));

const OpsActions = () => {
  const { t } = useWords();
  const { data, fault, loading } = useSlot("actions");
  const reload = useReload("actions");
  const [asked, ask] = useParam("action");
  const isConnected = data?.isConnected ?? false;
  return (
    <>
      <Panel
        name="actions"
        title={t("actions.title")}
        note={isConnected && data ? t("actions.note", { open: data.open }) : undefined}
        fault={fault}
        loading={loading}
        onRetry={reload}
        skeleton={<RowsSkeleton rows={5} />}
      >
        {data &&
          (isConnected ? (
            <ActionList items={data.items} none={t("actions.none")} />
          ) : (
            <Nothing why="not_connected">
              <p>{t("actions.connect")}</p>
            </Nothing>
          ))}
      </Panel>
      {data && isConnected && (
        <>
          <SwitchPanel list={data} />
          <AutonomyPanel />
        </>
      )}
      <Suspense>
        {asked !== undefined && (
          <ActionSheet
            id={asked}
            listed={data?.items.find(({ id }) => id === asked)}
            onClose={() => ask(undefined)}
          />
        )}
      </Suspense>
    </>
  );
};

export default OpsActions;
