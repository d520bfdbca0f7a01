/**
 * What the supervisor says to Prometheus: its instances' health and use, made at each scrape.
 *
 * Names:  `up`, `process_cpu_utilization_ratio`, `process_memory_utilization_ratio` with service,
 *         region and instance, as the plan's signals read them. Scraped with its labels honoured,
 *         or the scraper's own `instance` stands in their place.
 * Units:  shares of an instance's bounds. What is unknown has no sample.
 */
import { Gauge, Registry } from "prom-client";
import { INSTANCE_STATES, type SupervisorState } from "../control/messages.ts";

const LABELS = ["service", "region", "instance"] as const;

export const supervisorMetrics = (state: () => SupervisorState): Registry => {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (
    name: string,
    help: string,
    valueOf: (instance: SupervisorState["instances"][number]) => number | null,
  ): void => {
    const made = new Gauge({
      ...{ name, help, registers, labelNames: LABELS },
      collect: () => {
        made.reset();
        for (const one of state().instances) {
          const value = valueOf(one);
          const { service, region, id: instance } = one;
          if (value !== null) made.set({ service, region, instance }, value);
        }
      },
    });
  };
  gauge("up", "1 while the instance is ready.", (one) => (one.state === "ready" ? 1 : 0));
  gauge("process_cpu_utilization_ratio", "Share of its cores in use.", ({ cpu }) => cpu);
  gauge("process_memory_utilization_ratio", "Share of its memory in use.", ({ memory }) => memory);
  gauge("novaevo_instance_restarts", "Restarts since the supervisor began.", (one) => one.restarts);
  const states = new Gauge({
    name: "novaevo_instances",
    help: "Instances by service, region and state.",
    ...{ registers, labelNames: ["service", "region", "state"] as const },
    collect: () => {
      states.reset();
      for (const { service, region } of state().pools) {
        for (const one of INSTANCE_STATES) states.set({ service, region, state: one }, 0);
      }
      for (const { service, region, state: one } of state().instances) {
        states.inc({ service, region, state: one });
      }
    },
  });
  const replicas = new Gauge({
    name: "novaevo_pool_replicas",
    help: "Instances that are wanted.",
    ...{ registers, labelNames: ["service", "region"] as const },
    collect: () => {
      replicas.reset();
      for (const pool of state().pools) {
        replicas.set({ service: pool.service, region: pool.region }, pool.replicas);
      }
    },
  });
  return registry;
};
