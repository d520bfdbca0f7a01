/** The program `registry`: the registry double as a process of the fleet. */
import { startService } from "../../frame/start.ts";
import { registryOf } from "./registry.routes.ts";

await startService(registryOf());
