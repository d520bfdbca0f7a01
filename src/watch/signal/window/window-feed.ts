/**
 * Decoded samples into the recent window.
 *
 * Shape:  a series keeps its place in the window; one that was dropped meanwhile is interned anew.
 *         What the window does not take (too old for it, over its limits) is in the log all the
 *         same.
 */
import type { Known } from "../../intake/decode/catalog.ts";
import type { Samples } from "../../intake/decode/samples.ts";
import { isStaleAt } from "../series.ts";
import type { Appended, Window } from "./window.ts";

const appendAt = (
  window: Window,
  ref: number,
  { timesMs, values }: Samples,
  nth: number,
): Appended => {
  const value = values[nth]!;
  const isMarker = value !== value && isStaleAt(values, nth);
  return isMarker
    ? window.appendStale(ref, timesMs[nth]!)
    : window.append(ref, timesMs[nth]!, value);
};

export const feedWindow = (window: Window, samples: Samples): { readonly stored: number } => {
  let stored = 0;
  for (let nth = 0; nth < samples.count; nth += 1) {
    const known = samples.series[nth]!;
    let outcome = appendAt(window, known.ref, samples, nth);
    if (outcome === "unknown_series" && intern(window, known)) {
      outcome = appendAt(window, known.ref, samples, nth);
    }
    if (outcome === "stored") stored += 1;
  }
  return { stored };
};

const intern = (window: Window, known: Known): boolean => {
  const ref = window.intern(known.labels);
  if (!ref.ok) return false;
  known.ref = ref.value;
  // Equal labels, whose texts the window shares among series: held once.
  known.labels = window.labelsOf(ref.value) ?? known.labels;
  return true;
};
