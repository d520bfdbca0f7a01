import { expect, test } from "vitest";
import { prometheusName, type Kind } from "./metric-name.ts";

test.each<[string, string, Kind, string]>([
  ["system.cpu.utilization", "1", "gauge", "system_cpu_utilization_ratio"],
  ["system.memory.utilization", "1", "gauge", "system_memory_utilization_ratio"],
  ["system.network.utilization", "1", "gauge", "system_network_utilization_ratio"],
  ["process.cpu.utilization", "1", "gauge", "process_cpu_utilization_ratio"],
  ["process.memory.utilization", "1", "gauge", "process_memory_utilization_ratio"],
  ["up", "", "gauge", "up"],
  ["system.cpu.time", "s", "counter", "system_cpu_time_seconds_total"],
  ["system.memory.usage", "By", "gauge", "system_memory_usage_bytes"],
  ["system.disk.io", "By", "counter", "system_disk_io_bytes_total"],
  ["http.requests", "{request}", "counter", "http_requests_total"],
  ["http.requests_total", "{request}", "counter", "http_requests_total"],
  ["disk.bytes", "By", "gauge", "disk_bytes"],
  ["net.speed", "By/s", "gauge", "net_speed_bytes_per_second"],
  ["orders.rate", "{order}/min", "gauge", "orders_rate_per_minute"],
  ["ratio.of.things", "1", "counter", "ratio_of_things_total"],
  ["battery.charge", "%", "gauge", "battery_charge_percent"],
  ["0weird name--x", "", "gauge", "_0weird_name_x"],
])("%s in %s, a %s, is %s", (name, unit, kind, expected) => {
  expect(prometheusName(name, unit, kind)).toBe(expected);
});
