-- expand
-- Corrective actions: what set one off, what it changes, how it is verified, where it stands.
CREATE TABLE action_run (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  playbook     text,
  target       text NOT NULL,
  service      text,
  region       text,
  origin       text NOT NULL CHECK (origin IN ('automatic', 'human', 'reflex')),
  proposed_by  text NOT NULL,
  approved_by  text,
  -- The alert that set it off, where one did.
  alert        bigint,
  trigger      jsonb NOT NULL,
  steps        jsonb NOT NULL,
  verification jsonb NOT NULL,
  hold_ms      bigint,
  plan_version integer NOT NULL,
  plan_digest  text NOT NULL,
  state        text NOT NULL CHECK (state IN ('proposed', 'approved', 'running', 'verifying',
                 'verified', 'failed', 'rolling_back', 'rolled_back', 'escalated', 'not_executed')),
  life         jsonb NOT NULL,
  why          jsonb NOT NULL,
  proposed_at  timestamptz NOT NULL,
  started_at   timestamptz,
  ended_at     timestamptz,
  CHECK ((state IN ('verified', 'rolled_back', 'escalated', 'not_executed')) = (ended_at IS NOT NULL))
);
-- One mutating action per field of the platform: the table itself says so.
CREATE UNIQUE INDEX action_run_target ON action_run (target)
  WHERE state IN ('approved', 'running', 'verifying', 'failed', 'rolling_back');
CREATE INDEX action_run_open ON action_run (id)
  WHERE state IN ('proposed', 'approved', 'running', 'verifying', 'failed', 'rolling_back');
CREATE INDEX action_run_alert ON action_run (alert) WHERE alert IS NOT NULL;
CREATE INDEX action_run_playbook ON action_run (playbook, id DESC);
CREATE INDEX action_run_recent ON action_run (proposed_at DESC);

-- Its timeline: every change of state, with who, why and what was measured.
CREATE TABLE action_event (
  run       bigint NOT NULL REFERENCES action_run (id),
  seq       integer NOT NULL,
  at        timestamptz NOT NULL,
  state     text NOT NULL,
  event     text NOT NULL,
  actor     text NOT NULL,
  why       jsonb NOT NULL,
  evidence  jsonb NOT NULL,
  PRIMARY KEY (run, seq)
);

-- How much a playbook may do by itself, where that is not what the plan says. Runs up to
-- `after_run` were before somebody raised it, and count no longer.
CREATE TABLE action_autonomy (
  playbook   text PRIMARY KEY,
  level      text NOT NULL CHECK (level IN ('observe', 'suggest', 'auto')),
  after_run  bigint NOT NULL,
  set_by     text NOT NULL,
  set_at     timestamptz NOT NULL,
  why        jsonb NOT NULL
);

CREATE TABLE action_switch (
  only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  is_on     boolean NOT NULL DEFAULT true,
  set_by    text NOT NULL DEFAULT 'system:hub',
  set_at    timestamptz NOT NULL DEFAULT now(),
  why       text NOT NULL DEFAULT ''
);
INSERT INTO action_switch DEFAULT VALUES;

-- Fields that turned too often, and until when nothing touches them.
CREATE TABLE action_freeze (
  target    text PRIMARY KEY,
  until_at  timestamptz NOT NULL
);

-- The last event that was taken from each control door.
CREATE TABLE action_cursor (
  door  text PRIMARY KEY,
  seq   bigint NOT NULL
);

-- An alert is of a KPI, of a rule, or of an action that people must look at.
ALTER TABLE alert ALTER COLUMN kpi DROP NOT NULL;
ALTER TABLE alert ADD COLUMN rule text;
