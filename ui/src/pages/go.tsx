/** Décision: do we continue? The gate in force with its evidence, then every KPI. */
import { useWords } from "../locales/words.tsx";
import { GatePanel } from "../panels/gate.tsx";
import { KpiDetailSheet } from "../panels/kpi-detail.tsx";
import { KpisPanel } from "../panels/kpis.tsx";
import { useTitle } from "../shell/announcer.tsx";
import { useParam } from "../shell/place.ts";

const Go = () => {
  const { t } = useWords();
  const [kpi, openKpi] = useParam("kpi");
  useTitle(t("nav.go"));
  return (
    <div className="page go">
      <h1 className="hidden">{t("nav.go")}</h1>
      <GatePanel />
      <KpisPanel />
      {kpi !== undefined && (
        <KpiDetailSheet key={kpi} id={kpi} onClose={() => openKpi(undefined)} />
      )}
    </div>
  );
};

export default Go;
