/** APIs by route, services by health, transactions by how slow or failing they are. */
import type { ApiRoute, CalledService, Transaction } from "../../../../src/contract/application.ts";
import { useWords, type Words } from "../../locales/words.tsx";
import { DataTable, type Column } from "../../parts/data-table.tsx";
import { StateMark } from "../../parts/marks.tsx";
import { redColumns } from "./red-columns.tsx";

type Props<T> = {
  readonly items: readonly T[];
  /** The share of errors from which one is alerted. */
  readonly limit: number | null;
};

export const ApisTable = ({ items, limit }: Props<ApiRoute>) => {
  const words = useWords();
  const { t } = words;
  return (
    <DataTable
      title={t("app.apis")}
      columns={apiColumns(words, limit)}
      rows={items}
      keyOf={({ service, method, route }) => `${service} ${method} ${route}`}
      first={{ column: "rate", isDown: true }}
    />
  );
};

const apiColumns = (words: Words, limit: number | null): readonly Column<ApiRoute>[] => {
  const { t } = words;
  return [
    {
      id: "route",
      title: t("app.route"),
      value: ({ route }) => route,
      show: ({ method, route }) => (
        <span className="long">
          {method !== "" && <b className="method">{method}</b>} <code>{route}</code>
        </span>
      ),
    },
    {
      id: "service",
      title: t("app.service"),
      value: ({ service }) => service,
      show: ({ service }) => service,
    },
    ...redColumns<ApiRoute>(words, limit),
  ];
};

const WORST: Readonly<Record<CalledService["state"], number>> = {
  down: 3,
  degraded: 2,
  unknown: 1,
  ok: 0,
};

export const CalledServicesTable = ({ items, limit }: Props<CalledService>) => {
  const words = useWords();
  const { t } = words;
  return (
    <DataTable
      title={t("app.services")}
      columns={serviceColumns(words, limit)}
      rows={items}
      keyOf={({ service }) => service}
      first={{ column: "state", isDown: true }}
    />
  );
};

const serviceColumns = (words: Words, limit: number | null): readonly Column<CalledService>[] => {
  const { t, say } = words;
  return [
    {
      id: "service",
      title: t("app.service"),
      value: ({ service }) => service,
      show: ({ service }) => service,
    },
    {
      id: "state",
      title: t("services.state"),
      value: ({ state }) => WORST[state],
      show: ({ state, reason }) => (
        <>
          <StateMark state={state} />
          {state !== "ok" && <span className="sub">{say(reason)}</span>}
        </>
      ),
    },
    ...redColumns<CalledService>(words, limit),
  ];
};

export const TransactionsTable = ({ items, limit }: Props<Transaction>) => {
  const words = useWords();
  const { t } = words;
  return (
    <DataTable
      title={t("app.transactions")}
      columns={transactionColumns(words, limit)}
      rows={items}
      keyOf={({ service, name, kind }) => `${service} ${kind} ${name}`}
      first={{ column: "p99", isDown: true }}
    />
  );
};

const transactionColumns = (words: Words, limit: number | null): readonly Column<Transaction>[] => {
  const { t } = words;
  return [
    {
      id: "name",
      title: t("app.transaction"),
      value: ({ name }) => name,
      show: ({ name, kind }) => (
        <>
          <span className="long">{name}</span>
          {kind === "consumer" && <span className="sub">{t("app.consumer")}</span>}
        </>
      ),
    },
    {
      id: "service",
      title: t("app.service"),
      value: ({ service }) => service,
      show: ({ service }) => service,
    },
    ...redColumns<Transaction>(words, limit),
  ];
};
