/**
 * An agent whose clock is an hour ahead: the hub refuses what is too new, and gets it later.
 */
import { expect, test } from "vitest";
import type { HubLink } from "../../src/watch/collect/hub-link.ts";
import { simDisk } from "../../sim/disk.ts";
import { seeded } from "../../sim/random.ts";
import { countingCollector, labAgent, ledgerLink } from "./lab.ts";
import { decodeBatch, faultsIn, hubLedger } from "./hub-ledger.ts";
import { virtualTime } from "./virtual-time.ts";

const MINUTE_MS = 60_000;
const INTERVAL_MS = 10_000;
const MAX_AHEAD_MS = 10 * MINUTE_MS;

/** A hub with a clock of its own, `behindMs` behind, that refuses as ours does. */
const strictHub = async (behindMs: number, saysTime: boolean) => {
  const time = virtualTime();
  const ledger = hubLedger();
  const inner = ledgerLink(ledger);
  const broken = 5;
  const link: HubLink = {
    ...inner,
    send: async (streamId, batch, signal) => {
      const hubAtMs = time.clock.now() - behindMs;
      const newest = Math.max(...decodeBatch(batch.body).map(({ timeMs }) => timeMs));
      const clock = saysTime ? { hubAtMs } : {};
      if (batch.seq === broken) return { kind: "poison", why: "malformed", ...clock };
      if (newest > hubAtMs + MAX_AHEAD_MS) return { kind: "poison", why: "too new", ...clock };
      return inner.send(streamId, batch, signal);
    },
  };
  const disk = simDisk(seeded(1)).boot();
  const collectors = [countingCollector(INTERVAL_MS)];
  const intervalMs = INTERVAL_MS;
  const agent = await labAgent({ disk, dir: "/agent", link, time, collectors, intervalMs });
  await time.pass(90 * MINUTE_MS);
  return { ledger, agent, broken };
};

test("batches wait until they are not too new, and one that is broken does not hold them", async () => {
  const { ledger, agent, broken } = await strictHub(60 * MINUTE_MS, true);
  const { accepted } = ledger.state("a1");
  // Of 90 minutes the last 50 wait still.
  expect(accepted).toBeGreaterThan(38 * 6);
  expect(accepted).toBeLessThan(42 * 6);
  expect(faultsIn(ledger.taken(), accepted)).toEqual([`a1:${broken} is missing`]);
  expect(agent.said.some(({ fields }) => String(fields["why"]).includes("ahead"))).toBe(true);
});

test("control: without the hub's time they would be set aside", async () => {
  const { ledger } = await strictHub(60 * MINUTE_MS, false);
  expect(ledger.taken()).toEqual([]);
});

test("a clock that is a little ahead changes nothing", async () => {
  const { ledger, agent, broken } = await strictHub(5 * MINUTE_MS, true);
  const { accepted } = ledger.state("a1");
  expect(accepted).toBe(agent.log.next() - 1);
  expect(faultsIn(ledger.taken(), accepted)).toEqual([`a1:${broken} is missing`]);
});
