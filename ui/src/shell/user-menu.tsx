/** Who is signed in, the language, the theme, and the way out. Loaded when it is first opened. */
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { useWords } from "../locales/words.tsx";
import { Glyph } from "../parts/glyph.tsx";
import { useSession } from "../session/session.tsx";
import { UserFace } from "./user-face.tsx";
import { applyTheme, keptTheme, THEMES, type Theme } from "../theme.ts";
import type { Lang } from "../format/text.ts";

const LANGS = [
  ["fr", "Français"],
  ["en", "English"],
] as const;

const UserMenu = () => {
  const { t } = useWords();
  const { principal, signOut } = useSession();
  return (
    <DropdownMenu.Root modal={false} defaultOpen>
      <DropdownMenu.Trigger className="button user-button" title={principal?.name ?? ""}>
        <UserFace />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={6}>
          {principal !== undefined && (
            <DropdownMenu.Label className="menu-who">
              <strong>{principal.name}</strong>
              <span>{t(`role.${principal.role}`)}</span>
            </DropdownMenu.Label>
          )}
          <DropdownMenu.Separator className="menu-line" />
          <LangChoice />
          <DropdownMenu.Separator className="menu-line" />
          <ThemeChoice />
          <DropdownMenu.Separator className="menu-line" />
          <DropdownMenu.Item className="menu-item" onSelect={() => void signOut()}>
            {t("menu.signOut")}
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
};

export default UserMenu;

/** The menu stays open while the reader looks at what the choice does. */
const stay = (event: Event): void => event.preventDefault();

const LangChoice = () => {
  const { t, lang, setLang } = useWords();
  return (
    <DropdownMenu.RadioGroup
      value={lang}
      onValueChange={(value) => setLang(value as Lang)}
      aria-label={t("menu.lang")}
    >
      <DropdownMenu.Label className="menu-label">{t("menu.lang")}</DropdownMenu.Label>
      {LANGS.map(([value, label]) => (
        <Choice key={value} value={value} label={label} lang={value} />
      ))}
    </DropdownMenu.RadioGroup>
  );
};

const ThemeChoice = () => {
  const { t } = useWords();
  const [theme, setTheme] = useState<Theme>(keptTheme);
  const choose = (value: string): void => {
    applyTheme(value as Theme);
    setTheme(value as Theme);
  };
  return (
    <DropdownMenu.RadioGroup value={theme} onValueChange={choose} aria-label={t("menu.theme")}>
      <DropdownMenu.Label className="menu-label">{t("menu.theme")}</DropdownMenu.Label>
      {THEMES.map((value) => (
        <Choice key={value} value={value} label={t(`theme.${value}`)} />
      ))}
    </DropdownMenu.RadioGroup>
  );
};

const Choice = (props: {
  readonly value: string;
  readonly label: string;
  readonly lang?: string;
}) => (
  <DropdownMenu.RadioItem
    className="menu-item"
    value={props.value}
    lang={props.lang}
    onSelect={stay}
  >
    <DropdownMenu.ItemIndicator className="menu-check">
      <Glyph shape="check" />
    </DropdownMenu.ItemIndicator>
    {props.label}
  </DropdownMenu.RadioItem>
);
