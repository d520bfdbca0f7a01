/**
 * Orders on disk: what was acknowledged is in force again after a restart.
 *
 * Shape:  `carryOut` decides, appends and fsyncs, commits, and only then answers; one at a time, so
 *         that two orders of one id meet. A snapshot replaces what it sums up.
 * Errors: an OrderFault for what is refused; "unavailable" when the disk does not take it: then
 *         nothing changed.
 */
import * as z from "zod";
import { err, ok, type Result } from "../../kernel/result.ts";
import type { SegmentLog } from "../../io/log/segment-log.ts";
import { gatewayOrder, gatewayOrders, orderAnswer, type OrderAnswer } from "../control/messages.ts";
import { commit, decide, expire, newBooks } from "./orders.ts";
import type { Asked, Books, Known, OrderFault } from "./orders.ts";

const SNAPSHOT_AFTER = 2_000;
const READ_AT_ONCE = { maxRecords: 1_000, maxBytes: 32 * 1024 * 1024 };
/** Of numbers that rise over restarts; more than one start could use. */
const NUMBERS_PER_START = 1_000_000_000;

const remembered = z.tuple([z.string(), z.string(), orderAnswer]);
const record = z.discriminatedUnion("is", [
  z.strictObject({ is: z.literal("order"), asked: gatewayOrders, answer: orderAnswer }),
  z.strictObject({
    is: z.literal("snapshot"),
    /** Event numbers and revisions of this start begin here. */
    base: z.int().nonnegative(),
    epoch: z.int().nonnegative(),
    inForce: z.array(z.tuple([z.string(), gatewayOrder])),
    answers: z.array(remembered),
  }),
]);
type OrderRecord = z.infer<typeof record>;

export type Orders = {
  readonly books: Books;
  readonly base: number;
  readonly carryOut: (
    asked: Asked,
    known: Known,
  ) => Promise<Result<OrderAnswer, OrderFault | { code: "unavailable"; message: string }>>;
  readonly expire: (nowMs: number) => ReturnType<typeof expire>;
};

export const openOrders = async (deps: {
  readonly log: SegmentLog;
  readonly now: () => number;
  readonly say: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}): Promise<Orders> => {
  const { log, now } = deps;
  const books = newBooks();
  const base = (await refill(deps, books)) + NUMBERS_PER_START;
  let sinceSnapshot = 0;
  const append = (line: OrderRecord): Promise<number> =>
    log.append(new TextEncoder().encode(JSON.stringify(line)));
  const snapshot = async (): Promise<void> => {
    const answers = [...books.answers].map(
      ([id, { asked, answer }]): z.infer<typeof remembered> => [id, asked, answer],
    );
    const inForce = [...books.inForce];
    const at = await append({ is: "snapshot", base, epoch: books.epoch, inForce, answers });
    await log.trim(at - 1);
    sinceSnapshot = 0;
  };
  await snapshot();

  const carryOutAlone = async (asked: Asked, known: Known) => {
    const decided = decide(books, asked, known, now());
    if (!decided.ok || decided.value.repeated || asked.dryRun) return decided;
    try {
      await append({ is: "order", asked, answer: decided.value });
    } catch (fault) {
      const why = fault instanceof Error ? fault.message : String(fault);
      return err({ code: "unavailable" as const, message: `the order could not be kept: ${why}` });
    }
    commit(books, asked, decided.value);
    sinceSnapshot += 1;
    if (sinceSnapshot >= SNAPSHOT_AFTER)
      await snapshot().catch((fault: unknown) =>
        deps.say("no snapshot of the orders", { why: String(fault) }),
      );
    return ok(decided.value);
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    books,
    base,
    expire: (nowMs) => expire(books, nowMs),
    carryOut: (asked, known) => {
      const mine = last.then(() => carryOutAlone(asked, known));
      last = mine.catch(() => undefined);
      return mine;
    },
  };
};

/** The last base there was. What cannot be read is left out and said. */
const refill = async (
  { log, say }: { log: SegmentLog; say: (m: string, f: Readonly<Record<string, unknown>>) => void },
  books: Books,
): Promise<number> => {
  let base = 0;
  for (let from = log.first(); from < log.next();) {
    const records = await log.read(from, READ_AT_ONCE);
    if (records.length === 0) break;
    for (const { index, body } of records) {
      from = index + 1;
      const parsed = record.safeParse(jsonOf(body));
      if (!parsed.success) {
        say("a record of the orders cannot be read", { index });
        continue;
      }
      const { data } = parsed;
      if (data.is === "order") {
        commit(books, data.asked, data.answer);
        continue;
      }
      base = Math.max(base, data.base);
      books.epoch = Math.max(books.epoch, data.epoch);
      books.inForce.clear();
      books.answers.clear();
      for (const [slot, order] of data.inForce) books.inForce.set(slot, order);
      for (const [id, asked, answer] of data.answers) books.answers.set(id, { asked, answer });
    }
  }
  return base;
};

const jsonOf = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as unknown;
  } catch {
    return undefined;
  }
};
