/**
 * The report of the users as Prometheus text.
 *
 * Units:  seconds, as Prometheus wants them; a quantile that nobody knows yet is left out.
 */
import { NOMINAL_PER_S, type Outcome, type Report } from "./tally.ts";

const OUTCOMES: readonly Outcome[] = ["ok", "refused", "waiting", "failed"];

export const metricsText = (report: Report): string => {
  const { latencyMs, sessionStartMs, features } = report;
  const quantiles = (name: string, of: Report["latencyMs"]): string[] =>
    ([0.5, 0.95, 0.99] as const).flatMap((share) => {
      const ms = of[`p${share * 100}` as keyof typeof of];
      return ms === null ? [] : [`${name}{quantile="${share}"} ${ms / 1_000}`];
    });
  return [
    "# TYPE loadtest_users_distinct gauge",
    `loadtest_users_distinct ${report.distinctUsers}`,
    `loadtest_users_registered ${report.registeredUsers}`,
    "# TYPE loadtest_sessions_total counter",
    `loadtest_sessions_total ${report.sessions}`,
    "# TYPE loadtest_calls_total counter",
    ...features.flatMap((one) =>
      OUTCOMES.map(
        (outcome) =>
          `loadtest_calls_total{feature="${one.feature}",outcome="${outcome}"} ${one[outcome]}`,
      ),
    ),
    "# TYPE loadtest_call_duration_seconds gauge",
    ...quantiles("loadtest_call_duration_seconds", latencyMs),
    "# TYPE loadtest_session_start_seconds gauge",
    ...quantiles("loadtest_session_start_seconds", sessionStartMs),
    "# TYPE loadtest_requests_per_second gauge",
    `loadtest_requests_per_second ${report.requestsPerS}`,
    `loadtest_nominal_requests_per_second ${NOMINAL_PER_S}`,
    "# TYPE loadtest_valid gauge",
    `loadtest_valid ${report.verdict === "valid" ? 1 : 0}`,
    "",
  ].join("\n");
};
