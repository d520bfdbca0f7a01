/**
 * The NLP Engine as a process. `node fleet/nlp/main.ts accuracy` prints what it confuses on the
 * held-out sentences instead, with the time and memory it takes.
 */
import { startService } from "../frame/start.ts";
import { accuracyOf, confusionTable } from "./accuracy.ts";
import { nlp, readEngine, readHeldOut } from "./nlp.routes.ts";

const ANY_DAY = "2026-03-10";

const printAccuracy = (): void => {
  const started = performance.now();
  const engine = readEngine();
  const madeMs = performance.now() - started;
  const heldOut = readHeldOut();
  // Twice: the first time warms the compiler up.
  let judged: { is: string; said: string; sentence: string }[] = [];
  let cpu = process.cpuUsage();
  for (let turn = 0; turn < 2; turn += 1) {
    cpu = process.cpuUsage();
    judged = heldOut.map(([is, sentence]) => {
      const { intent } = engine.understand(sentence, ANY_DAY);
      return { is, said: intent, sentence };
    });
    cpu = process.cpuUsage(cpu);
  }
  const { macroF1, share } = accuracyOf(judged);
  const cpuMs = (cpu.user + cpu.system) / 1_000 / judged.length;
  const wrong = judged.filter(({ is, said }) => is !== said);
  process.stdout.write(
    [
      confusionTable(judged),
      ...wrong.map(({ is, said, sentence }) => `${is} taken for ${said}: ${sentence}`),
      `${judged.length} held-out sentences: macro-F1 ${macroF1.toFixed(3)}, ${(share * 100).toFixed(1)} % right`,
      `learnt from ${engine.examples} sentences in ${madeMs.toFixed(0)} ms; ${cpuMs.toFixed(3)} ms of CPU a sentence; RSS ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
      "",
    ].join("\n"),
  );
};

if (process.argv[2] === "accuracy") printAccuracy();
else await startService(nlp);
