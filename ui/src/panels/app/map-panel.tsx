/** The service map, or the table of its edges. */
import { useEffect, useState } from "react";
import type { Application, Edge } from "../../../../src/contract/application.ts";
import { useWords } from "../../locales/words.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { Panel } from "../../parts/panel.tsx";
import { TABLE_EVENT } from "../../shell/keys.ts";
import { redColumns } from "./red-columns.tsx";
import { ServiceMap } from "./service-map.tsx";

type Props = {
  readonly data: Application | undefined;
  readonly loading: boolean;
  readonly onRetry: () => void;
};

export const MapPanel = ({ data, loading, onRetry }: Props) => {
  const { t } = useWords();
  const [asTable, setAsTable] = useState(false);
  useEffect(() => {
    const swap = (): void => setAsTable((is) => !is);
    addEventListener(TABLE_EVENT, swap);
    return () => removeEventListener(TABLE_EVENT, swap);
  }, []);
  const title = t("app.map");
  return (
    <Panel
      name="map"
      title={title}
      note={data && t("app.calls", { count: data.edges.length })}
      tools={
        <button
          type="button"
          className="button button-square button-quiet"
          aria-pressed={asTable}
          aria-label={t("chart.asTable", { title })}
          title={t(asTable ? "map.showMap" : "chart.showTable")}
          onClick={() => setAsTable(!asTable)}
        >
          <Glyph shape={asTable ? "chart" : "table"} />
        </button>
      }
      fault={undefined}
      loading={loading}
      onRetry={onRetry}
      skeleton={<span className="skeleton plot-skeleton" aria-hidden="true" />}
    >
      {data &&
        (data.edges.length === 0 ? (
          <Nothing why="no_data">
            <p>{t("map.connect")}</p>
          </Nothing>
        ) : asTable ? (
          <EdgesTable edges={data.edges} limit={data.errorLimit} />
        ) : (
          <ServiceMap edges={data.edges} services={data.services} limit={data.errorLimit} />
        ))}
    </Panel>
  );
};

type EdgesProps = { readonly edges: readonly Edge[]; readonly limit: number | null };

const EdgesTable = ({ edges, limit }: EdgesProps) => {
  const words = useWords();
  const { t } = words;
  const [rate, errors] = redColumns<Edge & { p50: null; p90: null; p99: null }>(words, limit);
  const rows = edges.map((edge) => Object.assign({ p50: null, p90: null, p99: null }, edge));
  return (
    <DataTable
      title={t("app.map")}
      columns={[
        {
          id: "client",
          title: t("map.client"),
          value: ({ client }) => client,
          show: ({ client }) => client,
        },
        {
          id: "server",
          title: t("map.server"),
          value: ({ server }) => server,
          show: ({ server }) => server,
        },
        ...[rate, errors].filter((column) => column !== undefined),
      ]}
      rows={rows}
      keyOf={({ client, server }) => `${client} ${server}`}
      first={{ column: "rate", isDown: true }}
    />
  );
};
