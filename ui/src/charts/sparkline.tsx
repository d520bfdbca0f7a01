/** Readings as a small line: gaps where unknown, the target as a rule across. */
import type { KpiDetail } from "../../../src/contract/kpi.ts";

const WIDTH = 480;
const HEIGHT = 96;
const PAD = 6;

type Props = {
  readonly readings: KpiDetail["readings"];
  readonly target: number;
  readonly label: string;
};

export const Sparkline = ({ readings, target, label }: Props) => {
  const values = readings.flatMap(({ value }) => (value === null ? [] : [value]));
  const low = Math.min(target, ...values);
  const high = Math.max(target, ...values);
  const first = Date.parse(readings[0]?.at ?? "");
  const span = Math.max(1, Date.parse(readings.at(-1)?.at ?? "") - first);
  const x = (at: string): number => PAD + ((Date.parse(at) - first) / span) * (WIDTH - 2 * PAD);
  const y = (value: number): number =>
    HEIGHT - PAD - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * PAD);

  let path = "";
  let isOpen = false;
  for (const { at, value } of readings) {
    if (value !== null) path += `${isOpen ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = value !== null;
  }
  const last = readings.findLast(({ value }) => value !== null);
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      <path className="sparkline-target" d={`M${PAD} ${y(target)}H${WIDTH - PAD}`} />
      <path className="sparkline-line" d={path} />
      {last !== undefined && last.value !== null && (
        <circle cx={x(last.at)} cy={y(last.value)} r="3.5" />
      )}
    </svg>
  );
};
