/**
 * What one usually wants to know first of a metric: a counter's rate, a histogram's 95th
 * percentile, anything else's value.
 *
 * Shape:  PromQL. A type nobody told is read off the name, as Prometheus's conventions have it.
 */
const WINDOW = "5m";

export const firstQuery = (name: string, type: string | undefined): string => {
  const one = /^[a-zA-Z_:][\w:]*$/.test(name) ? name : `{${JSON.stringify(name)}}`;
  if (name.endsWith("_bucket")) {
    return `histogram_quantile(0.95, sum by (le) (rate(${one}[${WINDOW}])))`;
  }
  const isCounter = type === "counter" || /_(?:total|sum|count)$/.test(name);
  return isCounter ? `rate(${one}[${WINDOW}])` : one;
};
