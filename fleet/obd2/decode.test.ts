/**
 * Published examples as data: the ELM327 data sheet's own transcripts, formulas of SAE J1979, check
 * digits of 49 CFR 565.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diagnose, type Diagnosis } from "./decode.ts";
import { authorityOf, dtcOf } from "./dtc.ts";
import { textOfDtc } from "./dtc-texts.ts";
import { readTranscript } from "./elm.ts";
import { PIDS } from "./pids.ts";
import { checkDigitOf, readVin } from "./vin.ts";

const decoded = (...lines: readonly string[]): Diagnosis => {
  const read = readTranscript(lines);
  if (!read.ok) throw new Error(`line ${read.error.line}: ${read.error.message}`);
  const found = diagnose(read.value);
  if (!found.ok) throw new Error(`line ${found.error.line}: ${found.error.message}`);
  return found.value;
};
const valuesOf = (...lines: readonly string[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(decoded(...lines).values.map(({ key, value }) => [key, value]));
const fault = (...lines: readonly string[]): string => {
  const read = readTranscript(lines);
  const found = read.ok ? diagnose(read.value) : read;
  return found.ok ? "" : `lines[${found.error.line}]: ${found.error.message}`;
};

describe("mode 01", () => {
  test.each([
    ["41 04 80", "engine_load", 50.196078, "%"],
    ["41 05 7B", "coolant_temperature", 83, "°C"],
    ["41 06 80", "short_fuel_trim_1", 0, "%"],
    ["41 07 FF", "long_fuel_trim_1", 99.21875, "%"],
    ["41 0A 64", "fuel_pressure", 300, "kPa"],
    ["41 0B 65", "intake_pressure", 101, "kPa"],
    ["41 0C 1A F8", "engine_speed", 1726, "1/min"],
    ["41 0D FF", "vehicle_speed", 255, "km/h"],
    ["41 0E 00", "timing_advance", -64, "°"],
    ["41 0F 00", "intake_temperature", -40, "°C"],
    ["41 10 FF FF", "air_flow", 655.35, "g/s"],
    ["41 11 FF", "throttle", 100, "%"],
    ["41 1F 0E 10", "run_time", 3600, "s"],
    ["41 21 00 0A", "distance_with_mil", 10, "km"],
    ["41 22 FF FF", "fuel_rail_pressure_relative", 5177.265, "kPa"],
    ["41 23 00 64", "fuel_rail_pressure", 1000, "kPa"],
    ["41 2F 80", "fuel_level", 50.196078, "%"],
    ["41 31 FF FF", "distance_since_clear", 65_535, "km"],
    ["41 32 80 00", "evaporative_pressure", -8192, "Pa"],
    ["41 33 65", "barometric_pressure", 101, "kPa"],
    ["41 3C FF FF", "catalyst_temperature_b1s1", 6513.5, "°C"],
    ["41 42 36 B0", "control_module_voltage", 14, "V"],
    ["41 44 80 00", "commanded_lambda", 1, ""],
    ["41 46 3C", "ambient_temperature", 20, "°C"],
    ["41 49 33", "accelerator_pedal_d", 20, "%"],
    ["41 51 04", "fuel_type", "diesel", ""],
    ["41 5C 82", "oil_temperature", 90, "°C"],
    ["41 5D FF FF", "injection_timing", 301.992188, "°"],
    ["41 5E 01 90", "fuel_rate", 20, "L/h"],
    ["41 61 FF", "torque_demanded", 130, "%"],
    ["41 63 01 2C", "torque_reference", 300, "Nm"],
    ["41 A6 00 12 D6 87", "odometer", 123_456.7, "km"],
  ])("%s is %s of %d %s", (line, key, value, unit) => {
    expect(decoded(line).values).toMatchObject([{ key, value, unit, frozen: false }]);
  });

  test("the masks name the PIDs after them; the least bit says that there is another mask", () => {
    expect(valuesOf("41 00 BE 1F B8 10")["supported_01_20"]).toEqual([
      ...["01", "03", "04", "05", "06", "07", "0C", "0D", "0E", "0F", "10", "11"],
      ...["13", "14", "15", "1C"],
    ]);
    expect(valuesOf("41 20 80 00 00 01")["supported_21_40"]).toEqual(["21", "40"]);
    expect(valuesOf("41 40 FE D0 84 01")["supported_41_60"]).toContain("42");
  });

  test("monitor status: lamp, count, and what each kind of engine watches", () => {
    expect(valuesOf("41 01 81 07 65 04")).toEqual({
      mil_on: true,
      dtc_count: 1,
      ignition_type: "spark",
      monitors_complete: [
        ...["misfire", "fuel_system", "components"],
        ...["catalyst", "oxygen_sensor", "oxygen_sensor_heater"],
      ],
      monitors_incomplete: ["evaporative_system"],
    });
    expect(valuesOf("41 01 00 1F 49 48")).toMatchObject({
      ...{ mil_on: false, ignition_type: "compression" },
      monitors_incomplete: ["misfire", "boost_pressure", "particulate_filter"],
    });
  });

  test("several in one answer of CAN, a sensor without trim, and one that the tables lack", () => {
    expect(valuesOf("7E8 06 41 0C 1A F8 0D 32 00", "41 14 5A FF")).toEqual({
      ...{ engine_speed: 1726, vehicle_speed: 50, o2_sensor_1_voltage: 0.45 },
    });
    expect(decoded("41 C5 01 02").unknown).toEqual([{ what: "PID C5", hex: "0102" }]);
    expect(decoded("42 0C 00 1A F8").values).toMatchObject([{ value: 1726, frozen: true }]);
  });

  test("law: whatever bytes a PID has, its values are numbers or words, never NaN", () => {
    const any = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...PIDS.values()), any, (pid, bytes) => {
        for (const { value } of pid.read(bytes.slice(0, pid.bytes)))
          expect(Number.isNaN(value) || value === undefined).toBe(false);
      }),
    );
  });
});

const VIN = "1D4GP00R55B123456";

describe("what a dongle prints", () => {
  test.each([
    ["spaces", ["41 00 BE 3F A8 13"]],
    ["no spaces", ["4100BE3FA813"]],
    ["its search, an echo and the prompt", ["0100", "SEARCHING...", "41 00 BE 3F A8 13 ", "", ">"]],
    ["a search on the line itself", ["SEARCHING...41 00 BE 3F A8 13\r"]],
    ["11-bit headers", ["7E8 06 41 00 BE 3F A8 13"]],
    ["11-bit headers, no spaces, filled up", ["7E8064100BE3FA81355"]],
    ["29-bit headers", ["18 DA F1 10 06 41 00 BE 3F A8 13"]],
    ["29-bit headers, no spaces", ["18DAF110064100BE3FA813AA"]],
    ["KWP headers and sum", ["86 F1 10 41 00 BE 3F A8 13 80"]],
    ["ISO 9141 headers and sum", ["48 6B 10 41 00 BE 3F A8 13 BC"]],
  ])("with %s says the same", (_, lines) => {
    const mask = valuesOf(...lines)["supported_01_20"] as readonly string[];
    expect(mask).toHaveLength(18);
    expect(mask.slice(0, 3)).toEqual(["01", "03", "04"]);
  });

  test.each([
    [
      "headers off",
      ["0902", "014", "0: 49 02 01 31 44 34", "1: 47 50 30 30 52 35 35", "2:42313233343536"],
    ],
    [
      "headers on",
      ["7E8 10 14 49 02 01 31 44 34", "7E8 21 47 50 30 30 52 35 35", "7E8 22 42 31 32 33 34 35 36"],
    ],
    [
      "two control modules in turn",
      [
        ...["7E8 10 14 49 02 01 31 44 34", "7E9 10 09 49 0A 01 41 42 53"],
        ...["7E8 21 47 50 30 30 52 35 35", "7E9 21 2D 31 00 55 55 55 55"],
        "7E8 22 42 31 32 33 34 35 36",
      ],
    ],
    [
      "before CAN, in five messages",
      [
        ...["49 02 01 00 00 00 31", "49 02 02 44 34 47 50", "49 02 03 30 30 52 35"],
        ...["49 02 04 35 42 31 32", "49 02 05 33 34 35 36"],
      ],
    ],
  ])("the VIN of several frames, %s", (_, lines) => {
    expect(decoded(...lines).vin).toMatchObject({ vin: VIN });
  });

  test("what it says instead of data is kept", () => {
    expect(decoded("SEARCHING...", "UNABLE TO CONNECT", ">").notices).toEqual([
      "UNABLE TO CONNECT",
    ]);
    expect(decoded("NO DATA", "NO DATA", "ERR94", "?").notices).toEqual(["NO DATA", "ERR94", "?"]);
    expect(decoded("7F 03 12").refused).toEqual([
      { mode: "03", why: "sub_function_not_supported" },
    ]);
    expect(decoded("44").cleared).toBe(true);
  });

  test.each([
    [["41 0C 1A G8"], /lines\[0\]: byte 4 \(column 10\): "G"/],
    [["7E8 04 41 0G 1A F8"], /lines\[0\]: byte 4 \(column 12\): "G"/],
    [
      ["41 0C 1A F8", "41 0C 1A"],
      /lines\[1\]: byte 4 of the message: is missing, PID 0C has 2 bytes/,
    ],
    [["410C1"], /lines\[0\]: byte 1: 410 is no id of an answer.*a digit is missing/],
    [["7E8 09 41 0C 1A F8"], /lines\[0\]: byte 2: a single frame of 9 bytes/],
    [["7E8 04 41 0C 1A"], /lines\[0\]: byte 6: is missing, the frame says 4 bytes/],
    [["7E8 41 0C 1A F8"], /lines\[0\]: byte 2: 41 is no kind of ISO-TP frame/],
    [["7E8 21 47 50 30 30 52 35 35"], /lines\[0\]: byte 1: consecutive frame 1 follows no first/],
    [
      ["7E8 10 14 49 02 01 31 44 34", "7E8 22 42 31 32 33 34 35 36"],
      /lines\[1\]: byte 1: consecutive frame 2 where 1 is due/,
    ],
    [["7E8 10 14 49 02 01 31 44 34"], /lines\[0\]: a message of 20 bytes ends after 6/],
    [["014", "0: 49 02 01 31 44 34", "2: 42"], /lines\[2\]: byte 1: the frame 2 where 1 is due/],
    [["014"], /lines\[0\]: a length, and no frame after it/],
    [["86 F1 10 41 00 BE 3F A8 13 81"], /lines\[0\]: byte 10: the check is 81.*give 80/],
    [["43 04 01 33"], /lines\[0\]: byte 2 of the message: 4 codes are announced, 1 are there/],
    [["12 34 56"], /lines\[0\]: byte 1: 12 begins no answer/],
    [["49 02 07 00 00 00 31"], /lines\[0\]: byte 3 of the message: part 7 of a VIN/],
  ])("%j is refused with its place", (lines, says) => {
    expect(fault(...lines)).toMatch(says);
  });

  test("law: no line, however broken, throws; what is refused has a line", () => {
    const noise = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.stringMatching(/^(7E8 |18DAF110|48 6B 10 |8[1-7] F1 10 |[0-3]: )?([0-9A-F]{2} ?){0,9}$/),
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 8 }), (lines) => {
        const read = readTranscript(lines);
        const found = read.ok ? diagnose(read.value) : read;
        expect(found.ok ? -1 : found.error.line).toBeLessThan(Math.max(lines.length, 1));
      }),
      { numRuns: 2_000 },
    );
  });

  test("law: a message of any length comes out of its frames as it went in", () => {
    const bytes = fc.array(fc.nat(255), { minLength: 6, maxLength: 400 });
    fc.assert(
      fc.property(bytes, (said) => {
        const all = [0x49, 0x04, ...said];
        const hex = (part: readonly number[]): string =>
          part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
        const lines = [
          `7E8 1${(all.length >> 8).toString(16)} ${hex([all.length & 255, ...all.slice(0, 6)])}`,
        ];
        for (let at = 6, nth = 1; at < all.length; at += 7, nth += 1)
          lines.push(`7E8 2${(nth % 16).toString(16)} ${hex(all.slice(at, at + 7))}`);
        const read = readTranscript(lines);
        expect(read.ok && read.value.messages).toEqual([{ ecu: "7E8", bytes: all, line: 0 }]);
      }),
    );
  });
});

describe("trouble codes", () => {
  test.each([
    [[0x01, 0x33], "P0133", "standard"],
    [[0x11, 0x43], "P1143", "manufacturer"],
    [[0x34, 0x00], "P3400", "standard"],
    [[0x40, 0x35], "C0035", "standard"],
    [[0x92, 0x34], "B1234", "manufacturer"],
    [[0xc1, 0x00], "U0100", "standard"],
    [[0xff, 0xff], "U3FFF", "standard"],
  ] as const)("%j is %s, of the %s", ([high, low], code, authority) => {
    expect(dtcOf(high, low)).toBe(code);
    expect(authorityOf(code)).toBe(authority);
  });

  test("three places before CAN, a count on CAN, over several frames too", () => {
    const codes = (...lines: readonly string[]) =>
      decoded(...lines).troubles.map(({ code, state }) => `${code} ${state}`);
    expect(codes("43 01 33 00 00 00 00")).toEqual(["P0133 confirmed"]);
    expect(codes("43 00 00 00 00 00 00", "47 04 20 C1 00 00 00")).toEqual([
      ...["P0420 pending", "U0100 pending"],
    ]);
    expect(codes("43 00", "7E8 04 43 01 01 33", "4A 01 01 71")).toEqual([
      ...["P0133 confirmed", "P0171 permanent"],
    ]);
    expect(codes("00A", "0: 43 04 01 33 01 71", "1: 03 00 C1 00 AA AA AA")).toEqual([
      ...["P0133 confirmed", "P0171 confirmed", "P0300 confirmed", "U0100 confirmed"],
    ]);
  });

  test("a standard code has a text in both languages, a maker's own has none", () => {
    expect(textOfDtc("P0420")?.fr).toContain("Catalyseur");
    expect(textOfDtc("P0420")?.en).toContain("Catalyst");
    expect(textOfDtc("P1143")).toBeNull();
    expect(textOfDtc("constructor")).toBeNull();
  });
});

describe("a VIN", () => {
  test.each([
    ["1M8GDM9AXKP042788", "valid", "north_america"],
    ["11111111111111111", "valid", "north_america"],
    [VIN, "wrong", "north_america"],
    ["VF1BG0A0524123456", "absent", "europe"],
    ["WVWZZZ1JZ3W386752", "absent", "europe"],
    ["LSVAA49J132047371", "valid", "asia"],
    ["LSVAA49J232047371", "wrong", "asia"],
  ])("%s has a check digit that is %s (%s)", (text, state, area) => {
    expect(readVin(text)).toMatchObject({ vin: text, area, checkDigit: { state } });
  });

  test("that is none says why", () => {
    expect(readVin("1M8GDM9AXKP04278")).toEqual({ vin: null, why: "has 16 characters, not 17" });
    expect(readVin("1M8GDM9AXKPO42788")).toMatchObject({
      vin: null,
      why: expect.stringContaining("character 12"),
    });
    expect(decoded("49 02 01 00 00 00 31").vin).toMatchObject({
      vin: null,
      why: expect.stringContaining("1 of its 5"),
    });
  });

  test("law: one character changed in a valid one is found, but for what has the same value", () => {
    const letters = Array.from("ABCDEFGHJKLMNPRSTUVWXYZ0123456789");
    const base = "1M8GDM9AXKP042788";
    let missed = 0;
    let tried = 0;
    for (let at = 0; at < base.length; at += 1)
      for (const letter of letters) {
        const changed = base.slice(0, at) + letter + base.slice(at + 1);
        if (changed === base || at === 8) continue;
        tried += 1;
        if (checkDigitOf(changed) === "X") missed += 1;
      }
    // Each value has up to three letters and a digit: about two in 32 look alike.
    expect(missed / tried).toBeLessThan(0.1);
  });
});
