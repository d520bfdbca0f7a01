/** Who may break things, and what the server said to who tried. */
import type { Fault } from "../../api/client.ts";
import { useWords } from "../../locales/words.tsx";
import { Glyph } from "../../parts/glyph.tsx";
import { causeOf } from "../../parts/panel.tsx";
import { may } from "../../session/may.ts";
import { useSession } from "../../session/session.tsx";

export const useOperator = (): { readonly mayAct: boolean; readonly hint: string } => {
  const { t } = useWords();
  const { principal } = useSession();
  return {
    mayAct: may(principal, "operator"),
    hint: t("rehearsal.role", { role: t("role.operator") }),
  };
};

export const Refusal = ({ fault }: { readonly fault: Fault | undefined }) => {
  const { t } = useWords();
  if (fault === undefined) return null;
  return (
    <p className="notice" role="alert">
      <Glyph shape="triangle" />
      {causeOf(fault, t)}
    </p>
  );
};
