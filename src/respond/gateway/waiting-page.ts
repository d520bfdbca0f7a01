/**
 * What who waits sees: a page in French or English that asks by itself whether it is its turn.
 *
 * Shape:  one HTML text, no other file; styles and script carry the nonce of the answer's policy.
 *         It asks `statusPath` again when the answer says so, twice as late after each failure.
 */
export type Language = "fr" | "en";
export type PageFacts = {
  readonly language: Language;
  readonly nonce: string;
  readonly statusPath: string;
  readonly position: number;
  readonly expectedWaitMs: number | null;
  readonly pollMs: number;
};

/** The first of the two that the browser asks for; French where it asks for neither. */
export const languageOf = (acceptLanguage: string): Language => {
  const asked = acceptLanguage
    .split(",")
    .map((part) => {
      const [tag = "", ...rest] = part.trim().toLowerCase().split(";");
      const q = rest.find((one) => one.trim().startsWith("q="));
      return { tag, q: q === undefined ? 1 : Number(q.trim().slice(2)) };
    })
    .filter(({ tag, q }) => /^(?:fr|en)\b/.test(tag) && q > 0)
    .sort((a, b) => b.q - a.q);
  return asked[0]?.tag.startsWith("en") === true ? "en" : "fr";
};

/** French sets a narrow space that does not break before ! ? ; and a wide one before a colon. */
const WORDS = {
  fr: {
    title: "File d’attente – NovaEvo",
    heading: "Vous êtes dans la file d’attente",
    lead: "Beaucoup de conducteurs se connectent en ce moment. Votre place est gardée, même si vous fermez cette page\u202f; nous vous ferons entrer dès que possible.",
    position: "Votre place",
    wait: "Attente prévue",
    unknown: "encore inconnue",
    soon: "moins d’une minute",
    minutes: ["environ une minute", "environ {n}\u00a0minutes"],
    turn: "C’est à vous\u202f! Un instant…",
    retry: "La connexion est coupée\u202f; nouvel essai automatique.",
    noscript: "Cette page se recharge toute seule toutes les 30\u00a0secondes.",
  },
  en: {
    title: "Waiting room – NovaEvo",
    heading: "You are in the queue",
    lead: "Many drivers are signing in right now. Your place is kept, even if you close this page; we will let you in as soon as we can.",
    position: "Your place",
    wait: "Expected wait",
    unknown: "not known yet",
    soon: "less than a minute",
    minutes: ["about one minute", "about {n}\u00a0minutes"],
    turn: "It’s your turn! One moment…",
    retry: "The connection is down; trying again automatically.",
    noscript: "This page reloads by itself every 30\u00a0seconds.",
  },
} as const;
const MS_PER_MINUTE = 60_000;

export const waitText = (language: Language, waitMs: number | null): string => {
  const words = WORDS[language];
  if (waitMs === null) return words.unknown;
  const minutes = Math.round(waitMs / MS_PER_MINUTE);
  if (minutes < 1) return words.soon;
  return minutes === 1 ? words.minutes[0] : words.minutes[1].replace("{n}", String(minutes));
};

export const waitingPage = (facts: PageFacts): string => {
  const { language, nonce, position, expectedWaitMs } = facts;
  const words = WORDS[language];
  const number = position.toLocaleString(language);
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<noscript><meta http-equiv="refresh" content="30"></noscript>
<title>${words.title}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main>
<h1>${words.heading}</h1>
<p>${words.lead}</p>
<dl role="status" aria-live="polite">
<div><dt>${words.position}</dt><dd id="position">${number}</dd></div>
<div><dt>${words.wait}</dt><dd id="wait">${waitText(language, expectedWaitMs)}</dd></div>
</dl>
<p id="note" role="status" aria-live="polite"></p>
<noscript><p>${words.noscript}</p></noscript>
</main>
<script nonce="${nonce}">${scriptOf(facts)}</script>
</body>
</html>
`;
};

const STYLE = `:root{--back:#f6f7f9;--card:#fff;--ink:#14181f;--soft:#4b5563;--line:#d8dce2}
@media (prefers-color-scheme:dark){:root{--back:#0f1217;--card:#181c23;--ink:#eef1f5;--soft:#a7b0bd;--line:#2c323c}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--back);color:var(--ink);font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:34rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .5rem;font-size:1.5rem;line-height:1.25;text-wrap:balance}
p{margin:0;color:var(--soft)}
dl{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin:1.5rem 0 .5rem}
dt{color:var(--soft);font-size:.9375rem}
dd{margin:0;font-size:1.5rem;font-weight:600;font-variant-numeric:tabular-nums}
#note:not(:empty){margin-top:1rem}`;

/** JSON inside a script must not end it. */
const inScript = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");

const scriptOf = ({ language, statusPath, pollMs }: PageFacts): string => {
  const { turn, retry, unknown, soon, minutes } = WORDS[language];
  const words = { turn, retry, unknown, soon, one: minutes[0], many: minutes[1] };
  return `"use strict";(() => {
const words = ${inScript(words)};
const place = document.getElementById("position"), wait = document.getElementById("wait");
const note = document.getElementById("note");
let failures = 0;
const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const waitText = (ms) => {
  if (ms === null) return words.unknown;
  const n = Math.round(ms / 60000);
  return n < 1 ? words.soon : n === 1 ? words.one : words.many.replace("{n}", n);
};
const later = (ms) => setTimeout(ask, ms * (0.85 + 0.3 * Math.random()));
const ask = async () => {
  try {
    const answer = await fetch(${inScript(statusPath)}, { headers: { accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(10000) });
    const said = await answer.json();
    failures = 0;
    if (said.state === "in") { say(note, words.turn); return location.reload(); }
    say(note, "");
    say(place, said.position.toLocaleString(${inScript(language)}));
    say(wait, waitText(said.expectedWaitMs));
    later(said.pollMs);
  } catch {
    failures += 1;
    say(note, words.retry);
    later(Math.min(60000, ${pollMs} * 2 ** failures));
  }
};
later(${pollMs});
})();`;
};

export const pagePolicy = (nonce: string): string =>
  `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; ` +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const LEAST_POLL_MS = 2_000;
const MOST_POLL_MS = 30_000;
/** Who is far back asks less often. */
export const pollMsOf = (expectedWaitMs: number | null): number =>
  Math.round(Math.min(MOST_POLL_MS, Math.max(LEAST_POLL_MS, (expectedWaitMs ?? 50_000) / 10)));
