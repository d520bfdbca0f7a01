/**
 * What was asked of a service under what it could serve, over the last hour.
 *
 * Units: requests per second; gaps where the demand is unknown.
 */
import type { Capacity } from "../../../../src/contract/action.ts";
import { measure } from "../../format/unit.ts";
import { useWords } from "../../locales/words.tsx";

type History = Capacity["items"][number]["history"];

const HEIGHT = 40;
const PAD = 2;

type Props = { readonly name: string; readonly history: History; readonly width: number };

export const CapacityChart = ({ name, history, width }: Props) => {
  const { t, lang } = useWords();
  const [first] = history;
  const last = history.at(-1);
  if (first === undefined || last === undefined || history.length < 2) {
    return <span className="quiet">{t("capacity.noHistory")}</span>;
  }
  const startMs = Date.parse(first.at);
  const spanMs = Math.max(1, Date.parse(last.at) - startMs);
  const top = Math.max(
    1e-9,
    ...history.map((one) => Math.max(one.capacityPerS, one.offeredPerS ?? 0)),
  );
  const x = (at: string): number => PAD + ((Date.parse(at) - startMs) / spanMs) * (width - 2 * PAD);
  const y = (value: number): number => HEIGHT - PAD - (value / top) * (HEIGHT - 2 * PAD);
  let demand = "";
  let isDrawing = false;
  let limit = "";
  for (const { at, offeredPerS, capacityPerS } of history) {
    // Capacity changes at once: steps, not slopes.
    limit +=
      limit === ""
        ? `M${x(at).toFixed(1)} ${y(capacityPerS).toFixed(1)}`
        : `H${x(at).toFixed(1)}V${y(capacityPerS).toFixed(1)}`;
    if (offeredPerS !== null) {
      demand += `${isDrawing ? "L" : "M"}${x(at).toFixed(1)} ${y(offeredPerS).toFixed(1)}`;
    }
    isDrawing = offeredPerS !== null;
  }
  const label = t("capacity.chart", {
    name,
    offered: measure(lang, last.offeredPerS, "req/s"),
    limit: measure(lang, last.capacityPerS, "req/s"),
  });
  return (
    <svg
      className="capacity-chart"
      viewBox={`0 0 ${width} ${HEIGHT}`}
      style={{ maxWidth: width }}
      role="img"
      aria-label={label}
    >
      <path className="mini-floor" d={`M0 ${HEIGHT - 0.5}H${width}`} />
      <path className="capacity-limit" d={limit} />
      <path className="capacity-demand" d={demand} />
    </svg>
  );
};

/** What the two lines of each small chart are. */
export const CapacityKey = () => {
  const { t } = useWords();
  return (
    <ul className="legend">
      <li>
        <i className="swatch swatch-1" />
        {t("capacity.demand")}
      </li>
      <li>
        <i className="swatch swatch-limit" />
        {t("capacity.capacity")}
      </li>
    </ul>
  );
};
