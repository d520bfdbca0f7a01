/**
 * What users do: sessions as lists of calls, with what each needs of the answers before it.
 *
 * Shape:  `begin(user, dice)` draws a session; `next(session)` gives its next call or that it is
 *         over; `learn` hands it an answer. About twenty calls a session, as the load model says.
 * Units:  think times in ms, log-normal.
 * Errors: none; a call whose premise is missing (no slot was free) is left out.
 */
import type { Dice } from "./dice.ts";
import { CODES, linesOf, SENTENCES, SIRETS } from "./sayings.ts";
import type { User } from "./population.ts";

export type Call = {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** How it is counted: the route, without what differs from call to call. */
  readonly feature: string;
  /** Whether the platform must serve it also when it sheds load. */
  readonly isEssential: boolean;
  /** Its answer is read. */
  readonly isTold?: true;
};

export type Kind = "onboarding" | "diagnosis" | "parts" | "booking" | "subscription" | "support";
/** Shares of the sessions; a driver asks what is wrong more often than he buys. */
const KINDS: readonly (readonly [kind: Kind, share: number])[] = [
  ["onboarding", 0.08],
  ["diagnosis", 0.42],
  ["parts", 0.18],
  ["booking", 0.2],
  ["subscription", 0.05],
  ["support", 0.07],
];
/** How many leave before a step; every step may be the last. */
const ABANDONS = 0.008;
const THINK_MEDIAN_MS = 9_000;
const THINK_SIGMA = 0.9;
/** A page that looks again by itself does so at its own pace. */
const POLL_MS = 2_000;

type Memory = { garage?: string; start?: string; booking?: string; job?: string };
type Step = (session: Session) => Call | undefined;
export type Session = {
  readonly user: User;
  readonly kind: Kind;
  readonly dice: Dice;
  readonly steps: readonly Step[];
  readonly memory: Memory;
  /** The firmware that is published. */
  readonly image: string | undefined;
  at: number;
};

export const begin = (user: User, dice: Dice, image?: string): Session => {
  let left = dice.unit();
  let kind: Kind = "diagnosis";
  for (const [name, share] of KINDS) {
    kind = name;
    left -= share;
    if (left < 0) break;
  }
  return { user, kind, dice, steps: STEPS[kind], memory: {}, image, at: 0 };
};

export const next = (session: Session): Call | undefined => {
  while (session.at < session.steps.length) {
    if (session.at > 0 && session.dice.chance(ABANDONS)) break;
    const call = session.steps[session.at]!(session);
    session.at += 1;
    if (call !== undefined) return call;
  }
  session.at = session.steps.length;
  return undefined;
};

/** Until the next call: some follow by themselves, most when somebody has read. */
export const thinkMs = ({ dice, steps, at }: Session): number =>
  steps[at] === liveData ? POLL_MS : dice.logNormal(THINK_MEDIAN_MS, THINK_SIGMA);

/** What the answer to a call that `isTold` says; anything else is not remembered. */
export const learn = ({ memory }: Session, feature: string, answer: unknown): void => {
  const said = answer as {
    readonly items?: readonly { readonly garage?: { readonly id?: string }; start?: string }[];
    readonly booking?: { readonly id?: string };
    readonly id?: string;
  };
  if (feature === "scheduling slots") {
    const free = said.items?.[Math.floor((said.items.length - 1) / 2)];
    if (typeof free?.garage?.id === "string" && typeof free.start === "string")
      Object.assign(memory, { garage: free.garage.id, start: free.start });
  }
  if (feature === "scheduling book" && typeof said.booking?.id === "string")
    memory.booking = said.booking.id;
  if (feature === "ecu job" && typeof said.id === "string") memory.job = said.id;
};

const get = (path: string, feature: string, isEssential = true): Call => ({
  ...{ method: "GET", path, feature, isEssential },
});
const post = (path: string, body: unknown, feature: string, isEssential = true): Call => ({
  ...{ method: "POST", path, body, feature, isEssential },
});

/** Firmware 1.3.2 loses a connection more often, one batch more than the others. */
const connect: Step = ({ user, dice }) => {
  const { id, batch, firmware } = user.dongle;
  const fails = (firmware === "1.3.2" ? 0.04 : 0.015) + (batch === "A24-02" ? 0.02 : 0);
  const failed = dice.chance(fails);
  const outcome = failed ? { outcome: "failed", reason: "timeout" } : { outcome: "connected" };
  return post("/obd2/connections", { dongle: id, batch, firmware, ...outcome }, "obd2 connect");
};
const liveData: Step = ({ user, dice }) =>
  post("/obd2/diagnostics", { lines: linesOf(user.nth, dice) }, "obd2 diagnose");
const code: Step = ({ dice }) => get(`/obd2/codes/${dice.pick(CODES)}`, "obd2 code");
const say: Step = ({ dice }) =>
  post("/nlp/understand", { sentence: dice.pick(SENTENCES) }, "nlp understand");
const parts: Step = ({ dice }) => {
  const asked = new URLSearchParams({
    q: dice.pick([
      "plaquettes avant",
      "filtre a huile",
      "batterie",
      "alternateur",
      "capteur abs",
      "bougie",
      "embrayage",
      "disque frein",
      "amortiseur",
    ]),
  });
  return get(`/parts-finder/search?${asked}`, "parts search");
};
const slots: Step = ({ user, dice }) => {
  const service = dice.pick(["diagnosis", "oil-change", "tyres", "brakes"]);
  // The network is on the mainland: overseas users look in Paris.
  const department = user.department.code.length > 2 ? "75" : user.department.code;
  const asked = new URLSearchParams({ department, service: "diagnosis", days: "5" });
  if (service !== "diagnosis") asked.set("service", service);
  return { ...get(`/scheduling/slots?${asked}`, "scheduling slots"), isTold: true };
};
const book: Step = ({ user, memory, dice }) => {
  const { garage, start } = memory;
  if (garage === undefined || start === undefined) return undefined;
  const key = `k-${user.nth}-${dice.below(2 ** 31)}`;
  const body = { key, garage, service: "diagnosis", start, hold: true };
  return { ...post("/scheduling/bookings", body, "scheduling book"), isTold: true };
};
const confirm: Step = ({ memory }) =>
  memory.booking === undefined
    ? undefined
    : post(`/scheduling/bookings/${memory.booking}/confirm`, {}, "scheduling confirm");
/** Most keep it; what is free again keeps the rehearsal's calendar from filling up. */
const cancel: Step = ({ memory, dice }) =>
  memory.booking === undefined || !dice.chance(0.7)
    ? undefined
    : {
        ...{ method: "DELETE", path: `/scheduling/bookings/${memory.booking}` },
        ...{ feature: "scheduling cancel", isEssential: true },
      };
const bookings: Step = () => get("/scheduling/bookings", "scheduling list");
const services: Step = () => get("/scheduling/services", "scheduling services");
const garages: Step = ({ user }) =>
  user.department.code.length > 2
    ? undefined
    : get(`/scheduling/garages?department=${user.department.code}`, "scheduling garages");
const enrol: Step = () => post("/affiliation/affiliates", {}, "affiliation enrol", false);
const balance: Step = () => get("/affiliation/balance", "affiliation balance", false);
const waits: Step = () => get("/scheduling/waiting", "scheduling waiting", false);
const company: Step = ({ dice }) => get(`/kbis/companies/${dice.pick(SIRETS)}`, "kbis company");

/** One car in six has a box that can be updated on the road. */
const UPDATABLE = 6;
const vehicleOf = ({ nth }: User): string => `VF1AA${String(nth).padStart(8, "0")}`;
const vehicle: Step = ({ user, image }) =>
  image === undefined || user.nth % UPDATABLE !== 0
    ? undefined
    : post(
        "/ecu-flash/vehicles",
        { vehicle: vehicleOf(user), hardware: "BOX-2" },
        "ecu vehicle",
        false,
      );
const update: Step = ({ user, image }) => {
  if (image === undefined || user.nth % UPDATABLE !== 0) return undefined;
  const conditions = { batteryVolts: 13.1, ignitionOn: true, engineOn: false };
  const body = { vehicle: vehicleOf(user), image, conditions };
  return { ...post("/ecu-flash/jobs", body, "ecu job", false), isTold: true };
};
const updating: Step = ({ memory }) =>
  memory.job === undefined
    ? undefined
    : get(`/ecu-flash/jobs/${memory.job}`, "ecu progress", false);

const times = (count: number, step: Step): readonly Step[] =>
  Array.from({ length: count }, () => step);

const STEPS: Readonly<Record<Kind, readonly Step[]>> = {
  onboarding: [
    connect,
    liveData,
    services,
    say,
    ...times(6, liveData),
    code,
    code,
    garages,
    parts,
    parts,
    say,
    bookings,
    enrol,
    balance,
    liveData,
    vehicle,
    update,
    updating,
    updating,
  ],
  diagnosis: [
    connect,
    ...times(10, liveData),
    code,
    code,
    say,
    parts,
    parts,
    slots,
    book,
    confirm,
    cancel,
    bookings,
  ],
  parts: [
    say,
    ...times(6, parts),
    connect,
    liveData,
    liveData,
    code,
    ...times(4, parts),
    slots,
    garages,
    say,
    parts,
    parts,
  ],
  booking: [
    services,
    garages,
    slots,
    slots,
    slots,
    book,
    confirm,
    bookings,
    bookings,
    waits,
    connect,
    ...times(4, liveData),
    code,
    say,
    slots,
    cancel,
    bookings,
  ],
  subscription: [
    services,
    say,
    say,
    enrol,
    balance,
    balance,
    bookings,
    connect,
    ...times(6, liveData),
    code,
    parts,
    parts,
    garages,
    company,
    say,
    waits,
  ],
  support: [
    say,
    say,
    bookings,
    connect,
    ...times(6, liveData),
    code,
    code,
    say,
    say,
    slots,
    garages,
    parts,
    bookings,
    say,
    waits,
    bookings,
  ],
};
