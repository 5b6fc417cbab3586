-- The figures of a day, one row a date: what the day document says, as columns, for whoever computes.
--
-- settle_days() keeps them beside the documents and from the documents, so that the two never differ.

CREATE TABLE day_values (
    member_id BIGINT NOT NULL,
    day DATE NOT NULL,
    state TEXT NOT NULL,
    timezone_offset TEXT,
    recovery_state TEXT,
    sleep_state TEXT,
    cycle_state TEXT,
    source TEXT,
    calibrating BOOLEAN NOT NULL,
    open BOOLEAN NOT NULL,
    sleep_start_at TIMESTAMP WITH TIME ZONE,
    sleep_end_at TIMESTAMP WITH TIME ZONE,
    recovery_score DOUBLE PRECISION,
    hrv_rmssd_ms DOUBLE PRECISION,
    resting_heart_rate_bpm DOUBLE PRECISION,
    respiratory_rate_rpm DOUBLE PRECISION,
    spo2_pct DOUBLE PRECISION,
    skin_temp_celsius DOUBLE PRECISION,
    sleep_performance_pct DOUBLE PRECISION,
    sleep_duration_s DOUBLE PRECISION,
    in_bed_s DOUBLE PRECISION,
    light_sleep_s DOUBLE PRECISION,
    deep_sleep_s DOUBLE PRECISION,
    rem_sleep_s DOUBLE PRECISION,
    awake_s DOUBLE PRECISION,
    sleep_efficiency_pct DOUBLE PRECISION,
    sleep_consistency_pct DOUBLE PRECISION,
    disturbances DOUBLE PRECISION,
    sleep_cycles DOUBLE PRECISION,
    nap_s DOUBLE PRECISION,
    sleep_need_s DOUBLE PRECISION,
    need_baseline_s DOUBLE PRECISION,
    need_debt_s DOUBLE PRECISION,
    need_strain_s DOUBLE PRECISION,
    need_nap_s DOUBLE PRECISION,
    bed_time_min DOUBLE PRECISION,
    wake_time_min DOUBLE PRECISION,
    strain DOUBLE PRECISION,
    energy_kj DOUBLE PRECISION,
    average_heart_rate_bpm DOUBLE PRECISION,
    max_heart_rate_bpm DOUBLE PRECISION,
    steps DOUBLE PRECISION,
    workouts DOUBLE PRECISION,
    workout_s DOUBLE PRECISION,
    zone_0_s DOUBLE PRECISION,
    zone_1_s DOUBLE PRECISION,
    zone_2_s DOUBLE PRECISION,
    zone_3_s DOUBLE PRECISION,
    zone_4_s DOUBLE PRECISION,
    zone_5_s DOUBLE PRECISION,
    sleep_deficit_s DOUBLE PRECISION GENERATED ALWAYS AS (
        CASE WHEN need_baseline_s < sleep_duration_s + nap_s THEN 0 ELSE need_baseline_s - sleep_duration_s - nap_s END) STORED,
    zone_load DOUBLE PRECISION GENERATED ALWAYS AS (
        (zone_1_s + 2 * zone_2_s + 3 * zone_3_s + 4 * zone_4_s + 5 * zone_5_s) / 60) STORED,
    CONSTRAINT day_values_pkey PRIMARY KEY (member_id, day),
    CONSTRAINT day_values_member_id_fkey FOREIGN KEY (member_id) REFERENCES members (id) ON DELETE CASCADE
);

-- What the clock on the wall showed, in minutes after midnight (0 <= m < 1440).
CREATE FUNCTION clock_min(instant timestamptz, code text) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    extract(epoch FROM ((instant AT TIME ZONE 'UTC') + offset_interval(code))::time)::float8 / 60;

-- Has the values of some dates of a member be those of their documents.
CREATE FUNCTION keep_day_values(member bigint, dates date[]) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM day_values v
    WHERE v.member_id = member AND v.day = ANY (dates)
      AND NOT EXISTS (SELECT FROM days d WHERE d.member_id = member AND d.day = v.day);
    INSERT INTO day_values (
        member_id, day, state, timezone_offset, recovery_state, sleep_state, cycle_state, source, calibrating, open,
        sleep_start_at, sleep_end_at, recovery_score, hrv_rmssd_ms, resting_heart_rate_bpm, respiratory_rate_rpm,
        spo2_pct, skin_temp_celsius, sleep_performance_pct, sleep_duration_s, in_bed_s, light_sleep_s, deep_sleep_s,
        rem_sleep_s, awake_s, sleep_efficiency_pct, sleep_consistency_pct, disturbances, sleep_cycles, nap_s,
        sleep_need_s, need_baseline_s, need_debt_s, need_strain_s, need_nap_s, bed_time_min, wake_time_min, strain,
        energy_kj, average_heart_rate_bpm, max_heart_rate_bpm, steps, workouts, workout_s, zone_0_s, zone_1_s,
        zone_2_s, zone_3_s, zone_4_s, zone_5_s)
    SELECT
        member, d.day, doc.state, doc.timezone_offset, r ->> 'state', s ->> 'state', c ->> 'state',
        coalesce(c ->> 'source', s ->> 'source'), coalesce((r ->> 'calibrating')::boolean, false),
        coalesce((c ->> 'open')::boolean, false), (s ->> 'start_at')::timestamptz, (s ->> 'end_at')::timestamptz,
        (r ->> 'score')::float8, (r ->> 'hrv')::float8, (r ->> 'rhr')::float8,
        (s ->> 'respiratory_rate_rpm')::float8, (r ->> 'spo2_pct')::float8, (r ->> 'skin_temp_celsius')::float8,
        (s ->> 'performance')::float8, (s ->> 'asleep_ms')::float8 / 1000, (s ->> 'in_bed_ms')::float8 / 1000,
        (s #>> '{stages,light_ms}')::float8 / 1000, (s #>> '{stages,deep_ms}')::float8 / 1000,
        (s #>> '{stages,rem_ms}')::float8 / 1000, (s #>> '{stages,awake_ms}')::float8 / 1000,
        (s ->> 'efficiency_pct')::float8, (s ->> 'consistency_pct')::float8, (s ->> 'disturbances')::float8,
        (s ->> 'sleep_cycles')::float8, n.nap_s, (s #>> '{need,total_ms}')::float8 / 1000,
        (s #>> '{need,baseline_ms}')::float8 / 1000, (s #>> '{need,debt_ms}')::float8 / 1000,
        (s #>> '{need,strain_ms}')::float8 / 1000, (s #>> '{need,nap_ms}')::float8 / 1000,
        clock_min((s ->> 'start_at')::timestamptz + interval '12 hours', s ->> 'timezone_offset') - 720,
        clock_min((s ->> 'end_at')::timestamptz, s ->> 'timezone_offset'), (c ->> 'strain')::float8,
        (c ->> 'kilojoule')::float8, (c ->> 'average_hr_bpm')::float8, (c ->> 'max_hr_bpm')::float8,
        (c ->> 'steps')::float8, w.workouts, w.workout_s, w.zone_0_s, w.zone_1_s, w.zone_2_s, w.zone_3_s,
        w.zone_4_s, w.zone_5_s
    FROM days d
    -- read once: every look into text that is JSON reads it from the beginning
    CROSS JOIN LATERAL json_to_record(d.document) doc (
        state text, timezone_offset text, recovery jsonb, sleep jsonb, cycle jsonb, naps jsonb, workouts jsonb)
    CROSS JOIN LATERAL (SELECT doc.recovery AS r, doc.sleep AS s, doc.cycle AS c) part
    -- none on a day without a cycle is unknown, and not zero
    CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(c) WHEN 'object' THEN 0.0 END AS none) worn
    CROSS JOIN LATERAL (
        SELECT CASE count(*) WHEN 0 THEN worn.none ELSE sum((nap ->> 'asleep_ms')::float8) / 1000 END AS nap_s
        FROM jsonb_array_elements(doc.naps) nap) n
    CROSS JOIN LATERAL (
        SELECT coalesce(nullif(count(*), 0), worn.none) AS workouts,
               CASE count(*) WHEN 0 THEN worn.none ELSE sum((x ->> 'duration_ms')::float8) / 1000 END AS workout_s,
               CASE count(*) WHEN 0 THEN worn.none ELSE sum((x #>> '{zones_ms,0}')::float8) / 1000 END AS zone_0_s,
               CASE count(*) WHEN 0 THEN worn.none ELSE sum((x #>> '{zones_ms,1}')::float8) / 1000 END AS zone_1_s,
               CASE count(*) WHEN 0 THEN worn.none ELSE sum((x #>> '{zones_ms,2}')::float8) / 1000 END AS zone_2_s,
               CASE count(*) WHEN 0 THEN worn.none ELSE sum((x #>> '{zones_ms,3}')::float8) / 1000 END AS zone_3_s,
               CASE count(*) WHEN 0 THEN worn.none ELSE sum((x #>> '{zones_ms,4}')::float8) / 1000 END AS zone_4_s,
               CASE count(*) WHEN 0 THEN worn.none ELSE sum((x #>> '{zones_ms,5}')::float8) / 1000 END AS zone_5_s
        FROM jsonb_array_elements(doc.workouts) x) w
    WHERE d.member_id = member AND d.day = ANY (dates)
    ON CONFLICT (member_id, day) DO UPDATE SET
        state = excluded.state, timezone_offset = excluded.timezone_offset,
        recovery_state = excluded.recovery_state, sleep_state = excluded.sleep_state,
        cycle_state = excluded.cycle_state, source = excluded.source, calibrating = excluded.calibrating,
        open = excluded.open, sleep_start_at = excluded.sleep_start_at, sleep_end_at = excluded.sleep_end_at,
        recovery_score = excluded.recovery_score, hrv_rmssd_ms = excluded.hrv_rmssd_ms,
        resting_heart_rate_bpm = excluded.resting_heart_rate_bpm,
        respiratory_rate_rpm = excluded.respiratory_rate_rpm, spo2_pct = excluded.spo2_pct,
        skin_temp_celsius = excluded.skin_temp_celsius, sleep_performance_pct = excluded.sleep_performance_pct,
        sleep_duration_s = excluded.sleep_duration_s, in_bed_s = excluded.in_bed_s,
        light_sleep_s = excluded.light_sleep_s, deep_sleep_s = excluded.deep_sleep_s,
        rem_sleep_s = excluded.rem_sleep_s, awake_s = excluded.awake_s,
        sleep_efficiency_pct = excluded.sleep_efficiency_pct,
        sleep_consistency_pct = excluded.sleep_consistency_pct, disturbances = excluded.disturbances,
        sleep_cycles = excluded.sleep_cycles, nap_s = excluded.nap_s, sleep_need_s = excluded.sleep_need_s,
        need_baseline_s = excluded.need_baseline_s, need_debt_s = excluded.need_debt_s,
        need_strain_s = excluded.need_strain_s, need_nap_s = excluded.need_nap_s,
        bed_time_min = excluded.bed_time_min, wake_time_min = excluded.wake_time_min, strain = excluded.strain,
        energy_kj = excluded.energy_kj, average_heart_rate_bpm = excluded.average_heart_rate_bpm,
        max_heart_rate_bpm = excluded.max_heart_rate_bpm, steps = excluded.steps, workouts = excluded.workouts,
        workout_s = excluded.workout_s, zone_0_s = excluded.zone_0_s, zone_1_s = excluded.zone_1_s,
        zone_2_s = excluded.zone_2_s, zone_3_s = excluded.zone_3_s, zone_4_s = excluded.zone_4_s,
        zone_5_s = excluded.zone_5_s
$$;

-- The values of every date that has any, by user. Nothing but columns: a formula here would keep the functions below, which
-- take a row of it, from being folded into the statements that call them.
CREATE VIEW reporting.days WITH (security_barrier) AS
    SELECT m.user_id, v.* FROM reporting.members m JOIN day_values v ON v.member_id = m.member_id;

-- A figure of a day by its name, as it is shown: also of a day that is calibrating or not over.
CREATE FUNCTION reporting.shown(d reporting.days, metric text) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE metric
    WHEN 'recovery_score' THEN d.recovery_score
    WHEN 'hrv_rmssd_ms' THEN d.hrv_rmssd_ms
    WHEN 'resting_heart_rate_bpm' THEN d.resting_heart_rate_bpm
    WHEN 'respiratory_rate_rpm' THEN d.respiratory_rate_rpm
    WHEN 'spo2_pct' THEN d.spo2_pct
    WHEN 'skin_temp_celsius' THEN d.skin_temp_celsius
    WHEN 'sleep_performance_pct' THEN d.sleep_performance_pct
    WHEN 'sleep_duration_s' THEN d.sleep_duration_s
    WHEN 'in_bed_s' THEN d.in_bed_s
    WHEN 'light_sleep_s' THEN d.light_sleep_s
    WHEN 'deep_sleep_s' THEN d.deep_sleep_s
    WHEN 'rem_sleep_s' THEN d.rem_sleep_s
    WHEN 'awake_s' THEN d.awake_s
    WHEN 'sleep_efficiency_pct' THEN d.sleep_efficiency_pct
    WHEN 'sleep_consistency_pct' THEN d.sleep_consistency_pct
    WHEN 'disturbances' THEN d.disturbances
    WHEN 'sleep_cycles' THEN d.sleep_cycles
    WHEN 'nap_s' THEN d.nap_s
    WHEN 'sleep_need_s' THEN d.sleep_need_s
    WHEN 'need_baseline_s' THEN d.need_baseline_s
    WHEN 'need_debt_s' THEN d.need_debt_s
    WHEN 'need_strain_s' THEN d.need_strain_s
    WHEN 'need_nap_s' THEN d.need_nap_s
    WHEN 'sleep_deficit_s' THEN d.sleep_deficit_s
    WHEN 'bed_time_min' THEN d.bed_time_min
    WHEN 'wake_time_min' THEN d.wake_time_min
    WHEN 'strain' THEN d.strain
    WHEN 'energy_kj' THEN d.energy_kj
    WHEN 'average_heart_rate_bpm' THEN d.average_heart_rate_bpm
    WHEN 'max_heart_rate_bpm' THEN d.max_heart_rate_bpm
    WHEN 'steps' THEN d.steps
    WHEN 'workouts' THEN d.workouts
    WHEN 'workout_s' THEN d.workout_s
    WHEN 'zone_0_s' THEN d.zone_0_s
    WHEN 'zone_1_s' THEN d.zone_1_s
    WHEN 'zone_2_s' THEN d.zone_2_s
    WHEN 'zone_3_s' THEN d.zone_3_s
    WHEN 'zone_4_s' THEN d.zone_4_s
    WHEN 'zone_5_s' THEN d.zone_5_s
    WHEN 'zone_load' THEN d.zone_load
END;

-- The same as it counts: NULL while WHOOP calibrates (recovery) and until the cycle is over (strain, workouts).
CREATE FUNCTION reporting.settled(d reporting.days, metric text) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE metric
    WHEN 'recovery_score' THEN CASE WHEN NOT d.calibrating THEN d.recovery_score END
    WHEN 'hrv_rmssd_ms' THEN CASE WHEN NOT d.calibrating THEN d.hrv_rmssd_ms END
    WHEN 'resting_heart_rate_bpm' THEN CASE WHEN NOT d.calibrating THEN d.resting_heart_rate_bpm END
    WHEN 'respiratory_rate_rpm' THEN d.respiratory_rate_rpm
    WHEN 'spo2_pct' THEN CASE WHEN NOT d.calibrating THEN d.spo2_pct END
    WHEN 'skin_temp_celsius' THEN CASE WHEN NOT d.calibrating THEN d.skin_temp_celsius END
    WHEN 'sleep_performance_pct' THEN d.sleep_performance_pct
    WHEN 'sleep_duration_s' THEN d.sleep_duration_s
    WHEN 'in_bed_s' THEN d.in_bed_s
    WHEN 'light_sleep_s' THEN d.light_sleep_s
    WHEN 'deep_sleep_s' THEN d.deep_sleep_s
    WHEN 'rem_sleep_s' THEN d.rem_sleep_s
    WHEN 'awake_s' THEN d.awake_s
    WHEN 'sleep_efficiency_pct' THEN d.sleep_efficiency_pct
    WHEN 'sleep_consistency_pct' THEN d.sleep_consistency_pct
    WHEN 'disturbances' THEN d.disturbances
    WHEN 'sleep_cycles' THEN d.sleep_cycles
    WHEN 'nap_s' THEN d.nap_s
    WHEN 'sleep_need_s' THEN d.sleep_need_s
    WHEN 'need_baseline_s' THEN d.need_baseline_s
    WHEN 'need_debt_s' THEN d.need_debt_s
    WHEN 'need_strain_s' THEN d.need_strain_s
    WHEN 'need_nap_s' THEN d.need_nap_s
    WHEN 'sleep_deficit_s' THEN d.sleep_deficit_s
    WHEN 'bed_time_min' THEN d.bed_time_min
    WHEN 'wake_time_min' THEN d.wake_time_min
    WHEN 'strain' THEN CASE WHEN NOT d.open THEN d.strain END
    WHEN 'energy_kj' THEN CASE WHEN NOT d.open THEN d.energy_kj END
    WHEN 'average_heart_rate_bpm' THEN CASE WHEN NOT d.open THEN d.average_heart_rate_bpm END
    WHEN 'max_heart_rate_bpm' THEN CASE WHEN NOT d.open THEN d.max_heart_rate_bpm END
    WHEN 'steps' THEN CASE WHEN NOT d.open THEN d.steps END
    WHEN 'workouts' THEN CASE WHEN NOT d.open THEN d.workouts END
    WHEN 'workout_s' THEN CASE WHEN NOT d.open THEN d.workout_s END
    WHEN 'zone_0_s' THEN CASE WHEN NOT d.open THEN d.zone_0_s END
    WHEN 'zone_1_s' THEN CASE WHEN NOT d.open THEN d.zone_1_s END
    WHEN 'zone_2_s' THEN CASE WHEN NOT d.open THEN d.zone_2_s END
    WHEN 'zone_3_s' THEN CASE WHEN NOT d.open THEN d.zone_3_s END
    WHEN 'zone_4_s' THEN CASE WHEN NOT d.open THEN d.zone_4_s END
    WHEN 'zone_5_s' THEN CASE WHEN NOT d.open THEN d.zone_5_s END
    WHEN 'zone_load' THEN CASE WHEN NOT d.open THEN d.zone_load END
END;
