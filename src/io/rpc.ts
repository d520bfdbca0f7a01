/**
 * Calls between a worker thread and the thread that started it, by name, over a message port.
 *
 * Shape:  `serve` answers calls from a table of async functions; `connect` makes them. Arguments
 *         and results are copied (structured clone); listed buffers are moved instead, those of a
 *         result by answering a `Moved`.
 * Errors: what a function throws is thrown again at the caller, by name and message; every open
 *         call fails when the connection is said to have failed.
 */
type Port = {
  readonly postMessage: (message: unknown, transfer?: ArrayBuffer[]) => void;
  readonly on: (event: "message", listener: (message: unknown) => void) => unknown;
};
type Functions = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

type Call = { readonly id: number; readonly name: string; readonly args: readonly unknown[] };
type Reply = { readonly id: number; readonly value?: unknown; readonly fault?: WireFault };
type Event = { readonly event: string };
type WireFault = { readonly name: string; readonly message: string };

/** A fault on the other side, with its name. */
export class RemoteFault extends Error {
  constructor({ name, message }: WireFault) {
    super(message);
    this.name = name;
  }
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
  port.on("message", (message) => {
    const { id, name, args } = message as Call;
    void answer(functions, name, args).then(({ value, ...reply }) =>
      value instanceof Moved
        ? port.postMessage({ id, value: value.value }, value.buffers)
        : port.postMessage({ id, value, ...reply }),
    );
  });
  return { emit: (event) => port.postMessage({ event } satisfies Event) };
};

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
  readonly fail: (why: string) => void;
};

export const connect = (port: Port, onEvent: (event: string) => void): Connection => {
  const open = new Map<number, PromiseWithResolvers<unknown>>();
  let nextId = 1;
  let failed: string | undefined;
  port.on("message", (message) => {
    const said = message as Reply | Event;
    if ("event" in said) return onEvent(said.event);
    const call = open.get(said.id);
    open.delete(said.id);
    if (said.fault === undefined) call?.resolve(said.value);
    else call?.reject(new RemoteFault(said.fault));
  });
  return {
    call: <T>(name: string, args: readonly unknown[], move: ArrayBuffer[] = []): Promise<T> => {
      if (failed !== undefined) return Promise.reject(new Error(failed));
      const id = nextId;
      nextId += 1;
      const settled = Promise.withResolvers<unknown>();
      open.set(id, settled);
      port.postMessage({ id, name, args } satisfies Call, move);
      return settled.promise as Promise<T>;
    },
    fail: (why) => {
      failed = why;
      for (const { reject } of open.values()) reject(new Error(why));
      open.clear();
    },
  };
};
