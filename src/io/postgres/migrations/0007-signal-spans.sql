-- expand
-- Spans of a batch, beside its samples and readings.
ALTER TABLE signal_batch ADD COLUMN spans bigint NOT NULL DEFAULT 0;
