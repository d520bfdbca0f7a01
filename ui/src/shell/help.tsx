/** The keyboard shortcuts, and the switch that turns them off. */
import { Fragment, useState } from "react";
import { useWords } from "../locales/words.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { keysEnabled, setKeysEnabled } from "./keys.ts";

const SHORTCUTS = [
  { keys: ["g", "o"], id: "help.ops" },
  { keys: ["g", "d"], id: "help.go" },
  { keys: ["g", "e"], id: "help.explore" },
  { keys: ["j"], id: "help.next" },
  { keys: ["k"], id: "help.previous" },
  { keys: ["key.enter"], id: "help.enter" },
  { keys: ["t"], id: "help.table" },
  { keys: ["←", "→"], id: "help.arrows" },
  { keys: ["key.control", "key.enter"], id: "help.run" },
  { keys: ["?"], id: "help.help" },
  { keys: ["key.escape"], id: "help.close" },
] as const;

export const Help = ({ onClose }: { readonly onClose: () => void }) => {
  const { t } = useWords();
  const [on, setOn] = useState(keysEnabled);
  const toggle = (): void => {
    setKeysEnabled(!on);
    setOn(!on);
  };
  return (
    <Dialog title={t("help.title")} shape="middle" onClose={onClose}>
      <dl className="shortcuts" data-off={!on}>
        {SHORTCUTS.map(({ keys, id }) => (
          <Fragment key={id}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key.startsWith("key.") ? t(key) : key}</kbd>
              ))}
            </dt>
            <dd>{t(id)}</dd>
          </Fragment>
        ))}
      </dl>
      <label className="switch">
        <input type="checkbox" role="switch" checked={on} aria-checked={on} onChange={toggle} />
        {t("help.switch")}
      </label>
    </Dialog>
  );
};
