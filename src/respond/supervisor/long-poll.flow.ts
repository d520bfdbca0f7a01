/**
 * Readers who wait for news.
 *
 * Units:  ms.
 * Errors: none; who waits too long, or goes away, is answered with what there is.
 */
export type LongPoll = {
  /** Resolves when `isDue` holds after a change, or when the time is over. */
  readonly until: (isDue: () => boolean, waitMs: number, signal: AbortSignal) => Promise<void>;
  readonly wake: () => void;
  readonly waiting: () => number;
  /** Nobody waits any longer. */
  readonly close: () => void;
};

type Reader = { readonly isDue: () => boolean; readonly go: () => void };

export const longPoll = (): LongPoll => {
  const readers = new Set<Reader>();
  let isClosed = false;
  return {
    until: (isDue, waitMs, signal) =>
      new Promise((resolve) => {
        if (isClosed || signal.aborted || waitMs === 0 || isDue()) {
          resolve();
          return;
        }
        const reader: Reader = {
          isDue,
          go: () => {
            readers.delete(reader);
            clearTimeout(timer);
            signal.removeEventListener("abort", reader.go);
            resolve();
          },
        };
        const timer = setTimeout(reader.go, waitMs);
        signal.addEventListener("abort", reader.go);
        readers.add(reader);
      }),
    wake: () => {
      for (const reader of readers) if (reader.isDue()) reader.go();
    },
    waiting: () => readers.size,
    close: () => {
      isClosed = true;
      for (const reader of readers) reader.go();
    },
  };
};
