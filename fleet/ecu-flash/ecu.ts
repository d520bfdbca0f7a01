/**
 * A simulated control unit: two banks of firmware and two boot records in flash, which may lose its
 * power at any byte.
 *
 * Shape:  the boot record with the highest sequence whose check holds and whose bank has the digest
 *         it names is what starts. An image goes into the other bank; `commit` writes the other
 *         record only once the whole bank is there and verified. So there is always one whole
 *         firmware that starts: the old one, or the new one.
 * Units:  bytes; offsets in the file of a bank.
 * Errors: values that say why; what the flash throws (power lost, disk full) passes through.
 */
import { err, ok, type Result } from "../../src/kernel/result.ts";
import { signedText, type Hash, type Manifest, type Verify } from "./image.ts";

/** What the unit is made of: named areas of bytes. A write may be cut off anywhere. */
export type Flash = {
  /** Shorter than asked for where less was ever written. */
  readonly read: (area: Area, offset: number, bytes: number) => Promise<Uint8Array>;
  readonly write: (area: Area, offset: number, bytes: Uint8Array) => Promise<void>;
  readonly erase: (area: Area) => Promise<void>;
  /** What was written before is there after a loss of power. */
  readonly sync: (area: Area) => Promise<void>;
};
export type Area = "bank-a" | "bank-b" | "record-0" | "record-1";
type Bank = "bank-a" | "bank-b";

export type BootRecord = {
  readonly sequence: number;
  readonly bank: Bank;
  readonly hardware: string;
  readonly version: string;
  readonly counter: number;
  readonly sizeBytes: number;
  readonly sha256: string;
};

export type UnitFault = {
  readonly code:
    | "not_started"
    | "wrong_hardware"
    | "older_version"
    | "bad_signature"
    | "bad_block"
    | "not_whole";
  readonly message: string;
  /** Of `not_whole`: the first block that is missing or damaged. */
  readonly block?: number;
};

export type Unit = {
  /** What starts; an error is a unit that does not start at all. */
  readonly boot: () => Promise<Result<BootRecord, UnitFault>>;
  /** Never finished by its factory: nothing was ever written that could start. */
  readonly isBlank: () => Promise<boolean>;
  /** A unit as it leaves its factory. */
  readonly manufacture: (hardware: string, firmware: Uint8Array) => Promise<BootRecord>;
  /** May this image come? The unit trusts no one: it looks at the signature itself. */
  readonly accept: (of: Manifest, signature: string) => Promise<Result<BootRecord, UnitFault>>;
  readonly eraseSpare: () => Promise<void>;
  /** Confirmed only after it was read back from flash. */
  readonly writeBlock: (
    of: Manifest,
    nth: number,
    bytes: Uint8Array,
  ) => Promise<Result<null, UnitFault>>;
  readonly commit: (of: Manifest, signature: string) => Promise<Result<BootRecord, UnitFault>>;
};

type Deps = { readonly sha256: Hash; readonly verify: Verify };

export const unitOn = (flash: Flash, deps: Deps): Unit => {
  const boot = (): Promise<Result<BootRecord, UnitFault>> => started(flash, deps.sha256);
  const accept: Unit["accept"] = async (of, signature) => {
    if (!deps.verify(signedText(of), signature))
      return err({ code: "bad_signature", message: "the unit does not trust this signature" });
    const now = await boot();
    return now.ok ? acceptedBy(now.value, of) : now;
  };
  return {
    boot,
    accept,
    isBlank: async () => {
      // The second record is first written by the first commit; until then a first one that is cut
      // off is a unit that was never finished.
      const [first, second] = await readRecords(flash);
      return second!.length === 0 && decodeRecord(first!, deps.sha256) === undefined;
    },
    manufacture: (hardware, firmware) => manufactured(flash, deps, hardware, firmware),
    eraseSpare: async () => {
      const now = await boot();
      if (now.ok) await flash.erase(spareOf(now.value));
    },
    writeBlock: async (of, nth, bytes) => {
      const now = await boot();
      return now.ok ? written(flash, deps, spareOf(now.value), of, nth, bytes) : now;
    },
    commit: async (of, signature) => {
      const now = await accept(of, signature);
      return now.ok ? committed(flash, deps, now.value, of) : now;
    },
  };
};

const acceptedBy = (now: BootRecord, of: Manifest): Result<BootRecord, UnitFault> => {
  const { hardware, counter, version } = now;
  if (!of.hardware.includes(hardware))
    return err({
      code: "wrong_hardware",
      message: `the unit is ${hardware}, the image is for ${of.hardware.join(", ")}`,
    });
  const said = `the image ${of.version} (counter ${of.counter}) is not newer`;
  return of.counter > counter
    ? ok(now)
    : err({
        code: "older_version",
        message: `the unit has ${version} (counter ${counter}), ${said}`,
      });
};

const manufactured = async (
  flash: Flash,
  deps: Deps,
  hardware: string,
  firmware: Uint8Array,
): Promise<BootRecord> => {
  await flash.erase("bank-a");
  await flash.write("bank-a", 0, firmware);
  await flash.sync("bank-a");
  const record: BootRecord = {
    ...{ sequence: 0, bank: "bank-a", hardware, version: "1.0.0", counter: 0 },
    ...{ sizeBytes: firmware.length, sha256: deps.sha256(firmware) },
  };
  await writeRecord(flash, deps, record);
  return record;
};

const written = async (
  flash: Flash,
  { sha256 }: Deps,
  spare: Bank,
  of: Manifest,
  nth: number,
  bytes: Uint8Array,
): Promise<Result<null, UnitFault>> => {
  if (sha256(bytes) !== of.blocks[nth])
    return err({ code: "bad_block", message: `block ${nth} arrived damaged` });
  const offset = nth * of.blockBytes;
  await flash.write(spare, offset, bytes);
  await flash.sync(spare);
  const back = await flash.read(spare, offset, bytes.length);
  return sha256(back) === of.blocks[nth]
    ? ok(null)
    : err({ code: "bad_block", message: `block ${nth} was not kept by the flash` });
};

const committed = async (
  flash: Flash,
  deps: Deps,
  now: BootRecord,
  of: Manifest,
): Promise<Result<BootRecord, UnitFault>> => {
  const bank = spareOf(now);
  const there = await flash.read(bank, 0, of.sizeBytes);
  const bad = firstBadBlock(of, there, deps.sha256);
  if (bad !== undefined || deps.sha256(there) !== of.sha256)
    return err({
      code: "not_whole",
      message: `block ${bad ?? 0} is missing or damaged`,
      block: bad ?? 0,
    });
  const record: BootRecord = {
    ...{ sequence: now.sequence + 1, bank, hardware: now.hardware },
    ...{ version: of.version, counter: of.counter },
    ...{ sizeBytes: of.sizeBytes, sha256: of.sha256 },
  };
  await writeRecord(flash, deps, record);
  return ok(record);
};

/** Into the place of the record before the last: the one in force is never touched. */
const writeRecord = async (flash: Flash, { sha256 }: Deps, record: BootRecord): Promise<void> => {
  const area = record.sequence % 2 === 0 ? "record-0" : "record-1";
  await flash.erase(area);
  await flash.write(area, 0, encodeRecord(record, sha256));
  await flash.sync(area);
};

const spareOf = ({ bank }: BootRecord): Bank => (bank === "bank-a" ? "bank-b" : "bank-a");

const firstBadBlock = (of: Manifest, there: Uint8Array, sha256: Hash): number | undefined => {
  const at = of.blocks.findIndex((digest, nth) => {
    const end = Math.min((nth + 1) * of.blockBytes, of.sizeBytes);
    return there.length < end || sha256(there.subarray(nth * of.blockBytes, end)) !== digest;
  });
  return at < 0 ? undefined : at;
};

const MAX_RECORD_BYTES = 4_096;

const readRecords = (flash: Flash): Promise<readonly Uint8Array[]> =>
  Promise.all(
    (["record-0", "record-1"] as const).map((area) => flash.read(area, 0, MAX_RECORD_BYTES)),
  );

const started = async (flash: Flash, sha256: Hash): Promise<Result<BootRecord, UnitFault>> => {
  const records = await readRecords(flash);
  const whole = records
    .map((bytes) => decodeRecord(bytes, sha256))
    .filter((record) => record !== undefined)
    .toSorted((a, b) => b.sequence - a.sequence);
  for (const record of whole) {
    const bank = await flash.read(record.bank, 0, record.sizeBytes);
    if (sha256(bank) === record.sha256) return ok(record);
  }
  return err({ code: "not_started", message: "no bank holds a firmware that is whole" });
};

/** JSON, a line's end, and the digest of what is before it. */
const encodeRecord = (record: BootRecord, sha256: Hash): Uint8Array => {
  const text = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
  return new TextEncoder().encode(`${new TextDecoder().decode(text)}${sha256(text)}`);
};

const decodeRecord = (bytes: Uint8Array, sha256: Hash): BootRecord | undefined => {
  const end = bytes.indexOf(0x0a);
  if (end < 0) return undefined;
  const text = bytes.subarray(0, end + 1);
  const check = new TextDecoder().decode(bytes.subarray(end + 1));
  return check === sha256(text)
    ? (JSON.parse(new TextDecoder().decode(text)) as BootRecord)
    : undefined;
};
