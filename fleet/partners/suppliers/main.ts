/** The program `supplier`: the supplier double as a process of the fleet. */
import { startService } from "../../frame/start.ts";
import { supplierOf } from "./suppliers.routes.ts";

await startService(supplierOf());
