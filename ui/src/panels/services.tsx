/** État des services: the platform's eight, then NovaEvo's own. Unknown says why. */
import { memo } from "react";
import type { ServiceState } from "../../../src/contract/ops.ts";
import { useReload, useSlot } from "../live/context.tsx";
import { useWords } from "../locales/words.tsx";
import { StateMark } from "../parts/marks.tsx";
import { Meter } from "../parts/meter.tsx";
import { Panel, RowsSkeleton } from "../parts/panel.tsx";
import { PageLink } from "../shell/page-link.tsx";

const GROUPS = ["platform", "novaevo"] as const;
const SKELETON_ROWS = 14;

export const ServicesPanel = () => {
  const { t } = useWords();
  const { data, fault, loading } = useSlot("services");
  const reload = useReload("services");
  const items = data?.items ?? [];
  const ok = items.filter(({ state }) => state === "ok").length;
  const unknown = items.filter(({ state }) => state === "unknown").length;
  return (
    <Panel
      name="services"
      title={t("services.title")}
      note={data && t("services.note", { ok, count: items.length, unknown })}
      fault={fault}
      loading={loading}
      onRetry={reload}
      skeleton={<RowsSkeleton rows={SKELETON_ROWS} />}
    >
      {data && <ServicesTable items={items} />}
    </Panel>
  );
};

const ServicesTable = ({ items }: { readonly items: readonly ServiceState[] }) => {
  const { t } = useWords();
  return (
    <table className="table services">
      <caption className="hidden">{t("services.title")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("services.service")}</th>
          <th scope="col">{t("services.state")}</th>
          <th scope="col" className="right">
            {t("services.cpu")}
          </th>
          <th scope="col" className="right">
            <abbr title={t("services.memory.long")}>{t("services.memory")}</abbr>
          </th>
        </tr>
      </thead>
      {GROUPS.map((group) => {
        const rows = items.filter((item) => item.group === group);
        return (
          rows.length > 0 && (
            <tbody key={group}>
              <tr className="group">
                <th scope="rowgroup" colSpan={4}>
                  {t(`services.group.${group}`)}
                </th>
              </tr>
              {rows.map((service) => (
                <ServiceRow key={service.id} service={service} />
              ))}
            </tbody>
          )
        );
      })}
    </table>
  );
};

/** The group's heading says it already. */
const OWN_PREFIX = /^NovaEvo · /;

const ServiceRow = memo(({ service }: { readonly service: ServiceState }) => {
  const { say } = useWords();
  const { state, cpu, memory, reason, name, group } = service;
  const measured = cpu !== null || memory !== null;
  return (
    <tr data-service={service.id} data-state={state}>
      <th scope="row">
        {group === "platform" ? (
          <PageLink to={`/ops/${encodeURIComponent(service.id)}`} className="row-link" data-row>
            {say(name)}
          </PageLink>
        ) : (
          say(name).replace(OWN_PREFIX, "")
        )}
        {measured && state !== "ok" && (
          <span className="sub" title={say(reason)}>
            {say(reason)}
          </span>
        )}
      </th>
      <td>
        <StateMark state={state} />
      </td>
      {measured ? (
        <>
          <td className="right">
            <Meter share={cpu} />
          </td>
          <td className="right">
            <Meter share={memory} />
          </td>
        </>
      ) : (
        <td colSpan={2} className="reason">
          <span className="clamp" title={say(reason)}>
            {say(reason)}
          </span>
        </td>
      )}
    </tr>
  );
});
