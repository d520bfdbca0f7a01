/** The programs `registry` and `registry-alt`: the registry double as processes of the fleet. */
import { startService } from "../../frame/start.ts";
import { registryOf } from "./registry.routes.ts";

const isAlternative = process.env["FLEET_SERVICE"] === "registry-alt";
await startService(registryOf(isAlternative ? "registry-alt" : "registry"));
