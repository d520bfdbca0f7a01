/** The rehearsal: what is broken on purpose, what else can be, scenarios, the simulated users. */
import "../css/tabs.css";
import "../css/respond.css";
import { useRehearsal } from "../live/rehearsal.tsx";
import { useWords } from "../locales/words.tsx";
import { BreakPanel } from "../panels/rehearsal/break-panel.tsx";
import { InForcePanel } from "../panels/rehearsal/in-force.tsx";
import { LoadPanel } from "../panels/rehearsal/load-panel.tsx";
import { ScenariosPanel } from "../panels/rehearsal/scenarios.tsx";
import { FaultNotice } from "../parts/panel.tsx";

const OpsRehearsal = () => {
  const { t } = useWords();
  const { rehearsal, fault, reload } = useRehearsal();
  if (rehearsal === undefined) {
    if (fault === undefined || fault.status === 404) {
      return <p className="calm">{t("rehearsal.none")}</p>;
    }
    return <FaultNotice fault={fault} busy={false} onRetry={reload} />;
  }
  return (
    <>
      {fault !== undefined && <FaultNotice fault={fault} busy={false} onRetry={reload} isUpdate />}
      <BreakPanel rehearsal={rehearsal} />
      <InForcePanel rehearsal={rehearsal} />
      <ScenariosPanel rehearsal={rehearsal} />
      <LoadPanel />
    </>
  );
};

export default OpsRehearsal;
