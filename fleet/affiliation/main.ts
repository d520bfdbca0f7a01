/** The program `affiliation`: Affiliation Service as a process of the fleet. */
import { startService } from "../frame/start.ts";
import { affiliationAt } from "./affiliation.flow.ts";

await startService(affiliationAt());
