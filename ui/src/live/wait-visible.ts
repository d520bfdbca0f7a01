/** The pause between two questions of a page that follows something. */

/** Resolves after the wait, once the page is visible, or when told to. */
export const waitVisible = (
  waitMs: number,
  signal: AbortSignal,
  offer: (now: () => void) => void,
): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const onVisible = (): void => {
      if (document.visibilityState === "visible") done();
    };
    const timer = setTimeout(() => {
      if (document.visibilityState === "visible") done();
      else document.addEventListener("visibilitychange", onVisible);
    }, waitMs);
    signal.addEventListener("abort", done, { once: true });
    offer(done);
  });
