/**
 * Mode 01 (and 02): parameters by number, with the standard's formulas.
 *
 * Shape:  a PID has a length in bytes and gives named values; `A` is its first byte.
 * Units:  SI as the standard gives them: °C, kPa, 1/min, km/h, g/s, V, L/h, %.
 * Source: SAE J1979 / ISO 15031-5, Appendix B.
 */
import type { Bytes } from "./dtc.ts";

export type Value = {
  readonly key: string;
  readonly value: number | string | boolean | readonly string[];
  readonly unit: string;
};
type Said = Value["value"];
type Pid = {
  readonly bytes: number;
  readonly read: (data: Bytes) => readonly Value[];
};

const at = (data: Bytes, nth: number): number => data[nth] ?? 0;
const word = (data: Bytes, nth = 0): number => at(data, nth) * 256 + at(data, nth + 1);
const long = (data: Bytes): number => word(data) * 65_536 + word(data, 2);
/** Enough for every formula, and no 0.30000000000000004. */
const tidy = (value: number): number => Math.round(value * 1e6) / 1e6;

const one = (bytes: number, key: string, unit: string, formula: (data: Bytes) => Said): Pid => ({
  bytes,
  read: (data) => {
    const value = formula(data);
    return [{ key, unit, value: typeof value === "number" ? tidy(value) : value }];
  },
});
const percent = (key: string): Pid => one(1, key, "%", ([a = 0]) => (a * 100) / 255);
const trim = (key: string): Pid => one(1, key, "%", ([a = 0]) => ((a - 128) * 100) / 128);
const celsius = (key: string): Pid => one(1, key, "°C", ([a = 0]) => a - 40);
const count = (key: string, bytes: 1 | 2, unit: string, factor = 1): Pid =>
  one(bytes, key, unit, (data) => (bytes === 1 ? at(data, 0) : word(data)) * factor);
const catalyst = (key: string): Pid => one(2, key, "°C", (data) => word(data) / 10 - 40);

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

/** The 32 PIDs after `base` that the vehicle has; the most significant bit is the first of them. */
const supported = (base: number): Pid =>
  one(4, `supported_${hex(base + 1)}_${hex(base + 32)}`, "", (data) => {
    const mask = long(data);
    return Array.from({ length: 32 }, (_, nth) => nth)
      .filter((nth) => Math.floor(mask / 2 ** (31 - nth)) % 2 === 1)
      .map((nth) => hex(base + nth + 1));
  });

const SPARK = [
  ...["catalyst", "heated_catalyst", "evaporative_system", "secondary_air", "ac_refrigerant"],
  ...["oxygen_sensor", "oxygen_sensor_heater", "egr_vvt"],
];
const DIESEL = [
  ...["nmhc_catalyst", "nox_scr", "", "boost_pressure", "", "exhaust_gas_sensor"],
  ...["particulate_filter", "egr_vvt"],
];
const CONTINUOUS = ["misfire", "fuel_system", "components"];
const bit = (byte: number, nth: number): boolean => (byte >> nth) % 2 === 1;

const monitors: Pid = {
  bytes: 4,
  read: (data) => {
    const [a, b, c, d] = [at(data, 0), at(data, 1), at(data, 2), at(data, 3)];
    const names = bit(b, 3) ? DIESEL : SPARK;
    const own = names.map((name, nth) => ({ name, has: bit(c, nth), open: bit(d, nth) }));
    const all = CONTINUOUS.map((name, nth) => ({ name, has: bit(b, nth), open: bit(b, nth + 4) }));
    const there = [...all, ...own].filter(({ name, has }) => has && name !== "");
    const named = (isOpen: boolean): readonly string[] =>
      there.filter(({ open }) => open === isOpen).map(({ name }) => name);
    return [
      { key: "mil_on", unit: "", value: bit(a, 7) },
      { key: "dtc_count", unit: "", value: a & 0x7f },
      { key: "ignition_type", unit: "", value: bit(b, 3) ? "compression" : "spark" },
      { key: "monitors_complete", unit: "", value: named(false) },
      { key: "monitors_incomplete", unit: "", value: named(true) },
    ];
  },
};

const FUEL_SYSTEM: Readonly<Record<number, string>> = {
  0: "off",
  1: "open_loop_cold",
  2: "closed_loop",
  4: "open_loop_load",
  8: "open_loop_fault",
  16: "closed_loop_fault",
};
const fuelSystem: Pid = {
  bytes: 2,
  read: (data) =>
    [at(data, 0), at(data, 1)].map((state, nth) => ({
      key: `fuel_system_${nth + 1}`,
      unit: "",
      value: FUEL_SYSTEM[state] ?? "reserved",
    })),
};

const narrowSensor = (key: string): Pid => ({
  bytes: 2,
  read: (data) => [
    { key: `${key}_voltage`, unit: "V", value: tidy(at(data, 0) / 200) },
    // FF says that the sensor takes no part in the trim.
    ...(data[1] === 0xff
      ? []
      : [{ key: `${key}_trim`, unit: "%", value: tidy(((at(data, 1) - 128) * 100) / 128) }]),
  ],
});
const wideSensor = (key: string, second: "voltage" | "current"): Pid => ({
  bytes: 4,
  read: (data) => [
    { key: `${key}_lambda`, unit: "", value: tidy((word(data) * 2) / 65_536) },
    second === "voltage"
      ? { key: `${key}_voltage`, unit: "V", value: tidy((word(data, 2) * 8) / 65_536) }
      : { key: `${key}_current`, unit: "mA", value: tidy(word(data, 2) / 256 - 128) },
  ],
});

const FUELS = [
  ...["not_available", "gasoline", "methanol", "ethanol", "diesel", "lpg", "cng", "propane"],
  ...["electric", "bifuel_gasoline", "bifuel_methanol", "bifuel_ethanol", "bifuel_lpg"],
  ...["bifuel_cng", "bifuel_propane", "bifuel_electric", "bifuel_electric_combustion"],
  ...["hybrid_gasoline", "hybrid_ethanol", "hybrid_diesel", "hybrid_electric"],
  ...["hybrid_electric_combustion", "hybrid_regenerative", "bifuel_diesel"],
];

const sensors = (base: number, make: (key: string) => Pid): readonly (readonly [number, Pid])[] =>
  Array.from({ length: 8 }, (_, nth) => [base + nth, make(`o2_sensor_${nth + 1}`)] as const);

export const PIDS: ReadonlyMap<number, Pid> = new Map<number, Pid>([
  ...[0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0].map((base) => [base, supported(base)] as const),
  [0x01, monitors],
  [0x03, fuelSystem],
  [0x04, percent("engine_load")],
  [0x05, celsius("coolant_temperature")],
  [0x06, trim("short_fuel_trim_1")],
  [0x07, trim("long_fuel_trim_1")],
  [0x08, trim("short_fuel_trim_2")],
  [0x09, trim("long_fuel_trim_2")],
  [0x0a, count("fuel_pressure", 1, "kPa", 3)],
  [0x0b, count("intake_pressure", 1, "kPa")],
  [0x0c, one(2, "engine_speed", "1/min", (data) => word(data) / 4)],
  [0x0d, count("vehicle_speed", 1, "km/h")],
  [0x0e, one(1, "timing_advance", "°", ([a = 0]) => a / 2 - 64)],
  [0x0f, celsius("intake_temperature")],
  [0x10, one(2, "air_flow", "g/s", (data) => word(data) / 100)],
  [0x11, percent("throttle")],
  ...sensors(0x14, narrowSensor),
  [0x1c, count("obd_standard", 1, "")],
  [0x1f, count("run_time", 2, "s")],
  [0x21, count("distance_with_mil", 2, "km")],
  [0x22, count("fuel_rail_pressure_relative", 2, "kPa", 0.079)],
  [0x23, count("fuel_rail_pressure", 2, "kPa", 10)],
  ...sensors(0x24, (key) => wideSensor(key, "voltage")),
  [0x2c, percent("egr_commanded")],
  [0x2d, trim("egr_error")],
  [0x2e, percent("evaporative_purge")],
  [0x2f, percent("fuel_level")],
  [0x30, count("warm_ups_since_clear", 1, "")],
  [0x31, count("distance_since_clear", 2, "km")],
  [
    0x32,
    one(2, "evaporative_pressure", "Pa", (data) => (((word(data) + 32_768) % 65_536) - 32_768) / 4),
  ],
  [0x33, count("barometric_pressure", 1, "kPa")],
  ...sensors(0x34, (key) => wideSensor(key, "current")),
  [0x3c, catalyst("catalyst_temperature_b1s1")],
  [0x3d, catalyst("catalyst_temperature_b2s1")],
  [0x3e, catalyst("catalyst_temperature_b1s2")],
  [0x3f, catalyst("catalyst_temperature_b2s2")],
  [0x41, monitors],
  [0x42, one(2, "control_module_voltage", "V", (data) => word(data) / 1_000)],
  [0x43, one(2, "absolute_load", "%", (data) => (word(data) * 100) / 255)],
  [0x44, one(2, "commanded_lambda", "", (data) => (word(data) * 2) / 65_536)],
  [0x45, percent("relative_throttle")],
  [0x46, celsius("ambient_temperature")],
  [0x47, percent("absolute_throttle_b")],
  [0x48, percent("absolute_throttle_c")],
  [0x49, percent("accelerator_pedal_d")],
  [0x4a, percent("accelerator_pedal_e")],
  [0x4b, percent("accelerator_pedal_f")],
  [0x4c, percent("commanded_throttle")],
  [0x4d, count("time_with_mil", 2, "min")],
  [0x4e, count("time_since_clear", 2, "min")],
  [0x51, one(1, "fuel_type", "", ([a = 0]) => FUELS[a] ?? "reserved")],
  [0x52, percent("ethanol")],
  [0x59, count("fuel_rail_pressure_absolute", 2, "kPa", 10)],
  [0x5a, percent("relative_accelerator_pedal")],
  [0x5b, percent("hybrid_battery_life")],
  [0x5c, celsius("oil_temperature")],
  [0x5d, one(2, "injection_timing", "°", (data) => word(data) / 128 - 210)],
  [0x5e, one(2, "fuel_rate", "L/h", (data) => word(data) / 20)],
  [0x61, one(1, "torque_demanded", "%", ([a = 0]) => a - 125)],
  [0x62, one(1, "torque_actual", "%", ([a = 0]) => a - 125)],
  [0x63, count("torque_reference", 2, "Nm")],
  [0xa6, one(4, "odometer", "km", (data) => long(data) / 10)],
]);
