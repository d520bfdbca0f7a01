/** Shares over time the size of a word: gaps where unknown, on a scale from 0 to 1. */
const WIDTH = 84;
const HEIGHT = 20;
const PAD = 1.5;

export const MiniLine = ({ values }: { readonly values: readonly (number | null)[] }) => {
  if (!values.some((value) => value !== null)) return null;
  const x = (i: number): number => PAD + (i / Math.max(1, values.length - 1)) * (WIDTH - 2 * PAD);
  const y = (share: number): number => HEIGHT - PAD - share * (HEIGHT - 2 * PAD);
  let path = "";
  let isOpen = false;
  values.forEach((value, i) => {
    if (value !== null) path += `${isOpen ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    isOpen = value !== null;
  });
  // The figure beside it says the newest value; the chart in the explorer says them all.
  return (
    <svg className="mini-line" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path className="mini-floor" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      <path d={path} />
    </svg>
  );
};
