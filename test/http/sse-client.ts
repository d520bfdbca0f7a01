/** A browser's EventSource, reduced: one connection, its frames, and a way to wait for one. */
import { get, type IncomingMessage } from "node:http";

export type Frame = {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
};
export type SseClient = {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly frames: readonly Frame[];
  readonly comments: readonly string[];
  /** Resolves once the condition holds; rejects when the connection ends before. */
  readonly until: (holds: () => boolean) => Promise<void>;
  readonly closed: Promise<void>;
  readonly close: () => void;
};

export const openSse = (
  port: number,
  headers: Readonly<Record<string, string>>,
): Promise<SseClient> =>
  new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path: "/api/app/stream", headers });
    request.once("error", reject);
    request.once("response", (response) => {
      request.off("error", reject);
      request.on("error", () => undefined);
      resolve(clientOf(response, () => request.destroy()));
    });
  });

const clientOf = (response: IncomingMessage, close: () => void): SseClient => {
  const frames: Frame[] = [];
  const comments: string[] = [];
  const waiting = new Set<() => void>();
  const ended = Promise.withResolvers<void>();
  let over = false;
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    text += chunk;
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      if (part.startsWith(":")) comments.push(part);
      else if (part.includes("event:")) frames.push(frameOf(part));
    }
    for (const look of waiting) look();
  });
  const end = (): void => {
    over = true;
    ended.resolve();
    for (const look of waiting) look();
  };
  response.on("error", () => undefined);
  response.once("close", end);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    ...{ frames, comments, close },
    closed: ended.promise,
    until: (holds) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const done = holds();
          if (!done && !over) return;
          waiting.delete(look);
          if (done) resolve();
          else reject(new Error(`the stream ended after ${frames.length} frames`));
        };
        waiting.add(look);
        look();
      }),
  };
};

const frameOf = (part: string): Frame => {
  const fields = new Map(
    part.split("\n").map((line) => {
      const at = line.indexOf(": ");
      return [line.slice(0, at), line.slice(at + 2)] as const;
    }),
  );
  return {
    id: fields.get("id"),
    event: fields.get("event") ?? "",
    data: JSON.parse(fields.get("data") ?? "null"),
  };
};
