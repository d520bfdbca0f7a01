/** A panel without data: why, and what to connect. */
import type { ReactNode } from "react";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "./glyph.tsx";

type Props = { readonly why: string; readonly children?: ReactNode };

export const Nothing = ({ why, children }: Props) => {
  const { t } = useWords();
  return (
    <div className="nothing">
      <p>
        <span className="mark mark-unknown">
          <Glyph shape="question" />
          {t(`why.${why}`)}
        </span>
      </p>
      {children}
    </div>
  );
};
