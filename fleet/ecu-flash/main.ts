/** The ECU Flash Service as a process. */
import { startService } from "../frame/start.ts";
import { ecuFlash } from "./ecu-flash.routes.ts";

await startService(ecuFlash);
