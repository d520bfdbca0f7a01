/**
 * OBD-II Service: dongles' connections, and what vehicles say, decoded.
 *
 * Shape:  POST and GET /obd2/connections, POST /obd2/diagnostics, GET /obd2/diagnostics/:id,
 *         GET /obd2/codes/:code. The counter `obd2.connections` (by batch, firmware, outcome,
 *         reason) is what the plan's success rate of 15 minutes is read from.
 * Units:  milliseconds; rates are shares from 0 to 1.
 * Errors: 400 names line and byte of a malformed frame.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { ok, problem } from "../../src/kernel/result.ts";
import { route } from "../frame/route.ts";
import { databaseCheck, type Frame, type Opened, type Service } from "../frame/service.ts";
import { diagnose } from "./decode.ts";
import { authorityOf } from "./dtc.ts";
import { textOfDtc } from "./dtc-texts.ts";
import { MAX_LINES, MAX_LINE_CHARS, readTranscript } from "./elm.ts";
import * as store from "./obd2.store.ts";

const WINDOW_MS = 15 * 60_000;
const KEEP_CONNECTIONS_MS = 60 * 60_000;
const KEEP_DIAGNOSES_MS = 24 * 60 * 60_000;
const FORGET_EVERY_MS = 60_000;
const MAX_ROWS = 500;
const REASONS = [
  ...(["timeout", "pairing_refused", "bluetooth_lost", "no_protocol", "vehicle_asleep"] as const),
  ...(["firmware_outdated", "other"] as const),
] as const;

const word = (chars: number): z.ZodString =>
  z
    .string()
    .regex(new RegExp(`^[A-Za-z0-9._-]{1,${chars}}$`), `1 to ${chars} of A-Z, a-z, 0-9, . _ -`);
const attempt = z
  .strictObject({
    dongle: word(64),
    batch: word(32),
    firmware: word(32),
    outcome: z.enum(["connected", "failed"]),
    reason: z.enum(REASONS).optional(),
  })
  .refine(({ outcome, reason }) => (outcome === "failed") === (reason !== undefined), {
    path: ["reason"],
    message: "is needed with outcome failed, and only there",
  });

const rate = z.number().min(0).max(1).nullable();
const counted = { attempts: z.int(), connected: z.int(), successRate: rate };
const table = z.strictObject({
  sinceMs: z.int(),
  untilMs: z.int(),
  ...counted,
  rows: z.array(
    z.strictObject({
      batch: z.string(),
      firmware: z.string(),
      ...counted,
      dongles: z.int(),
      topReason: z.string().nullable(),
    }),
  ),
});

const ecu = z.string().nullable();
const text = z.strictObject({ fr: z.string(), en: z.string() }).nullable();
const vin = z.union([
  z.strictObject({
    vin: z.string(),
    wmi: z.string(),
    area: z.string(),
    checkDigit: z.strictObject({
      state: z.enum(["valid", "wrong", "absent"]),
      found: z.string(),
      expected: z.string(),
      why: z.string(),
    }),
  }),
  z.strictObject({ vin: z.null(), why: z.string() }),
]);
const diagnosis = z.strictObject({
  id: z.uuid(),
  atMs: z.int(),
  values: z.array(
    z.strictObject({
      key: z.string(),
      value: z.union([z.number(), z.string(), z.boolean(), z.array(z.string())]),
      unit: z.string(),
      pid: z.string(),
      ecu,
      frozen: z.boolean(),
    }),
  ),
  troubles: z.array(
    z.strictObject({
      code: z.string(),
      state: z.enum(["confirmed", "pending", "permanent"]),
      ecu,
      authority: z.enum(["standard", "manufacturer"]),
      text,
    }),
  ),
  vin: vin.nullable(),
  cleared: z.boolean(),
  info: z.array(z.strictObject({ key: z.string(), text: z.string() })),
  refused: z.array(z.strictObject({ mode: z.string(), why: z.string() })),
  unknown: z.array(z.strictObject({ what: z.string(), hex: z.string() })),
  notices: z.array(z.string()),
});

export const obd2: Service = {
  id: "obd2",
  title: "OBD-II Service",
  dependencies: ["api-gateway"],
  open: async (frame) => {
    const db = frame.database(store.DDL);
    const forgetting = setInterval(() => {
      const now = frame.nowMs();
      store
        .forget(db, now - KEEP_CONNECTIONS_MS, now - KEEP_DIAGNOSES_MS)
        .catch((fault: unknown) => frame.log.warn("what is old was not forgotten", { fault }));
    }, FORGET_EVERY_MS);
    forgetting.unref();
    return {
      routes: [...connectionRoutes(frame, db), ...diagnosticRoutes(frame, db), codeRoute],
      checks: { database: databaseCheck(db) },
      close: async () => {
        clearInterval(forgetting);
        await db.close();
      },
    };
  },
};

type Db = ReturnType<Frame["database"]>;
type Routes = Opened["routes"];

const connectionRoutes = (frame: Frame, db: Db): Routes => {
  const counter = frame.meter.createCounter("obd2.connections", { unit: "{connection}" });
  return [
    route({
      method: "POST",
      path: "/connections",
      summary: "A dongle tried to connect",
      body: attempt,
      answer: z.strictObject({ accepted: z.literal(true) }),
      status: 201,
      handler: async ({ body }) => {
        const { dongle, batch, firmware, outcome, reason } = body;
        const connected = outcome === "connected";
        const kept = { dongle, batch, firmware, connected, reason: reason ?? null };
        await store.addAttempt(db, frame.nowMs(), kept);
        counter.add(1, { service: "obd2", batch, firmware, outcome, reason: reason ?? "" });
        return ok({ accepted: true as const });
      },
    }),
    route({
      method: "GET",
      path: "/connections",
      summary: "Success by dongle batch and firmware over the last 15 minutes, the worst first",
      answer: table,
      handler: async () => {
        const untilMs = frame.nowMs();
        const sinceMs = untilMs - WINDOW_MS;
        const [rows, total] = await Promise.all([
          store.attemptsSince(db, sinceMs, MAX_ROWS),
          store.totalSince(db, sinceMs),
        ]);
        return ok({
          ...{ sinceMs, untilMs, ...total, successRate: rateOf(total) },
          rows: rows.map((row) => Object.assign(row, { successRate: rateOf(row) })),
        });
      },
    }),
  ];
};

/** Without an attempt there is no rate: not 0, and not 1. */
const rateOf = (of: { readonly attempts: number; readonly connected: number }): number | null =>
  of.attempts === 0 ? null : of.connected / of.attempts;

const diagnosticRoutes = (frame: Frame, db: Db): Routes => [
  route({
    method: "POST",
    path: "/diagnostics",
    summary: "What a dongle printed, decoded",
    body: z.strictObject({
      lines: z.array(z.string().max(MAX_LINE_CHARS)).min(1).max(MAX_LINES),
    }),
    answer: diagnosis,
    status: 201,
    handler: async ({ body, caller }) => {
      const read = readTranscript(body.lines);
      const found = read.ok ? diagnose(read.value) : read;
      if (!found.ok) {
        const field = `lines[${found.error.line}]`;
        return problem("bad_request", `${field}: ${found.error.message}`, { field });
      }
      const made = {
        ...{ id: randomUUID(), atMs: frame.nowMs(), ...found.value },
        troubles: found.value.troubles.map((trouble) => ({
          code: trouble.code,
          state: trouble.state,
          ecu: trouble.ecu,
          authority: authorityOf(trouble.code),
          text: textOfDtc(trouble.code),
        })),
      };
      const { id, atMs } = made;
      await store.addDiagnosis(db, { id, atMs, owner: caller.user, diagnosis: made });
      return ok(made as z.input<typeof diagnosis>);
    },
  }),
  route({
    method: "GET",
    path: "/diagnostics/:id",
    summary: "A diagnosis of the last day, for who asked for it",
    params: z.strictObject({ id: z.uuid() }),
    answer: diagnosis,
    refusals: { 404: "There is none of that id, of this caller, of the last day" },
    handler: async ({ params, caller }) => {
      const found = await store.findDiagnosis(db, params.id, caller.user);
      if (found === undefined) return problem("not_found", `no diagnosis ${params.id}`);
      return ok(found as z.input<typeof diagnosis>);
    },
  }),
];

const codeRoute = route({
  method: "GET",
  path: "/codes/:code",
  summary: "What a trouble code means",
  params: z.strictObject({
    code: z
      .string()
      .regex(/^[PCBU][0-3][0-9A-F]{3}$/, "P, C, B or U, a digit 0-3, three hex digits"),
  }),
  answer: z.strictObject({
    code: z.string(),
    authority: z.enum(["standard", "manufacturer"]),
    text,
  }),
  handler: async ({ params: { code } }) =>
    ok({ code, authority: authorityOf(code), text: textOfDtc(code) }),
});
