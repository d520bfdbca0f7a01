/** Application: APIs, services and who calls whom, transactions. */
import type { ReactNode } from "react";
import type { Application } from "../../../src/contract/application.ts";
import "../css/tabs.css";
import { usePolled } from "../live/use-polled.ts";
import { useWords } from "../locales/words.tsx";
import { MapPanel } from "../panels/app/map-panel.tsx";
import { ApisTable, CalledServicesTable, TransactionsTable } from "../panels/app/tables.tsx";
import { TrendPanel } from "../panels/trend.tsx";
import { Nothing } from "../parts/nothing.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";

const OpsApp = () => {
  const { t } = useWords();
  const { data, fault, loading, retry } = usePolled<Application>("application");
  const panel = (
    name: "apis" | "services" | "transactions",
    show: (data: Application) => ReactNode,
  ): ReactNode => (
    <Panel
      name={`app-${name}`}
      title={t(`app.${name}`)}
      note={data && t("tab.count", { count: data[name].length })}
      fault={name === "apis" ? fault : undefined}
      loading={loading}
      onRetry={retry}
      skeleton={<RowsSkeleton rows={5} />}
    >
      {data &&
        (data[name].length > 0 ? (
          <>
            {show(data)}
            {data.cut.includes(name) && <p className="watched">{t("tab.cut")}</p>}
          </>
        ) : (
          <Nothing why={data.why ?? "no_data"}>
            <p>{t(`app.connect.${name}`)}</p>
          </Nothing>
        ))}
    </Panel>
  );
  const hasSpans = data?.hasSpans ?? true;
  return (
    <>
      {hasSpans ? (
        <>
          <TrendPanel id="span-rate" />
          <TrendPanel id="span-errors" />
          <TrendPanel id="span-latency" />
        </>
      ) : (
        <Connect />
      )}
      {panel("apis", ({ apis, errorLimit }) => (
        <ApisTable items={apis} limit={errorLimit} />
      ))}
      {panel("services", ({ services, errorLimit }) => (
        <CalledServicesTable items={services} limit={errorLimit} />
      ))}
      <MapPanel {...{ data, loading }} onRetry={retry} />
      {panel("transactions", ({ transactions, errorLimit }) => (
        <TransactionsTable items={transactions} limit={errorLimit} />
      ))}
    </>
  );
};

export default OpsApp;

/** What to set in an application so that its spans arrive. */
const Connect = () => {
  const { t } = useWords();
  const settings = [
    `OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}`,
    "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    `OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer ${t("app.connect.token")}"`,
  ];
  return (
    <section className="panel connect" aria-labelledby="connect">
      <h2 id="connect">{t("app.connect.title")}</h2>
      <p className="quiet">{t("app.connect.text")}</p>
      <pre className="formula">{settings.join("\n")}</pre>
    </section>
  );
};
