/**
 * What an ELM327 dongle prints, as whole OBD messages.
 *
 * Shape:  lines of ASCII hex, with or without spaces, with or without headers (CAN 11 and 29 bit,
 *         J1850, ISO 9141-2, KWP 2000), ISO-TP put together, echoes and "SEARCHING..." left out,
 *         "NO DATA" and its like kept as notices.
 * Units:  a place is the line (from 0) and the byte within it (from 1).
 * Errors: the first thing that is malformed, with its place. Nothing is guessed past it.
 * Source: ELM Electronics, ELM327 data sheet v2.3; ISO 15765-2 (segmentation) and 15765-4 (ids);
 *         SAE J1850 (CRC), ISO 9141-2 and 14230-2 (headers, sum).
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";

export type Message = {
  /** Who answers: "7E8", "18DAF110", "10"; null where headers are off. */
  readonly ecu: string | null;
  readonly bytes: readonly number[];
  /** The line it began on. */
  readonly line: number;
};
export type Transcript = {
  readonly messages: readonly Message[];
  /** What the dongle said instead of data, each once. */
  readonly notices: readonly string[];
};
export type Malformed = { readonly line: number; readonly message: string };

export const MAX_LINES = 512;
export const MAX_LINE_CHARS = 128;
/** ISO-TP has twelve bits of length. */
const MAX_MESSAGE_BYTES = 4_095;

const NOTICES = [
  ...["NO DATA", "UNABLE TO CONNECT", "BUS INIT: ERROR", "BUS INIT: ...ERROR", "BUS ERROR"],
  ...["BUS BUSY", "CAN ERROR", "DATA ERROR", "<DATA ERROR", "<RX ERROR", "FB ERROR", "STOPPED"],
  ...["BUFFER FULL", "ACT ALERT", "LV RESET", "LP ALERT", "?"],
] as const;
const SILENT = /^(?:|OK|BUS INIT: (?:\.\.\.)?OK|ELM327 v\d.*|AT ?[A-Z0-9 ]+)$/i;

type Open = {
  readonly ecu: string | null;
  readonly line: number;
  readonly total: number;
  readonly bytes: number[];
  next: number;
};
type State = {
  readonly messages: Message[];
  readonly notices: Set<string>;
  /** Messages of several frames that are not whole yet, by who sends. */
  readonly open: Map<string, Open>;
  /** The length that a headers-off dongle prints on a line of its own. */
  announced: { readonly total: number; readonly line: number } | undefined;
};

export const readTranscript = (lines: readonly string[]): Result<Transcript, Malformed> => {
  const state: State = { messages: [], notices: new Set(), open: new Map(), announced: undefined };
  for (const [at, raw] of lines.entries()) {
    const wrong = readLine(state, raw, at);
    if (wrong !== undefined) return err({ line: at, message: wrong });
  }
  const [unfinished] = state.open.values();
  if (unfinished !== undefined) {
    const { line, total, bytes } = unfinished;
    return err({ line, message: `a message of ${total} bytes ends after ${bytes.length}` });
  }
  if (state.announced !== undefined)
    return err({ line: state.announced.line, message: "a length, and no frame after it" });
  return ok({ messages: state.messages, notices: [...state.notices] });
};

/** Undefined: all is well; else what is wrong, in words that name the byte. */
const readLine = (state: State, raw: string, at: number): string | undefined => {
  const line = raw
    .replaceAll(/[>\r\n\0]/g, "")
    .replace(/^SEARCHING\.*/i, "")
    .trim();
  const notice = NOTICES.find((one) => one === line.toUpperCase());
  const error = /^ERR\d\d$/i.test(line) ? line.toUpperCase() : notice;
  if (error !== undefined) {
    state.notices.add(error);
    return undefined;
  }
  if (SILENT.test(line)) return undefined;
  const numbered = /^([0-9A-F]):\s*(.*)$/i.exec(line);
  if (numbered !== null) return readNumbered(state, numbered);
  const bad = /[^0-9A-F ]/i.exec(line);
  if (bad !== null)
    return `byte ${byteAt(line, bad.index)} (column ${raw.indexOf(line) + bad.index + 1}): "${bad[0]}" is no hex digit`;
  const hex = line.replaceAll(" ", "").toUpperCase();
  if (/^[0-9A-F]{3}$/.test(hex)) return announce(state, Number.parseInt(hex, 16), at);
  if (isEcho(hex)) return undefined;
  return hex.length % 2 === 1 ? readCan11(state, hex, at) : readPairs(state, hex, at);
};

const byteAt = (line: string, column: number): number => {
  const digits = line.slice(0, column).replaceAll(" ", "").length;
  // The three digits of an id are one byte of a place.
  const isCan11 = /^7E[89A-F]/i.test(line) && digits > 2;
  return isCan11 ? Math.floor((digits - 3) / 2) + 2 : Math.floor(digits / 2) + 1;
};

const bytesOf = (hex: string): number[] =>
  Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16),
  );

/** A request the dongle repeats: mode 01 to 0A, at most six PIDs, a digit for how many lines. */
const isEcho = (hex: string): boolean =>
  /^0[1-9A](?:[0-9A-F]{2}){0,6}[0-9A-F]?$/.test(hex) && hex.length <= 15;

const announce = (state: State, total: number, at: number): string | undefined => {
  if (state.announced !== undefined) return "a second length, and no frame after the first";
  if (total < 8 || total > MAX_MESSAGE_BYTES)
    return `byte 1: a length of ${total}, not 8 to ${MAX_MESSAGE_BYTES}`;
  state.announced = { total, line: at };
  return undefined;
};

const NUMBERED = "numbered";

const readNumbered = (state: State, match: RegExpExecArray): string | undefined => {
  const nth = Number.parseInt(match[1]!, 16);
  const hex = match[2]!.replaceAll(" ", "").toUpperCase();
  if (!/^(?:[0-9A-F]{2}){1,7}$/.test(hex)) return `byte 1: frame ${match[1]}: is not 1 to 7 bytes`;
  if (state.announced !== undefined) {
    if (nth !== 0) return `byte 1: the first frame is ${match[1]}:, not 0:`;
    const { total, line } = state.announced;
    state.open.set(NUMBERED, { ecu: null, line, total, bytes: [], next: 0 });
    state.announced = undefined;
  }
  return append(state, NUMBERED, nth, bytesOf(hex), "the frame");
};

/** Adds one frame's bytes; a whole message leaves, without what fills the last frame. */
const append = (
  state: State,
  key: string,
  nth: number,
  bytes: readonly number[],
  what: string,
): string | undefined => {
  const open = state.open.get(key);
  if (open === undefined) return `byte 1: ${what} ${nth} follows no first frame`;
  if (nth !== open.next) return `byte 1: ${what} ${nth} where ${open.next} is due`;
  open.bytes.push(...bytes);
  open.next = (open.next + 1) % 16;
  if (open.bytes.length < open.total) return undefined;
  state.open.delete(key);
  const { ecu, line, total } = open;
  state.messages.push({ ecu, line, bytes: open.bytes.slice(0, total) });
  return undefined;
};

/** Three digits of id and whole bytes: the only form with an odd number of digits. */
const readCan11 = (state: State, hex: string, at: number): string | undefined => {
  const id = hex.slice(0, 3);
  if (!/^7E[89A-F]$/.test(id))
    return `byte 1: ${id} is no id of an answer (7E8 to 7EF), or a digit is missing`;
  return readCanFrame(state, id, bytesOf(hex.slice(3)), at, 1);
};

const readPairs = (state: State, hex: string, at: number): string | undefined => {
  const bytes = bytesOf(hex);
  if (hex.startsWith("18DAF1")) return readCanFrame(state, hex.slice(0, 8), bytes.slice(4), at, 4);
  const legacy = legacyOf(bytes);
  if (typeof legacy === "string") return legacy;
  const [ecu, data] = legacy ?? [null, bytes];
  if (!isAnswer(data[0]!))
    return `byte 1: ${hex.slice(0, 2)} begins no answer (41 to 4A, or 7F) and no known header`;
  if (data.length < 2 && data[0] !== 0x44) return "byte 2: is missing";
  state.messages.push({ ecu, line: at, bytes: data });
  return undefined;
};

const isAnswer = (byte: number): boolean => (byte >= 0x41 && byte <= 0x4a) || byte === 0x7f;

/** A frame of at most eight bytes after the id; `skipped` counts the bytes of the id in a place. */
const readCanFrame = (
  state: State,
  ecu: string,
  frame: readonly number[],
  at: number,
  skipped: number,
): string | undefined => {
  const [pci = -1] = frame;
  if (frame.length === 0 || frame.length > 8)
    return `byte ${skipped + 1}: a CAN frame of ${frame.length} bytes, not 1 to 8`;
  switch (pci >> 4) {
    case 0: {
      if (pci < 1 || pci > 7)
        return `byte ${skipped + 1}: a single frame of ${pci} bytes, not 1 to 7`;
      const data = frame.slice(1, 1 + pci);
      if (data.length < pci)
        return `byte ${skipped + frame.length + 1}: is missing, the frame says ${pci} bytes`;
      if (!isAnswer(data[0]!)) return `byte ${skipped + 2}: begins no answer (41 to 4A, or 7F)`;
      state.messages.push({ ecu, line: at, bytes: data });
      return undefined;
    }
    case 1: {
      const total = ((pci & 0x0f) << 8) | (frame[1] ?? 0);
      if (frame.length < 8) return `byte ${skipped + frame.length + 1}: a first frame has 8 bytes`;
      if (total < 8)
        return `byte ${skipped + 2}: a first frame of ${total} bytes, at least 8 are due`;
      if (state.open.has(ecu))
        return `byte ${skipped + 1}: a first frame before the last was whole`;
      state.open.set(ecu, { ecu, line: at, total, bytes: frame.slice(2), next: 1 });
      return undefined;
    }
    case 2:
      return append(state, ecu, pci & 0x0f, frame.slice(1), "consecutive frame");
    case 3:
      return undefined;
    default:
      return `byte ${skipped + 1}: ${pci.toString(16)} is no kind of ISO-TP frame (0 to 3)`;
  }
};

/**
 * [who, data] where the bytes carry a pre-CAN header and its check; a sentence where the header is
 * certain and the check is wrong; undefined where there is no header.
 */
const legacyOf = (
  bytes: readonly number[],
): readonly [string, readonly number[]] | string | undefined => {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  const body = bytes.slice(0, -1);
  const check = bytes.at(-1);
  const isKwp = first >= 0x81 && first <= 0xbf && second === 0xf1;
  const isJ1850 = (first === 0x48 || first === 0x41) && second === 0x6b && isAnswer(fourth);
  if (bytes.length < 6 || !(isKwp || isJ1850)) return undefined;
  const isRight = check === sum(body) || (isJ1850 && check === crcJ1850(body));
  // 41 6B is also an answer to PID 6B: without a check that fits it is read as that.
  if (!isRight && first === 0x41) return undefined;
  const found = `byte ${bytes.length}: the check is ${hexOf(check ?? 0)}`;
  if (!isRight && isKwp) return `${found}, the bytes before it give ${hexOf(sum(body))}`;
  if (!isRight)
    return `${found}, the bytes before it give ${hexOf(sum(body))} or ${hexOf(crcJ1850(body))}`;
  const data = body.slice(3);
  if (isKwp && data.length !== (first & 0x3f))
    return `byte 1: the header says ${first & 0x3f} bytes of data, ${data.length} are there`;
  return [hexOf(third), data];
};

const hexOf = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");
const sum = (bytes: readonly number[]): number =>
  bytes.reduce((total, byte) => (total + byte) & 0xff, 0);

const CRC_POLYNOMIAL = 0x1d;
const crcJ1850 = (bytes: readonly number[]): number => {
  let crc = 0xff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1)
      crc = crc & 0x80 ? ((crc << 1) ^ CRC_POLYNOMIAL) & 0xff : (crc << 1) & 0xff;
  }
  return crc ^ 0xff;
};
