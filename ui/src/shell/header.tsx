/** The pages that exist, and the reader's own menu. */
import { useLocation } from "wouter";
import { useRehearsal } from "../live/rehearsal.tsx";
import { useWords } from "../locales/words.tsx";
import { Brand } from "../parts/brand.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { PageLink } from "./page-link.tsx";
import { PAGES } from "./place.ts";
import { UserButton } from "./user-button.tsx";

type Props = { readonly onHelp: () => void };

export const Header = ({ onHelp }: Props) => {
  const { t } = useWords();
  const [place] = useLocation();
  return (
    <header className="top">
      <Brand />
      <nav aria-label={t("nav.label")}>
        {PAGES.map(({ path, id }) => (
          <PageLink
            key={id}
            to={path}
            className="nav-link"
            aria-current={
              place === path ? "page" : place.startsWith(`${path}/`) ? "true" : undefined
            }
          >
            {t(`nav.${id}`)}
          </PageLink>
        ))}
      </nav>
      <RehearsalMark />
      <button
        type="button"
        className="button button-square"
        aria-label={t("help.open")}
        title={t("help.open")}
        onClick={onHelp}
      >
        ?
      </button>
      <UserButton />
    </header>
  );
};

/** Nobody shall take a rehearsal for the real platform. */
const RehearsalMark = () => {
  const { t } = useWords();
  const { rehearsal } = useRehearsal();
  if (rehearsal === undefined) return null;
  const count = rehearsal.items.length;
  return (
    <PageLink to="/ops?tab=rehearsal" className="rehearsal-mark" title={t("rehearsal.mark.title")}>
      <Glyph shape="play" />
      {t("rehearsal.mark")}
      {count > 0 && <span>{t("rehearsal.mark.faults", { count })}</span>}
    </PageLink>
  );
};
