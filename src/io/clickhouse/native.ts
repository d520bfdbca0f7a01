/**
 * ClickHouse's Native format, both ways, from and to typed arrays.
 *
 * Shape:  a block = column count, row count (varints), then per column its name, its type and its
 *         values one after the other. Little-endian, as every machine this runs on.
 * Units:  DateTime64(3) is ms since the epoch.
 * Errors: encoding throws when columns differ in length; decoding throws on bytes that are no
 *         block.
 * Source: ClickHouse's documentation of the Native format (client revision 0, so no block header).
 */
export type Halves = Uint32Array;
export type ColumnData =
  /** Two 32-bit halves per value, low first. */
  | { readonly type: "UInt64"; readonly halves: Uint32Array }
  | { readonly type: "UInt32"; readonly values: Uint32Array }
  | { readonly type: "DateTime64(3)"; readonly ms: Float64Array | Halves }
  /** Days since the epoch. */
  | { readonly type: "Date"; readonly days: Uint16Array }
  | { readonly type: "Float64"; readonly values: Float64Array }
  | { readonly type: "Nullable(Float64)"; readonly values: readonly (number | null)[] }
  | { readonly type: "String"; readonly texts: readonly string[] }
  /** ns since the epoch. */
  | { readonly type: "DateTime64(9)"; readonly ns: BigInt64Array }
  /** Values of so many bytes each, one after the other. */
  | { readonly type: `FixedString(${number})`; readonly width: number; readonly bytes: Uint8Array }
  | {
      readonly type: "Map(String, String)";
      readonly maps: readonly (readonly (readonly [key: string, value: string])[])[];
    };
export type Column = { readonly name: string; readonly data: ColumnData };

const TWO_POW_32 = 2 ** 32;
const utf8 = new TextEncoder();
const text = new TextDecoder();

export const encodeBlock = (rows: number, columns: readonly Column[]): Uint8Array<ArrayBuffer> =>
  joined(encodeParts(rows, columns));

/** The block in parts; those of typed arrays are views of them, so that nothing is copied. */
export const encodeParts = (rows: number, columns: readonly Column[]): readonly Uint8Array[] => {
  const parts: Uint8Array[] = [varint(columns.length), varint(rows)];
  for (const { name, data } of columns) {
    if (lengthOf(data) !== rows)
      throw new Error(`column ${name} has ${lengthOf(data)} values, the block ${rows} rows`);
    parts.push(stringsBytes([name, data.type]), ...valuesOf(data));
  }
  return parts;
};

const lengthOf = (data: ColumnData): number => {
  if ("width" in data) return data.bytes.length / data.width;
  switch (data.type) {
    case "UInt64":
      return data.halves.length / 2;
    case "DateTime64(3)":
      return data.ms instanceof Uint32Array ? data.ms.length / 2 : data.ms.length;
    case "DateTime64(9)":
      return data.ns.length;
    case "Date":
      return data.days.length;
    case "String":
      return data.texts.length;
    case "Map(String, String)":
      return data.maps.length;
    default:
      return data.values.length;
  }
};

const valuesOf = (data: ColumnData): readonly Uint8Array[] => {
  if ("width" in data) return [data.bytes];
  switch (data.type) {
    case "UInt64":
      return [bytesOf(data.halves)];
    case "UInt32":
    case "Float64":
      return [bytesOf(data.values)];
    case "DateTime64(9)":
      return [bytesOf(data.ns)];
    case "Date":
      return [bytesOf(data.days)];
    case "DateTime64(3)":
      return [bytesOf(data.ms instanceof Uint32Array ? data.ms : int64s(data.ms))];
    case "Nullable(Float64)":
      return [
        Uint8Array.from(data.values, (value) => Number(value === null)),
        bytesOf(Float64Array.from(data.values, (value) => value ?? 0)),
      ];
    case "String":
      return [stringsBytes(data.texts)];
    case "Map(String, String)":
      return mapBytes(data.maps);
    default:
      return data satisfies never;
  }
};

const mapBytes = (
  maps: readonly (readonly (readonly [string, string])[])[],
): readonly Uint8Array[] => {
  let pairs = 0;
  const ends = Float64Array.from(maps, (map) => (pairs += map.length));
  const keys = newTexts();
  const values = newTexts();
  for (const map of maps) {
    for (const [key, value] of map) {
      keys.put(key);
      values.put(value);
    }
  }
  return [bytesOf(int64s(ends)), keys.bytes(), values.bytes()];
};

const bytesOf = (array: Uint16Array | Uint32Array | Float64Array | BigInt64Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Whole numbers as two's complement, without a BigInt per value. */
const int64s = (values: Float64Array): Uint32Array => {
  const halves = new Uint32Array(values.length * 2);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    const high = Math.floor(value / TWO_POW_32);
    halves[2 * i] = value - high * TWO_POW_32;
    halves[2 * i + 1] = high;
  }
  return halves;
};

const varint = (value: number): Uint8Array => {
  const bytes = new Uint8Array(lengthWidth(value));
  putVarint(bytes, 0, value);
  return bytes;
};

const stringsBytes = (texts: readonly string[]): Uint8Array => {
  const all = newTexts();
  for (const one of texts) all.put(one);
  return all.bytes();
};

/** Lengths and texts in one piece of memory: a batch of new series has a million of them. */
const newTexts = () => {
  let bytes = new Uint8Array(FIRST_TEXT_BYTES);
  let at = 0;
  return {
    put: (text: string): void => {
      const room = text.length * MAX_CHAR_BYTES + MAX_LENGTH_BYTES;
      if (at + room > bytes.length) bytes = grown(bytes, at + room);
      // The length stands in front and is known afterwards; mostly it is as wide as its guess.
      const guess = lengthWidth(text.length);
      const { written } = utf8.encodeInto(text, bytes.subarray(at + guess, at + room));
      const width = lengthWidth(written);
      if (width !== guess) bytes.copyWithin(at + width, at + guess, at + guess + written);
      putVarint(bytes, at, written);
      at += width + written;
    },
    bytes: (): Uint8Array => bytes.subarray(0, at),
  };
};

const FIRST_TEXT_BYTES = 256;
const MAX_LENGTH_BYTES = 5;
const MAX_CHAR_BYTES = 3;

const grown = (bytes: Uint8Array<ArrayBuffer>, atLeast: number): Uint8Array<ArrayBuffer> => {
  const larger = new Uint8Array(Math.max(atLeast, bytes.length * 2));
  larger.set(bytes);
  return larger;
};

const lengthWidth = (length: number): number => {
  let width = 1;
  for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) width += 1;
  return width;
};

const putVarint = (bytes: Uint8Array, from: number, value: number): void => {
  let rest = value;
  let at = from;
  for (; rest > 127; rest = Math.floor(rest / 128), at += 1) bytes[at] = (rest % 128) | 128;
  bytes[at] = rest;
};

const joined = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};

/** What a query of fixed-width columns gives back, one array per column over all blocks. */
export type FixedColumns = {
  readonly rows: number;
  /** Bytes of a column's values, aligned, so that a typed array fits over them. */
  readonly column: (name: string) => ArrayBuffer;
};

const WIDTH: Readonly<Record<string, number>> = { UInt64: 8, Int64: 8, Float64: 8, UInt32: 4 };

export const decodeFixedBlocks = (bytes: Uint8Array): FixedColumns => {
  const found = new Map<string, Uint8Array[]>();
  let rows = 0;
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 49) throw new Error("not a Native block");
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const string = (): string => {
    const length = number();
    at += length;
    return text.decode(bytes.subarray(at - length, at));
  };
  while (at < bytes.length) {
    const columns = number();
    const blockRows = number();
    rows += blockRows;
    for (let nth = 0; nth < columns; nth += 1) {
      const name = string();
      const type = string();
      const width = WIDTH[type];
      if (width === undefined) throw new Error(`column ${name} is a ${type}, not of fixed width`);
      const end = at + blockRows * width;
      if (end > bytes.length) throw new Error("the Native block is cut short");
      found.set(name, [...(found.get(name) ?? []), bytes.subarray(at, end)]);
      at = end;
    }
  }
  return {
    rows,
    column: (name) => joined(found.get(name) ?? []).buffer,
  };
};
