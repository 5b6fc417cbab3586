-- Who sees whom in the schema `reporting`. It is the role that has signed in that counts (session_user): no SET ROLE and no
-- function of another's changes it.

-- A login role and the member whose rows it sees; without a member it sees everybody's.
CREATE TABLE report_grants (
    role TEXT NOT NULL,
    user_id TEXT,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT report_grants_pkey PRIMARY KEY (role),
    CONSTRAINT report_grants_user_id_fkey FOREIGN KEY (user_id) REFERENCES members (user_id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX report_grants_user_id_idx ON report_grants (user_id);

-- From whom may read the tables themselves the views have nothing to hide. The body is bound when it is made: it is never
-- looked for in a schema of the caller's.
CREATE FUNCTION reporting.sees_everybody() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER RETURN
    has_table_privilege(session_user, 'members'::regclass, 'SELECT')
    OR EXISTS (SELECT FROM report_grants g WHERE g.role = session_user::text AND g.user_id IS NULL);

-- The members that are seen. Every other view of a member's rows is made from this one, and each is a barrier: no condition
-- of the asker's that could tell of a row is tried on rows that are not theirs. The first half is asked once a statement.
CREATE VIEW reporting.members WITH (security_barrier) AS
    SELECT m.id AS member_id, m.user_id FROM members m
    WHERE (SELECT reporting.sees_everybody())
       OR EXISTS (SELECT FROM report_grants g WHERE g.role = session_user::text AND g.user_id = m.user_id);

CREATE FUNCTION reporting.may_see(user_id text) RETURNS boolean
LANGUAGE sql STABLE RETURN
    reporting.sees_everybody() OR EXISTS (SELECT FROM reporting.members m WHERE m.user_id = may_see.user_id);

-- Workouts, newest readings only.
CREATE VIEW reporting.workouts WITH (security_barrier) AS
    SELECT m.user_id, w.member_id, w.id, w.day, w.start AS start_at, w."end" AS end_at, w.timezone_offset, w.sport_name AS sport,
           w.sport_id, w.score_state AS state, w.source, extract(epoch FROM w."end" - w.start)::float8 AS duration_s, w.strain,
           w.kilojoule AS energy_kj, w.average_heart_rate::float8 AS average_heart_rate_bpm,
           w.max_heart_rate::float8 AS max_heart_rate_bpm, w.percent_recorded AS recorded_pct, w.distance_meter AS distance_m,
           w.altitude_gain_meter AS altitude_gain_m, w.altitude_change_meter AS altitude_change_m,
           w.zone_zero_milli / 1000.0::float8 AS zone_0_s, w.zone_one_milli / 1000.0::float8 AS zone_1_s,
           w.zone_two_milli / 1000.0::float8 AS zone_2_s, w.zone_three_milli / 1000.0::float8 AS zone_3_s,
           w.zone_four_milli / 1000.0::float8 AS zone_4_s, w.zone_five_milli / 1000.0::float8 AS zone_5_s
    FROM reporting.members m JOIN workouts w ON w.member_id = m.member_id
    WHERE w.deleted_at IS NULL;

-- Nights and naps as they were recorded; the figures of a day's night are in reporting.days.
CREATE VIEW reporting.sleeps WITH (security_barrier) AS
    SELECT m.user_id, s.member_id, s.id, s.day, s.start AS start_at, s."end" AS end_at, s.timezone_offset, s.nap,
           s.score_state AS state, s.source, s.total_in_bed_time_milli / 1000.0::float8 AS in_bed_s,
           s.total_light_sleep_time_milli / 1000.0::float8 AS light_sleep_s,
           s.total_slow_wave_sleep_time_milli / 1000.0::float8 AS deep_sleep_s,
           s.total_rem_sleep_time_milli / 1000.0::float8 AS rem_sleep_s, s.total_awake_time_milli / 1000.0::float8 AS awake_s,
           s.sleep_performance_percentage AS sleep_performance_pct
    FROM reporting.members m JOIN sleeps s ON s.member_id = m.member_id
    WHERE s.deleted_at IS NULL;

-- Answers of the journal, without the notes.
CREATE VIEW reporting.journal WITH (security_barrier) AS
    SELECT m.user_id, j.member_id, j.day, j.question, j.answered_yes, j.cycle_start
    FROM reporting.members m JOIN journal_entries j ON j.member_id = m.member_id;

-- How far the copy of a member's data has come: the trust that the figures deserve. An error of a type is in its words.
CREATE VIEW reporting.freshness WITH (security_barrier) AS
    SELECT m.user_id, s.member_id, coalesce(k.state, 'not_connected') AS connection, p.as_of, p.paused_at, s.type, s.last_sync_at,
           s.last_success_at, s.due_at, s.history_done_at IS NOT NULL AS history_complete, s.floor_at AS history_from, s.pending,
           s.failures, s.error ->> 'kind' AS error, s.error ->> 'message' AS error_message
    FROM reporting.members m JOIN members p ON p.id = m.member_id
    LEFT JOIN connections k ON k.member_id = m.member_id
    JOIN sync_states s ON s.member_id = m.member_id;
