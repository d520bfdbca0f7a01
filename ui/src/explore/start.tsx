/** Before the first query: what one can ask here, ready to be asked. */
import { useWords } from "../locales/words.tsx";

/** Of metrics every installation has: its agent's and its hub's. */
const EXAMPLES = [
  ["cpu", "system_cpu_utilization_ratio"],
  ["network", "sum by (host, direction) (rate(system_network_io_bytes_total[1m]))"],
  ["requests", "sum by (route) (rate(novaevo_http_requests_total[1m]))"],
  [
    "latency",
    "histogram_quantile(0.95, sum by (le) (rate(novaevo_http_request_duration_seconds_bucket[1m])))",
  ],
] as const;

type Props = { readonly onPick: (expr: string) => void; readonly onBrowse: () => void };

export const Start = ({ onPick, onBrowse }: Props) => {
  const { t } = useWords();
  return (
    <section className="panel start" aria-labelledby="start">
      <h2 id="start">{t("explore.start")}</h2>
      <p className="quiet">{t("explore.startNote")}</p>
      <ul>
        {EXAMPLES.map(([id, expr]) => (
          <li key={id}>
            <button type="button" className="metric" data-row onClick={() => onPick(expr)}>
              <strong>{t(`explore.example.${id}`)}</strong>
              <code>{expr}</code>
            </button>
          </li>
        ))}
      </ul>
      <button type="button" className="button" onClick={onBrowse}>
        {t("explore.browse")}
      </button>
    </section>
  );
};
