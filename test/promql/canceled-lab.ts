/**
 * The engine of canceled-worker.ts in its thread, and the calls to it.
 *
 * Shape:  `looked(n)` resolves when it has looked at its clock so often, `goOn` lets it run on.
 *         A worker ends with the test that started it.
 */
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import { connect } from "../../src/io/rpc.ts";

const LOOKS = 0;
const GATE = 1;

/** The third look at the clock is in the middle of an evaluation. */
export const EVALUATING = 3;

export const started = () => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL("./canceled-worker.ts", import.meta.url), {
    workerData: shared.buffer,
  });
  onTestFinished(async () => void (await worker.terminate()));
  const { call, callUnless } = connect(worker, () => undefined);
  const looked = async (times: number): Promise<void> => {
    for (let seen = 0; seen < times; seen = Atomics.load(shared, LOOKS)) {
      await Atomics.waitAsync(shared, LOOKS, seen).value;
    }
  };
  const goOn = (): void => {
    Atomics.store(shared, GATE, 1);
    Atomics.notify(shared, GATE);
  };
  const outcomes = (): Promise<readonly string[]> => call("outcomes", []);
  return { callUnless, call, looked, goOn, outcomes };
};
