-- Work that must have one owner: an expiring lease whose epoch grows with every new holder. The
-- write that acts locks the row FOR SHARE and compares the epoch, so a holder that was stopped and
-- replaced cannot act when it wakes up.
CREATE TABLE lease (
  name       text PRIMARY KEY,
  holder     text NOT NULL,
  epoch      bigint NOT NULL,
  expires_at timestamptz NOT NULL
);

-- What was decided, by whom, on what evidence. Written inside the business transaction without a
-- place (seq is null), then placed by the sequencer; never changed after that.
CREATE TABLE ledger_entry (
  id        uuid PRIMARY KEY,
  arrival   bigint GENERATED ALWAYS AS IDENTITY,
  seq       bigint CHECK (seq >= 0),
  kind      text NOT NULL,
  actor     text NOT NULL,
  subject   text NOT NULL,
  at_ms     bigint NOT NULL,
  body      text NOT NULL,
  leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32)
);
CREATE UNIQUE INDEX ledger_entry_seq ON ledger_entry (seq) WHERE seq IS NOT NULL;
CREATE INDEX ledger_entry_pending ON ledger_entry (arrival) WHERE seq IS NULL;

-- Complete nodes above the leaves: node (level, idx) covers leaves [idx * 2^level, (idx+1) * 2^level).
CREATE TABLE ledger_node (
  level smallint NOT NULL CHECK (level > 0),
  idx   bigint NOT NULL CHECK (idx >= 0),
  hash  bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (level, idx)
);

-- The frontier: roots of the perfect subtrees the size is the sum of, largest first.
CREATE TABLE ledger_tree (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  size     bigint NOT NULL,
  roots    bytea[] NOT NULL
);
INSERT INTO ledger_tree (size, roots) VALUES (0, '{}');

-- Signed tree heads, as C2SP signed notes.
CREATE TABLE ledger_head (
  size         bigint PRIMARY KEY CHECK (size > 0),
  note         text NOT NULL,
  signed_at_ms bigint NOT NULL
);

-- Against mistakes and ordinary rights. Whoever owns the database can still go around it, and then
-- `novaevo ledger verify` finds what was done.
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION ledger_entry_may_only_be_placed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.seq IS NULL AND NEW.seq IS NOT NULL
    AND (NEW.id, NEW.arrival, NEW.kind, NEW.actor, NEW.subject, NEW.at_ms, NEW.body, NEW.leaf_hash)
      = (OLD.id, OLD.arrival, OLD.kind, OLD.actor, OLD.subject, OLD.at_ms, OLD.body, OLD.leaf_hash)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the ledger is append-only: UPDATE on ledger_entry is refused'
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER ledger_entry_update BEFORE UPDATE ON ledger_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_entry_may_only_be_placed();
CREATE TRIGGER ledger_entry_delete BEFORE DELETE ON ledger_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_entry_truncate BEFORE TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_node_change BEFORE UPDATE OR DELETE ON ledger_node
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_node_truncate BEFORE TRUNCATE ON ledger_node
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_head_change BEFORE UPDATE OR DELETE ON ledger_head
  FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_head_truncate BEFORE TRUNCATE ON ledger_head
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
