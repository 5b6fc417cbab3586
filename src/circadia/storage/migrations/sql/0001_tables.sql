CREATE TABLE members (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE,
    asked_at TIMESTAMP WITH TIME ZONE,
    has_export BOOLEAN DEFAULT false NOT NULL,
    wakes_at_min INTEGER,
    paused_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT members_pkey PRIMARY KEY (id),
    CONSTRAINT members_user_id_key UNIQUE (user_id)
);

CREATE TABLE connections (
    member_id BIGINT NOT NULL,
    whoop_user_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    scopes TEXT[] NOT NULL,
    connected_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    pushed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT connections_pkey PRIMARY KEY (member_id),
    CONSTRAINT connections_state_check CHECK (state IN ('connected', 'needs_reconnect', 'not_connected')),
    CONSTRAINT connections_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE,
    CONSTRAINT connections_whoop_user_id_key UNIQUE (whoop_user_id)
);

CREATE TABLE tokens (
    member_id BIGINT NOT NULL,
    access_token TEXT NOT NULL,
    refresh_token TEXT,
    obtained_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT NOT NULL,
    renewing_by UUID,
    renewing_until TIMESTAMP WITH TIME ZONE,
    spent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT tokens_pkey PRIMARY KEY (member_id),
    CONSTRAINT tokens_member_id_fkey FOREIGN KEY(member_id) REFERENCES connections (member_id) ON DELETE CASCADE
);

CREATE TABLE authorizations (
    state_hash BYTEA NOT NULL,
    user_id TEXT,
    code_verifier TEXT NOT NULL,
    redirect_url TEXT,
    browser_hash BYTEA,
    purpose TEXT NOT NULL DEFAULT 'connect',
    email TEXT,
    invitation_hash BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT authorizations_pkey PRIMARY KEY (state_hash),
    CONSTRAINT authorizations_purpose_check CHECK (purpose IN ('connect', 'signin', 'signup'))
);

CREATE TABLE api_keys (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    kid TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id)
);

CREATE TABLE cycles (
    member_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    score_state TEXT NOT NULL,
    start TIMESTAMP WITH TIME ZONE NOT NULL,
    "end" TIMESTAMP WITH TIME ZONE,
    timezone_offset TEXT NOT NULL,
    id BIGINT NOT NULL,
    strain DOUBLE PRECISION,
    kilojoule DOUBLE PRECISION,
    average_heart_rate BIGINT,
    max_heart_rate BIGINT,
    step_count BIGINT,
    raw JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT DEFAULT 'api' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    day DATE,
    CONSTRAINT cycles_pkey PRIMARY KEY (member_id, id),
    CONSTRAINT cycles_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX cycles_export_idx ON cycles (member_id) WHERE source = 'export';
CREATE INDEX cycles_member_id_day_idx ON cycles (member_id, day);
CREATE INDEX cycles_pending_idx ON cycles (member_id) WHERE score_state = 'PENDING_SCORE';
CREATE INDEX cycles_member_id_start_id_idx ON cycles (member_id, start, id);

CREATE TABLE sleeps (
    member_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    score_state TEXT NOT NULL,
    start TIMESTAMP WITH TIME ZONE NOT NULL,
    "end" TIMESTAMP WITH TIME ZONE NOT NULL,
    timezone_offset TEXT NOT NULL,
    id UUID NOT NULL,
    cycle_id BIGINT,
    nap BOOLEAN NOT NULL,
    total_in_bed_time_milli BIGINT,
    total_awake_time_milli BIGINT,
    total_no_data_time_milli BIGINT,
    total_light_sleep_time_milli BIGINT,
    total_slow_wave_sleep_time_milli BIGINT,
    total_rem_sleep_time_milli BIGINT,
    sleep_cycle_count BIGINT,
    disturbance_count BIGINT,
    baseline_milli BIGINT,
    need_from_sleep_debt_milli BIGINT,
    need_from_recent_strain_milli BIGINT,
    need_from_recent_nap_milli BIGINT,
    respiratory_rate DOUBLE PRECISION,
    sleep_performance_percentage DOUBLE PRECISION,
    sleep_consistency_percentage DOUBLE PRECISION,
    sleep_efficiency_percentage DOUBLE PRECISION,
    raw JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT DEFAULT 'api' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    day DATE,
    CONSTRAINT sleeps_pkey PRIMARY KEY (member_id, id),
    CONSTRAINT sleeps_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX sleeps_export_idx ON sleeps (member_id) WHERE source = 'export';
CREATE INDEX sleeps_member_id_cycle_id_idx ON sleeps (member_id, cycle_id);
CREATE INDEX sleeps_member_id_day_idx ON sleeps (member_id, day);
CREATE INDEX sleeps_pending_idx ON sleeps (member_id) WHERE score_state = 'PENDING_SCORE';
CREATE INDEX sleeps_member_id_start_id_idx ON sleeps (member_id, start, id);

CREATE TABLE recoveries (
    member_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    score_state TEXT NOT NULL,
    cycle_id BIGINT NOT NULL,
    sleep_id UUID NOT NULL,
    user_calibrating BOOLEAN,
    recovery_score DOUBLE PRECISION,
    resting_heart_rate DOUBLE PRECISION,
    hrv_rmssd_milli DOUBLE PRECISION,
    spo2_percentage DOUBLE PRECISION,
    skin_temp_celsius DOUBLE PRECISION,
    raw JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT DEFAULT 'api' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    day DATE,
    CONSTRAINT recoveries_pkey PRIMARY KEY (member_id, cycle_id),
    CONSTRAINT recoveries_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX recoveries_export_idx ON recoveries (member_id) WHERE source = 'export';
CREATE INDEX recoveries_member_id_day_idx ON recoveries (member_id, day);
CREATE INDEX recoveries_pending_idx ON recoveries (member_id) WHERE score_state = 'PENDING_SCORE';
CREATE INDEX recoveries_member_id_sleep_id_idx ON recoveries (member_id, sleep_id);

CREATE TABLE workouts (
    member_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    score_state TEXT NOT NULL,
    start TIMESTAMP WITH TIME ZONE NOT NULL,
    "end" TIMESTAMP WITH TIME ZONE NOT NULL,
    timezone_offset TEXT NOT NULL,
    id UUID NOT NULL,
    sport_name TEXT NOT NULL,
    sport_id BIGINT,
    strain DOUBLE PRECISION,
    average_heart_rate BIGINT,
    max_heart_rate BIGINT,
    kilojoule DOUBLE PRECISION,
    percent_recorded DOUBLE PRECISION,
    distance_meter DOUBLE PRECISION,
    altitude_gain_meter DOUBLE PRECISION,
    altitude_change_meter DOUBLE PRECISION,
    zone_zero_milli BIGINT,
    zone_one_milli BIGINT,
    zone_two_milli BIGINT,
    zone_three_milli BIGINT,
    zone_four_milli BIGINT,
    zone_five_milli BIGINT,
    raw JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    source TEXT DEFAULT 'api' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    day DATE,
    CONSTRAINT workouts_pkey PRIMARY KEY (member_id, id),
    CONSTRAINT workouts_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX workouts_export_idx ON workouts (member_id) WHERE source = 'export';
CREATE INDEX workouts_member_id_day_idx ON workouts (member_id, day);
CREATE INDEX workouts_pending_idx ON workouts (member_id) WHERE score_state = 'PENDING_SCORE';
CREATE INDEX workouts_member_id_start_id_idx ON workouts (member_id, start, id);

CREATE TABLE profiles (
    member_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    email TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    raw JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT profiles_pkey PRIMARY KEY (member_id, user_id),
    CONSTRAINT profiles_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);

CREATE TABLE body_measurements (
    member_id BIGINT NOT NULL,
    observed_on DATE NOT NULL,
    height_meter DOUBLE PRECISION NOT NULL,
    weight_kilogram DOUBLE PRECISION NOT NULL,
    max_heart_rate BIGINT NOT NULL,
    raw JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT body_measurements_pkey PRIMARY KEY (member_id, observed_on),
    CONSTRAINT body_measurements_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);

CREATE TABLE sync_states (
    member_id BIGINT NOT NULL,
    type TEXT NOT NULL,
    cursor_at TIMESTAMP WITH TIME ZONE,
    floor_at TIMESTAMP WITH TIME ZONE,
    history_began_at TIMESTAMP WITH TIME ZONE,
    history_done_at TIMESTAMP WITH TIME ZONE,
    last_sync_at TIMESTAMP WITH TIME ZONE,
    last_success_at TIMESTAMP WITH TIME ZONE,
    success_began_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    compared_recent_at TIMESTAMP WITH TIME ZONE,
    compared_all_at TIMESTAMP WITH TIME ZONE,
    walk JSONB,
    pending INTEGER DEFAULT 0 NOT NULL,
    failures INTEGER DEFAULT 0 NOT NULL,
    error JSONB,
    outcome JSONB,
    CONSTRAINT sync_states_pkey PRIMARY KEY (member_id, type),
    CONSTRAINT sync_states_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX sync_states_all_idx ON sync_states (coalesce(compared_all_at, history_done_at));
CREATE INDEX sync_states_due_at_idx ON sync_states (due_at);
CREATE INDEX sync_states_pending_idx ON sync_states (member_id) WHERE pending > 0;
CREATE INDEX sync_states_recent_idx ON sync_states (coalesce(compared_recent_at, history_done_at));

CREATE TABLE holds (
    member_id BIGINT NOT NULL,
    type TEXT NOT NULL,
    keys TEXT[] NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    to_at TIMESTAMP WITH TIME ZONE NOT NULL,
    live INTEGER NOT NULL,
    held_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT holds_pkey PRIMARY KEY (member_id, type),
    CONSTRAINT holds_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);

CREATE TABLE coverage (
    member_id BIGINT NOT NULL,
    type TEXT NOT NULL,
    month DATE NOT NULL,
    arrived TEXT[] NOT NULL,
    rejected TEXT[] NOT NULL,
    CONSTRAINT coverage_pkey PRIMARY KEY (member_id, type, month),
    CONSTRAINT coverage_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);

CREATE TABLE runs (
    id UUID NOT NULL,
    member_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    types TEXT[] NOT NULL,
    options JSONB DEFAULT '{}' NOT NULL,
    attempt INTEGER DEFAULT 0 NOT NULL,
    state TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    progress JSONB DEFAULT '{}' NOT NULL,
    outcome JSONB,
    error JSONB,
    CONSTRAINT runs_pkey PRIMARY KEY (id),
    CONSTRAINT runs_state_check CHECK (state IN ('queued', 'running', 'succeeded', 'partial', 'failed')),
    CONSTRAINT runs_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX runs_member_id_created_at_idx ON runs (member_id, created_at);
CREATE INDEX runs_open_idx ON runs (member_id, kind) WHERE state IN ('queued', 'running');

CREATE TABLE rejects (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    member_id BIGINT NOT NULL,
    type TEXT NOT NULL,
    digest BYTEA NOT NULL,
    raw JSON NOT NULL,
    error TEXT NOT NULL,
    version TEXT NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT rejects_pkey PRIMARY KEY (id),
    CONSTRAINT rejects_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX rejects_digest_idx ON rejects (member_id, type, digest);

CREATE TABLE deliveries (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    source TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    type TEXT NOT NULL,
    record_id TEXT NOT NULL,
    whoop_user_id BIGINT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    state TEXT NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    CONSTRAINT deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT deliveries_state_check CHECK (state IN ('waiting', 'settled', 'unknown', 'parked')),
    CONSTRAINT deliveries_trace_id_key UNIQUE (trace_id)
);
CREATE INDEX deliveries_state_received_at_idx ON deliveries (state, received_at);
CREATE INDEX deliveries_waiting_idx ON deliveries (next_try_at) WHERE state = 'waiting';
CREATE INDEX deliveries_whoop_user_id_received_at_idx ON deliveries (whoop_user_id, received_at);

CREATE TABLE export_rows (
    member_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    digest BYTEA NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    raw JSONB NOT NULL,
    imported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT export_rows_pkey PRIMARY KEY (member_id, kind, digest),
    CONSTRAINT export_rows_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);

CREATE TABLE journal_entries (
    member_id BIGINT NOT NULL,
    cycle_start TIMESTAMP WITH TIME ZONE NOT NULL,
    question TEXT NOT NULL,
    timezone_offset TEXT NOT NULL,
    answered_yes BOOLEAN NOT NULL,
    notes TEXT,
    raw JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    day DATE,
    CONSTRAINT journal_entries_pkey PRIMARY KEY (member_id, cycle_start, question),
    CONSTRAINT journal_entries_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX journal_entries_member_id_day_idx ON journal_entries (member_id, day);

CREATE TABLE days (
    member_id BIGINT NOT NULL,
    day DATE NOT NULL,
    document JSON NOT NULL,
    CONSTRAINT days_pkey PRIMARY KEY (member_id, day),
    CONSTRAINT days_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);

CREATE TABLE day_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    member_id BIGINT NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE,
    to_at TIMESTAMP WITH TIME ZONE,
    day DATE,
    CONSTRAINT day_changes_pkey PRIMARY KEY (id),
    CONSTRAINT day_changes_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE INDEX day_changes_member_id_idx ON day_changes (member_id);

CREATE TABLE budget (
    app TEXT NOT NULL,
    paused_until TIMESTAMP WITH TIME ZONE,
    per_minute INTEGER,
    per_day INTEGER,
    limits_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT budget_pkey PRIMARY KEY (app)
);

CREATE TABLE budget_usage (
    app TEXT NOT NULL,
    bucket TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    lane TEXT NOT NULL,
    taken INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    CONSTRAINT budget_usage_pkey PRIMARY KEY (app, bucket, at, lane),
    CONSTRAINT budget_usage_bucket_check CHECK (bucket IN ('second', 'minute'))
);

CREATE TABLE budget_turns (
    app TEXT NOT NULL,
    lane TEXT NOT NULL,
    member_id BIGINT NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT budget_turns_pkey PRIMARY KEY (app, lane, member_id)
);

CREATE TABLE budget_waits (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    app TEXT NOT NULL,
    lane TEXT NOT NULL,
    member_id BIGINT NOT NULL,
    waits_until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT budget_waits_pkey PRIMARY KEY (id)
);

CREATE TABLE notices (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    member_id BIGINT,
    type TEXT,
    message TEXT NOT NULL,
    remedy TEXT,
    raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
    over_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT notices_pkey PRIMARY KEY (id),
    CONSTRAINT notices_member_id_fkey FOREIGN KEY(member_id) REFERENCES members (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX notices_kind_member_id_type_idx ON notices (kind, member_id, type) NULLS NOT DISTINCT WHERE over_at IS NULL;

CREATE TABLE backups (
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    rows BIGINT NOT NULL,
    size BIGINT NOT NULL,
    CONSTRAINT backups_pkey PRIMARY KEY (made_at)
);

CREATE TABLE notice_sendings (
    notice_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE,
    sent_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    CONSTRAINT notice_sendings_pkey PRIMARY KEY (notice_id, channel),
    CONSTRAINT notice_sendings_notice_id_fkey FOREIGN KEY(notice_id) REFERENCES notices (id) ON DELETE CASCADE
);
