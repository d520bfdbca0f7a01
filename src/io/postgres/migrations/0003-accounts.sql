-- People who sign in. Names are personal data: the ledger refers to accounts by id only.
CREATE TABLE account (
  id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name          text NOT NULL,
  name_key      text NOT NULL UNIQUE,
  role          text NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
  password_hash text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  disabled_at   timestamptz
);

-- Signed-in browsers. Secrets are not kept, only their SHA-256; a session without an account is one
-- that was opened with a sign-in code, as admin.
CREATE TABLE session (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  secret_hash  bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
  account_id   uuid REFERENCES account (id),
  created_at   timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL
);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_expiry ON session (expires_at);

-- Programs that call the API.
CREATE TABLE api_token (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  secret_hash  bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
  name         text NOT NULL,
  role         text NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin', 'ingest')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz
);

-- Printed at start, good once and for ten minutes.
CREATE TABLE sign_in_code (
  secret_hash bytea PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
  expires_at  timestamptz NOT NULL
);
