import { expect, test } from "vitest";
import { firstQuery } from "./first-query.ts";

test.each([
  ["up", "gauge", "up"],
  ["jobs", "counter", "rate(jobs[5m])"],
  ["http_requests_total", undefined, "rate(http_requests_total[5m])"],
  [
    "a_seconds_bucket",
    "histogram",
    "histogram_quantile(0.95, sum by (le) (rate(a_seconds_bucket[5m])))",
  ],
  ["é.utf8", undefined, '{"é.utf8"}'],
])("%s (%s) is first asked as %s", (name, type, expr) => {
  expect(firstQuery(name, type)).toBe(expr);
});
