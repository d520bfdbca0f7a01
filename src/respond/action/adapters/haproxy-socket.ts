/**
 * HAProxy's Runtime API over its admin UNIX socket: one command, one connection, one answer.
 *
 * Units:  ms; bytes.
 * Errors: ActuatorFault. What HAProxy does not know is unknown_target, what it refuses otherwise
 *         is out_of_bounds with its words; no socket, silence and a flood are unavailable.
 * Source: HAProxy 2.6, management guide, section 9.3.
 */
import { connect } from "node:net";
import { ActuatorFault } from "../port.ts";

const MAX_ANSWER_BYTES = 8 * 1_048_576;
/** HAProxy's own buffer holds 16 KiB. */
const MAX_COMMAND = 8_192;
const MAX_SAID = 200;
const ACCEPTED = new Set(["", "New server registered.", "Server deleted."]);

export type Server = {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly isUp: boolean;
  readonly mode: "ready" | "drain" | "maint";
  /** Off while a check is configured: somebody forces the server up. */
  readonly hasCheck: boolean;
  readonly isChecked: boolean;
  readonly weight: number;
  readonly initialWeight: number;
};
export type Runtime = ReturnType<typeof openRuntime>;

export const openRuntime = ({ socket, timeoutMs }: { socket: string; timeoutMs: number }) => {
  const ask = async (command: string): Promise<string> => {
    // One line is one command: what would end it, or begin another, is no name of ours.
    if (command.length > MAX_COMMAND || !/^[\x20-\x3a\x3c-\x7e]+$/.test(command))
      throw new ActuatorFault("out_of_bounds", `haproxy: not one command: ${short(command)}`);
    return exchange(socket, command, timeoutMs);
  };
  const tell = async (command: string): Promise<void> => {
    const answer = (await ask(command)).trim();
    if (!ACCEPTED.has(answer)) throw refused(command, answer);
  };
  const showMap = async (map: string): Promise<ReadonlyMap<string, string>> =>
    parseMap(await known(ask, `show map ${map}`));

  return {
    tell,
    showMap,
    servers: async (backend: string): Promise<readonly Server[]> =>
      parseServers(await known(ask, `show servers state ${backend}`)),
    /** Connections in use, by server. */
    connections: async (backend: string): Promise<ReadonlyMap<string, number>> =>
      parseConnections(await known(ask, `show servers conn ${backend}`)),
    setMap: async (map: string, key: string, value: string): Promise<void> => {
      const answer = (await ask(`set map ${map} ${key} ${value}`)).trim();
      if (answer === "entry not found.") await tell(`add map ${map} ${key} ${value}`);
      else if (answer !== "") throw refused("set map", answer);
    },
    deleteFromMap: async (map: string, key: string): Promise<void> => {
      const answer = (await ask(`del map ${map} ${key}`)).trim();
      if (answer !== "" && answer !== "Key not found.") throw refused("del map", answer);
    },
    frontendMaxconn: async (frontend: string): Promise<number> => {
      const [head = "", ...rows] = (await ask("show stat -1 1 -1")).trim().split("\n");
      const names = head.replace(/^# /, "").split(",");
      const limit = names.indexOf("slim");
      for (const row of rows.map((text) => text.split(",")))
        if (row[0] === frontend && row[1] === "FRONTEND") return Number(row[limit]);
      throw new ActuatorFault("unknown_target", `haproxy: there is no frontend ${frontend}`);
    },
  };
};

const known = async (ask: (c: string) => Promise<string>, command: string): Promise<string> => {
  const answer = await ask(command);
  const first = answer.trim().split("\n", 1)[0]!;
  if (/^(?:Can't find|Unknown|No such|Permission)/.test(first)) throw refused(command, first);
  return answer;
};

const refused = (command: string, answer: string): ActuatorFault => {
  const isUnknown = /^(?:No such|Can't find|Unknown map|Require)/.test(answer);
  const code = isUnknown ? "unknown_target" : "out_of_bounds";
  return new ActuatorFault(code, `haproxy: ${short(command)}: ${short(answer)}`);
};

const short = (text: string): string => JSON.stringify(text.slice(0, MAX_SAID));

const exchange = (path: string, command: string, timeoutMs: number): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(path);
  const parts: Buffer[] = [];
  let bytes = 0;
  const fail = (why: string): void => {
    reject(new ActuatorFault("unavailable", `haproxy: ${path}: ${why}`));
    socket.destroy();
  };
  // From the start to the end of the answer, however slowly it drips.
  const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
  socket.on("data", (part) => {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) fail(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    else parts.push(part);
  });
  socket.on("end", () => {
    if (bytes === 0) fail("the connection ended without an answer");
    else resolve(Buffer.concat(parts).toString());
  });
  socket.on("error", (fault) => fail(fault.message));
  socket.on("close", () => clearTimeout(timer));
  socket.write(`${command}\n`);
  return promise;
};

// ── answers ─────────────────────────────────────────────────────────────────────────────────────

/** `<pointer> <key> <value>`; of a key that is there twice, HAProxy takes the first. */
export const parseMap = (text: string): ReadonlyMap<string, string> => {
  const entries = new Map<string, string>();
  for (const row of text.split("\n")) {
    const [, key, value] = /^0x[0-9a-f]+ (\S+) (.*)$/.exec(row) ?? [];
    if (key !== undefined && value !== undefined && !entries.has(key)) entries.set(key, value);
  }
  return entries;
};

const STATE = { maint: 0x01 | 0x02 | 0x04 | 0x20, drain: 0x08 | 0x10 };
const CHECK = { configured: 0x02, enabled: 0x04 };
const RUNNING = 2;

export const parseServers = (text: string): readonly Server[] => {
  const rows = text.split("\n");
  const names = rows
    .find((row) => row.startsWith("# "))
    ?.slice(2)
    .split(" ");
  if (names === undefined) throw new ActuatorFault("unavailable", "haproxy: no list of servers");
  return rows
    .filter((row) => /^\d+ \S/.test(row))
    .map((row) => {
      const fields = row.split(" ");
      const said = (name: string): string => fields[names.indexOf(name)] ?? "";
      const admin = Number(said("srv_admin_state"));
      const check = Number(said("srv_check_state"));
      return {
        name: said("srv_name"),
        address: said("srv_addr"),
        port: Number(said("srv_port")),
        isUp: Number(said("srv_op_state")) === RUNNING,
        mode: modeOf(admin),
        hasCheck: (check & CHECK.configured) !== 0,
        isChecked: (check & CHECK.enabled) !== 0,
        weight: Number(said("srv_uweight")),
        initialWeight: Number(said("srv_iweight")),
      };
    });
};

const modeOf = (admin: number): Server["mode"] => {
  if ((admin & STATE.maint) !== 0) return "maint";
  return (admin & STATE.drain) === 0 ? "ready" : "drain";
};

const parseConnections = (text: string): ReadonlyMap<string, number> => {
  const rows = text.split("\n").filter((row) => row.includes("/") && !row.startsWith("#"));
  return new Map(
    rows.map((row) => {
      const fields = row.split(" ");
      return [fields[0]!.slice(fields[0]!.indexOf("/") + 1), Number(fields[6])];
    }),
  );
};
