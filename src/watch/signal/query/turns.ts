/**
 * A few may do something large at once; the others wait for their turn, in order.
 *
 * Shape:  `take` resolves with how to give the turn back.
 * Errors: `NoTurn` when too many wait already; the signal's reason when it aborts first.
 */
export class NoTurn extends Error {
  override readonly name = "NoTurn";
}

export type Turns = { readonly take: (signal?: AbortSignal) => Promise<() => void> };

export const newTurns = (atOnce: number, maxWaiting: number): Turns => {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  const back = (): (() => void) => {
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
  };
  return {
    take: async (signal) => {
      if (free > 0) {
        free -= 1;
        return back();
      }
      if (waiting.length >= maxWaiting) {
        throw new NoTurn(`${waiting.length} wait already, at most ${maxWaiting} may`);
      }
      const turn = Promise.withResolvers<() => void>();
      const begin = (): void => {
        signal?.removeEventListener("abort", leave);
        turn.resolve(back());
      };
      const leave = (): void => {
        waiting.splice(waiting.indexOf(begin), 1);
        turn.reject(signal?.reason);
      };
      waiting.push(begin);
      signal?.addEventListener("abort", leave, { once: true });
      return turn.promise;
    },
  };
};
