/**
 * The query engine in a thread of its own, held where the test wants it.
 *
 * Shape:  `workerData` is two shared numbers: the engine counts its looks at the clock in the
 *         first, and from the third look on waits there until the second is 1. The store answers
 *         nothing until `storeAnswers` is called. `outcomes` tells how every query ended.
 */
import { parentPort, workerData } from "node:worker_threads";
import { serve } from "../../src/io/rpc.ts";
import { openLabelQueries } from "../../src/watch/signal/query/label-query.flow.ts";
import { newMetadataBook } from "../../src/watch/signal/metadata.ts";
import { openPrometheus } from "../../src/watch/signal/prometheus/prometheus.flow.ts";
import { openQueries } from "../../src/watch/signal/query/query.flow.ts";
import { newWindow } from "../../src/watch/signal/window/window.ts";

const SERIES = 400;
const SAMPLES = 2_000;
const STEP_MS = 1_000;
/** Before this look it has not begun to evaluate. */
const HELD_LOOK = 3;

const shared = new Int32Array(workerData as SharedArrayBuffer);
const LOOKS = 0;
const GATE = 1;

const window = newWindow({ retentionMs: Infinity });
for (let i = 0; i < SERIES; i++) {
  const ref = window.intern([
    ["__name__", "m"],
    ["i", String(i)],
  ]);
  if (!ref.ok) throw new Error(ref.error.message);
  for (let k = 1; k <= SAMPLES; k++) window.append(ref.value, k * STEP_MS, k);
}

const store = Promise.withResolvers<never[]>();
const reach = {
  window,
  store: { rows: () => store.promise, blocks: () => Promise.reject(new Error("no series")) },
  ready: () => true,
  seamMs: () => 0,
  oldestMs: () => -1e9,
  monotonic: () => {
    const looks = Atomics.add(shared, LOOKS, 1) + 1;
    Atomics.notify(shared, LOOKS);
    if (looks >= HELD_LOOK) Atomics.wait(shared, GATE, 0);
    return 0;
  },
};
const queries = openQueries(reach);

const outcomes: string[] = [];
const told = <Rest extends unknown[], T extends { readonly ok: boolean }>(
  ask: (...rest: Rest) => Promise<T & { readonly error?: { readonly message: string } }>,
) => {
  return async (...rest: Rest): Promise<T> => {
    const answer = await ask(...rest);
    outcomes.push(answer.ok ? "answered" : (answer.error?.message ?? ""));
    return answer;
  };
};

const toldQueries = {
  queryRange: told(queries.queryRange),
  queryInstant: told(queries.queryInstant),
};

serve(parentPort!, {
  ...toldQueries,
  prometheus: openPrometheus({
    ...{ queries: toldQueries, labels: openLabelQueries(reach), metadata: newMetadataBook() },
  }),
  storeAnswers: async () => store.resolve([]),
  outcomes: async () => outcomes,
});
