-- The day: which date a record belongs to, and the document of a date.
--
-- A writer notes the stretches of time it changed (day_changes) in its own transaction. settle_days() consumes the notes
-- of one member under that member's row lock, labels every record they touch and rebuilds the documents of every date that
-- gained or lost a record. Whoever finds a note waiting settles first, so a reader never gets an old document.

CREATE FUNCTION offset_interval(code text) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN code = 'Z' THEN interval '0' ELSE substr(code, 2)::interval * CASE WHEN left(code, 1) = '-' THEN -1 ELSE 1 END END;

CREATE FUNCTION local_date(instant timestamptz, code text) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ((instant AT TIME ZONE 'UTC') + offset_interval(code))::date;

-- An instant as WHOOP writes it: UTC, milliseconds, Z; the same in every session's time zone.
CREATE FUNCTION iso(instant timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE RETURN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

CREATE FUNCTION hours_minutes(milliseconds bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    (round(milliseconds / 60000.0)::bigint / 60)::text || 'h ' || (round(milliseconds / 60000.0)::bigint % 60)::text || 'm';

-- The live cycle that covers an instant; of several the one that began last.
CREATE FUNCTION covering_cycle(member bigint, instant timestamptz) RETURNS bigint
LANGUAGE sql STABLE RETURN (
    SELECT c.id FROM cycles c
    WHERE c.member_id = member AND c.deleted_at IS NULL AND c.start <= instant AND (c."end" IS NULL OR c."end" > instant)
    ORDER BY c.start DESC, c.id DESC LIMIT 1);

-- The date of the live cycle that covers an instant; of several the one that began last.
CREATE FUNCTION covering_day(member bigint, instant timestamptz) RETURNS date
LANGUAGE sql STABLE RETURN (
    SELECT c.day FROM cycles c
    WHERE c.member_id = member AND c.deleted_at IS NULL AND c.start <= instant AND (c."end" IS NULL OR c."end" > instant)
    ORDER BY c.start DESC, c.id DESC LIMIT 1);

-- The main sleep of a cycle: the longest that is no nap.
CREATE FUNCTION main_sleep(member bigint, cycle bigint) RETURNS uuid
LANGUAGE sql STABLE RETURN (
    SELECT s.id FROM sleeps s
    WHERE s.member_id = member AND s.cycle_id = cycle AND NOT s.nap AND s.deleted_at IS NULL
    ORDER BY s."end" - s.start DESC, s.start, s.id LIMIT 1);

-- An export tells the need as one sum in minutes, as text; what is no number is no need.
CREATE FUNCTION exported_need_ms(raw jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    round(substring(raw -> 'export' ->> 'sleep_need_min' FROM '[0-9]+(?:[.][0-9]+)?')::numeric * 60000)::bigint;

CREATE FUNCTION sleep_json(s sleeps) RETURNS json
LANGUAGE sql STABLE RETURN CASE WHEN s.id IS NULL THEN NULL ELSE json_build_object(
    'id', s.id, 'cycle_id', s.cycle_id, 'state', s.score_state, 'source', s.source,
    'start_at', iso(s.start), 'end_at', iso(s."end"), 'timezone_offset', s.timezone_offset, 'nap', s.nap,
    'duration', hours_minutes(s.total_light_sleep_time_milli + s.total_slow_wave_sleep_time_milli + s.total_rem_sleep_time_milli),
    'asleep_ms', s.total_light_sleep_time_milli + s.total_slow_wave_sleep_time_milli + s.total_rem_sleep_time_milli,
    'in_bed_ms', s.total_in_bed_time_milli,
    'performance', s.sleep_performance_percentage,
    'efficiency_pct', s.sleep_efficiency_percentage,
    'consistency_pct', s.sleep_consistency_percentage,
    'respiratory_rate_rpm', s.respiratory_rate,
    'sleep_cycles', s.sleep_cycle_count, 'disturbances', s.disturbance_count,
    'stages', CASE WHEN s.total_light_sleep_time_milli IS NULL THEN NULL ELSE json_build_object(
        'light_ms', s.total_light_sleep_time_milli, 'deep_ms', s.total_slow_wave_sleep_time_milli,
        'rem_ms', s.total_rem_sleep_time_milli, 'awake_ms', s.total_awake_time_milli, 'no_data_ms', s.total_no_data_time_milli) END,
    'need', CASE WHEN s.baseline_milli IS NULL AND s.need_from_sleep_debt_milli IS NULL AND exported_need_ms(s.raw) IS NULL
        THEN NULL ELSE json_build_object(
        'total_ms', coalesce(
            s.baseline_milli + s.need_from_sleep_debt_milli + s.need_from_recent_strain_milli + s.need_from_recent_nap_milli,
            exported_need_ms(s.raw)),
        'baseline_ms', s.baseline_milli, 'debt_ms', s.need_from_sleep_debt_milli,
        'strain_ms', s.need_from_recent_strain_milli, 'nap_ms', s.need_from_recent_nap_milli) END,
    'updated_at', iso(s.updated_at)) END;

CREATE FUNCTION recovery_json(r recoveries) RETURNS json
LANGUAGE sql STABLE RETURN CASE WHEN r.cycle_id IS NULL THEN NULL ELSE json_build_object(
    'cycle_id', r.cycle_id, 'sleep_id', r.sleep_id, 'state', r.score_state, 'source', r.source,
    'score', r.recovery_score,
    -- of the score as it is shown: in whole numbers
    'band', CASE WHEN r.recovery_score >= 66.5 THEN 'green' WHEN r.recovery_score >= 33.5 THEN 'yellow' WHEN r.recovery_score >= 0 THEN 'red' END,
    'hrv', r.hrv_rmssd_milli, 'rhr', r.resting_heart_rate,
    'spo2_pct', r.spo2_percentage, 'skin_temp_celsius', r.skin_temp_celsius,
    'calibrating', r.user_calibrating, 'updated_at', iso(r.updated_at)) END;

CREATE FUNCTION cycle_json(c cycles) RETURNS json
LANGUAGE sql STABLE RETURN CASE WHEN c.id IS NULL THEN NULL ELSE json_build_object(
    'id', c.id, 'state', c.score_state, 'source', c.source,
    'start_at', iso(c.start), 'end_at', iso(c."end"), 'timezone_offset', c.timezone_offset, 'open', c."end" IS NULL,
    'strain', c.strain, 'kilojoule', c.kilojoule, 'calories', round((c.kilojoule / 4.184)::numeric)::bigint,
    'average_hr_bpm', c.average_heart_rate, 'max_hr_bpm', c.max_heart_rate, 'steps', c.step_count,
    'updated_at', iso(c.updated_at)) END;

CREATE FUNCTION workout_json(w workouts) RETURNS json
LANGUAGE sql STABLE RETURN json_build_object(
    'id', w.id, 'state', w.score_state, 'source', w.source, 'sport', w.sport_name, 'sport_id', w.sport_id,
    'start_at', iso(w.start), 'end_at', iso(w."end"), 'timezone_offset', w.timezone_offset,
    'duration_ms', (extract(epoch FROM w."end" - w.start) * 1000)::bigint,
    'strain', w.strain, 'kilojoule', w.kilojoule, 'calories', round((w.kilojoule / 4.184)::numeric)::bigint,
    'average_hr_bpm', w.average_heart_rate, 'max_hr_bpm', w.max_heart_rate, 'recorded_pct', w.percent_recorded,
    'distance_m', w.distance_meter, 'altitude_gain_m', w.altitude_gain_meter, 'altitude_change_m', w.altitude_change_meter,
    'zones_ms', CASE WHEN w.zone_one_milli IS NULL THEN NULL ELSE json_build_array(
        w.zone_zero_milli, w.zone_one_milli, w.zone_two_milli, w.zone_three_milli, w.zone_four_milli, w.zone_five_milli) END,
    'updated_at', iso(w.updated_at));

-- Why a part of a day that has other data is not there, or not there yet; NULL when it is complete.
CREATE FUNCTION gap(part text, state text, scope_granted boolean) RETURNS json
LANGUAGE sql IMMUTABLE RETURN CASE
    WHEN state = 'SCORED' THEN NULL
    WHEN state = 'PENDING_SCORE' THEN json_build_object('part', part, 'reason', 'pending_score',
        'remedy', 'WHOOP is still scoring it; it is asked again by itself until the score is there.')
    WHEN state = 'UNSCORABLE' THEN json_build_object('part', part, 'reason', 'unscorable',
        'remedy', 'WHOOP could not score it, usually because the strap was not worn or had too little data. Nothing to do.')
    WHEN NOT scope_granted THEN json_build_object('part', part, 'reason', 'scope_missing',
        'remedy', 'The member did not allow this kind of data. Connect WHOOP again and leave it ticked.')
    ELSE json_build_object('part', part, 'reason', 'not_recorded',
        'remedy', 'WHOOP had none at the last sync. If the strap was worn, open the WHOOP app so that it uploads, then refresh.')
END;

-- The stored part of the documents of some dates of a member, built from the rows alone. Dates without any record give no row.
CREATE FUNCTION day_bodies(member bigint, dates date[]) RETURNS TABLE (day date, document json)
LANGUAGE sql STABLE AS $$
    WITH ranked AS (
        SELECT c.day, c.id AS cycle_id, m.id AS sleep_id,
               row_number() OVER (PARTITION BY c.day ORDER BY m."end" - m.start DESC NULLS LAST, c.start DESC, c.id DESC) AS place
        FROM cycles c LEFT JOIN sleeps m ON m.member_id = c.member_id AND m.id = main_sleep(c.member_id, c.id)
        WHERE c.member_id = member AND c.day = ANY (dates) AND c.deleted_at IS NULL
    ), lone AS (
        -- a date that no cycle carries still shows its longest sleep
        SELECT DISTINCT ON (s.day) s.day, NULL::bigint AS cycle_id, s.id AS sleep_id, 1::bigint AS place
        FROM sleeps s
        WHERE s.member_id = member AND s.day = ANY (dates) AND s.deleted_at IS NULL AND NOT s.nap
          AND NOT EXISTS (SELECT FROM ranked r WHERE r.day = s.day)
        ORDER BY s.day, s."end" - s.start DESC, s.start, s.id
    ), parts AS (
        SELECT p.day, p.place, c.id IS NOT NULL AND c."end" IS NULL AS open,
               coalesce(c.timezone_offset, s.timezone_offset) AS timezone_offset,
               cycle_json(c) AS cycle, c.score_state AS cycle_state, sleep_json(s) AS sleep, s.score_state AS sleep_state,
               recovery_json(r) AS recovery, r.score_state AS recovery_state, s.id AS sleep_id
        FROM (SELECT * FROM ranked UNION ALL SELECT * FROM lone) p
        LEFT JOIN cycles c ON c.member_id = member AND c.id = p.cycle_id
        LEFT JOIN sleeps s ON s.member_id = member AND s.id = p.sleep_id
        LEFT JOIN LATERAL (
            SELECT x.* FROM recoveries x
            WHERE x.member_id = member AND x.deleted_at IS NULL
              AND (x.cycle_id = p.cycle_id OR (p.cycle_id IS NULL AND x.sleep_id = p.sleep_id))
            ORDER BY x.updated_at DESC LIMIT 1) r ON true
    ), other_sleeps AS (
        SELECT s.day, json_agg(sleep_json(s) ORDER BY s.start, s.id) FILTER (WHERE s.nap) AS naps,
               json_agg(sleep_json(s) ORDER BY s.start, s.id) FILTER (WHERE NOT s.nap) AS nights
        FROM sleeps s
        WHERE s.member_id = member AND s.day = ANY (dates) AND s.deleted_at IS NULL
          AND NOT EXISTS (SELECT FROM parts p WHERE p.sleep_id = s.id)
        GROUP BY s.day
    ), activity AS (
        SELECT w.day, json_agg(workout_json(w) ORDER BY w.start, w.id) AS workouts FROM workouts w
        WHERE w.member_id = member AND w.day = ANY (dates) AND w.deleted_at IS NULL GROUP BY w.day
    ), journal AS (
        SELECT j.day, json_agg(json_build_object('question', j.question, 'answered_yes', j.answered_yes, 'notes', j.notes)
                               ORDER BY j.cycle_start, j.question) AS entries FROM journal_entries j
        WHERE j.member_id = member AND j.day = ANY (dates) GROUP BY j.day
    ), others AS (
        SELECT p.day, json_agg(json_build_object('cycle', p.cycle, 'recovery', p.recovery, 'sleep', p.sleep) ORDER BY p.place) AS cycles
        FROM parts p WHERE p.place > 1 GROUP BY p.day
    ), granted AS (
        SELECT coalesce((SELECT k.scopes FROM connections k WHERE k.member_id = member AND k.state = 'connected'),
                        ARRAY['read:recovery', 'read:sleep', 'read:cycles']) AS scopes
    )
    SELECT d.day, json_build_object(
        'state', CASE WHEN l.open THEN 'open'
                      WHEN 'PENDING_SCORE' IN (l.cycle_state, l.sleep_state, l.recovery_state) THEN 'pending' ELSE 'complete' END,
        'timezone_offset', l.timezone_offset,
        'recovery', l.recovery, 'sleep', l.sleep, 'cycle', l.cycle,
        'naps', coalesce(o.naps, '[]'), 'other_sleeps', coalesce(o.nights, '[]'),
        'workouts', coalesce(a.workouts, '[]'), 'other_cycles', coalesce(x.cycles, '[]'), 'journal', coalesce(j.entries, '[]'),
        'missing', (SELECT coalesce(json_agg(g.gap) FILTER (WHERE g.gap IS NOT NULL), '[]') FROM (VALUES
            (gap('recovery', l.recovery_state, 'read:recovery' = ANY (granted.scopes))),
            (gap('sleep', l.sleep_state, 'read:sleep' = ANY (granted.scopes))),
            (gap('cycle', l.cycle_state, 'read:cycles' = ANY (granted.scopes)))) g (gap)))
    FROM granted CROSS JOIN (SELECT DISTINCT unnest(dates) AS day) d
    LEFT JOIN parts l ON l.day = d.day AND l.place = 1
    LEFT JOIN other_sleeps o ON o.day = d.day
    LEFT JOIN activity a ON a.day = d.day
    LEFT JOIN others x ON x.day = d.day
    LEFT JOIN journal j ON j.day = d.day
    WHERE l.day IS NOT NULL OR o.day IS NOT NULL OR a.day IS NOT NULL OR j.day IS NOT NULL
$$;

CREATE FUNCTION settle_days(member bigint) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    changed tstzmultirange;
    dates date[];
    cycle_ids bigint[];
    more date[];
BEGIN
    PERFORM FROM members WHERE id = member FOR NO KEY UPDATE;
    WITH gone AS (DELETE FROM day_changes n WHERE n.member_id = member RETURNING n.from_at, n.to_at, n.day)
    SELECT range_agg(tstzrange(from_at, to_at, '[]')) FILTER (WHERE from_at IS NOT NULL),
           array_agg(DISTINCT gone.day) FILTER (WHERE gone.day IS NOT NULL)
    INTO changed, dates FROM gone;
    IF changed IS NULL AND dates IS NULL THEN
        RETURN 0;
    END IF;
    changed := coalesce(changed, '{}'::tstzmultirange);
    dates := coalesce(dates, '{}');

    -- A cycle's label hangs on itself and on the sleeps that name it; what lies inside a cycle hangs on the cycle.
    SELECT coalesce(array_agg(c.id), '{}'),
           changed + coalesce(range_agg(tstzrange(c.start, coalesce(c."end", 'infinity'), '[]')), '{}'::tstzmultirange)
    INTO cycle_ids, changed
    FROM cycles c
    WHERE c.member_id = member AND (
        tstzrange(c.start, coalesce(c."end", 'infinity'), '[]') && changed
        OR c.id IN (SELECT s.cycle_id FROM sleeps s WHERE s.member_id = member AND tstzrange(s.start, s."end", '[]') && changed));

    WITH label AS (
        SELECT c.id, c.day AS old, CASE WHEN c.deleted_at IS NULL THEN coalesce(
            local_date(s."end", s.timezone_offset), local_date(c.start + interval '12 hours', c.timezone_offset)) END AS new
        FROM cycles c LEFT JOIN sleeps s ON s.member_id = member AND s.id = main_sleep(member, c.id)
        WHERE c.member_id = member AND c.id = ANY (cycle_ids)
    ), moved AS (
        UPDATE cycles c SET day = label.new FROM label
        WHERE c.member_id = member AND c.id = label.id AND c.day IS DISTINCT FROM label.new
    )
    SELECT array_agg(old) || array_agg(new) INTO more FROM label;
    dates := dates || more;

    WITH label AS (
        SELECT s.id, s.day AS old, CASE WHEN s.deleted_at IS NULL THEN coalesce(
            c.day, covering_day(member, s.start), local_date(s."end", s.timezone_offset)) END AS new
        FROM sleeps s
        LEFT JOIN cycles c ON c.member_id = member AND c.id = s.cycle_id AND c.deleted_at IS NULL
        WHERE s.member_id = member AND (tstzrange(s.start, s."end", '[]') && changed OR s.cycle_id = ANY (cycle_ids))
    ), moved AS (
        UPDATE sleeps s SET day = label.new FROM label
        WHERE s.member_id = member AND s.id = label.id AND s.day IS DISTINCT FROM label.new
    )
    SELECT array_agg(old) || array_agg(new) INTO more FROM label;
    dates := dates || more;

    WITH label AS (
        SELECT w.id, w.day AS old, CASE WHEN w.deleted_at IS NULL THEN coalesce(
            covering_day(member, w.start), local_date(w.start, w.timezone_offset)) END AS new
        FROM workouts w
        WHERE w.member_id = member AND tstzrange(w.start, w."end", '[]') && changed
    ), moved AS (
        UPDATE workouts w SET day = label.new FROM label
        WHERE w.member_id = member AND w.id = label.id AND w.day IS DISTINCT FROM label.new
    )
    SELECT array_agg(old) || array_agg(new) INTO more FROM label;
    dates := dates || more;

    WITH label AS (
        SELECT r.cycle_id, r.day AS old, CASE WHEN r.deleted_at IS NULL THEN coalesce(c.day, s.day) END AS new
        FROM recoveries r
        LEFT JOIN cycles c ON c.member_id = member AND c.id = r.cycle_id AND c.deleted_at IS NULL
        LEFT JOIN sleeps s ON s.member_id = member AND s.id = r.sleep_id AND s.deleted_at IS NULL
        WHERE r.member_id = member AND (r.cycle_id = ANY (cycle_ids) OR r.sleep_id IN (
            SELECT x.id FROM sleeps x
            WHERE x.member_id = member AND (tstzrange(x.start, x."end", '[]') && changed OR x.cycle_id = ANY (cycle_ids))))
    ), moved AS (
        UPDATE recoveries r SET day = label.new FROM label
        WHERE r.member_id = member AND r.cycle_id = label.cycle_id AND r.day IS DISTINCT FROM label.new
    )
    SELECT array_agg(old) || array_agg(new) INTO more FROM label;
    dates := dates || more;

    WITH label AS (
        SELECT j.cycle_start, j.question, j.day AS old,
               coalesce(covering_day(member, j.cycle_start + interval '2 minutes'),
                        local_date(j.cycle_start + interval '12 hours', j.timezone_offset)) AS new
        FROM journal_entries j
        WHERE j.member_id = member AND (j.cycle_start + interval '2 minutes' <@ changed OR j.cycle_start <@ changed)
    ), moved AS (
        UPDATE journal_entries j SET day = label.new FROM label
        WHERE j.member_id = member AND j.cycle_start = label.cycle_start AND j.question = label.question
          AND j.day IS DISTINCT FROM label.new
    )
    SELECT array_agg(old) || array_agg(new) INTO more FROM label;
    SELECT coalesce(array_agg(DISTINCT d), '{}') INTO dates FROM unnest(dates || more) d WHERE d IS NOT NULL;

    WITH built AS (SELECT b.day, b.document FROM day_bodies(member, dates) b),
    gone AS (
        DELETE FROM days d WHERE d.member_id = member AND d.day = ANY (dates) AND d.day NOT IN (SELECT built.day FROM built)
        RETURNING d.day
    ), kept AS (
        INSERT INTO days AS d (member_id, day, document) SELECT member, built.day, built.document FROM built
        ON CONFLICT (member_id, day) DO UPDATE SET document = excluded.document
        WHERE d.document::text IS DISTINCT FROM excluded.document::text
        RETURNING d.day
    )
    SELECT array_agg(x.day) INTO more FROM (SELECT gone.day FROM gone UNION ALL SELECT kept.day FROM kept) x;
    PERFORM keep_day_values(member, more);
    RETURN cardinality(dates);
END
$$;

-- Why a whole date is empty.
CREATE FUNCTION empty_reason(state text, scope_granted boolean, history_done boolean, floor_at timestamptz, as_of timestamptz, day date)
RETURNS text LANGUAGE sql IMMUTABLE RETURN CASE
    WHEN state IS NULL OR state = 'not_connected' THEN 'not_connected'
    WHEN NOT scope_granted THEN 'scope_missing'
    WHEN state = 'needs_reconnect' AND (as_of IS NULL OR day >= (as_of AT TIME ZONE 'UTC')::date) THEN 'needs_reconnect'
    WHEN as_of IS NULL THEN 'history_arriving'
    WHEN NOT history_done AND (floor_at IS NULL OR day <= (floor_at AT TIME ZONE 'UTC')::date + 1) THEN 'history_arriving'
    ELSE 'no_data' END;

CREATE FUNCTION empty_remedy(reason text) RETURNS text
LANGUAGE sql IMMUTABLE RETURN CASE reason
    WHEN 'not_connected' THEN 'Connect WHOOP for this user, or import a WHOOP data export.'
    WHEN 'scope_missing' THEN 'The member did not allow this kind of data. Connect WHOOP again and leave it ticked.'
    WHEN 'needs_reconnect' THEN 'WHOOP no longer accepts this connection. Connect WHOOP again; what is stored stays.'
    WHEN 'history_arriving' THEN 'The history is still arriving, newest days first. Ask again in a moment.'
    ELSE 'WHOOP has nothing for this date.' END;

-- The parts of a date without any record, and for each why.
CREATE FUNCTION empty_body(member bigint, state text, scopes text[], as_of timestamptz, day date) RETURNS text
LANGUAGE sql STABLE RETURN (
    SELECT '"state":"empty","timezone_offset":null,"recovery":null,"sleep":null,"cycle":null,"naps":[],"other_sleeps":[],'
        || '"workouts":[],"other_cycles":[],"journal":[],"missing":'
        || json_agg(json_build_object('part', e.part, 'reason', e.reason, 'remedy', empty_remedy(e.reason)) ORDER BY e.place) || '}'
    FROM (
        SELECT p.place, p.part, empty_reason(state, p.scope = ANY (scopes), s.history_done_at IS NOT NULL, s.floor_at, as_of, day) AS reason
        FROM (VALUES (1, 'recovery', 'read:recovery'), (2, 'sleep', 'read:sleep'), (3, 'cycle', 'read:cycles')) p (place, part, scope)
        LEFT JOIN sync_states s ON s.member_id = member AND s.type = p.part) e);

-- A document ready to send, from its stored part (NULL: none). Free of subqueries, so that it costs no call.
CREATE FUNCTION whole_document(p_user_id text, day date, member bigint, as_of timestamptz, state text, scopes text[], stored json)
RETURNS text LANGUAGE sql STABLE RETURN
    '{"user_id":' || to_json(p_user_id) || ',"date":"' || to_char(day, 'YYYY-MM-DD') || '","as_of":' || coalesce('"' || iso(as_of) || '"', 'null')
    || ',"connection":"' || coalesce(state, 'not_connected') || '",'
    || coalesce(substr(stored::text, 2), empty_body(member, state, scopes, as_of, day));

-- The document of a date, and whether a change waits that it does not show yet. An unknown user has one too.
CREATE FUNCTION day_document(p_user_id text, p_day date) RETURNS TABLE (document text, unsettled boolean)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT whole_document(p_user_id, p_day, m.id, m.as_of, k.state, k.scopes, d.document),
           EXISTS (SELECT FROM day_changes c WHERE c.member_id = m.id)
    FROM (SELECT) one
    LEFT JOIN members m ON m.user_id = p_user_id
    LEFT JOIN connections k ON k.member_id = m.id
    LEFT JOIN days d ON d.member_id = m.id AND d.day = p_day
$$;

-- The same for every date of a range, in order.
CREATE FUNCTION day_documents(p_user_id text, p_from date, p_to date) RETURNS TABLE (document text, unsettled boolean)
LANGUAGE sql STABLE AS $$
    SELECT one.document, one.unsettled
    FROM generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') g (day)
    CROSS JOIN LATERAL day_document(p_user_id, g.day::date) one
    ORDER BY g.day
$$;

CREATE SCHEMA reporting;

-- The day document of a user, as the API serves it; NULL for whom the caller may not see.
CREATE FUNCTION reporting.daily_summary(user_id text, day date) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    member bigint := (SELECT m.id FROM members m WHERE m.user_id = daily_summary.user_id);
BEGIN
    IF NOT reporting.may_see(daily_summary.user_id) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM day_changes c WHERE c.member_id = member) AND current_setting('transaction_read_only') = 'off' THEN
        PERFORM settle_days(member);
    END IF;
    RETURN (SELECT d.document::jsonb FROM day_document(daily_summary.user_id, daily_summary.day) d);
END
$$;

-- It writes with its owner's rights: what it calls is never looked for in a schema of the caller's.
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION reporting.daily_summary(text, date) SET search_path = %I, pg_temp', current_schema());
END
$$;
