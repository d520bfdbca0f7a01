/**
 * How well a classifier tells its labels apart: F1 of each, their mean, and who is taken for whom.
 *
 * Units:  shares, 0 to 1. A label that nobody has and nobody was given has no F1.
 */
export type Judged = { readonly said: string; readonly is: string };
export type Accuracy = {
  readonly macroF1: number;
  readonly share: number;
  readonly f1: ReadonlyMap<string, number>;
};

export const accuracyOf = (judged: readonly Judged[]): Accuracy => {
  const labels = [...new Set(judged.flatMap(({ said, is }) => [said, is]))];
  const f1 = new Map(
    labels.map((label) => {
      const right = count(judged, ({ said, is }) => said === label && is === label);
      const all = count(judged, ({ is }) => is === label) + count(judged, (j) => j.said === label);
      return [label, (2 * right) / all] as const;
    }),
  );
  return {
    f1,
    macroF1: [...f1.values()].reduce((sum, one) => sum + one, 0) / Math.max(1, labels.length),
    share: count(judged, ({ said, is }) => said === is) / Math.max(1, judged.length),
  };
};

/** Rows are what it is, columns what was said. */
export const confusionTable = (judged: readonly Judged[]): string => {
  const labels = [...new Set(judged.flatMap(({ said, is }) => [is, said]))].toSorted();
  const { f1 } = accuracyOf(judged);
  const width = Math.max(...labels.map((label) => label.length));
  const head = labels.map((_, nth) => String(nth + 1).padStart(4)).join("");
  const rows = labels.map((is, nth) => {
    const cells = labels.map((said) => count(judged, (one) => one.is === is && one.said === said));
    const shown = cells.map((cell) => (cell === 0 ? "   ·" : String(cell).padStart(4))).join("");
    return `${String(nth + 1).padStart(2)} ${is.padEnd(width)}${shown}   F1 ${f1.get(is)!.toFixed(3)}`;
  });
  return [`   ${"".padEnd(width)}${head}`, ...rows].join("\n");
};

const count = (judged: readonly Judged[], holds: (one: Judged) => boolean): number =>
  judged.filter((one) => holds(one)).length;
