/**
 * Exploitation: are we healthy? The overview fits a 1366×768 screen; tabs go deeper.
 *
 * URL: `tab` is one of TABS; anything else is the overview. What is not connected has no tab.
 */
import { lazy, Suspense } from "react";
import { useSearch } from "wouter";
import { useSlot } from "../live/context.tsx";
import { useRehearsal } from "../live/rehearsal.tsx";
import { useWords } from "../locales/words.tsx";
import { AlertsPanel } from "../panels/alerts.tsx";
import { ServicesPanel } from "../panels/services.tsx";
import { TrendPanel } from "../panels/trend.tsx";
import { useTitle } from "../shell/announcer.tsx";
import { PageLink } from "../shell/page-link.tsx";

const OpsInfra = lazy(() => import("./ops-infra.tsx"));
const OpsApp = lazy(() => import("./ops-app.tsx"));
const OpsActions = lazy(() => import("./ops-actions.tsx"));
const OpsCapacity = lazy(() => import("./ops-capacity.tsx"));
const OpsRehearsal = lazy(() => import("./ops-rehearsal.tsx"));
const ScalingPanel = lazy(() => import("../panels/scaling.tsx"));

const TABS = ["overview", "infra", "app", "actions", "capacity", "rehearsal"] as const;
type Tab = (typeof TABS)[number];

/** `infrastructure` and `application` are understood too. */
const tabOf = (search: string): Tab => {
  const asked = new URLSearchParams(search).get("tab") ?? "";
  if (asked.startsWith("infra")) return "infra";
  if (asked.startsWith("app")) return "app";
  return TABS.find((one) => one === asked) ?? "overview";
};

export const Ops = () => {
  const { t } = useWords();
  const tab = tabOf(useSearch());
  const actions = useSlot("actions").data;
  const { rehearsal } = useRehearsal();
  const isConnected = actions?.isConnected ?? false;
  const shown = TABS.filter((one) => {
    if (one === tab) return true;
    if (one === "actions" || one === "capacity") return isConnected;
    return one !== "rehearsal" || rehearsal !== undefined;
  });
  const toApprove = actions?.items.filter(({ state }) => state === "proposed").length ?? 0;
  useTitle(tab === "overview" ? t("nav.ops") : `${t(`ops.tab.${tab}`)} · ${t("nav.ops")}`);
  return (
    <div className={`page ops ops-${tab}`}>
      <h1 className="hidden">{t("nav.ops")}</h1>
      <nav className="page-tabs" aria-label={t("ops.tabs")}>
        {shown.map((one) => (
          <PageLink
            key={one}
            to={one === "overview" ? "/ops" : `/ops?tab=${one}`}
            className="page-tab"
            aria-current={one === tab ? "page" : undefined}
          >
            {t(`ops.tab.${one}`)}
            {one === "actions" && toApprove > 0 && (
              <span className="page-tab-count">
                <span aria-hidden="true">{toApprove}</span>
                <span className="hidden">{t("alerts.toApprove", { count: toApprove })}</span>
              </span>
            )}
          </PageLink>
        ))}
      </nav>
      <Suspense fallback={<div className="page-wait" />}>
        {tab === "infra" && <OpsInfra />}
        {tab === "app" && <OpsApp />}
        {tab === "actions" && <OpsActions />}
        {tab === "capacity" && <OpsCapacity />}
        {tab === "rehearsal" && <OpsRehearsal />}
      </Suspense>
      {tab === "overview" && (
        <>
          <ServicesPanel />
          <AlertsPanel />
          <TrendPanel id="error-rate" />
          <TrendPanel id="latency" />
          <Suspense>{isConnected && <ScalingPanel />}</Suspense>
        </>
      )}
    </div>
  );
};
