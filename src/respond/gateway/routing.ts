/**
 * Which route a path is of: the longest prefix that ends at a segment's end.
 *
 * Shape:  paths that a backend might read otherwise than we do (dots, doubled or encoded slashes,
 *         backslashes) are refused, or a route's criticality and limits could be walked around.
 */
import type { Criticality } from "./queue.ts";

export type Route = {
  readonly prefix: string;
  readonly service: string;
  readonly criticality: Criticality;
  readonly feature?: string | undefined;
  readonly timeoutMs: number;
  readonly cacheable?: { readonly ttlMs: number; readonly maxAgeMs: number } | undefined;
  readonly static?: { readonly status: number; readonly body: unknown } | undefined;
  readonly retries: 0 | 1;
};

const AMBIGUOUS = /\/\/|\/\.\.?(?:\/|$)|\\|%2e|%2f|%5c|%00/i;

export const newRouting = <R extends Pick<Route, "prefix">>(routes: readonly R[]) => {
  const longestFirst = [...routes].sort((a, b) => b.prefix.length - a.prefix.length);
  return (target: string): R | "ambiguous" | undefined => {
    const end = target.indexOf("?");
    const path = end < 0 ? target : target.slice(0, end);
    if (AMBIGUOUS.test(path)) return "ambiguous";
    for (const route of longestFirst) {
      const { prefix } = route;
      if (!path.startsWith(prefix)) continue;
      if (path.length === prefix.length || prefix.endsWith("/") || path[prefix.length] === "/")
        return route;
    }
    return undefined;
  };
};
