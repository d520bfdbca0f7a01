/**
 * A server for the tests: `ui/dist` and the API, shaped by the contract, held by the test's hand.
 *
 * Loopback, a free port, the policy the hub sends. The stream keeps what it published, so that a
 * page that was away can resume; `cut` ends connections and refuses new ones until `mend`; `hush`
 * leaves them open and silent until `speak`.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { Panel } from "../../src/contract/ops.ts";
import { PATHS } from "../../src/contract/paths.ts";
import * as board from "./fixtures/board.ts";
import * as respond from "./fixtures/respond.ts";
import * as telemetry from "./fixtures/telemetry.ts";

export const DIST = fileURLToPath(new URL("../../ui/dist/", import.meta.url));
const HEARTBEAT_MS = 1_000;
const MIME: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const TOPICS = [
  ...(["overview", "services", "alerts", "kpis", "gates"] as const),
  ...(["infrastructure", "application", "actions", "actionAutonomy", "capacity"] as const),
  ...(["faults", "userLoad"] as const),
];

export type Site = Awaited<ReturnType<typeof openSite>>;

export const openSite = async () => {
  const state = {
    signedIn: true,
    code: "AB12-CD34",
    delayMs: 0,
    /** Paths that answer 503 while they are here. */
    failing: new Set<string>(),
    run: "run1",
    isCut: false,
    isSilent: false,
    overview: board.overview(),
    services: board.services(),
    alerts: board.alerts(),
    kpis: board.kpis(),
    gates: board.gates(),
    infrastructure: telemetry.infrastructure(),
    application: telemetry.application(),
    actions: respond.unconnected(),
    actionAutonomy: respond.autonomy(),
    capacity: respond.capacity(),
    faults: respond.noRehearsal(),
    userLoad: respond.userLoad(),
    principal: board.principal,
    /** What people told it to do, newest last. */
    commands: [] as { readonly call: string; readonly body: unknown }[],
    /** Why charts have no points, while they have none. */
    panelWhy: null as Panel["why"],
    /** The server's clock, which charts follow. */
    nowMs: board.NOON,
    requests: [] as {
      readonly path: string;
      readonly query: URLSearchParams;
      readonly lastEventId: string | undefined;
    }[],
  };
  const streams = new Set<ServerResponse>();
  const frames: { readonly n: number; readonly text: string }[] = [];
  let next = 1;

  const beat = (): void => {
    if (state.isSilent) return;
    for (const stream of streams) stream.write(": beat\n\n");
  };
  const beating = setInterval(beat, HEARTBEAT_MS);

  const attach = (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write("retry: 1000\n\n");
    const [run, n] = String(request.headers["last-event-id"] ?? "").split(":");
    if (run !== "" && run !== state.run) {
      response.write('event: resync\ndata: {"reason":"the hub was restarted"}\n\n');
    } else if (run === state.run) {
      for (const frame of frames) if (frame.n > Number(n)) response.write(frame.text);
    }
    streams.add(response);
    response.on("close", () => streams.delete(response));
  };

  const answerOf = (path: string, query: URLSearchParams): unknown => {
    const service = query.get("service");
    if (path === PATHS.actions && service !== null) {
      const items = state.actions.items.filter((one) => one.service === service);
      return { ...state.actions, items };
    }
    for (const topic of TOPICS) {
      if (path === PATHS[topic]) return state[topic];
    }
    if (path === PATHS.session) return state.principal;
    if (path.startsWith("/api/app/actions/")) {
      const asked = state.actions.items.find(({ id }) => id === path.slice(17));
      return asked && respond.detail(asked);
    }
    if (path.startsWith("/api/app/kpis/"))
      return board.kpiDetail(decodeURIComponent(path.slice(14)));
    const id = path.startsWith("/api/app/panels/") ? path.slice(16) : "";
    if (!isPanel(id)) return undefined;
    const from = query.get("from");
    const fromMs = from === null ? state.nowMs - 900_000 : Date.parse(from);
    const full = board.panel(id, fromMs, state.nowMs);
    return state.panelWhy === null ? full : { ...full, series: [], why: state.panelWhy };
  };

  const api = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://site");
    const lastEventId = request.headers["last-event-id"];
    state.requests.push({
      path: pathname,
      query: searchParams,
      lastEventId: lastEventId?.toString(),
    });
    const reply = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    const refuse = (status: number, code: string, message: string): void =>
      reply(status, { error: { code, message, requestId: "r1" } });
    if (state.delayMs > 0) await new Promise((done) => setTimeout(done, state.delayMs));
    if (state.isCut) return void request.socket.destroy();
    if (state.failing.has(pathname)) return refuse(503, "unavailable", "le moteur redémarre");
    const isSession = pathname.startsWith(PATHS.session);
    if (request.method === "POST" && isSession) {
      return signIn(pathname, await bodyOf(request), reply, refuse);
    }
    if (!state.signedIn) return refuse(401, "unauthenticated", "sign in");
    if (request.method !== "GET" && !isSession) {
      const text = await bodyOf(request);
      const body = text === "" ? null : (JSON.parse(text) as unknown);
      state.commands.push({ call: `${request.method} ${pathname}`, body });
      return reply(200, {});
    }
    if (request.method === "DELETE") {
      state.signedIn = false;
      return reply(200, { ok: true });
    }
    if (pathname === PATHS.stream) return attach(request, response);
    const measured = telemetry.prometheus(pathname, searchParams);
    if (measured !== undefined) return reply(measured.status, measured.body);
    const answer = answerOf(pathname, searchParams);
    return answer === undefined ? refuse(404, "not_found", "not found") : reply(200, answer);
  };

  type Reply = (status: number, body: unknown) => void;
  type Refuse = (status: number, code: string, message: string) => void;
  const signIn = (path: string, body: string, reply: Reply, refuse: Refuse): void => {
    const { code, password } = JSON.parse(body) as { code?: string; password?: string };
    const isGood = path === PATHS.sessionCode ? code === state.code : password === "un-bon-secret";
    if (!isGood) return refuse(401, "unauthenticated", "wrong");
    if (path === PATHS.sessionCode) state.code = "";
    state.signedIn = true;
    return reply(200, board.principal);
  };

  const server = createServer((request, response) => {
    const isApi = (request.url ?? "").startsWith("/api/");
    void (isApi ? api(request, response) : file(request.url ?? "/", response));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    state,
    streams: () => streams.size,
    publish: (type: string, data: unknown): void => {
      const n = next++;
      const text = `id: ${state.run}:${n}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
      frames.push({ n, text });
      for (const stream of streams) stream.write(text);
    },
    cut: (): void => {
      state.isCut = true;
      for (const stream of streams) stream.destroy();
    },
    mend: (): void => {
      state.isCut = false;
    },
    hush: (): void => {
      state.isSilent = true;
    },
    speak: (): void => {
      state.isSilent = false;
      beat();
    },
    /** Another process: frames of the one before cannot be resumed. */
    restart: (run: string): void => {
      state.run = run;
      frames.length = 0;
      next = 1;
      for (const stream of streams) stream.destroy();
    },
    close: async (): Promise<void> => {
      clearInterval(beating);
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};

const isPanel = (id: string): id is Panel["id"] => id in board.PANEL_UNITS;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
};

const file = async (url: string, response: ServerResponse): Promise<void> => {
  const { pathname } = new URL(url, "http://site");
  const name = extname(pathname) === "" ? "index.html" : normalize(pathname);
  const bytes = await readFile(join(DIST, name)).catch(() => undefined);
  response.writeHead(bytes === undefined ? 404 : 200, {
    "content-type": MIME[extname(name)] ?? "application/octet-stream",
    "content-security-policy": POLICY,
  });
  response.end(bytes);
};
