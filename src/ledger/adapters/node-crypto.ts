/** SHA-256 of Node's crypto, for the cores that take it as an argument. */
import { createHash } from "node:crypto";
import type { Sha256 } from "../merkle.ts";

export const sha256: Sha256 = (data) => createHash("sha256").update(data).digest();
