/** The pages that exist, and the reader's own menu. */
import { useLocation } from "wouter";
import { useWords } from "../locales/words.tsx";
import { Brand } from "../parts/brand.tsx";
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
            aria-current={place === path ? "page" : undefined}
          >
            {t(`nav.${id}`)}
          </PageLink>
        ))}
      </nav>
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
