/**
 * The unit and its flashing on a simulated flash that loses its power at any byte: what was not
 * synced may be there, in part, or not at all.
 *
 * The control is a way of flashing that makes the new bank the active one before it is whole.
 */
import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unitOn, type Area, type BootRecord, type Flash, type Unit } from "./ecu.ts";
import { checkImage, manifestOf, signedText, type Manifest } from "./image.ts";
import { flashImage, unmetOf } from "./job.ts";

const keys = generateKeyPairSync("ed25519");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const deps = {
  sha256,
  verify: (text: string, signature: string): boolean =>
    verify(null, Buffer.from(text), keys.publicKey, Buffer.from(signature, "base64")),
};
const signed = (of: Manifest): string =>
  sign(null, Buffer.from(signedText(of)), keys.privateKey).toString("base64");
const bytesOf = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 17 + (at >> 8)) & 0xff);

const HARDWARE = "BOX-2";
const OLD = bytesOf(1_500, 1);
const NEW = bytesOf(2_000, 2);
const release = (more: Partial<Manifest> = {}): Manifest => ({
  ...manifestOf(sha256, NEW, {
    ...{ product: "box", version: "1.1.0", hardware: [HARDWARE], counter: 1, blockBytes: 256 },
  }),
  ...more,
});
const MANIFEST = release();
const SIGNATURE = signed(MANIFEST);

class PowerLost extends Error {}

/**
 * Bytes that were synced, and writes that were not; the budget is what it writes before the cut.
 */
const newFlash = () => {
  const kept = new Map<Area, Uint8Array>();
  let open: { area: Area; offset: number; bytes: Uint8Array | "erase" }[] = [];
  let budget = Number.POSITIVE_INFINITY;
  const apply = (on: Map<Area, Uint8Array>, { area, offset, bytes }: (typeof open)[number]) => {
    if (bytes === "erase") return void on.set(area, new Uint8Array());
    const old = on.get(area) ?? new Uint8Array();
    const made = new Uint8Array(Math.max(old.length, offset + bytes.length));
    made.set(old);
    made.set(bytes, offset);
    return void on.set(area, made);
  };
  const spend = (bytes: number): number => {
    const may = Math.min(bytes, budget);
    budget -= bytes;
    return may;
  };
  const flash: Flash = {
    read: async (area, offset, bytes) => {
      const now = new Map(kept);
      for (const write of open) apply(now, write);
      return (now.get(area) ?? new Uint8Array()).slice(offset, offset + bytes);
    },
    write: async (area, offset, bytes) => {
      const may = spend(bytes.length);
      open.push({ area, offset, bytes: bytes.slice(0, may) });
      if (may < bytes.length) throw new PowerLost();
    },
    erase: async (area) => {
      if (spend(1) < 1) throw new PowerLost();
      open.push({ area, offset: 0, bytes: "erase" });
    },
    sync: async (area) => {
      if (spend(1) < 1) throw new PowerLost();
      for (const write of open.filter((one) => one.area === area)) apply(kept, write);
      open = open.filter((one) => one.area !== area);
    },
  };
  return {
    flash,
    powerFor: (bytes: number) => void (budget = bytes),
    /** `survives` says of each write that was not synced whether it is there. */
    lose: (survives: (nth: number) => boolean) => {
      for (const [nth, write] of open.entries()) if (survives(nth)) apply(kept, write);
      open = [];
      budget = Number.POSITIVE_INFINITY;
    },
  };
};

const bankOf = (flash: Flash, { bank, sizeBytes }: BootRecord): Promise<Uint8Array> =>
  flash.read(bank, 0, sizeBytes);

/** Flashes with a cut after each of `cuts`, then without; says what started after each. */
const story = async (
  makeUnit: (flash: Flash) => Unit,
  cuts: readonly number[],
  coins: readonly boolean[],
): Promise<readonly string[]> => {
  const { flash, powerFor, lose } = newFlash();
  await unitOn(flash, deps).manufacture(HARDWARE, OLD);
  const seen: string[] = [];
  // What the service has noted; a crash of the service may come between the unit and the note.
  let noted = 0;
  for (const cut of [...cuts, Number.POSITIVE_INFINITY]) {
    powerFor(cut);
    const progress = async (next: number): Promise<boolean> => {
      if (coins[next % coins.length] !== false) noted = next;
      return true;
    };
    try {
      await flashImage({ unit: makeUnit(flash), progress }, MANIFEST, SIGNATURE, NEW, noted);
    } catch (fault) {
      if (!(fault instanceof PowerLost)) throw fault;
    }
    lose((nth) => coins[nth % coins.length] !== false);
    const started = await unitOn(flash, deps).boot();
    const is = started.ok ? sha256(await bankOf(flash, started.value)) : "";
    seen.push(is === sha256(OLD) ? "old" : is === sha256(NEW) ? "new" : "half");
  }
  return seen;
};

const cuts = fc.array(fc.integer({ min: 0, max: 4_500 }), { maxLength: 6 });
const coins = fc.array(fc.boolean(), { minLength: 1, maxLength: 16 });
const isWhole = (seen: readonly string[]): boolean =>
  !seen.includes("half") && !seen.join().includes("new,old") && seen.at(-1) === "new";

describe("a unit that loses its power at any byte", () => {
  test("law: starts with the old firmware or the new one, whole, and gets the new one in the end", async () => {
    await fc.assert(
      fc.asyncProperty(cuts, coins, async (at, toss) => {
        expect(isWhole(await story((flash) => unitOn(flash, deps), at, toss))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("at each byte of a whole flashing, one after the other", async () => {
    const seen = new Set<string>();
    for (let at = 0; at < 2_500; at += 1) {
      const of = await story((flash) => unitOn(flash, deps), [at], [at % 2 === 0]);
      seen.add(of.join());
    }
    expect([...seen].toSorted((a, b) => a.localeCompare(b))).toEqual(["new,new", "old,new"]);
  });

  test("control: without the commit step, units are found half-flashed", async () => {
    /** Writes where the unit starts from: whole in the end, and nothing else is different. */
    const inPlace = (flash: Flash): Unit => {
      const swap = (area: Area): Area => (area === "bank-b" ? "bank-a" : area);
      const safe = unitOn(flash, deps);
      const bad = unitOn(
        {
          ...flash,
          write: (area, offset, bytes) => flash.write(swap(area), offset, bytes),
          sync: (area) => flash.sync(swap(area)),
        },
        deps,
      );
      return { ...safe, writeBlock: bad.writeBlock };
    };
    const found = await Promise.all(
      Array.from({ length: 40 }, (_, nth) => story(inPlace, [nth * 50], [true])),
    );
    expect(found.filter((seen) => !isWhole(seen)).length).toBeGreaterThan(30);
  });
});

describe("a unit takes", () => {
  const made = async (): Promise<Unit> => {
    const unit = unitOn(newFlash().flash, deps);
    await unit.manufacture(HARDWARE, OLD);
    return unit;
  };

  test.each([
    ["another hardware", { hardware: ["BOX-3"] }, "wrong_hardware"],
    ["a counter it has", { counter: 0 }, "older_version"],
    ["another maker's signature", undefined, "bad_signature"],
  ])("no image of %s", async (_, more, code) => {
    const of = release(more ?? {});
    const signature = more === undefined ? SIGNATURE.replace(/^../, "AA") : signed(of);
    expect(await (await made()).accept(of, signature)).toMatchObject({ error: { code } });
  });

  test("no commit of what is not whole, and no block that arrived damaged", async () => {
    const unit = await made();
    expect(await unit.commit(MANIFEST, SIGNATURE)).toMatchObject({
      error: { code: "not_whole", block: 0 },
    });
    expect(await unit.writeBlock(MANIFEST, 0, NEW.slice(1, 257))).toMatchObject({
      error: { code: "bad_block" },
    });
    expect(await unit.boot()).toMatchObject({ value: { version: "1.0.0" } });
  });

  test("what went bad after it was confirmed again: the commit finds it, the job repairs it", async () => {
    const { flash } = newFlash();
    const unit = unitOn(flash, deps);
    await unit.manufacture(HARDWARE, OLD);
    let isBroken = false;
    const progress = async (next: number): Promise<boolean> => {
      if (next === MANIFEST.blocks.length && !isBroken) {
        isBroken = true;
        await flash.write("bank-b", 700, Uint8Array.of(1, 2, 3));
      }
      return true;
    };
    const done = await flashImage({ unit, progress }, MANIFEST, SIGNATURE, NEW, 0);
    expect(done).toMatchObject({ ok: true, value: { version: "1.1.0", bank: "bank-b" } });
    expect(isBroken).toBe(true);
  });
});

describe("an image", () => {
  test("is what its manifest says, block by block and whole", () => {
    expect(checkImage(deps, MANIFEST, SIGNATURE, NEW).ok).toBe(true);
    const bent = NEW.slice();
    bent[600]! ^= 1;
    expect(checkImage(deps, MANIFEST, SIGNATURE, bent)).toMatchObject({
      error: { code: "bad_image", field: "manifest.blocks[2]" },
    });
    expect(checkImage(deps, MANIFEST, SIGNATURE, NEW.slice(1))).toMatchObject({
      error: { field: "content" },
    });
    const wrong = release({ sha256: sha256(OLD) });
    expect(checkImage(deps, wrong, signed(wrong), NEW)).toMatchObject({
      error: { field: "manifest.sha256" },
    });
    expect(checkImage(deps, release({ counter: 9 }), SIGNATURE, NEW)).toMatchObject({
      error: { code: "bad_signature" },
    });
  });
});

test.each([
  [{ batteryVolts: 12.2, ignitionOn: true, engineOn: false }, undefined],
  [{ batteryVolts: 12.19, ignitionOn: true, engineOn: false }, "batteryVolts"],
  [{ batteryVolts: 13, ignitionOn: false, engineOn: false }, "ignitionOn"],
  [{ batteryVolts: 14, ignitionOn: true, engineOn: true }, "engineOn"],
])("a vehicle with %j lacks %s", (now, field) => {
  expect(unmetOf(now)?.field).toBe(field);
});
