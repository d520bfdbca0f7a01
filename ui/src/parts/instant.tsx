/** An instant as Paris reads it; the full date and UTC on hover. */
import { useWords } from "../locales/words.tsx";
import { full, utc } from "../format/time.ts";

export const Instant = ({ at, children }: { readonly at: string; readonly children: string }) => {
  const { lang } = useWords();
  return (
    <time dateTime={at} title={`${full(lang, at)} · ${utc(lang, at)}`}>
      {children}
    </time>
  );
};
