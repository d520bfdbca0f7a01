/**
 * Calls between a worker thread and the thread that started it, by name, over a message port.
 *
 * Shape:  `serve` answers calls from a table of async functions; `connect` makes them. Arguments
 *         and results are copied (structured clone); listed buffers are moved instead, those of a
 *         result by answering a `Moved`. A call with a signal hands the function one of its own
 *         as the last argument; its `aborted` is read from shared memory, so that a function that
 *         works without a pause sees at once that nobody waits any more.
 * Errors: what a function throws is thrown again at the caller, by name and message; every open
 *         call fails when the connection is said to have failed, a single one with its signal's
 *         reason when that aborts; `TooManyCalls` where `SLOTS` of those are open.
 */
type Port = {
  readonly postMessage: (message: unknown, transfer?: ArrayBuffer[]) => void;
  readonly on: (event: "message", listener: (message: unknown) => void) => unknown;
};
type Functions = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

type Call = {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Where its flag is, if it can be aborted. */
  readonly slot?: number;
};
type Abort = { readonly abort: number };
type Flags = { readonly flags: Int32Array<SharedArrayBuffer> };
type Reply = { readonly id: number; readonly value?: unknown; readonly fault?: WireFault };
type Event = { readonly event: string };
type WireFault = { readonly name: string; readonly message: string };

/** Calls that can be aborted at the same time. */
const SLOTS = 1_024;

/** A fault on the other side, with its name. */
export class RemoteFault extends Error {
  constructor({ name, message }: WireFault) {
    super(message);
    this.name = name;
  }
}

/** As many calls as can be aborted are open; one of them has to be answered first. */
export class TooManyCalls extends Error {
  override readonly name = "TooManyCalls";
}

/** A result whose buffers go over to the caller. */
export class Moved<T> {
  readonly value: T;
  readonly buffers: ArrayBuffer[];
  constructor(value: T, buffers: ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

export const serve = (
  port: Port,
  functions: Functions,
): { readonly emit: (event: string) => void } => {
  const open = new Map<number, AbortController>();
  let flags: Flags["flags"] | undefined;
  port.on("message", (message) => {
    const said = message as Call | Abort | Flags;
    if ("flags" in said) return void (flags = said.flags);
    if ("abort" in said) return open.get(said.abort)?.abort();
    const { id, name, args, slot } = said;
    const more: AbortSignal[] = [];
    if (slot !== undefined && flags !== undefined) {
      const controller = new AbortController();
      open.set(id, controller);
      more.push(flagged(controller.signal, flags, slot));
    }
    void answer(functions, name, [...args, ...more]).then(({ value, ...reply }) => {
      open.delete(id);
      if (value instanceof Moved) port.postMessage({ id, value: value.value }, value.buffers);
      else port.postMessage({ id, value, ...reply });
    });
  });
  return { emit: (event) => port.postMessage({ event } satisfies Event) };
};

/** The event comes when the event loop turns, the flag at once. */
const flagged = (signal: AbortSignal, flags: Flags["flags"], slot: number): AbortSignal =>
  Object.defineProperty(signal, "aborted", { get: () => Atomics.load(flags, slot) !== 0 });

const answer = async (
  functions: Functions,
  name: string,
  args: readonly unknown[],
): Promise<Omit<Reply, "id">> => {
  try {
    const called = functions[name] as ((...all: unknown[]) => Promise<unknown>) | undefined;
    if (called === undefined) throw new Error(`no function ${name}`);
    return { value: await called(...args) };
  } catch (fault) {
    const { name: kind, message } = fault instanceof Error ? fault : new Error(String(fault));
    return { fault: { name: kind, message } };
  }
};

export type Connection = {
  readonly call: <T>(name: string, args: readonly unknown[], move?: ArrayBuffer[]) => Promise<T>;
  /** At most `SLOTS` of them are open at once. */
  readonly callUnless: <T>(
    signal: AbortSignal,
    name: string,
    args: readonly unknown[],
  ) => Promise<T>;
  readonly fail: (why: string) => void;
};

type Open = {
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: Error) => void;
  readonly ended: () => void;
};

export const connect = (port: Port, onEvent: (event: string) => void): Connection => {
  const open = new Map<number, Open>();
  const flags = new Int32Array(new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT));
  const free = Array.from({ length: SLOTS }, (_, slot) => slot);
  let nextId = 1;
  let failed: string | undefined;
  port.postMessage({ flags } satisfies Flags);
  port.on("message", (message) => {
    const said = message as Reply | Event;
    if ("event" in said) return onEvent(said.event);
    const call = open.get(said.id);
    open.delete(said.id);
    call?.ended();
    if (said.fault === undefined) call?.resolve(said.value);
    else call?.reject(new RemoteFault(said.fault));
  });
  const begin = <T>(
    { name, args, slot }: Omit<Call, "id">,
    move: ArrayBuffer[],
    ended: () => void,
  ): { readonly id: number; readonly result: PromiseWithResolvers<T> } => {
    const id = nextId;
    nextId += 1;
    const result = Promise.withResolvers<T>();
    const { resolve, reject } = result;
    open.set(id, { resolve: (value) => resolve(value as T), reject, ended });
    port.postMessage({ id, name, args, ...(slot === undefined ? {} : { slot }) }, move);
    return { id, result };
  };
  return {
    call: async <T>(name: string, args: readonly unknown[], move: ArrayBuffer[] = []) => {
      if (failed !== undefined) throw new Error(failed);
      return begin<T>({ name, args }, move, () => undefined).result.promise;
    },
    callUnless: async <T>(signal: AbortSignal, name: string, args: readonly unknown[]) => {
      if (failed !== undefined) throw new Error(failed);
      signal.throwIfAborted();
      const slot = free.pop();
      if (slot === undefined) throw new TooManyCalls(`${SLOTS} calls are open already`);
      // The slot is another call's only once this one was answered, aborted or not.
      const { id, result } = begin<T>({ name, args, slot }, [], () => {
        signal.removeEventListener("abort", abort);
        Atomics.store(flags, slot, 0);
        free.push(slot);
      });
      const abort = (): void => {
        Atomics.store(flags, slot, 1);
        port.postMessage({ abort: id } satisfies Abort);
        result.reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      return result.promise;
    },
    fail: (why) => {
      failed = why;
      for (const { reject } of open.values()) reject(new Error(why));
      open.clear();
    },
  };
};
