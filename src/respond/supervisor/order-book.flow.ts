/**
 * What was ordered, on disk: what is to run, the highest epoch seen, and the answers to the last
 * `MAX_ANSWERS` orders.
 *
 * Errors: `keep` rejects when the disk does, and nothing of it counts then. Opening rejects on a
 *         file that is not ours.
 */
import * as z from "zod";
import {
  orderAnswer,
  supervisorOrder,
  type OrderAnswer,
  type SupervisorOrder,
} from "../control/messages.ts";
import { openJournal } from "./adapters/journal.ts";
import type { ServiceDesired } from "./desired.ts";

const MAX_ANSWERS = 10_000;
const MAX_LINES = 2 * MAX_ANSWERS;

const spec = z.strictObject({
  version: z.string(),
  cpuCores: z.number().positive(),
  memoryBytes: z.int().positive(),
});
const serviceDesired = z.strictObject({
  spec,
  rollingFrom: z.strictObject({ spec, previousVersion: z.string().nullable() }).nullable(),
  previousVersion: z.string().nullable(),
  replicas: z.record(z.string(), z.int().nonnegative()),
  drained: z.array(z.string()).readonly(),
  configured: z.string(),
});
const line = z.strictObject({
  epoch: z.int().nonnegative(),
  /** Absent for what the supervisor changed by itself. */
  order: z.strictObject({ asked: supervisorOrder, answer: orderAnswer }).optional(),
  desired: z.strictObject({ service: z.string(), is: serviceDesired }),
});
type Line = z.infer<typeof line>;
/** What a compacted file ends with: it overrules the lines before it. */
const whole = z.strictObject({
  epoch: z.int().nonnegative(),
  services: z.record(z.string(), serviceDesired),
});

export type OrderBook = {
  readonly epoch: () => number;
  readonly desired: (service: string) => ServiceDesired | undefined;
  readonly answered: (
    id: string,
  ) => { readonly asked: SupervisorOrder; readonly answer: OrderAnswer } | undefined;
  readonly keep: (kept: Line) => Promise<void>;
  readonly close: () => Promise<void>;
};

export const openOrderBook = async (file: string): Promise<OrderBook> => {
  const { journal, lines } = await openJournal(file, { maxLines: MAX_LINES, compact });
  const pages = pagesOf(lines);
  return {
    epoch: () => pages.epoch,
    desired: (service) => pages.services.get(service),
    answered: (id) => pages.answers.get(id),
    keep: async (kept) => {
      await journal.append(kept);
      note(pages, kept);
    },
    close: journal.close,
  };
};

type Pages = {
  epoch: number;
  readonly services: Map<string, ServiceDesired>;
  readonly answers: Map<string, NonNullable<Line["order"]>>;
};

const pagesOf = (lines: readonly unknown[]): Pages => {
  const pages: Pages = { epoch: 0, services: new Map(), answers: new Map() };
  for (const one of lines) {
    const found = whole.safeParse(one);
    if (found.success) {
      pages.epoch = found.data.epoch;
      for (const [id, is] of Object.entries(found.data.services)) pages.services.set(id, is);
    } else note(pages, line.parse(one));
  }
  return pages;
};

const note = (pages: Pages, { epoch, order, desired }: Line): void => {
  pages.epoch = Math.max(pages.epoch, epoch);
  pages.services.set(desired.service, desired.is);
  if (order === undefined) return;
  pages.answers.set(order.answer.id, order);
  if (pages.answers.size <= MAX_ANSWERS) return;
  const [oldest] = pages.answers.keys();
  if (oldest !== undefined) pages.answers.delete(oldest);
};

const compact = (lines: readonly unknown[]): readonly unknown[] => {
  const { epoch, services, answers } = pagesOf(lines);
  const answered = lines.filter((one) => {
    const read = line.safeParse(one);
    return read.success && read.data.order !== undefined && answers.has(read.data.order.answer.id);
  });
  // The head comes last: the lines before it hold older states of the services.
  return [...answered, { epoch, services: Object.fromEntries(services) }];
};
