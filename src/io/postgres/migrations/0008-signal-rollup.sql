-- expand
-- Hours of samples that the 1-minute tier has to be made of, again after late samples.
CREATE TABLE signal_rollup (
  hour     timestamptz PRIMARY KEY,
  -- Counts the batches that brought samples of this hour; the tier has those up to `done`.
  touched  bigint NOT NULL DEFAULT 1,
  done     bigint NOT NULL DEFAULT 0
);
CREATE INDEX signal_rollup_due ON signal_rollup (hour) WHERE touched > done;
