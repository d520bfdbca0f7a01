/** What the button of the reader's menu shows: initials, and a name for who cannot see them. */
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { useSession } from "../session/session.tsx";

export const UserFace = () => {
  const { t } = useWords();
  const { principal } = useSession();
  const name = principal?.name ?? "";
  return (
    <>
      <span className="hidden">{t("menu.open", { name })}</span>
      <span aria-hidden="true">{principal === undefined ? "…" : initials(name)}</span>
      <Glyph shape="chevron" />
    </>
  );
};

const initials = (name: string): string =>
  name
    .split(/[\s._-]+/)
    .filter((part) => part !== "")
    .slice(0, 2)
    .map((part) => part.charAt(0).toUpperCase())
    .join("");
