/** A share as a bar and a figure; a dash where nothing is measured. */
import { MISSING, percent } from "../format/number.ts";
import { useWords } from "../locales/words.tsx";

export const Meter = ({ share }: { readonly share: number | null }) => {
  const { lang, t } = useWords();
  if (share === null) {
    return (
      <span className="meter">
        <span aria-hidden="true">{MISSING}</span>
        <span className="hidden">{t("value.missing")}</span>
      </span>
    );
  }
  const width = `${Math.min(100, Math.max(0, share * 100))}%`;
  return (
    <span className="meter">
      <span className="meter-track" aria-hidden="true">
        <span className="meter-fill" style={{ width }} />
      </span>
      <span className="figure">{percent(lang, share)}</span>
    </span>
  );
};
