/**
 * The recent window after a start: what the store has of the last hour, in slices of time.
 *
 * Units:  ms.
 * Errors: StoreFault, HistoryLimit: the caller goes on without, and says so.
 */
import type { Store } from "../../../io/clickhouse/client.ts";
import { readSamples, readSeries } from "../store/signal.store.ts";
import { isStaleAt } from "../series.ts";
import type { Window } from "./window.ts";

const SLICE_MS = 300_000;
const MAX_SERIES = 200_000;
const MAX_SLICE_SAMPLES = 10_000_000;

export const refillWindow = async (
  deps: { readonly store: Pick<Store, "rows" | "blocks">; readonly window: Window },
  range: { readonly fromMs: number; readonly toMs: number },
): Promise<{ readonly samples: number }> => {
  const { store, window } = deps;
  const refs = new Map<bigint, number>();
  for (const { id, labels } of await readSeries(store, range, MAX_SERIES)) {
    const ref = window.intern(labels);
    if (ref.ok) refs.set(id, ref.value);
  }
  let samples = 0;
  for (let fromMs = range.fromMs; fromMs <= range.toMs; fromMs += SLICE_MS) {
    const toMs = Math.min(range.toMs, fromMs + SLICE_MS - 1);
    const { rows, ids, timesMs, values } = await readSamples(
      store,
      { fromMs, toMs },
      MAX_SLICE_SAMPLES,
    );
    let id: bigint | undefined;
    let ref: number | undefined;
    for (let row = 0; row < rows; row += 1) {
      if (ids[row] !== id) {
        id = ids[row]!;
        ref = refs.get(id);
      }
      if (ref === undefined) continue;
      const at = Number(timesMs[row]);
      const value = values[row]!;
      if (value !== value && isStaleAt(values, row)) window.appendStale(ref, at);
      else window.append(ref, at, value);
    }
    samples += rows;
  }
  return { samples };
};
