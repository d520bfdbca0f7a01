/**
 * OTLP's JSON, parsed and looked at with bounds.
 *
 * Shape:  JSON.parse of the body's text, and fields of it by kind; what is absent or null is the
 *         field's default, as protobuf's JSON has it; what nobody asks for is ignored.
 * Units:  nesting in levels, parts in objects and arrays, instants in ms and ns beyond.
 * Errors: WireFault that names the field. Objects cost many times their two brackets, so they are
 *         counted before anything is parsed.
 * Source: OTLP specification, "JSON Protobuf Encoding".
 */
import { WireFault } from "../decode/wire.ts";
import { anyValueOf } from "./any-value.ts";
import { MAX_ATTRIBUTES } from "./fields.ts";
import type { Attributes } from "./series-book.ts";

export type Fields = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 64;
const MAX_PARTS = 1_000_000;

const utf8 = new TextDecoder("utf-8", { fatal: true });

export const parseBody = (body: Uint8Array): Fields => {
  checkParts(body);
  let text = "";
  try {
    text = utf8.decode(body);
  } catch {
    throw new WireFault("the body is not valid UTF-8");
  }
  try {
    return fieldsOf(JSON.parse(text), "the body");
  } catch (fault) {
    if (fault instanceof SyntaxError) throw new WireFault(`the body is no JSON: ${fault.message}`);
    throw fault;
  }
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

const checkParts = (body: Uint8Array): void => {
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at]!;
    if (byte === QUOTE) at = endOfText(body, at);
    // Brackets, and no letter or digit: `[ \ ]` and `{ | }` stand alone in their rows.
    else if (byte > 0x5a && OPENING.has(byte)) {
      depth += 1;
      parts += 1;
      if (depth > MAX_DEPTH) {
        throw new WireFault(`the body is nested deeper than ${MAX_DEPTH} levels at byte ${at}`);
      }
      if (parts > MAX_PARTS) {
        throw new WireFault(`the body has over ${MAX_PARTS} objects and arrays`);
      }
    } else if (byte > 0x5c && CLOSING.has(byte)) depth -= 1;
  }
};

/** The closing quote of the text that opens at `from`, or the body's end. */
const endOfText = (body: Uint8Array, from: number): number => {
  for (let at = from + 1; at < body.length; at += 1) {
    const byte = body[at]!;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
  }
  return body.length;
};

export const fieldsOf = (value: unknown, what: string): Fields => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Fields;
  }
  throw new WireFault(`${what} is no object`);
};

const NONE: readonly unknown[] = [];

export const listIn = (fields: Fields, name: string): readonly unknown[] => {
  const value = fields[name];
  if (value === undefined || value === null) return NONE;
  if (!Array.isArray(value)) throw new WireFault(`${name} is no array`);
  return value;
};

const EMPTY: Fields = {};

export const objectIn = (fields: Fields, name: string): Fields => {
  const value = fields[name];
  return value === undefined || value === null ? EMPTY : fieldsOf(value, name);
};

export const textIn = (fields: Fields, name: string): string => {
  const value = fields[name];
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new WireFault(`${name} is no string`);
  return value;
};

const DIGITS = /^-?\d{1,20}$/;

/** An integer of 32 or 64 bits: a number, or its digits. */
export const integerIn = (fields: Fields, name: string): number => {
  const value = fields[name];
  if (value === undefined || value === null) return 0;
  return integerOf(value, name);
};

export const integerOf = (value: unknown, name: string): number => {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  if (typeof value === "string" && DIGITS.test(value)) return Number(value);
  throw new WireFault(`${name} is no integer`);
};

export type Instant = { readonly ms: number; readonly nsBeyond: number };

const NS_DIGITS = 6;
const NS_PER_MS = 1_000_000;

/** Nanoseconds since the epoch; their digits are cut, not computed, so none is lost. */
export const instantIn = (fields: Fields, name: string): Instant => {
  const value = fields[name];
  if (typeof value === "string" && DIGITS.test(value) && !value.startsWith("-")) {
    return {
      ms: Number(value.slice(0, -NS_DIGITS)),
      nsBeyond: Number(value.slice(-NS_DIGITS)),
    };
  }
  const ns = integerIn(fields, name);
  if (ns < 0) throw new WireFault(`${name} is negative`);
  return { ms: Math.floor(ns / NS_PER_MS), nsBeyond: ns % NS_PER_MS };
};

export const attributesIn = (fields: Fields): Attributes => {
  const list = listIn(fields, "attributes");
  if (list.length > MAX_ATTRIBUTES) throw new WireFault(`over ${MAX_ATTRIBUTES} attributes`);
  return list.map((entry) => {
    const attribute = fieldsOf(entry, "an attribute");
    return [textIn(attribute, "key"), anyValueOf(attribute["value"])] as const;
  });
};
