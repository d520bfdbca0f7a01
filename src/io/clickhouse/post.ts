/**
 * One POST whose body is given in parts, sent as they lie in memory.
 *
 * Shape:  resolves with the answer once it is whole; connections are kept.
 * Units:  ms, bytes.
 * Errors: rejects when the connection fails or the time is over.
 * Why:    fetch copies a body twice on its way; a block of samples is megabytes every second.
 */
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export type Posted = {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly text: string;
};

export type Poster = {
  readonly post: (
    url: URL,
    headers: Readonly<Record<string, string>>,
    parts: readonly Uint8Array[],
    timeoutMs: number,
  ) => Promise<Posted>;
  readonly close: () => void;
};

export const openPoster = (maxSockets: number): Poster => {
  const options = { keepAlive: true, maxSockets };
  const http = new HttpAgent(options);
  const https = new HttpsAgent(options);
  return {
    post: (url, headers, parts, timeoutMs) =>
      new Promise((resolve, reject) => {
        const isTls = url.protocol === "https:";
        const length = parts.reduce((sum, part) => sum + part.length, 0);
        const request = (isTls ? httpsRequest : httpRequest)(
          url,
          {
            method: "POST",
            agent: isTls ? https : http,
            headers: { ...headers, "content-length": String(length) },
            signal: AbortSignal.timeout(timeoutMs),
          },
          (answer) => {
            let text = "";
            answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
            answer.once("error", reject);
            answer.once("end", () =>
              resolve({
                status: answer.statusCode ?? 0,
                header: (name) => String(answer.headers[name] ?? "") || undefined,
                text,
              }),
            );
          },
        );
        request.once("error", reject);
        request.cork();
        for (const part of parts) request.write(part);
        request.end();
      }),
    close: () => {
      http.destroy();
      https.destroy();
    },
  };
};
