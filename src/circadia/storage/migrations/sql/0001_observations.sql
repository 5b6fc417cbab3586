-- All that is known of a member's days in one long list: WHOOP's figures and Sahha's.

-- Where Sahha tells what: the figures of a day in the catalogue of metrics, the one that is preferred with rank 0.
CREATE FUNCTION reporting.sahha_places()
RETURNS TABLE (span text, type text, metric text, rank int, unit text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 50 AS $$
    SELECT p.* FROM (VALUES
        ('score', 'readiness', 'readiness_score', 0, '0..100'), ('score', 'sleep', 'sleep_score', 0, '0..100'),
        ('score', 'activity', 'activity_score', 0, '0..100'),
        ('score', 'mental_wellbeing', 'mental_wellbeing_score', 0, '0..100'),
        ('score', 'wellbeing', 'wellbeing_score', 0, '0..100'),
        ('day', 'heart_rate_variability_rmssd', 'hrv_rmssd_ms', 0, 'ms'),
        ('day', 'heart_rate_variability_sdnn', 'hrv_sdnn_ms', 0, 'ms'),
        ('day', 'heart_rate_resting', 'resting_heart_rate_bpm', 0, 'bpm'),
        ('day', 'heart_rate_sleep', 'sleeping_heart_rate_bpm', 0, 'bpm'),
        ('day', 'respiratory_rate_sleep', 'respiratory_rate_rpm', 0, 'rpm'),
        ('day', 'respiratory_rate', 'respiratory_rate_rpm', 1, 'rpm'),
        ('day', 'oxygen_saturation_sleep', 'spo2_pct', 0, '%'), ('day', 'oxygen_saturation', 'spo2_pct', 1, '%'),
        ('day', 'skin_temperature_sleep', 'skin_temp_celsius', 0, '°C'),
        ('day', 'sleep_duration', 'sleep_duration_s', 0, 's'), ('day', 'sleep_in_bed_duration', 'in_bed_s', 0, 's'),
        ('day', 'sleep_efficiency', 'sleep_efficiency_pct', 0, '%'),
        ('day', 'sleep_deep_duration', 'deep_sleep_s', 0, 's'), ('day', 'sleep_rem_duration', 'rem_sleep_s', 0, 's'),
        ('day', 'sleep_light_duration', 'light_sleep_s', 0, 's'), ('day', 'sleep_awake_duration', 'awake_s', 0, 's'),
        ('day', 'sleep_latency', 'sleep_latency_s', 0, 's'),
        ('day', 'sleep_interruptions', 'sleep_interruptions', 0, 'count'),
        ('week', 'sleep_debt', 'sleep_debt_s', 0, 's'), ('week', 'sleep_regularity', 'sleep_regularity_pct', 0, '%'),
        ('day', 'steps', 'steps', 0, 'count'), ('day', 'floors_climbed', 'floors_climbed', 0, 'count'),
        ('day', 'active_energy_burned', 'active_energy_kcal', 0, 'kcal'),
        ('day', 'total_energy_burned', 'total_energy_kcal', 0, 'kcal'),
        ('day', 'resting_energy_burned', 'resting_energy_kcal', 0, 'kcal'),
        ('day', 'active_duration', 'active_duration_s', 0, 's'),
        ('day', 'activity_low_intensity_duration', 'low_intensity_s', 0, 's'),
        ('day', 'activity_mid_intensity_duration', 'mid_intensity_s', 0, 's'),
        ('day', 'activity_high_intensity_duration', 'high_intensity_s', 0, 's'),
        ('day', 'activity_sedentary_duration', 'sedentary_s', 0, 's'), ('day', 'active_hours', 'active_hours', 0, 'h'),
        ('day', 'vo2_max', 'vo2_max', 0, 'mL/kg/min'), ('day', 'weight', 'weight_kg', 0, 'kg'),
        ('day', 'height', 'height_m', 0, 'm'), ('day', 'body_mass_index', 'body_mass_index', 0, 'kg/m2'),
        ('day', 'body_fat', 'body_fat_pct', 0, '%'), ('day', 'fat_mass', 'fat_mass_kg', 0, 'kg'),
        ('day', 'lean_mass', 'lean_mass_kg', 0, 'kg'), ('day', 'waist_circumference', 'waist_m', 0, 'm'),
        ('day', 'blood_glucose', 'blood_glucose_mg_dl', 0, 'mg/dL'),
        ('day', 'blood_pressure_systolic', 'systolic_mmhg', 0, 'mmHg'),
        ('day', 'blood_pressure_diastolic', 'diastolic_mmhg', 0, 'mmHg'),
        ('day', 'body_temperature_basal', 'basal_temp_celsius', 0, '°C')) p
$$;

-- Whose profile at Sahha is a member's: as the identities say, else the one with the same id unless it is another's.
CREATE VIEW reporting.sahha_profiles WITH (security_barrier) AS
    SELECT m.user_id, p.id AS profile_id
    FROM reporting.members m JOIN sahha_profiles p ON p.external_id = CASE
        WHEN EXISTS (SELECT FROM identities i WHERE i.whoop_id = m.user_id)
        THEN (SELECT i.sahha_id FROM identities i WHERE i.whoop_id = m.user_id)
        WHEN NOT EXISTS (SELECT FROM identities i WHERE m.user_id IN (i.user_id, i.sahha_id)) THEN m.user_id END;

CREATE VIEW reporting.sahha_biomarkers WITH (security_barrier) AS
    SELECT p.user_id, b.profile_id, b.id, b.type, b.span, b.day, b.category, b.aggregation, b.value, b.unit, b.value_type, b.start_at,
           b.end_at, b.settled, b.utc_offset_min, b.computed_at, b.received_at
    FROM reporting.sahha_profiles p JOIN sahha_biomarkers b ON b.profile_id = p.profile_id;

CREATE VIEW reporting.sahha_scores WITH (security_barrier) AS
    SELECT p.user_id, s.profile_id, s.id, s.type, s.day, s.score_at, s.state, s.score, s.utc_offset_min, s.computed_at, s.received_at
    FROM reporting.sahha_profiles p JOIN sahha_scores s ON s.profile_id = p.profile_id;

-- Sahha's figures of a member's days in the catalogue's units, as the gateway reads them: what belongs to a night is of
-- the date of its waking; what is not final is left out.
CREATE FUNCTION reporting.sahha_figures(user_id text, first date, last date)
RETURNS TABLE (day date, metric text, value float8)
LANGUAGE sql STABLE ROWS 5000 AS $$
    WITH told AS (
        SELECT b.day, b.type, b.span, b.category, b.unit, b.value, b.received_at, b.settled, b.value_type,
               b.category = 'sleep' AND b.span = 'day' AS of_sleep,
               b.start_at AT TIME ZONE 'UTC' + b.ahead AS begins, b.end_at AT TIME ZONE 'UTC' + b.ahead AS ends, b.ahead,
               CASE WHEN b.value_type IN ('integer', 'double', 'long', 'float', 'decimal')
                     AND b.value ~ '^[+-]?\d{1,30}(\.\d{0,30})?([eE][+-]?\d{1,2})?$' THEN b.value::float8 END AS number
        FROM (SELECT DISTINCT ON (b.day, b.type, b.span) b.*, make_interval(mins => b.utc_offset_min) AS ahead
              FROM reporting.sahha_biomarkers b
              WHERE b.user_id = sahha_figures.user_id AND b.span IN ('day', 'week')
                AND b.day BETWEEN sahha_figures.first - 1 AND sahha_figures.last + 1
              ORDER BY b.day, b.type, b.span, least(b.computed_at, b.received_at) DESC, b.settled DESC,
                       b.received_at DESC, b.end_at DESC, b.id DESC) b
        UNION ALL
        SELECT s.day, s.type, 'score', s.type, '0..100', NULL, s.received_at,
               s.received_at >= s.score_at + CASE s.type WHEN 'activity' THEN interval '1 day'
                                                         WHEN 'sleep' THEN interval '18 hours' ELSE interval '0' END,
               NULL, false, NULL, NULL, NULL, round((s.score * 100)::numeric, 6)::float8
        FROM (SELECT DISTINCT ON (s.day, s.type) s.* FROM reporting.sahha_scores s
              WHERE s.user_id = sahha_figures.user_id
                AND s.day BETWEEN sahha_figures.first - 1 AND sahha_figures.last + 1
              ORDER BY s.day, s.type, least(s.computed_at, s.received_at) DESC, s.received_at DESC, s.score_at DESC,
                       s.id DESC) s
    ), word AS (
        -- the night that a label stands for: whether there is one, the date of its waking and its length
        SELECT t.*, bool_or(t.of_sleep) OVER label AS night, coalesce(max(w.day) OVER label, t.day) AS woke_on,
               coalesce(max(t.number) FILTER (WHERE t.of_sleep AND t.type = 'sleep_duration') OVER label, -1) AS length
        FROM told t LEFT JOIN LATERAL (
            -- the text is compared and not cast: what is no instant is no waking
            SELECT d.day
            FROM (SELECT CASE WHEN t.value ~ 'Z$' THEN t.ahead ELSE interval '0' END AS shift) z
            CROSS JOIN LATERAL (VALUES (t.day - 1), (t.day), (t.day + 1)) d (day)
            WHERE left(t.value, 19) >= to_char(greatest(d.day::timestamp, t.begins) - z.shift, 'YYYY-MM-DD"T"HH24:MI:SS')
              AND left(t.value, 19) <= to_char(least(d.day + interval '86399 seconds', t.ends + interval '12 hours') - z.shift,
                                               'YYYY-MM-DD"T"HH24:MI:SS')
        ) w ON t.of_sleep AND t.type = 'sleep_end_time' AND t.value_type = 'datetime'
        WINDOW label AS (PARTITION BY t.day)
    ), dated AS (
        -- of several nights that end on one date the longest is told of
        SELECT w.*, w.night AND (w.category = 'sleep' OR w.begins::date <> w.ends::date) AS nightly,
               dense_rank() OVER (PARTITION BY w.night, w.woke_on
                                  ORDER BY w.length DESC, w.day = w.woke_on DESC, w.day DESC) AS place
        FROM word w
    ), figure AS (
        SELECT CASE WHEN w.nightly THEN w.woke_on ELSE w.day END AS day, p.metric, p.rank, w.received_at, w.settled, CASE p.unit
                   WHEN '%' THEN CASE WHEN w.unit <> 'percentage' OR NOT w.number BETWEEN 0 AND 100 THEN NULL
                                      WHEN w.number <= 1 THEN round((w.number * 100)::numeric, 6)::float8
                                      ELSE w.number END
                   WHEN 's' THEN round(w.number * CASE w.unit WHEN 'second' THEN 1 WHEN 'minute' THEN 60 WHEN 'hour' THEN 3600 END)
                   WHEN 'h' THEN round(CASE w.unit WHEN 'hour' THEN w.number END)
                   WHEN 'count' THEN round(CASE w.unit WHEN 'count' THEN w.number END)
                   WHEN 'rpm' THEN CASE w.unit WHEN 'bpm' THEN w.number END
                   WHEN '°C' THEN CASE w.unit WHEN 'degC' THEN w.number END
                   ELSE CASE w.unit WHEN p.unit THEN w.number END END AS value
        FROM dated w JOIN reporting.sahha_places() p ON p.span = w.span AND p.type = w.type
        WHERE NOT coalesce(w.nightly, false) OR w.place = 1
    )
    SELECT c.day, c.metric, c.value FROM (
        SELECT DISTINCT ON (f.day, f.metric) f.* FROM figure f WHERE abs(f.value) < 2 ^ 63::float8
        ORDER BY f.day, f.metric, f.rank, f.received_at DESC, f.settled DESC, f.value) c
    WHERE c.settled AND c.day BETWEEN sahha_figures.first AND sahha_figures.last
$$;

-- What is known of the days of a member, in the long form: WHOOP's figures as they count, and Sahha's.
CREATE VIEW reporting.observations WITH (security_barrier) AS
    SELECT d.user_id, d.day, 'whoop' AS source, f.metric, f.value
    FROM reporting.days d CROSS JOIN LATERAL unnest(
        ARRAY['recovery_score', 'hrv_rmssd_ms', 'resting_heart_rate_bpm', 'respiratory_rate_rpm', 'spo2_pct',
              'skin_temp_celsius', 'sleep_performance_pct', 'sleep_duration_s', 'in_bed_s', 'light_sleep_s',
              'deep_sleep_s', 'rem_sleep_s', 'awake_s', 'sleep_efficiency_pct', 'sleep_consistency_pct', 'disturbances',
              'sleep_cycles', 'nap_s', 'sleep_need_s', 'need_baseline_s', 'need_debt_s', 'need_strain_s', 'need_nap_s',
              'sleep_deficit_s', 'bed_time_min', 'wake_time_min', 'strain', 'energy_kj', 'average_heart_rate_bpm',
              'max_heart_rate_bpm', 'steps', 'workouts', 'workout_s', 'zone_0_s', 'zone_1_s', 'zone_2_s', 'zone_3_s',
              'zone_4_s', 'zone_5_s', 'zone_load'],
        ARRAY[reporting.settled(d, 'recovery_score'), reporting.settled(d, 'hrv_rmssd_ms'),
              reporting.settled(d, 'resting_heart_rate_bpm'), reporting.settled(d, 'respiratory_rate_rpm'),
              reporting.settled(d, 'spo2_pct'), reporting.settled(d, 'skin_temp_celsius'),
              reporting.settled(d, 'sleep_performance_pct'), reporting.settled(d, 'sleep_duration_s'),
              reporting.settled(d, 'in_bed_s'), reporting.settled(d, 'light_sleep_s'),
              reporting.settled(d, 'deep_sleep_s'), reporting.settled(d, 'rem_sleep_s'),
              reporting.settled(d, 'awake_s'), reporting.settled(d, 'sleep_efficiency_pct'),
              reporting.settled(d, 'sleep_consistency_pct'), reporting.settled(d, 'disturbances'),
              reporting.settled(d, 'sleep_cycles'), reporting.settled(d, 'nap_s'), reporting.settled(d, 'sleep_need_s'),
              reporting.settled(d, 'need_baseline_s'), reporting.settled(d, 'need_debt_s'),
              reporting.settled(d, 'need_strain_s'), reporting.settled(d, 'need_nap_s'),
              reporting.settled(d, 'sleep_deficit_s'), reporting.settled(d, 'bed_time_min'),
              reporting.settled(d, 'wake_time_min'), reporting.settled(d, 'strain'), reporting.settled(d, 'energy_kj'),
              reporting.settled(d, 'average_heart_rate_bpm'), reporting.settled(d, 'max_heart_rate_bpm'),
              reporting.settled(d, 'steps'), reporting.settled(d, 'workouts'), reporting.settled(d, 'workout_s'),
              reporting.settled(d, 'zone_0_s'), reporting.settled(d, 'zone_1_s'), reporting.settled(d, 'zone_2_s'),
              reporting.settled(d, 'zone_3_s'), reporting.settled(d, 'zone_4_s'), reporting.settled(d, 'zone_5_s'),
              reporting.settled(d, 'zone_load')]) f (metric, value)
    WHERE f.value IS NOT NULL
    UNION ALL
    SELECT m.user_id, f.day, 'sahha', f.metric, f.value
    FROM reporting.members m CROSS JOIN LATERAL reporting.sahha_figures(m.user_id, '-infinity', 'infinity') f;
