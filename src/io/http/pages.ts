/** The web app's files: hashed assets for a year, the page itself never from a cache. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import { sendProblem } from "./answer.ts";

const DIST = fileURLToPath(new URL("../../../ui/dist/", import.meta.url));
const PAGES = /^\/(?:(?:ops|go|explore|sign-in)(?:[/?#]|$)|[?#]|$)/;

export const servePages = async (server: FastifyInstance): Promise<void> => {
  const built = existsSync(DIST);
  if (built) {
    await server.register(fastifyStatic, {
      root: DIST,
      index: false,
      wildcard: false,
      setHeaders: (reply, file) => {
        const hashed = file.includes("/assets/");
        void reply.header(
          "cache-control",
          hashed ? "public, max-age=31536000, immutable" : "no-cache",
        );
      },
    });
  }
  server.setNotFoundHandler((request, reply) => {
    if (built && request.method === "GET" && PAGES.test(request.url)) {
      return reply.header("cache-control", "no-cache").sendFile("index.html");
    }
    return sendProblem(request, reply, {
      code: "not_found",
      message: `${request.method} ${request.url.slice(0, 200)}: no such door`,
    });
  });
};
