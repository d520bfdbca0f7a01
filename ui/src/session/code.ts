/**
 * The sign-in code travels in the URL's fragment, which browsers do not send, and leaves the URL
 * before anything else happens.
 */
export const takeCode = (where: Location, past: History): string | undefined => {
  const code = new URLSearchParams(where.hash.replace(/^#/, "")).get("code");
  if (code === null) return undefined;
  past.replaceState(past.state, "", where.pathname + where.search);
  return code;
};

/** Where to go after signing in: a page of this app and nothing else. */
export const safeNext = (next: string | null): string => {
  if (next === null || !next.startsWith("/") || /^\/[/\\]/.test(next)) return "/";
  return next.startsWith("/sign-in") ? "/" : next;
};
