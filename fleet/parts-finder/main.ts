/** The program `parts-finder`: the Parts Finder as a process of the fleet. */
import { startService } from "../frame/start.ts";
import { partsFinder } from "./parts.flow.ts";

await startService(partsFinder);
