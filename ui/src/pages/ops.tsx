/** Exploitation: are we healthy? Everything fits a 1366×768 screen. */
import { useWords } from "../locales/words.tsx";
import { AlertsPanel } from "../panels/alerts.tsx";
import { ServicesPanel } from "../panels/services.tsx";
import { TrendPanel } from "../panels/trend.tsx";
import { useTitle } from "../shell/announcer.tsx";

export const Ops = () => {
  const { t } = useWords();
  useTitle(t("nav.ops"));
  return (
    <div className="page ops">
      <h1 className="hidden">{t("nav.ops")}</h1>
      <ServicesPanel />
      <AlertsPanel />
      <TrendPanel id="error-rate" />
      <TrendPanel id="latency" />
    </div>
  );
};
