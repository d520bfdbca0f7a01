import { expect, test } from "vitest";
import type { Alert } from "../../../src/contract/alert.ts";
import { notice, POLITE_EVERY_MS, silent, type Notices } from "./announce.ts";

const alert = (id: string, severity: Alert["severity"]): Alert => ({
  id,
  severity,
  fingerprint: id,
  title: { fr: id, en: id },
  state: "firing",
  startedAt: "2026-11-24T12:00:00Z",
  breachedAt: "2026-11-24T12:00:00Z",
  resolvedAt: null,
  value: 1,
  threshold: "> 0",
  unit: "count",
  owner: { fr: "SRE", en: "SRE" },
  kpi: "k",
  rule: null,
  service: null,
  note: null,
  action: null,
});

const watch = (lists: readonly (readonly Alert[])[], stepMs: number) => {
  let state: Notices = silent;
  return lists.map((list, i) => {
    const said = notice(state, list, i * stepMs);
    state = said.state;
    return {
      criticals: said.criticals.map(({ id }) => id),
      polite: said.polite.map(({ id }) => id),
    };
  });
};

test("the first list is what is there, not news", () => {
  expect(watch([[alert("A", "critical")]], 1)).toEqual([{ criticals: [], polite: [] }]);
});

test("a new critical is announced once", () => {
  const lists = [[], [alert("A", "critical")], [alert("A", "critical")]];
  expect(watch(lists, 100).map(({ criticals }) => criticals)).toEqual([[], ["A"], []]);
});

test("an alert that becomes critical is announced", () => {
  const lists = [[alert("A", "warning")], [alert("A", "critical")]];
  expect(watch(lists, 100)[1]).toEqual({ criticals: ["A"], polite: [] });
});

test("fifty infos in ten seconds make at most two announcements, and all are counted", () => {
  const all = Array.from({ length: 50 }, (_, i) => alert(`I${i}`, "info"));
  const lists = [[], ...all.map((_, i) => all.slice(0, i + 1)), all, all];
  const said = watch(lists, POLITE_EVERY_MS / 50).filter(({ polite }) => polite.length > 0);
  expect(said).toHaveLength(2);
  expect(said.flatMap(({ polite }) => polite)).toHaveLength(50);
});
