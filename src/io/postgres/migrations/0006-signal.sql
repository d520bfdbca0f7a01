-- What of the body log is in ClickHouse. One open batch at most, and the last one stored.
CREATE TABLE signal_batch (
  batch       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- A log that was lost and begun anew counts from 1 again, under another name.
  log         text NOT NULL,
  from_index  bigint NOT NULL,
  to_index    bigint NOT NULL CHECK (to_index >= from_index),
  samples     bigint NOT NULL,
  readings    bigint NOT NULL,
  -- Times of the batch's samples, so that counting them reads few parts.
  from_time   timestamptz,
  to_time     timestamptz,
  attempt     integer NOT NULL DEFAULT 0,
  state       text NOT NULL CHECK (state IN ('open', 'stored')),
  opened_at   timestamptz NOT NULL DEFAULT now(),
  stored_at   timestamptz
);
CREATE UNIQUE INDEX signal_batch_open ON signal_batch (log) WHERE state = 'open';
CREATE INDEX signal_batch_stored ON signal_batch (log, to_index DESC) WHERE state = 'stored';

-- Per agent, the highest sequence number that ClickHouse has.
CREATE TABLE signal_agent (
  agent       text PRIMARY KEY,
  stored_seq  bigint NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now()
);

-- Steps of ClickHouse's own tables, per store.
CREATE TABLE clickhouse_step (
  store       text NOT NULL,
  name        text NOT NULL,
  applied_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (store, name)
);
