/** The operations page over HTTP. */
import type { Serving } from "../../io/http/handlers.ts";
import type { Stream } from "../../io/http/stream.ts";
import type { ServiceList } from "../../contract/ops.ts";
import { ok, problem } from "../../kernel/result.ts";
import { overview, readPanel, type OpsDeps } from "./ops.flow.ts";
import { MAX_RANGE_MS } from "./panel.ts";

const DEFAULT_RANGE_MS = 15 * 60_000;

export const opsRoutes = (
  deps: OpsDeps & { readonly stream: Stream; readonly services: () => ServiceList },
): Serving<"GET overview" | "GET services" | "GET panel" | "GET stream"> => ({
  "GET overview": async () => ok(overview(deps)),
  "GET services": async () => ok(deps.services()),
  "GET panel": async ({ params, query }) => {
    const toMs = query.to === undefined ? deps.clock.now() : Date.parse(query.to);
    const fromMs = query.from === undefined ? toMs - DEFAULT_RANGE_MS : Date.parse(query.from);
    if (!(fromMs < toMs)) return problem("bad_request", "query.from: is not before query.to");
    if (toMs - fromMs > MAX_RANGE_MS) {
      return problem("bad_request", "query.from: the range is longer than 31 days");
    }
    return ok(await readPanel(deps, params.id, { fromMs, toMs }));
  },
  "GET stream": async ({ request, reply }) => {
    const last = request.headers["last-event-id"];
    reply.hijack();
    if (!deps.stream.attach(reply.raw, typeof last === "string" ? last : undefined)) {
      reply.raw.writeHead(503, { "retry-after": "5" });
      reply.raw.end();
    }
    return reply;
  },
});
