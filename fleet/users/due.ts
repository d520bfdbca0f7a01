/**
 * What is due when: a binary heap by time.
 *
 * Units:  ms on whatever clock the caller has.
 * Errors: none.
 */
type Entry<T> = { readonly atMs: number; readonly what: T };

export type Due<T> = {
  readonly push: (atMs: number, what: T) => void;
  /** The earliest, when it is due at `nowMs`. */
  readonly pop: (nowMs: number) => Entry<T> | undefined;
  readonly size: () => number;
};

export const newDue = <T>(): Due<T> => {
  const heap: Entry<T>[] = [];
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  const sink = (from: number): void => {
    for (let at = from; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && heap[child]!.atMs < heap[least]!.atMs) least = child;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  return {
    push: (atMs, what) => {
      heap.push({ atMs, what });
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (heap[parent]!.atMs <= heap[at]!.atMs) return;
        swap(at, parent);
        at = parent;
      }
    },
    pop: (nowMs) => {
      const first = heap[0];
      if (first === undefined || first.atMs > nowMs) return undefined;
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        sink(0);
      }
      return first;
    },
    size: () => heap.length,
  };
};
