/**
 * Self-healing of the supervisor: from an instance's death to its restart, and to ready again.
 *
 * Shape:  `node bench/heal.ts [kills]`; the fake service of the tests is killed again and again,
 *         one at a time, each time when it is ready. Death is the moment before the signal is sent;
 *         the restart's is the supervisor's own event; ready is the event after a good /readyz.
 *         Each life counts as steady at once, so that every restart is a first one: the policy
 *         (backoff, quarantine) has its own tests.
 * Units:  ms of wall time, both clocks on one machine.
 */
import { supervisor, ready, service, endAll } from "../test/supervisor/lab.ts";

const ID = "fake.paris.1";
const MOST_ISSUE_P99_MS = 200;
const MOST_READY_MS = 2_000;

const main = async (kills: number): Promise<boolean> => {
  const it = await supervisor({ policy: { steadyMs: 1 }, services: [service()] });
  const issueMs: number[] = [];
  const readyMs: number[] = [];
  try {
    for (let nth = 0; nth < kills; nth += 1) {
      const { pid } = await it.until((state) => ready(state, ID));
      const seq = await it.lastSeq();
      if (pid === null) throw new Error("ready without a process");
      const diedMs = Date.now();
      process.kill(pid, "SIGKILL");
      const issued = await it.event(({ kind }) => kind === "restart_issued", seq);
      const back = await it.event(({ kind }) => kind === "ready", issued.seq);
      issueMs.push(issued.atMs - diedMs);
      readyMs.push(back.atMs - diedMs);
    }
  } finally {
    await it.stop();
    await endAll();
  }
  console.log(`${kills} kills, ms`.padEnd(28) + "   p50    p99    max");
  print("death → restart issued", issueMs);
  print("death → ready again", readyMs);
  const isGood =
    quantile(issueMs, 0.99) <= MOST_ISSUE_P99_MS && Math.max(...readyMs) <= MOST_READY_MS;
  console.log(
    `restart issued p99 ≤ ${MOST_ISSUE_P99_MS} and every one ready within ${MOST_READY_MS}: ` +
      (isGood ? "yes" : "NO"),
  );
  return isGood;
};

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[
    Math.min(values.length - 1, Math.floor(values.length * share))
  ] ?? Number.NaN;

const print = (title: string, values: readonly number[]): void => {
  const cells = [quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)];
  console.log(title.padEnd(26) + cells.map((ms) => String(Math.round(ms)).padStart(7)).join(""));
};

process.exitCode = (await main(Number(process.argv[2] ?? 100))) ? 0 : 1;
