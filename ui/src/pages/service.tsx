/** One service: its signals, instances and neighbours, and what was done for it and its effect. */
import type { ReactNode } from "react";
import type { ActionList as Listed, Capacity } from "../../../src/contract/action.ts";
import type { Application } from "../../../src/contract/application.ts";
import type { ServiceState } from "../../../src/contract/ops.ts";
import "../css/tabs.css";
import "../css/respond.css";
import { percent } from "../format/number.ts";
import { measure } from "../format/unit.ts";
import { useSlot } from "../live/context.tsx";
import { usePolled } from "../live/use-polled.ts";
import { useWords } from "../locales/words.tsx";
import { ActionList } from "../panels/action/action-list.tsx";
import { AlertList } from "../panels/alerts.tsx";
import { CapacityChart, CapacityKey } from "../panels/capacity/capacity-chart.tsx";
import { Pools } from "../panels/capacity/services-table.tsx";
import { InstancesTable } from "../panels/service/instances.tsx";
import { Neighbours } from "../panels/service/neighbours.tsx";
import { SignalPanel, SIGNALS } from "../panels/service/signal.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { StateMark } from "../parts/marks.tsx";
import { Meter } from "../parts/meter.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";
import { useTitle } from "../shell/announcer.tsx";
import { PageLink } from "../shell/page-link.tsx";

const ServicePage = ({ id }: { readonly id: string }) => {
  const { t, say } = useWords();
  const services = useSlot("services").data?.items;
  const service = services?.find((one) => one.id === id);
  const name = service === undefined ? id : say(service.name);
  useTitle(`${name} · ${t("nav.ops")}`);
  return (
    <div className="page service">
      <header className="service-head">
        <PageLink to="/ops" className="inline-link back-link">
          <Glyph shape="left" />
          {t("nav.ops")}
        </PageLink>
        <h1>{name}</h1>
        {service !== undefined && <State service={service} />}
      </header>
      {services !== undefined && service === undefined ? (
        <p>{t("service.unknown", { id })}</p>
      ) : (
        <About {...{ id, name }} known={new Set(services?.map((one) => one.id))} />
      )}
    </div>
  );
};

export default ServicePage;

const State = ({ service }: { readonly service: ServiceState }) => {
  const { t, say } = useWords();
  const { state, reason, cpu, memory } = service;
  return (
    <p className="service-state">
      <StateMark state={state} />
      <span className="quiet">{say(reason)}</span>
      <span>
        {t("services.cpu")} <Meter share={cpu} />
      </span>
      <span>
        {t("services.memory.long")} <Meter share={memory} />
      </span>
    </p>
  );
};

type AboutProps = {
  readonly id: string;
  readonly name: string;
  readonly known: ReadonlySet<string>;
};

const About = ({ id, name, known }: AboutProps) => {
  const { t } = useWords();
  const capacity = usePolled<Capacity>("capacity");
  const application = usePolled<Application>("application");
  const alerts = useSlot("alerts").data?.items.filter((one) => one.service === id) ?? [];
  const own = capacity.data?.items.find(({ service }) => service === id);
  return (
    <>
      {SIGNALS.map((signal) => (
        <SignalPanel key={signal} signal={signal} service={id} />
      ))}
      {alerts.length > 0 && (
        <Still name="service-alerts" title={t("alerts.title")}>
          <AlertList rows={alerts.map((item) => ({ item, gone: false }))} />
        </Still>
      )}
      {own !== undefined && (
        <Still name="service-capacity" title={t("ops.tab.capacity")}>
          <Use {...{ own, name }} />
        </Still>
      )}
      <Panel
        name="neighbours"
        title={t("neighbours.title")}
        fault={application.fault}
        loading={application.loading}
        onRetry={application.retry}
        skeleton={<RowsSkeleton rows={3} />}
      >
        {application.data && (
          <Neighbours
            {...{ id, known }}
            edges={application.data.edges}
            limit={application.data.errorLimit}
          />
        )}
      </Panel>
      {own !== undefined && (
        <Still
          name="instances"
          title={t("instances.title")}
          note={t("tab.count", { count: own.instances.length })}
        >
          <InstancesTable items={own.instances} />
        </Still>
      )}
      {capacity.data?.isConnected === true && <ActionsPanel id={id} />}
    </>
  );
};

type StillProps = {
  readonly name: string;
  readonly title: string;
  readonly note?: string;
  readonly children: ReactNode;
};

/** A panel of data that another part loads. */
const Still = (props: StillProps) => (
  <Panel {...props} loading={false} onRetry={() => undefined} skeleton={null} />
);

const ActionsPanel = ({ id }: { readonly id: string }) => {
  const { t } = useWords();
  const { data, fault, loading, retry } = usePolled<Listed>("actions", {
    query: { service: id },
  });
  return (
    <Panel
      name="service-actions"
      title={t("service.actions")}
      fault={fault}
      loading={loading}
      onRetry={retry}
      skeleton={<RowsSkeleton rows={4} />}
    >
      {data && <ActionList items={data.items} none={t("service.noAction")} />}
    </Panel>
  );
};

const CHART_WIDTH = 420;

type UseProps = { readonly own: Capacity["items"][number]; readonly name: string };

const Use = ({ own, name }: UseProps) => {
  const { t, lang } = useWords();
  const { use, target, offeredPerS, capacityPerS, headroomPerS, history, pools } = own;
  return (
    <>
      <dl className="facts capacity-facts">
        <dt>{t("capacity.use")}</dt>
        <dd>
          <Meter share={use} />
          {target !== null && (
            <span className="sub">{t("capacity.target", { share: percent(lang, target) })}</span>
          )}
        </dd>
        <dt>{t("capacity.offered")}</dt>
        <dd>{measure(lang, offeredPerS, "req/s")}</dd>
        <dt>{t("capacity.capacity")}</dt>
        <dd>{measure(lang, capacityPerS, "req/s")}</dd>
        <dt>{t("capacity.headroom")}</dt>
        <dd>{measure(lang, headroomPerS, "req/s")}</dd>
        <dt>{t("capacity.pools")}</dt>
        <dd>
          <Pools pools={pools} />
        </dd>
      </dl>
      <CapacityKey />
      <CapacityChart name={name} history={history} width={CHART_WIDTH} />
    </>
  );
};
