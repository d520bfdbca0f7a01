/** The OBD-II Service as a process. */
import { startService } from "../frame/start.ts";
import { obd2 } from "./obd2.routes.ts";

await startService(obd2);
