/**
 * Messages of a vehicle as what they mean: values, trouble codes, the VIN, refusals.
 *
 * Shape:  answers to modes 01, 02, 03, 04, 07, 09 and 0A. What is not in the tables is kept as hex,
 *         named unknown, never guessed.
 * Errors: a message that its own length or count contradicts: its line, and its byte (from 1, as
 *         it is put together, without headers).
 * Source: SAE J1979 / ISO 15031-5.
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";
import { dtcsOf, type Bytes } from "./dtc.ts";
import type { Malformed, Message, Transcript } from "./elm.ts";
import { PIDS, type Value } from "./pids.ts";
import { readVin, type NoVin, type Vin } from "./vin.ts";

export type Trouble = {
  readonly code: string;
  readonly state: "confirmed" | "pending" | "permanent";
  readonly ecu: string | null;
};
export type Diagnosis = {
  readonly values: readonly (Value & {
    readonly pid: string;
    readonly ecu: string | null;
    /** Of the moment a code was set (mode 02), not of now. */
    readonly frozen: boolean;
  })[];
  readonly troubles: readonly Trouble[];
  readonly vin: Vin | NoVin | null;
  /** Codes were cleared (mode 04). */
  readonly cleared: boolean;
  readonly info: readonly { readonly key: string; readonly text: string }[];
  readonly refused: readonly { readonly mode: string; readonly why: string }[];
  readonly unknown: readonly { readonly what: string; readonly hex: string }[];
  readonly notices: readonly string[];
};
type Building = {
  -readonly [K in keyof Diagnosis]: Diagnosis[K] extends readonly (infer T)[] ? T[] : Diagnosis[K];
} & {
  /** A VIN that arrives in five messages before CAN. */
  readonly parts: Map<string, Map<number, Bytes>>;
};

const STATES = { 0x43: "confirmed", 0x47: "pending", 0x4a: "permanent" } as const;
const REFUSALS: Readonly<Record<number, string>> = {
  0x10: "general_reject",
  0x11: "service_not_supported",
  0x12: "sub_function_not_supported",
  0x21: "busy_repeat_request",
  0x22: "conditions_not_correct",
  0x31: "request_out_of_range",
  0x78: "response_pending",
};

export const diagnose = ({ messages, notices }: Transcript): Result<Diagnosis, Malformed> => {
  const made: Building = {
    ...{ values: [], troubles: [], vin: null, cleared: false, info: [] },
    ...{ refused: [], unknown: [], notices: [...notices], parts: new Map() },
  };
  for (const message of messages) {
    const wrong = take(made, message);
    if (wrong !== undefined) return err({ line: message.line, message: wrong });
  }
  const { parts, ...diagnosis } = made;
  for (const pieces of parts.values()) {
    if (pieces.size !== VIN_PARTS) {
      diagnosis.vin = { vin: null, why: `${pieces.size} of its ${VIN_PARTS} parts arrived` };
      continue;
    }
    const bytes = Array.from({ length: VIN_PARTS }, (_, nth) => pieces.get(nth + 1) ?? []).flat();
    diagnosis.vin = readVin(textOf(bytes));
  }
  return ok(diagnosis);
};

const take = (made: Building, { ecu, bytes }: Message): string | undefined => {
  const [mode = 0] = bytes;
  switch (mode) {
    case 0x41:
      return takeValues(made, ecu, bytes.slice(1), false);
    case 0x42:
      return takeValues(made, ecu, bytes.slice(1), true);
    case 0x43:
    case 0x47:
    case 0x4a: {
      const codes = dtcsOf(bytes.slice(1));
      if (!codes.ok) return codes.error;
      made.troubles.push(...codes.value.map((code) => ({ code, state: STATES[mode], ecu })));
      return undefined;
    }
    case 0x44:
      made.cleared = true;
      return undefined;
    case 0x49:
      return takeInfo(made, ecu, bytes);
    case 0x7f: {
      const [, of = 0, why = 0] = bytes;
      made.refused.push({ mode: hexOf([of]), why: REFUSALS[why] ?? `code_${hexOf([why])}` });
      return undefined;
    }
    default:
      made.unknown.push({ what: `mode ${hexOf([mode - 0x40])}`, hex: hexOf(bytes) });
      return undefined;
  }
};

/** On CAN one answer may hold several PIDs, one after the other. */
const takeValues = (
  made: Building,
  ecu: string | null,
  data: Bytes,
  frozen: boolean,
): string | undefined => {
  let at = 0;
  while (at < data.length) {
    const number = data[at]!;
    const pid = PIDS.get(number);
    const name = hexOf([number]);
    if (pid === undefined) {
      // Its length is not known, so neither is where the next one begins.
      made.unknown.push({ what: `PID ${name}`, hex: hexOf(data.slice(at + 1)) });
      return undefined;
    }
    const from = at + (frozen ? 2 : 1);
    const bytes = data.slice(from, from + pid.bytes);
    if (bytes.length < pid.bytes)
      return `byte ${from + bytes.length + 2} of the message: is missing, PID ${name} has ${pid.bytes} bytes`;
    made.values.push(
      ...pid.read(bytes).map((value) => Object.assign(value, { pid: name, ecu, frozen })),
    );
    at = from + pid.bytes;
  }
  return data.length === 0 ? "byte 2 of the message: the PID is missing" : undefined;
};

const VIN_PARTS = 5;
const VIN_PART_BYTES = 7;
const TEXTS: Readonly<Record<number, string>> = { 0x04: "calibration_id", 0x0a: "ecu_name" };

const takeInfo = (made: Building, ecu: string | null, bytes: Bytes): string | undefined => {
  const [, kind, nth = 0] = bytes;
  if (kind === undefined) return "byte 2 of the message: the kind of information is missing";
  if (kind === 0x02 && bytes.length === VIN_PART_BYTES) {
    if (nth < 1 || nth > VIN_PARTS)
      return `byte 3 of the message: part ${nth} of a VIN, which has 1 to 5`;
    const parts = made.parts.get(ecu ?? "") ?? new Map<number, Bytes>();
    made.parts.set(ecu ?? "", parts.set(nth, bytes.slice(3)));
    return undefined;
  }
  if (kind === 0x02) made.vin = readVin(textOf(bytes.slice(3)));
  else if (TEXTS[kind] !== undefined)
    made.info.push({ key: TEXTS[kind], text: textOf(bytes.slice(3)) });
  else made.unknown.push({ what: `information ${hexOf([kind])}`, hex: hexOf(bytes.slice(2)) });
  return undefined;
};

const PRINTABLE_FROM = 0x20;
const PRINTABLE_TO = 0x7e;
/** Texts are filled up with zeros, before them or after. */
const textOf = (bytes: Bytes): string =>
  bytes
    .filter((byte) => byte !== 0)
    .map((byte) =>
      byte >= PRINTABLE_FROM && byte <= PRINTABLE_TO ? String.fromCharCode(byte) : "?",
    )
    .join("");

const hexOf = (bytes: Bytes): string =>
  bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
