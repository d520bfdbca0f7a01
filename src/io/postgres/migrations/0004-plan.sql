-- Every plan that was ever applied, as it was written. The newest row is the plan in force; running
-- work names the version it is bound to, so no row ever changes.
CREATE TABLE plan_version (
  version     integer PRIMARY KEY CHECK (version > 0),
  plan_id     text NOT NULL,
  schema      integer NOT NULL CHECK (schema > 0),
  digest      text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
  source_text text NOT NULL,
  source_file text NOT NULL,
  applied_at  timestamptz NOT NULL,
  applied_by  text NOT NULL,
  diff        jsonb NOT NULL,
  warnings    jsonb NOT NULL
);

CREATE FUNCTION plan_version_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an applied plan never changes: % on % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER plan_version_append_only
  BEFORE UPDATE OR DELETE ON plan_version
  FOR EACH ROW EXECUTE FUNCTION plan_version_is_append_only();
CREATE TRIGGER plan_version_not_truncated
  BEFORE TRUNCATE ON plan_version
  FOR EACH STATEMENT EXECUTE FUNCTION plan_version_is_append_only();
