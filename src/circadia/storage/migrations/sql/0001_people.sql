-- People: who signs in, by which links, what is shared, what was done.

CREATE TABLE people (
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    name TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT people_pkey PRIMARY KEY (user_id),
    CONSTRAINT people_role_check CHECK (role IN ('owner', 'member', 'coach'))
);
-- Nobody becomes a second owner, whoever is first.
CREATE UNIQUE INDEX people_owner_idx ON people (role) WHERE role = 'owner';

-- A browser that is signed in. Only hashes are kept of what it shows: of the token that counts, of the one that was
-- offered and counts when it is shown, and of the one before, which tells a stolen copy.
CREATE TABLE sessions (
    id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    offered_hash BYTEA,
    previous_hash BYTEA,
    user_id TEXT NOT NULL,
    how TEXT NOT NULL,
    agent TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    rotated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    offered_at TIMESTAMP WITH TIME ZONE,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_token_hash_key UNIQUE (token_hash),
    CONSTRAINT sessions_offered_hash_key UNIQUE (offered_hash),
    CONSTRAINT sessions_previous_hash_key UNIQUE (previous_hash),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES people (user_id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Links that work once: using one deletes its row.
CREATE TABLE links (
    token_hash BYTEA NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT,
    note TEXT,
    made_by TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT links_pkey PRIMARY KEY (token_hash),
    CONSTRAINT links_kind_check CHECK (kind IN ('owner', 'signin', 'invitation', 'share'))
);
CREATE INDEX links_user_id_idx ON links (user_id);

CREATE TABLE shares (
    id UUID NOT NULL,
    user_id TEXT NOT NULL,
    coach TEXT,
    name TEXT NOT NULL,
    link_hash BYTEA,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT shares_pkey PRIMARY KEY (id),
    CONSTRAINT shares_link_hash_key UNIQUE (link_hash),
    CONSTRAINT shares_coach_fkey FOREIGN KEY (coach) REFERENCES people (user_id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX shares_user_id_idx ON shares (user_id);
CREATE INDEX shares_coach_idx ON shares (coach);

CREATE TABLE allowed_emails (
    email TEXT NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT allowed_emails_pkey PRIMARY KEY (email)
);

CREATE TABLE preferences (
    user_id TEXT NOT NULL,
    settings JSONB NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT preferences_pkey PRIMARY KEY (user_id)
);

CREATE TABLE audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    user_id TEXT,
    deed TEXT NOT NULL,
    details JSONB NOT NULL DEFAULT '{}',
    CONSTRAINT audit_pkey PRIMARY KEY (id),
    CONSTRAINT audit_actor_kind_check CHECK (actor_kind IN ('person', 'key', 'token', 'terminal', 'system'))
);
CREATE INDEX audit_user_id_id_idx ON audit (user_id, id);

CREATE FUNCTION audit_stays() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is only ever added to';
END
$$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
