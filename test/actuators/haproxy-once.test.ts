/** One order once, through lost answers, older hubs, reloads and lists of servers. */
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { haproxyConfig } from "../../src/respond/action/adapters/haproxy-config.ts";
import {
  inForce,
  MAX_ORDERS,
  readMemory,
} from "../../src/respond/action/adapters/haproxy-memory.ts";
import { openRuntime, parseMap } from "../../src/respond/action/adapters/haproxy-socket.ts";
import type { Change } from "../../src/respond/action/port.ts";
import {
  hasHaproxy,
  openHaproxyLab,
  page,
  wanted,
  type Backend,
  type HaproxyLab,
} from "./haproxy-lab.ts";

const P1 = "obd2.paris.1";
const P2 = "obd2.paris.2";
const shed = (level: number): Change => ({ kind: "shed", level });
const drain: Change = { kind: "drain", service: "obd2", instance: P1 };
const release: Change = { kind: "release", service: "obd2", instance: P1 };
const open: Change = { kind: "circuit", service: "obd2", instance: P1, state: "open" };
const fault = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: unknown) => (error as { code: string }).code,
  );

describe.skipIf(!hasHaproxy())("before Debian's HAProxy (binary: haproxy)", () => {
  let lab: HaproxyLab;
  let backends: readonly Backend[];
  beforeEach(async () => {
    lab = await openHaproxyLab();
    backends = [await lab.backend(P1), await lab.backend(P2)];
    await lab.join(backends);
  });
  afterEach(() => lab.close());

  const mapFile = (name: string): string => path.join(lab.maps, `${name}.map`);
  const level = async (): Promise<string | undefined> =>
    parseMap(await lab.command(`show map ${mapFile("features")}`)).get("level");
  const state = async (id: string): Promise<string | undefined> =>
    (await lab.actuator.observe()).replicas.find((one) => one.id === id)?.state;
  const sent = (command: RegExp): number => lab.commands.filter((one) => command.test(one)).length;
  const forgetAll = async (): Promise<void> => {
    await lab.command(`clear map ${mapFile("novaevo")}`);
    await writeFile(mapFile("novaevo"), "");
  };

  describe("an answer that is lost", () => {
    test("to the command: the repeat does it again, and keeps the first way back", async () => {
      lab.cut(/^set server/);
      expect(await fault(lab.actuator.apply(wanted("o1", open)))).toBe("unavailable");
      expect(await state(P1)).toBe("stopped");
      const again = await lab.hub().apply(wanted("o1", open));
      expect(again.undo).toEqual({ ...open, state: "auto" });
      expect(await lab.hub().apply(wanted("o1", open))).toEqual({ ...again, isFirst: false });
      expect(sent(/^set server obd2\/obd2\.paris\.1 state maint/)).toBe(2);
    });

    test("control: without the memory the way back leads nowhere", async () => {
      lab.cut(/^set server/);
      expect(await fault(lab.actuator.apply(wanted("o1", open)))).toBe("unavailable");
      await forgetAll();
      const again = await lab.hub().apply(wanted("o1", open));
      expect([again.isFirst, again.undo]).toEqual([true, open]);
    });

    test("to the record that it is done: the repeat sends the same, and keeps the way back", async () => {
      await lab.actuator.apply(wanted("o0", shed(1)));
      lab.before(/^set map .*features/, async () => lab.cut(/^set map .*order:o1 /));
      expect(await fault(lab.actuator.apply(wanted("o1", shed(3))))).toBe("unavailable");
      expect(await level()).toBe("3");
      const again = await lab.actuator.apply(wanted("o1", shed(3)));
      expect([again.undo, await level()]).toEqual([shed(1), "3"]);
    });

    test("and another order since: the first is not sent again", async () => {
      lab.cut(/^add map .*features/);
      expect(await fault(lab.actuator.apply(wanted("o1", shed(2))))).toBe("unavailable");
      expect(await level()).toBe("2");
      await lab.actuator.apply(wanted("o2", shed(3)));
      expect(await lab.actuator.apply(wanted("o1", shed(2)))).toMatchObject({ isFirst: false });
      expect(await level()).toBe("3");
    });
  });

  describe("epochs", () => {
    test("an older hub is refused, also after a reload; an equal and a newer one not", async () => {
      await lab.actuator.apply(wanted("o1", shed(1), 7));
      expect(await fault(lab.hub().apply(wanted("o2", shed(2), 6)))).toBe("stale_epoch");
      expect(await fault(lab.join(backends, 6))).toBe("stale_epoch");
      await lab.reload();
      expect(await fault(lab.hub().apply(wanted("o2", shed(2), 6)))).toBe("stale_epoch");
      expect(await level()).toBe("1");
      await lab.hub().apply(wanted("o3", shed(2), 7));
      await lab.hub().apply(wanted("o4", shed(3), 8));
      expect(await level()).toBe("3");
    });

    test("control: without the memory's file a reload lets the older hub in", async () => {
      await lab.actuator.apply(wanted("o1", shed(1), 7));
      await writeFile(mapFile("novaevo"), "");
      await lab.reload();
      expect(await fault(lab.hub().apply(wanted("o2", shed(2), 6)))).toBe("none");
    });

    test.each([/^set map .*epoch:8/, /^set map .*order:o1 /])(
      "a newer hub comes right before %s: the older one changes nothing",
      async (at) => {
        lab.before(at, () => lab.hub().apply(wanted("o2", shed(3), 9)));
        expect(await fault(lab.actuator.apply(wanted("o1", shed(1), 8)))).toBe("stale_epoch");
        expect(await level()).toBe("3");
      },
    );

    test("control, and the limit that docs/actuators.md tells: right before the command", async () => {
      lab.before(/^set map .*features/, () => lab.hub().apply(wanted("o2", shed(3), 9)));
      expect(await fault(lab.actuator.apply(wanted("o1", shed(1), 8)))).toBe("none");
      expect(await level()).toBe("1");
    });
  });

  test("orders given at once go one after the other, each undo what the one before set", async () => {
    const levels = [1, 2, 3, 0, 2];
    const given = levels.map((to, nth) => lab.actuator.apply(wanted(`o${nth}`, shed(to))));
    const undos = (await Promise.all(given)).map(({ undo }) => undo);
    expect(undos).toEqual([0, ...levels.slice(0, -1)].map(shed));
  });

  test("the memory is bounded, and what is in force is never forgotten", async () => {
    await lab.actuator.apply(wanted("kept", drain));
    for (let nth = 0; nth < MAX_ORDERS + 10; nth += 1)
      await lab.actuator.apply(wanted(`o${nth}`, shed(nth % 2)));
    const text = await readFile(mapFile("novaevo"), "utf8");
    expect(text.trim().split("\n").length).toBeLessThanOrEqual(MAX_ORDERS + 3);
    const { inForce: changes } = await lab.actuator.observe();
    expect(changes).toEqual([drain, shed(1)]);
    expect(await lab.actuator.apply(wanted("kept", drain))).toMatchObject({ isFirst: false });
  });

  describe("reconcile", () => {
    const who = async (count: number): Promise<ReadonlySet<string>> => {
      const told = await Promise.all(Array.from({ length: count }, () => lab.ask()));
      return new Set(told.map(({ status, body }) => (status === 200 ? body : String(status))));
    };

    test("adds, keeps, removes; nobody's request fails meanwhile", async () => {
      const third = await lab.backend("obd2.lyon.1");
      const is = { over: false, asked: 0 };
      const ask = async (): Promise<ReadonlySet<number>> => {
        const seen = new Set<number>();
        for (; !is.over; is.asked += 1) seen.add((await lab.ask()).status);
        return seen;
      };
      const asking = ask();
      await lab.waitFor(() => expect(is.asked).toBeGreaterThan(20));
      expect(await lab.join([backends[1]!, third])).toEqual({
        ...{ added: ["obd2.lyon.1"], removed: [P1], kept: [P2] },
      });
      const after = is.asked;
      await lab.waitFor(() => expect(is.asked).toBeGreaterThan(after + 20));
      is.over = true;
      expect(await asking).toEqual(new Set([200]));
      expect(await who(6)).toEqual(new Set([P2, "obd2.lyon.1"]));
      const { pools } = await lab.actuator.observe();
      expect(pools.map(({ region, replicas }) => [region, replicas])).toEqual([
        ...[
          ["paris", 1],
          ["lyon", 1],
        ],
      ]);
      expect(await lab.join([backends[1]!, third])).toMatchObject({ added: [], removed: [] });
    });

    test("an instance at another port is another server", async () => {
      const again = await lab.backend(P1);
      expect(await lab.join([again, backends[1]!])).toEqual({
        ...{ added: [P1], removed: [P1], kept: [P2] },
      });
      await who(4);
      expect(again.served.length).toBeGreaterThan(0);
    });

    test("after a reload: the servers are back, drained and weighted as they were", async () => {
      const third = await lab.backend("obd2.lyon.1");
      const all = [...backends, third];
      await lab.join(all);
      await lab.actuator.apply(wanted("o1", drain));
      const weights = { paris: 100, lyon: 0 };
      await lab.actuator.apply(wanted("o2", { kind: "route", service: "obd2", weights }));
      await lab.actuator.apply(wanted("o3", { kind: "queue", maxActive: 9, perMinute: null }));
      await lab.actuator.apply(wanted("o4", shed(1)));
      expect(await who(6)).toEqual(new Set([P2]));
      await lab.reload();

      // Control: HAProxy itself has forgotten the servers, and knows of shedding by its file only.
      expect(await who(2)).toEqual(new Set(["503"]));
      expect((await lab.ask("/obd2/tips")).status).toBe(503);
      expect(await lab.stat("web", "FRONTEND", "slim")).toBe("2000");

      expect((await lab.join(all)).added).toHaveLength(3);
      expect(await who(6)).toEqual(new Set([P2]));
      expect(await lab.stat("web", "FRONTEND", "slim")).toBe("9");
      await lab.actuator.apply(wanted("o5", release));
      expect(await who(8)).toEqual(new Set([P1, P2]));
    });

    test.each([
      ["a name that is none", { id: "x y", address: "127.0.0.1", port: 1 }],
      ["no region", { id: "obd2", address: "127.0.0.1", port: 1 }],
      ["two commands in the address", { id: P1, address: "127.0.0.1:1; help", port: 1 }],
      ["a port that is none", { id: P1, address: "127.0.0.1", port: 0 }],
      ["one that is there twice", { id: P2, address: "127.0.0.1", port: 1 }],
    ])("refused, with nothing done: %s", async (_, place) => {
      const asked = { epoch: 1, service: "obd2", instances: [backends[1]!.place, place] };
      lab.commands.length = 0;
      await expect(lab.actuator.reconcile(asked)).rejects.toMatchObject({ code: "out_of_bounds" });
      expect(sent(/server/)).toBe(sent(/^show servers/));
    });
  });

  test("a map file that cannot be written is said, not passed over", async () => {
    const maps = haproxyConfig.parse(JSON.parse(await page("json"))).maps;
    expect(Object.keys(maps)).toEqual(["memory", "features", "limits", "premium"]);
    const broken = lab.hubThat({ writeFile: () => Promise.reject(new Error("ENOSPC")) });
    await expect(broken.apply(wanted("o1", shed(1)))).rejects.toMatchObject({
      ...{ code: "unavailable", message: expect.stringContaining("ENOSPC") },
    });
    expect(await level()).toBeUndefined();
  });

  test("HAProxy is gone: unavailable; it knows no more of the order than that", async () => {
    const gone = lab.hub({ socket: path.join(lab.dir, "gone.sock") });
    expect(await fault(gone.apply(wanted("o1", shed(1))))).toBe("unavailable");
    expect(await fault(gone.observe())).toBe("unavailable");
    expect(await fault(lab.actuator.apply(wanted("o1", shed(1))))).toBe("none");
  });
});

describe("the socket", () => {
  const withDoor = async (
    answer: (socket: Socket) => void,
    use: (runtime: ReturnType<typeof openRuntime>) => Promise<void>,
  ): Promise<void> => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on("error", () => undefined));
      answer(socket);
    });
    const socket = path.join(tmpdir(), `nova-door-${process.pid}.sock`);
    await new Promise<void>((done) => server.listen(socket, done));
    try {
      await use(openRuntime({ socket, timeoutMs: 300 }));
    } finally {
      for (const one of sockets) one.destroy();
      await new Promise((done) => server.close(done));
    }
  };

  test.each([
    ["silence", () => undefined, "no answer within 300 ms"],
    ["a drip", (socket: Socket) => drip(socket), "no answer within 300 ms"],
    ["an end without an answer", (socket: Socket) => socket.end(), "without an answer"],
    ["a flood", (socket: Socket) => flood(socket), "more than 8388608 bytes"],
  ])("%s is unavailable", async (_, answer, says) => {
    await withDoor(answer, async (runtime) => {
      await expect(runtime.tell("show info")).rejects.toMatchObject({
        ...{ code: "unavailable", message: expect.stringContaining(says) },
      });
    });
  });

  test.each([
    ["a second command", "show info; shutdown frontend web"],
    ["a second line", "show info\nhelp"],
    ["a letter that is none of its", "é"],
    ["more than its buffer holds", "x".repeat(10_000)],
  ])("one command is one line, and not %s", async (_, command) => {
    let asked = 0;
    const count = (): void => {
      asked += 1;
    };
    await withDoor(count, async (runtime) => {
      await expect(runtime.tell(command)).rejects.toMatchObject({ code: "out_of_bounds" });
    });
    expect(asked).toBe(0);
  });
});

test("a memory that somebody damaged: what can be read counts", () => {
  const entries = new Map([
    ...([
      ["epoch:3", "1"],
      ["epoch:x", "1"],
      ["order:a", "%%%"],
      ["order:b", ""],
    ] as const),
    ["order:c", Buffer.from('{"nth":0}').toString("base64url")],
  ]);
  const memory = readMemory(entries);
  expect(memory).toEqual({ epoch: 3, orders: [] });
  expect(inForce(memory)).toEqual([]);
});

test.each([
  ["socket", { socket: "admin.sock" }],
  ["socket", { socket: `/${"x".repeat(120)}` }],
  ["maps.limits", { maps: { memory: "/a", features: "/b", limits: "/c d", premium: "/e" } }],
  ["backends", { backends: {} }],
  ["queueMs", { queueMs: 0 }],
  ["", { sokcet: "/a" }],
])("an error of the configuration names %s", async (field, changes) => {
  const documented = JSON.parse(await page("json")) as object;
  expect(haproxyConfig.safeParse(documented).success).toBe(true);
  const { error } = haproxyConfig.safeParse({ ...documented, ...changes });
  expect(new Set(error?.issues.map((one) => one.path.join(".")))).toEqual(new Set([field]));
});

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write("x"), 20);
  socket.on("close", () => clearInterval(timer));
}

function flood(socket: Socket): void {
  const part = Buffer.alloc(1_048_576, 120);
  for (let nth = 0; nth < 10; nth += 1) socket.write(part);
}
