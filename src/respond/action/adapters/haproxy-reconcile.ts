/**
 * Makes a backend's servers those of a list: adds, removes, and replaces whose address is another.
 *
 * Shape:  a server that goes is drained first, and cut only when its requests take too long.
 * Units:  ms.
 * Errors: ActuatorFault; an instance that cannot be a server is out_of_bounds, before anything is
 *         changed.
 */
import { isIP } from "node:net";
import { ActuatorFault } from "../port.ts";
import { regionOf } from "./haproxy-changes.ts";
import type { HaproxyConfig } from "./haproxy-config.ts";
import type { Runtime, Server } from "./haproxy-socket.ts";

const MAX_INSTANCES = 256;
const POLL_MS = 50;
/** How long a server that goes may finish what it has. */
const MAX_DRAIN_MS = 5_000;
const MAX_REMOVAL_MS = 2_000;
const INITIAL_WEIGHT = 100;

export type Instance = { readonly id: string; readonly address: string; readonly port: number };
export type Reconciled = {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly kept: readonly string[];
};
type Deps = {
  readonly runtime: Runtime;
  readonly config: Pick<HaproxyConfig, "server">;
  readonly sleep: (delayMs: number) => Promise<unknown>;
};

export const reconcileServers = async (
  deps: Deps,
  backend: string,
  instances: readonly Instance[],
): Promise<Reconciled> => {
  check(instances);
  const present = await deps.runtime.servers(backend);
  const wanted = new Map(instances.map((one) => [one.id, one]));
  const isKept = (server: Server): boolean => {
    const one = wanted.get(server.name);
    return one?.address === server.address && one.port === server.port;
  };
  const kept = present.filter(isKept).map(({ name }) => name);
  const going = present.filter((server) => !isKept(server)).map(({ name }) => name);
  const coming = instances.filter(({ id }) => !kept.includes(id));
  // Who comes first takes over what the others leave; a name in use has to go before.
  const isReplaced = ({ id }: Instance): boolean => going.includes(id);
  for (const one of coming.filter((one) => !isReplaced(one))) await add(deps, backend, one);
  for (const name of going) await remove(deps, backend, name);
  for (const one of coming.filter(isReplaced)) await add(deps, backend, one);
  return { added: coming.map(({ id }) => id), removed: going, kept };
};

const check = (instances: readonly Instance[]): void => {
  const ids = new Set(instances.map(({ id }) => id));
  if (instances.length > MAX_INSTANCES) throw refused(`more than ${MAX_INSTANCES} instances`);
  if (ids.size !== instances.length) throw refused("an instance is there twice");
  for (const { id, address, port } of instances) {
    const isName = /^[a-z0-9][a-z0-9._-]{0,94}$/.test(id) && regionOf(id) !== "";
    if (!isName) throw refused(`instance ${JSON.stringify(id)} is not <service>.<region>.<nth>`);
    if (isIP(address) === 0) throw refused(`${id}: address ${JSON.stringify(address)} is no IP`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw refused(`${id}: port ${port} is not 1 to 65535`);
  }
};

const add = async (
  { runtime, config }: Deps,
  backend: string,
  { id, address, port }: Instance,
): Promise<void> => {
  const at = isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  const { maxconn, checkMs } = config.server;
  const check = `check inter ${checkMs} fall 2 rise 1`;
  // Of weight 1, half would be 0.
  const size = `maxconn ${maxconn} weight ${INITIAL_WEIGHT}`;
  await runtime.tell(`add server ${backend}/${id} ${at} ${check} ${size}`);
  await runtime.tell(`enable health ${backend}/${id}`);
  await runtime.tell(`enable server ${backend}/${id}`);
};

const remove = async (deps: Deps, backend: string, name: string): Promise<void> => {
  const { runtime } = deps;
  await runtime.tell(`set server ${backend}/${name} state drain`);
  for (let waitedMs = 0; waitedMs < MAX_DRAIN_MS; waitedMs += POLL_MS) {
    if (((await runtime.connections(backend)).get(name) ?? 0) === 0) break;
    await deps.sleep(POLL_MS);
  }
  await runtime.tell(`set server ${backend}/${name} state maint`);
  await runtime.tell(`shutdown sessions server ${backend}/${name}`);
  // A session that is cut is gone a moment later.
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    try {
      await runtime.tell(`del server ${backend}/${name}`);
      return;
    } catch (fault) {
      const isBusy = fault instanceof ActuatorFault && fault.message.includes("still has");
      if (!isBusy) throw fault;
      if (waitedMs >= MAX_REMOVAL_MS)
        throw new ActuatorFault("conflict", fault.message, { cause: fault });
    }
    await deps.sleep(POLL_MS);
  }
};

const refused = (said: string): ActuatorFault =>
  new ActuatorFault("out_of_bounds", `haproxy: ${said}`);
