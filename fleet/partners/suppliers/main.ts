/** The programs `supplier` and `supplier-alt`: the supplier double as processes of the fleet. */
import { startService } from "../../frame/start.ts";
import { supplierOf } from "./suppliers.routes.ts";

const isAlternative = process.env["FLEET_SERVICE"] === "supplier-alt";
await startService(supplierOf(isAlternative ? "supplier-alt" : "supplier"));
