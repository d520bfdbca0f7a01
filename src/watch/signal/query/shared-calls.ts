/**
 * The same question asked again while it is being answered gets that answer: ten people who look
 * at one dashboard cost one.
 *
 * Shape:  `shared(key, run)` gives a function like `run`. The run is aborted when everybody who
 *         asked has gone, not before.
 * Errors: a fault of the run is everybody's; who aborts gets the reason of their own signal.
 * Why:    only what is on its way is shared. An answer that is kept could be wrong as soon as a
 *         late sample arrives.
 */
type Run<Question, Answer> = (question: Question, signal: AbortSignal) => Promise<Answer>;

type Running<Answer> = {
  readonly answer: Promise<Answer>;
  readonly stop: AbortController;
  waiting: number;
};

export const shared = <Question, Answer>(
  keyOf: (question: Question) => string,
  run: Run<Question, Answer>,
): ((question: Question, signal?: AbortSignal) => Promise<Answer>) => {
  const running = new Map<string, Running<Answer>>();
  const begin = (key: string, question: Question): Running<Answer> => {
    const stop = new AbortController();
    const forget = (): void => {
      if (running.get(key) === fresh) running.delete(key);
    };
    const answer = run(question, stop.signal).finally(forget);
    // Who asked may all have gone when it fails.
    answer.catch(() => undefined);
    const fresh: Running<Answer> = { answer, stop, waiting: 0 };
    running.set(key, fresh);
    stop.signal.addEventListener("abort", forget);
    return fresh;
  };
  return async (question, signal) => {
    signal?.throwIfAborted();
    const key = keyOf(question);
    const one = running.get(key) ?? begin(key, question);
    one.waiting += 1;
    if (signal === undefined) return one.answer;
    const gone = Promise.withResolvers<never>();
    const leave = (): void => {
      one.waiting -= 1;
      if (one.waiting === 0) one.stop.abort(signal.reason);
      gone.reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([one.answer, gone.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  };
};
