/** Calls over a real message port: results, faults, and buffers that go over to the caller. */
import { MessageChannel } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { connect, Moved, serve } from "./rpc.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const joined = (functions: Parameters<typeof serve>[1]) => {
  const { port1, port2 } = new MessageChannel();
  closers.push(() => port1.close());
  const events: string[] = [];
  const { emit } = serve(port1, functions);
  return { ...connect(port2, (event) => events.push(event)), emit, events };
};

test("a result's buffer goes over whole, and is gone where it came from", async () => {
  const body = new TextEncoder().encode("ready bytes");
  const { call } = joined({ read: async () => new Moved({ status: 200, body }, [body.buffer]) });
  const answer = await call<{ status: number; body: Uint8Array }>("read", []);
  expect([answer.status, new TextDecoder().decode(answer.body)]).toEqual([200, "ready bytes"]);
  expect(body.length).toBe(0);
});

test("a plain result is copied and stays (control)", async () => {
  const body = new TextEncoder().encode("kept");
  const { call } = joined({ read: async () => body });
  expect(new TextDecoder().decode(await call<Uint8Array>("read", []))).toBe("kept");
  expect(body.length).toBe(4);
});

test("what a function throws is thrown at the caller, by name and message", async () => {
  const { call } = joined({
    fail: async () => {
      throw new RangeError("too far");
    },
  });
  await expect(call("fail", [])).rejects.toMatchObject({ name: "RangeError", message: "too far" });
  await expect(call("nothing", [])).rejects.toMatchObject({ message: "no function nothing" });
});

test("an open call fails when the other side is gone, and so does the next", async () => {
  const { call, fail } = joined({ wait: () => new Promise(() => undefined) });
  const open = call("wait", []);
  fail("the worker ended");
  await expect(open).rejects.toThrow("the worker ended");
  await expect(call("wait", [])).rejects.toThrow("the worker ended");
});
