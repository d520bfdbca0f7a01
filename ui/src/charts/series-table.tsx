/** The chart's points as a table, newest first. */
import { MISSING } from "../format/number.ts";
import { clockSeconds } from "../format/time.ts";
import { useWords } from "../locales/words.tsx";
import type { SeriesWindow } from "./series-window.ts";

type Props = {
  readonly title: string;
  readonly window: SeriesWindow;
  readonly format: (value: number) => string;
};

export const SeriesTable = ({ title, window, format }: Props) => {
  const { t, lang } = useWords();
  const { times, names, values } = window;
  return (
    // Scrolls, so the keyboard must be able to reach it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <section className="series-table" tabIndex={0} aria-label={t("chart.asTable", { title })}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t("chart.time")}</th>
            {names.map((name) => (
              <th key={name} scope="col" className="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.toReversed().map((at, k) => (
            <tr key={at}>
              <th scope="row">{clockSeconds(lang, at)}</th>
              {names.map((name, s) => {
                const value = values[s]?.[times.length - 1 - k] ?? null;
                return (
                  <td key={name} className="right">
                    {value === null ? MISSING : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
};
