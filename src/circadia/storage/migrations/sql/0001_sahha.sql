-- What Sahha says, by profile: the gateway's own house, which needs no WHOOP member beside it. described_at: Sahha last
-- spoke of the profile itself; known_at: its first record came; heard_at: a webhook last brought one; logged_at: one last
-- told of raw data.
CREATE TABLE sahha_profiles (
    id bigint GENERATED ALWAYS AS IDENTITY,
    external_id text NOT NULL,
    state text NOT NULL DEFAULT 'active',
    sources text[] NOT NULL DEFAULT '{}',
    described_at timestamptz,
    known_at timestamptz,
    heard_at timestamptz,
    logged_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT sahha_profiles_pkey PRIMARY KEY (id),
    CONSTRAINT sahha_profiles_external_id_key UNIQUE (external_id),
    CONSTRAINT sahha_profiles_state_check CHECK (state IN ('active', 'unknown', 'gone'))
);

CREATE TABLE sahha_scores (
    profile_id bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    day date NOT NULL,
    score_at timestamptz NOT NULL,
    state text,
    score double precision,
    utc_offset_min integer NOT NULL,
    computed_at timestamptz,
    received_at timestamptz NOT NULL,
    raw jsonb NOT NULL,
    CONSTRAINT sahha_scores_pkey PRIMARY KEY (profile_id, id),
    CONSTRAINT sahha_scores_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES sahha_profiles (id) ON DELETE CASCADE
);
CREATE INDEX sahha_scores_profile_id_day_idx ON sahha_scores (profile_id, day);

CREATE TABLE sahha_biomarkers (
    profile_id bigint NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    span text NOT NULL,
    day date NOT NULL,
    category text NOT NULL,
    aggregation text,
    value text NOT NULL,
    unit text,
    value_type text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    settled boolean NOT NULL,
    utc_offset_min integer NOT NULL,
    computed_at timestamptz,
    received_at timestamptz NOT NULL,
    raw jsonb NOT NULL,
    CONSTRAINT sahha_biomarkers_pkey PRIMARY KEY (profile_id, id),
    CONSTRAINT sahha_biomarkers_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES sahha_profiles (id) ON DELETE CASCADE
);
CREATE INDEX sahha_biomarkers_profile_id_day_idx ON sahha_biomarkers (profile_id, day);

CREATE TABLE sahha_archetypes (
    profile_id bigint NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    periodicity text NOT NULL,
    day date NOT NULL,
    value text NOT NULL,
    data_type text NOT NULL,
    ordinality numeric,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    utc_offset_min integer NOT NULL,
    computed_at timestamptz,
    received_at timestamptz NOT NULL,
    raw jsonb NOT NULL,
    CONSTRAINT sahha_archetypes_pkey PRIMARY KEY (profile_id, id),
    CONSTRAINT sahha_archetypes_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES sahha_profiles (id) ON DELETE CASCADE
);
CREATE INDEX sahha_archetypes_profile_id_day_idx ON sahha_archetypes (profile_id, day);

CREATE TABLE sahha_rejects (
    id bigint GENERATED ALWAYS AS IDENTITY,
    profile_id bigint NOT NULL,
    kind text NOT NULL,
    digest bytea NOT NULL,
    raw json NOT NULL,
    error text NOT NULL,
    version text NOT NULL,
    received_at timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT sahha_rejects_pkey PRIMARY KEY (id),
    CONSTRAINT sahha_rejects_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES sahha_profiles (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX sahha_rejects_digest_idx ON sahha_rejects (profile_id, kind, digest);

-- When each date of a kind was last asked for: the start of the fetch.
CREATE TABLE sahha_fetches (
    profile_id bigint NOT NULL,
    kind text NOT NULL,
    day date NOT NULL,
    fetched_at timestamptz NOT NULL,
    CONSTRAINT sahha_fetches_pkey PRIMARY KEY (profile_id, kind, day),
    CONSTRAINT sahha_fetches_profile_id_fkey FOREIGN KEY (profile_id) REFERENCES sahha_profiles (id) ON DELETE CASCADE
);

-- Webhooks of Sahha's that were taken: a second copy is known by the digest of its body.
CREATE TABLE sahha_deliveries (
    digest bytea NOT NULL,
    event text NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT sahha_deliveries_pkey PRIMARY KEY (digest)
);
CREATE INDEX sahha_deliveries_received_at_idx ON sahha_deliveries (received_at);

-- Who an app's user is at each source, where that is not the same id; null: not there at all.
CREATE TABLE identities (
    user_id text NOT NULL,
    sahha_id text,
    whoop_id text,
    changed_at timestamptz NOT NULL,
    CONSTRAINT identities_pkey PRIMARY KEY (user_id),
    CONSTRAINT identities_sahha_id_key UNIQUE (sahha_id),
    CONSTRAINT identities_whoop_id_key UNIQUE (whoop_id)
);

-- Who had a link at a WHOOP service that runs elsewhere, as it was last heard.
CREATE TABLE whoop_links (
    whoop_id text NOT NULL,
    linked boolean NOT NULL,
    heard_at timestamptz NOT NULL,
    CONSTRAINT whoop_links_pkey PRIMARY KEY (whoop_id)
);

-- What a user's merge does otherwise than the catalogue of metrics says.
CREATE TABLE merge_overrides (
    user_id text NOT NULL,
    metric text NOT NULL,
    policy jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT merge_overrides_pkey PRIMARY KEY (user_id, metric)
);
