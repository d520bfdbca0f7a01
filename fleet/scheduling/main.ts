/** The program `scheduling`: Scheduling Service as a process of the fleet. */
import { startService } from "../frame/start.ts";
import { schedulingAt } from "./scheduling.flow.ts";

await startService(schedulingAt());
