/**
 * Our side of bench/promql.ts: the window, the query engine and an HTTP door, in one process.
 *
 * Shape:  `node bench/promql-server.ts <steps>`; fills the window, then says {"port":…} on stdout
 *         with what the samples cost. Ends with its stdin.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { valueReply } from "../src/watch/signal/prometheus/answer.ts";
import { openQueries } from "../src/watch/signal/query/query.flow.ts";
import type { Window } from "../src/watch/signal/window/window.ts";
import { newWindow } from "../src/watch/signal/window/window.ts";
import { fleetSamples, fleetSeries } from "./promql-data.ts";

const MAX_WINDOW_BYTES = 2 ** 30;
const MAX_ANSWER_BYTES = 2 ** 26;
const SLICE_STEPS = 40;

const main = (steps: number): void => {
  const window = newWindow({ retentionMs: Infinity, maxBytes: MAX_WINDOW_BYTES });
  const appendS = fill(window, steps);
  const queries = openQueries({
    // As if late samples came all the time: no answer is kept, every query is evaluated.
    window: { select: window.select, takeTouchedMs: () => -Infinity },
    store: { rows: noStore, blocks: noStore },
    monotonic: () => performance.now(),
    ready: () => true,
    seamMs: () => -Infinity,
    oldestMs: () => null,
  });
  const server = createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost");
    const given = (name: string): string => url.searchParams.get(name) ?? "";
    const ms = (name: string): number => Math.round(Number(given(name)) * 1000);
    const answer = url.pathname.endsWith("range")
      ? queries.queryRange({
          expr: given("query"),
          ...{ startMs: ms("start"), endMs: ms("end"), stepMs: ms("step") },
        })
      : queries.queryMany([{ expr: given("query"), timeMs: ms("time") }]).then(([one]) => one!);
    void answer.then((result) => {
      if (!result.ok) return response.writeHead(422).end(result.error.message);
      const { body } = valueReply(result.value.value, [], MAX_ANSWER_BYTES)!;
      return response.writeHead(200, { "content-length": body.length }).end(body);
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    const { samples, bytes } = window.stats();
    console.log(JSON.stringify({ port, samples, bytes, appendS }));
  });
  process.stdin.resume().once("end", () => {
    server.close();
    server.closeAllConnections();
  });
};

const noStore = (): never => {
  throw new Error("everything is in the window");
};

/** CPU seconds of appending, without making the samples. */
const fill = (window: Window, steps: number): number => {
  const refs = fleetSeries().map(({ labels }) => {
    const interned = window.intern(labels);
    if (!interned.ok) throw new Error(interned.error.message);
    return interned.value;
  });
  let appendUs = 0;
  for (const { nth, timesMs, values, count } of fleetSamples(steps, SLICE_STEPS)) {
    const before = process.cpuUsage();
    for (let k = 0; k < count; k++) {
      const done = window.append(refs[nth]!, timesMs[k]!, values[k]!);
      if (done !== "stored") throw new Error(`a sample was not stored: ${done}`);
    }
    const { user, system } = process.cpuUsage(before);
    appendUs += user + system;
  }
  return appendUs / 1e6;
};

main(Number(process.argv[2]));
