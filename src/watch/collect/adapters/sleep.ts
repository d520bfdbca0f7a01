/** Waits on the machine's timer; an abort ends the wait early, and is no fault. */
export const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, delayMs));
    signal?.addEventListener("abort", done, { once: true });
  });
