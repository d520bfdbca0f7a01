/**
 * The four levels of the escalation matrix, lowest first.
 *
 * Source: the roadmap's §2.3.1; the same four words as PagerDuty Events v2.
 */
export const SEVERITIES = ["info", "warning", "error", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

export const severityRank = (severity: Severity): number => SEVERITIES.indexOf(severity);
