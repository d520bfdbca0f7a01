-- Changes of state only: a reading goes to the telemetry store, a change of verdict comes here.
CREATE TABLE kpi_state (
  kpi           text PRIMARY KEY,
  verdict       text NOT NULL CHECK (verdict IN ('pass', 'fail', 'unknown')),
  why           text,
  since         timestamptz NOT NULL,
  last_close    timestamptz,
  plan_version  integer NOT NULL
);

CREATE TABLE gate_state (
  gate          text PRIMARY KEY,
  verdict       text NOT NULL CHECK (verdict IN ('pass', 'fail', 'hold')),
  since         timestamptz NOT NULL,
  evidence      jsonb NOT NULL,
  plan_version  integer NOT NULL
);

CREATE TABLE alert (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fingerprint   text NOT NULL,
  kpi           text NOT NULL,
  service       text,
  title         jsonb NOT NULL,
  severity      text NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
  state         text NOT NULL CHECK (state IN ('firing', 'resolved')),
  breached_at   timestamptz NOT NULL,
  started_at    timestamptz NOT NULL,
  resolved_at   timestamptz,
  value         double precision,
  threshold     text NOT NULL,
  unit          text NOT NULL,
  owner         jsonb NOT NULL,
  plan_version  integer NOT NULL,
  CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
);
-- At most one firing alert per thing that can break.
CREATE UNIQUE INDEX alert_firing ON alert (fingerprint) WHERE state = 'firing';
CREATE INDEX alert_newest ON alert (id DESC);
