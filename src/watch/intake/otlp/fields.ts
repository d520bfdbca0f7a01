/**
 * Fields that OTLP's messages share, read from protobuf.
 *
 * Shape:  KeyValue, Resource, InstrumentationScope; instants as fixed64 nanoseconds.
 * Units:  an instant in whole ms and the nanoseconds beyond, both exact, without a BigInt.
 * Errors: WireFault.
 * Source: opentelemetry/proto/common/v1, resource/v1.
 */
import {
  LENGTH_DELIMITED,
  readLength,
  readTag,
  readText,
  skipField,
  WireFault,
  type Reader,
} from "../decode/wire.ts";
import { readAnyValue } from "./any-value.ts";
import type { Attributes, Scope } from "./series-book.ts";

export const tagOf = (field: number, type: number): number => (field << 3) | type;

const KEY_TAG = tagOf(1, LENGTH_DELIMITED);
const VALUE_TAG = tagOf(2, LENGTH_DELIMITED);

/** More than that are refused where they are labels; a body of a million is not read to its end. */
export const MAX_ATTRIBUTES = 1_024;

const readString = (reader: Reader, end: number): string => readText(reader, end, "a string");

/** The attributes among the fields of a message, `tag` being theirs. */
export const readAttributes = (
  bytes: Reader,
  from: number,
  to: number,
  tag: number,
): Attributes => {
  const reader = { bytes: bytes.bytes, view: bytes.view, at: from };
  const attributes: [string, string][] = [];
  while (reader.at < to) {
    const field = readTag(reader, to);
    if (field !== tag) {
      skipField(reader, field, to);
      continue;
    }
    attributes.push(readAttribute(reader, readLength(reader, to)));
    if (attributes.length > MAX_ATTRIBUTES) {
      throw new WireFault(`over ${MAX_ATTRIBUTES} attributes`);
    }
  }
  return attributes;
};

const readAttribute = (reader: Reader, end: number): [string, string] => {
  let key = "";
  let value = "";
  while (reader.at < end) {
    const tag = readTag(reader, end);
    if (tag === KEY_TAG) key = readText(reader, readLength(reader, end), "an attribute's key");
    else if (tag === VALUE_TAG) value = readAnyValue(reader, readLength(reader, end), readString);
    else skipField(reader, tag, end);
  }
  return [key, value];
};

const NAME_TAG = tagOf(1, LENGTH_DELIMITED);
const VERSION_TAG = tagOf(2, LENGTH_DELIMITED);
const SCOPE_ATTRIBUTE_TAG = tagOf(3, LENGTH_DELIMITED);

/** The InstrumentationScope in `bytes[from, to)`. */
export const readScope = (bytes: Reader, from: number, to: number): Omit<Scope, "schemaUrl"> => {
  const reader = { bytes: bytes.bytes, view: bytes.view, at: from };
  let name = "";
  let version = "";
  while (reader.at < to) {
    const tag = readTag(reader, to);
    if (tag === NAME_TAG) name = readText(reader, readLength(reader, to), "its name");
    else if (tag === VERSION_TAG) version = readText(reader, readLength(reader, to), "its version");
    else skipField(reader, tag, to);
  }
  return { name, version, attributes: readAttributes(bytes, from, to, SCOPE_ATTRIBUTE_TAG) };
};

const NS_PER_MS = 1_000_000;
/** 2^32 ns are so many ms … */
const MS_PER_HIGH = 4_294;
/** … and so many ns. */
const NS_PER_HIGH = 967_296;

/** Whole ms of a 64-bit count of ns; the product stays below 2^53. */
export const msOf = (high: number, low: number): number =>
  high * MS_PER_HIGH + Math.floor((high * NS_PER_HIGH + low) / NS_PER_MS);

export const nsBeyondMs = (high: number, low: number): number =>
  (high * NS_PER_HIGH + low) % NS_PER_MS;

/** Where eight bytes begin that are surely there. */
export const stepFixed64 = (reader: Reader, end: number): number => {
  const from = reader.at;
  if (end - from < 8) throw new WireFault(`the body is truncated at byte ${from}`);
  reader.at = from + 8;
  return from;
};

const TWO_POW_32 = 2 ** 32;

export const unsignedAt = ({ view }: Reader, at: number): number =>
  view.getUint32(at + 4, true) * TWO_POW_32 + view.getUint32(at, true);

export const signedAt = ({ view }: Reader, at: number): number =>
  view.getInt32(at + 4, true) * TWO_POW_32 + view.getUint32(at, true);
