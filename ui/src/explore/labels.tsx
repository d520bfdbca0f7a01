/** Labels as PromQL writes them, and those that all series share. */
import { useWords } from "../locales/words.tsx";
import { seriesName, type Labels } from "./prometheus.ts";

export const SharedLabels = ({ labels }: { readonly labels: Labels }) => {
  const { t } = useWords();
  if (Object.keys(labels).length === 0) return null;
  return (
    <p className="shared-labels">
      {t("explore.shared")} <LabelText labels={labels} name="" />
    </p>
  );
};

export const LabelText = ({ labels, name }: { readonly labels: Labels; readonly name: string }) => {
  const isBare = Object.keys(labels).length === 0;
  return <code className="series-name">{isBare ? name : seriesName(labels)}</code>;
};
