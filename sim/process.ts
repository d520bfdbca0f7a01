/**
 * A process that can end at any await: before an effect, or after it, before anybody hears of it.
 *
 * Shape:  everything outside the process is reached by `step`. `interrupt` is asked at each await
 *         and may end the process; a process that ended waits for ever, and `boot` begins the next.
 */
export type SimProcess = {
  /** Runs the effect for the process that is alive now; a dead one's call never returns. */
  readonly step: <T>(effect: () => T) => Promise<T>;
  readonly isAlive: () => boolean;
};

export type SimMachine = {
  readonly boot: () => SimProcess;
  readonly end: () => void;
  /** Awaits so far, in all lives. */
  readonly awaits: () => number;
  /** Counts one await; true when the process ends here. */
  readonly tick: () => boolean;
};

export const simMachine = (interrupt: (nthAwait: number) => boolean): SimMachine => {
  let life = 0;
  let awaits = 0;
  const tick = (): boolean => {
    const ends = interrupt(awaits);
    awaits += 1;
    if (ends) life += 1;
    return ends;
  };
  return {
    tick,
    awaits: () => awaits,
    end: () => void (life += 1),
    boot: () => {
      const mine = life;
      const pause = async (): Promise<void> => {
        await Promise.resolve();
        if (mine === life) tick();
        if (mine !== life) await new Promise<never>(() => undefined);
      };
      return {
        isAlive: () => mine === life,
        step: async (effect) => {
          await pause();
          const value = effect();
          await pause();
          return value;
        },
      };
    },
  };
};
