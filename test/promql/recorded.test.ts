/**
 * What Prometheus answered to random queries, kept for machines that have none: the samples are
 * made anew from the same seed, the answers must be the same.
 *
 * With `PROMQL_RECORD=test/promql/recorded.json`, test/peers/promql-differential.test.ts writes the
 * file anew.
 */
import { expect, test } from "vitest";
import {
  type Answer,
  answerOf,
  difference,
  fleetOf,
  type Times,
  windowOf,
} from "../peers/promql-fleet.ts";
import recorded from "./recorded.json" with { type: "json" };

const { version, seed, kept } = recorded;
const window = windowOf(fleetOf(seed));

type Kept = Readonly<(typeof kept)[number]>;

const there = ({ points }: Kept): Answer =>
  points === null ? undefined : new Map(points.map(([key, value]) => [key!, Number(value)]));
const here = ({ expr, startS }: Kept): Answer => {
  const when: Times = { startS, endS: startS, stepS: 0 };
  return answerOf(window, expr, when);
};

test(`${kept.length} answers of Prometheus ${version} are ours`, () => {
  for (const one of kept) {
    expect([one.expr, difference(here(one), there(one))]).toEqual([one.expr, undefined]);
  }
});

test("they are about something: answers, and refusals", () => {
  expect(kept.filter(({ points }) => (points?.length ?? 0) > 0).length).toBeGreaterThan(150);
  expect(kept.filter(({ points }) => points === null).length).toBeGreaterThan(5);
});

test("control: the samples of another seed give other answers", () => {
  const other = windowOf(fleetOf(seed + 1));
  const differing = kept.filter((one) => {
    const when = { startS: one.startS, endS: one.startS, stepS: 0 };
    return difference(answerOf(other, one.expr, when), there(one)) !== undefined;
  });
  expect(differing.length).toBeGreaterThan(kept.length / 3);
});
