/**
 * OpenTelemetry attribute values as text.
 *
 * Shape:  a string is itself; a number, a boolean as JSON writes it; bytes as base64; an array or
 *         a list of pairs as JSON text; nothing as "". The same value gives the same text, whether
 *         it came as protobuf or as JSON.
 * Units:  nesting in levels; composite values in bytes.
 * Errors: WireFault for what is too deep, too large or no value; the caller says whose it is.
 * Source: opentelemetry/proto/common/v1; specification, "Representation of AnyValue".
 */
import {
  FIXED64,
  LENGTH_DELIMITED,
  readInt64,
  readLength,
  readTag,
  skipField,
  VARINT,
  WireFault,
  type Reader,
} from "../decode/wire.ts";

export const MAX_VALUE_DEPTH = 8;
/** An array or list longer than this is no label and no attribute anybody reads. */
const MAX_COMPOSITE_BYTES = 32 * 1024;

const STRING_TAG = (1 << 3) | LENGTH_DELIMITED;
const BOOL_TAG = (2 << 3) | VARINT;
const INT_TAG = (3 << 3) | VARINT;
const DOUBLE_TAG = (4 << 3) | FIXED64;
const ARRAY_TAG = (5 << 3) | LENGTH_DELIMITED;
const LIST_TAG = (6 << 3) | LENGTH_DELIMITED;
const BYTES_TAG = (7 << 3) | LENGTH_DELIMITED;
const ELEMENT_TAG = (1 << 3) | LENGTH_DELIMITED;
const KEY_TAG = (1 << 3) | LENGTH_DELIMITED;
const VALUE_TAG = (2 << 3) | LENGTH_DELIMITED;

/** How the bytes of a string become text, up to `end`. */
export type TextReader = (reader: Reader, end: number) => string;

/** Text as it stands outside (`plain`), or as a part of JSON text (`quoted`). */
type Form = "plain" | "quoted";

/** The value whose message ends at `end`. */
export const readAnyValue = (reader: Reader, end: number, readString: TextReader): string =>
  readValue(reader, end, readString, "plain", 0);

const readValue = (
  reader: Reader,
  end: number,
  readString: TextReader,
  form: Form,
  depth: number,
): string => {
  let text = form === "plain" ? "" : "null";
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === STRING_TAG) {
      text = inForm(readString(reader, readLength(reader, end)), form);
    } else if (tag === BOOL_TAG) text = String(readInt64(reader, end) !== 0);
    else if (tag === INT_TAG) text = readInteger(reader, end);
    else if (tag === DOUBLE_TAG) text = numberInForm(readDouble(reader, end), form);
    else if (tag === ARRAY_TAG) {
      text = readArray(reader, readComposite(reader, end, depth), readString, depth + 1);
    } else if (tag === LIST_TAG) {
      text = readList(reader, readComposite(reader, end, depth), readString, depth + 1);
    } else if (tag === BYTES_TAG) {
      text = inForm(base64(reader, readComposite(reader, end, depth)), form);
    } else skipField(reader, tag, end);
  }
  return text;
};

const readComposite = (reader: Reader, end: number, depth: number): number => {
  const valueEnd = readLength(reader, end);
  checkComposite(valueEnd - reader.at, depth);
  return valueEnd;
};

const checkComposite = (size: number, depth: number): void => {
  if (depth >= MAX_VALUE_DEPTH) {
    throw new WireFault(`a value is nested deeper than ${MAX_VALUE_DEPTH} levels`);
  }
  if (size > MAX_COMPOSITE_BYTES) {
    throw new WireFault(`an array, list or bytes of ${size} bytes is over ${MAX_COMPOSITE_BYTES}`);
  }
};

const readArray = (reader: Reader, end: number, readString: TextReader, depth: number): string => {
  const parts: string[] = [];
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag !== ELEMENT_TAG) skipField(reader, tag, end);
    else parts.push(readValue(reader, readLength(reader, end), readString, "quoted", depth));
  }
  return `[${parts.join(",")}]`;
};

const readList = (reader: Reader, end: number, readString: TextReader, depth: number): string => {
  const parts: string[] = [];
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag !== ELEMENT_TAG) {
      skipField(reader, tag, end);
      continue;
    }
    const pairEnd = readLength(reader, end);
    let key = "";
    let value = "null";
    while (reader.at < pairEnd) {
      const field = readTag(reader, pairEnd);
      if (field === KEY_TAG) key = readString(reader, readLength(reader, pairEnd));
      else if (field === VALUE_TAG) {
        value = readValue(reader, readLength(reader, pairEnd), readString, "quoted", depth);
      } else skipField(reader, field, pairEnd);
    }
    parts.push(`${JSON.stringify(key)}:${value}`);
  }
  return `{${parts.join(",")}}`;
};

export const readDouble = (reader: Reader, end: number): number => {
  if (end - reader.at < 8) throw new WireFault(`the body is truncated at byte ${reader.at}`);
  const value = reader.view.getFloat64(reader.at, true);
  reader.at += 8;
  return value;
};

const readInteger = (reader: Reader, end: number): string => {
  const from = reader.at;
  const value = readInt64(reader, end);
  if (Number.isSafeInteger(value)) return String(value);
  let exact = 0n;
  for (let at = reader.at - 1; at >= from; at -= 1) {
    exact = (exact << 7n) | BigInt(reader.bytes[at]! & 127);
  }
  return String(BigInt.asIntN(64, exact));
};

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const base64 = (reader: Reader, end: number): string => {
  const { bytes } = reader;
  let text = "";
  for (let at = reader.at; at < end; at += 3) {
    const left = end - at;
    const word =
      (bytes[at]! << 16) | ((left > 1 ? bytes[at + 1]! : 0) << 8) | (left > 2 ? bytes[at + 2]! : 0);
    text += BASE64[word >>> 18]! + BASE64[(word >>> 12) & 63]!;
    text += left > 1 ? BASE64[(word >>> 6) & 63]! : "=";
    text += left > 2 ? BASE64[word & 63]! : "=";
  }
  reader.at = end;
  return text;
};

const inForm = (text: string, form: Form): string =>
  form === "plain" ? text : JSON.stringify(text);

const numberInForm = (value: number, form: Form): string =>
  Number.isFinite(value) ? String(value) : inForm(String(value), form);

/** The same value as OTLP's JSON writes it: `{"stringValue": …}`. */
export const anyValueOf = (value: unknown): string => valueOf(value, "plain", 0);

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const valueOf = (value: unknown, form: Form, depth: number): string => {
  if (!isFields(value)) {
    if (value === undefined || value === null) return form === "plain" ? "" : "null";
    throw new WireFault(`a value is ${typeof value}, not an object such as {"stringValue": …}`);
  }
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue } = value;
  if (typeof stringValue === "string") return inForm(stringValue, form);
  if (typeof boolValue === "boolean") return String(boolValue);
  if (intValue !== undefined && intValue !== null) return integerText(intValue);
  if (doubleValue !== undefined && doubleValue !== null) {
    return numberInForm(doubleOf(doubleValue), form);
  }
  if (arrayValue !== undefined) return arrayOf(arrayValue, depth);
  if (kvlistValue !== undefined) return listOf(kvlistValue, depth);
  if (typeof value["bytesValue"] === "string") {
    checkComposite((value["bytesValue"].length * 3) / 4, depth);
    return inForm(value["bytesValue"], form);
  }
  if (stringValue !== undefined || boolValue !== undefined) {
    throw new WireFault("a stringValue or boolValue is of another type");
  }
  return form === "plain" ? "" : "null";
};

const valuesIn = (list: unknown, depth: number): readonly unknown[] => {
  const values = isFields(list) ? (list["values"] ?? []) : undefined;
  if (!Array.isArray(values)) throw new WireFault("the values of an array or list are no array");
  checkComposite(values.length, depth);
  return values;
};

const arrayOf = (list: unknown, depth: number): string => {
  const parts = valuesIn(list, depth).map((element) => valueOf(element, "quoted", depth + 1));
  return sized(`[${parts.join(",")}]`);
};

const listOf = (list: unknown, depth: number): string => {
  const parts = valuesIn(list, depth).map((pair) => {
    if (!isFields(pair)) throw new WireFault("an entry of a list of pairs is no object");
    const key = typeof pair["key"] === "string" ? pair["key"] : "";
    return `${JSON.stringify(key)}:${valueOf(pair["value"], "quoted", depth + 1)}`;
  });
  return sized(`{${parts.join(",")}}`);
};

/** What is nested may be long, though each level has few parts. */
const sized = (text: string): string => {
  checkComposite(text.length / 6, 0);
  return text;
};

const INTEGER = /^-?\d{1,20}$/;

const integerText = (value: unknown): string => {
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (typeof value === "string" && INTEGER.test(value)) return String(BigInt(value));
  throw new WireFault("an intValue is no 64-bit integer");
};

/** A JSON number, or one of the words JSON has no number for. */
export const doubleOf = (value: unknown): number => {
  if (typeof value === "number") return value;
  if (value === "NaN") return Number.NaN;
  if (value === "Infinity") return Infinity;
  if (value === "-Infinity") return -Infinity;
  if (typeof value === "string" && value.trim() !== "") {
    const number = Number(value);
    if (!Number.isNaN(number)) return number;
  }
  throw new WireFault("a number is neither a JSON number nor its text");
};
