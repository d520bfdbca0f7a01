/** A dialog over the page: in the middle, or a sheet at its side. Esc and the backdrop close it. */
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "./glyph.tsx";

type Props = {
  readonly title: string;
  readonly note?: string;
  readonly shape: "middle" | "sheet";
  readonly onClose: () => void;
  readonly children: ReactNode;
};

export const Dialog = ({ title, note, shape, onClose, children }: Props) => {
  const { t } = useWords();
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <div className="backdrop" />
        <Radix.Content
          className={`dialog dialog-${shape}`}
          {...(note === undefined ? { "aria-describedby": undefined } : {})}
        >
          <header className="dialog-head">
            <div>
              <Radix.Title className="dialog-title">{title}</Radix.Title>
              {note !== undefined && (
                <Radix.Description className="dialog-note">{note}</Radix.Description>
              )}
            </div>
            <Radix.Close className="button button-square" aria-label={t("dialog.close")}>
              <Glyph shape="close" />
            </Radix.Close>
          </header>
          <div className="dialog-body">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
};
