/** The program `kbis`: KBIS Verification as a process of the fleet. */
import { startService } from "../frame/start.ts";
import { kbis } from "./kbis.flow.ts";

await startService(kbis);
