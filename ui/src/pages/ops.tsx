/**
 * Exploitation: are we healthy? The overview fits a 1366×768 screen; two tabs go deeper.
 *
 * URL: `tab` is `infra` or `app`; anything else is the overview.
 */
import { lazy, Suspense } from "react";
import { useSearch } from "wouter";
import { useWords } from "../locales/words.tsx";
import { AlertsPanel } from "../panels/alerts.tsx";
import { ServicesPanel } from "../panels/services.tsx";
import { TrendPanel } from "../panels/trend.tsx";
import { useTitle } from "../shell/announcer.tsx";
import { PageLink } from "../shell/page-link.tsx";

const OpsInfra = lazy(() => import("./ops-infra.tsx"));
const OpsApp = lazy(() => import("./ops-app.tsx"));

const TABS = ["overview", "infra", "app"] as const;
type Tab = (typeof TABS)[number];

/** `infrastructure` and `application` are understood too. */
const tabOf = (search: string): Tab => {
  const asked = new URLSearchParams(search).get("tab") ?? "";
  if (asked.startsWith("infra")) return "infra";
  return asked.startsWith("app") ? "app" : "overview";
};

export const Ops = () => {
  const { t } = useWords();
  const tab = tabOf(useSearch());
  useTitle(tab === "overview" ? t("nav.ops") : `${t(`ops.tab.${tab}`)} · ${t("nav.ops")}`);
  return (
    <div className={`page ops ops-${tab}`}>
      <h1 className="hidden">{t("nav.ops")}</h1>
      <nav className="page-tabs" aria-label={t("ops.tabs")}>
        {TABS.map((one) => (
          <PageLink
            key={one}
            to={one === "overview" ? "/ops" : `/ops?tab=${one}`}
            className="page-tab"
            aria-current={one === tab ? "page" : undefined}
          >
            {t(`ops.tab.${one}`)}
          </PageLink>
        ))}
      </nav>
      <Suspense fallback={<div className="page-wait" />}>
        {tab === "infra" && <OpsInfra />}
        {tab === "app" && <OpsApp />}
      </Suspense>
      {tab === "overview" && (
        <>
          <ServicesPanel />
          <AlertsPanel />
          <TrendPanel id="error-rate" />
          <TrendPanel id="latency" />
        </>
      )}
    </div>
  );
};
