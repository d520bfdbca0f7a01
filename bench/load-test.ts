/**
 * The gate's evidence: a million simulated users at the busiest hour of their day, in real time.
 *
 * Shape:  `node bench/load-test.ts [minutes=6] [share=1] [compression=1]`; starts `novaevo
 *         rehearse` on a fresh folder, warms it up at a tenth of the load, then measures. The
 *         report is what the users say (fleet/users/tally.ts), and what the programs used of CPU.
 * Units:  ms, requests per second; CPU in cores.
 * Errors: exit code 1 when the run is void; a run below the nominal load is *unknown*, and says so.
 */
import { setTimeout as delay } from "node:timers/promises";
import path from "node:path";
import type { UserLoad } from "../src/contract/fault.ts";
import {
  call,
  get,
  removed,
  startUp,
  temporary,
  waitingFor,
  type Up,
} from "../test/programs/lab.ts";
import { cpuOf } from "./process-tree.ts";

const WARM_UP_MS = 60_000;
const WARM_SHARE = 0.1;
const LOOK_MS = 30_000;
const PROGRAMS = ["hub", "store", "agent", "supervisor", "gateway-paris", "gateway-lyon", "users"];

const main = async (minutes: number, share: number, compression: number): Promise<void> => {
  const root = await temporary("novaevo-load-");
  const up = await startUp(path.join(root, "data"), {}, [], false, "rehearse");
  try {
    while ((await waitingFor(up)).length > 0) await delay(200);
    await call(up, "PUT", "/api/app/load", { share: WARM_SHARE, shape: "peak" });
    await delay(WARM_UP_MS);
    await call(up, "PUT", "/api/app/load", { share, compression });
    // What was begun at the lower load is not what is measured.
    await delay(WARM_UP_MS);
    await call(up, "PUT", "/api/app/load", { restart: true });
    const before = await cpuOfAll(up);
    const untilMs = performance.now() + minutes * 60_000;
    while (performance.now() < untilMs) {
      await delay(Math.min(LOOK_MS, Math.max(1, untilMs - performance.now())));
      console.log(lineOf(await get<UserLoad>(up, "/api/app/load")));
    }
    const report = await get<UserLoad>(up, "/api/app/load");
    console.log(JSON.stringify(report, null, 2));
    const after = await cpuOfAll(up);
    for (const name of PROGRAMS) {
      const cores = (after.get(name)! - before.get(name)!) / (minutes * 60);
      console.log(`${name.padEnd(14)} ${cores.toFixed(2)} cores`);
    }
    console.log(`compression ${compression}: ${report.verdict}, ${report.why}`);
    process.exitCode = report.verdict === "void" ? 1 : 0;
  } finally {
    await up.stop();
    await removed(root);
  }
};

const cpuOfAll = async (up: Up): Promise<ReadonlyMap<string, number>> => {
  const all = new Map<string, number>();
  for (const name of PROGRAMS) all.set(name, await cpuOf([await up.pid(name)]));
  return all;
};

const lineOf = (seen: UserLoad): string => {
  const { p50, p95, p99 } = seen.latencyMs;
  const ms = (value: number | null): string => (value === null ? "—" : value.toFixed(0));
  return (
    `${(seen.elapsedMs / 60_000).toFixed(1)} min · ${seen.requestsPerS.toFixed(0)}/s · ` +
    `P50/P95/P99 ${ms(p50)}/${ms(p95)}/${ms(p99)} ms · ` +
    `failed ${(100 * (seen.errorShare ?? 0)).toFixed(2)} % · late p99 ${ms(seen.latenessP99Ms)} ms`
  );
};

const [, , minutes = "6", share = "1", compression = "1"] = process.argv;
await main(Number(minutes), Number(share), Number(compression));
