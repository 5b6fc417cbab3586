-- What goes with what: correlations, effects, comparisons, days that stand out.
--
-- HRV is compared on its logarithm throughout. Days follow one another: what a day tells is partly what the day before
-- told, so samples count as fewer than they are (n_effective) before anything is found in them.

-- Whether two figures go together because one is made of the other or both of the same: no finding.
CREATE FUNCTION reporting.built_in(metric text, other text, lag int) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    WITH made (wholes, parts, later) AS (VALUES
        (ARRAY['recovery_score', 'readiness_score'],
         ARRAY['recovery_score', 'readiness_score', 'hrv_rmssd_ms', 'hrv_sdnn_ms', 'resting_heart_rate_bpm',
               'sleeping_heart_rate_bpm', 'respiratory_rate_rpm', 'sleep_performance_pct', 'sleep_score'], false),
        (ARRAY['hrv_rmssd_ms'], ARRAY['hrv_sdnn_ms'], false),
        (ARRAY['resting_heart_rate_bpm'], ARRAY['sleeping_heart_rate_bpm'], false),
        (ARRAY['skin_temp_celsius'], ARRAY['basal_temp_celsius'], false),
        (ARRAY['sleep_performance_pct', 'sleep_duration_s', 'in_bed_s', 'light_sleep_s', 'deep_sleep_s', 'rem_sleep_s',
               'awake_s', 'sleep_efficiency_pct', 'sleep_cycles', 'disturbances', 'sleep_deficit_s', 'bed_time_min',
               'wake_time_min'],
         ARRAY['sleep_performance_pct', 'sleep_duration_s', 'in_bed_s', 'light_sleep_s', 'deep_sleep_s', 'rem_sleep_s',
               'awake_s', 'sleep_efficiency_pct', 'sleep_cycles', 'disturbances', 'sleep_deficit_s', 'bed_time_min',
               'wake_time_min', 'sleep_score', 'sleep_latency_s', 'sleep_interruptions', 'sleep_debt_s'], false),
        (ARRAY['sleep_need_s', 'need_baseline_s', 'need_debt_s', 'need_strain_s', 'need_nap_s'],
         ARRAY['sleep_need_s', 'need_baseline_s', 'need_debt_s', 'need_strain_s', 'need_nap_s', 'nap_s',
               'sleep_performance_pct', 'sleep_deficit_s', 'sleep_debt_s'], false),
        (ARRAY['nap_s'], ARRAY['sleep_deficit_s'], false),
        (ARRAY['sleep_consistency_pct'], ARRAY['bed_time_min', 'wake_time_min', 'sleep_regularity_pct'], false),
        (ARRAY['strain', 'energy_kj', 'average_heart_rate_bpm', 'max_heart_rate_bpm', 'workouts', 'workout_s',
               'zone_0_s', 'zone_1_s', 'zone_2_s', 'zone_3_s', 'zone_4_s', 'zone_5_s', 'zone_load'],
         ARRAY['strain', 'energy_kj', 'average_heart_rate_bpm', 'max_heart_rate_bpm', 'workouts', 'workout_s',
               'zone_0_s', 'zone_1_s', 'zone_2_s', 'zone_3_s', 'zone_4_s', 'zone_5_s', 'zone_load',
               'active_energy_kcal', 'total_energy_kcal', 'high_intensity_s', 'mid_intensity_s', 'activity_score'], false),
        (ARRAY['steps'], ARRAY['activity_score', 'active_duration_s', 'active_energy_kcal', 'active_hours'], false),
        (ARRAY['sleep_need_s', 'need_debt_s', 'sleep_performance_pct'],
         ARRAY['sleep_duration_s', 'sleep_deficit_s', 'sleep_performance_pct', 'need_debt_s', 'sleep_need_s', 'nap_s'], true),
        (ARRAY['sleep_need_s', 'need_strain_s', 'sleep_performance_pct'],
         ARRAY['strain', 'energy_kj', 'average_heart_rate_bpm', 'workout_s', 'zone_load'], true),
        (ARRAY['sleep_consistency_pct'], ARRAY['bed_time_min', 'wake_time_min'], true))
    SELECT EXISTS (SELECT FROM made m WHERE m.later = (built_in.lag <> 0) AND
        (built_in.metric = ANY (m.wholes) AND built_in.other = ANY (m.parts)
         OR NOT m.later AND built_in.other = ANY (m.wholes) AND built_in.metric = ANY (m.parts)))
$$;

-- The days on which a figure (y) and another of `lag` days before (x) are both known. What WHOOP does not tell in the
-- stretch is taken from Sahha. Every step looks a day up by its key: estimates of rows cannot lead it astray.
CREATE FUNCTION reporting.pairs(user_id text, metric text, first date, last date, lag int, only_with text)
RETURNS TABLE ("with" text, source text, day date, x float8, y float8)
LANGUAGE sql STABLE ROWS 50000 AS $$
    WITH whoop AS MATERIALIZED (
        SELECT f.metric, asked.day, f.value AS x, asked.y
        FROM (SELECT d.day, reporting.settled(d, pairs.metric) AS y FROM reporting.days d
              WHERE d.user_id = pairs.user_id AND d.day BETWEEN pairs.first AND pairs.last OFFSET 0) asked
        CROSS JOIN LATERAL (
            SELECT o.metric, o.value FROM reporting.observations o
            WHERE o.user_id = pairs.user_id AND o.source = 'whoop' AND o.day = asked.day - pairs.lag OFFSET 0) f
        WHERE asked.y IS NOT NULL AND f.metric <> pairs.metric
          AND (pairs.only_with IS NULL OR f.metric = pairs.only_with)
    )
    SELECT w.metric, 'whoop', w.day, w.x, w.y FROM whoop w
    UNION ALL
    SELECT f.metric, 'sahha', asked.day, f.value, asked.y
    FROM (SELECT s.day, array_agg(s.metric) AS metrics, array_agg(s.value) AS figures
          FROM reporting.sahha_figures(
              CASE WHEN pairs.only_with IS NULL OR NOT EXISTS (SELECT FROM whoop) THEN pairs.user_id END,
              pairs.first - pairs.lag, pairs.last - pairs.lag) s
          WHERE s.metric <> pairs.metric
            AND (pairs.only_with IS NULL OR s.metric = pairs.only_with)
            AND s.metric <> ALL (ARRAY(SELECT DISTINCT w.metric FROM whoop w))
          GROUP BY s.day OFFSET 0) told
    CROSS JOIN LATERAL (
        SELECT d.day, reporting.settled(d, pairs.metric) AS y FROM reporting.days d
        WHERE d.user_id = pairs.user_id AND d.day = told.day + pairs.lag OFFSET 0) asked
    CROSS JOIN LATERAL unnest(told.metrics, told.figures) f (metric, value)
    WHERE asked.y IS NOT NULL
$$;

-- For how many independent days n days stand, where both figures carry over from a day to the next by these correlations.
CREATE FUNCTION reporting.effective_n(n bigint, carry_x float8, carry_y float8) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT greatest(2, floor(n * (1 - c.carry) / (1 + c.carry)))::bigint
    FROM (SELECT greatest(0, least(0.99, coalesce(carry_x, 0)) * least(0.99, coalesce(carry_y, 0))) AS carry) c
$$;

-- Every figure that is paired with one, tested by itself.
CREATE FUNCTION reporting.associations(user_id text, metric text, first date, last date, lag int, only_with text)
RETURNS TABLE ("with" text, source text, n bigint, needed int, n_effective bigint, pearson float8, low float8,
               high float8, spearman float8, p float8, note text)
LANGUAGE sql STABLE ROWS 40 AS $$
    WITH paired AS (
        SELECT p."with", p.source, p.day, reporting.scaled(p."with", p.x) AS x,
               reporting.scaled(associations.metric, p.y) AS y
        FROM reporting.pairs(associations.user_id, associations.metric, associations.first, associations.last,
                             associations.lag, associations.only_with) p
    ), ranked AS (
        SELECT p.*, rank() OVER by_x + (count(*) OVER (by_x RANGE CURRENT ROW) - 1) / 2.0 AS rank_x,
               rank() OVER by_y + (count(*) OVER (by_y RANGE CURRENT ROW) - 1) / 2.0 AS rank_y,
               p.x - avg(p.x) OVER whole AS from_x, p.y - avg(p.y) OVER whole AS from_y
        FROM paired p WHERE p.x IS NOT NULL AND p.y IS NOT NULL
        WINDOW whole AS (PARTITION BY p."with", p.source),
               by_x AS (whole ORDER BY p.x), by_y AS (whole ORDER BY p.y)
    ), chained AS (
        SELECT r.*, CASE WHEN lag(r.day) OVER by_day = r.day - 1 THEN lag(r.from_x) OVER by_day END AS before_x,
               CASE WHEN lag(r.day) OVER by_day = r.day - 1 THEN lag(r.from_y) OVER by_day END AS before_y
        FROM ranked r WINDOW by_day AS (PARTITION BY r."with", r.source ORDER BY r.day)
    ), measured AS (
        SELECT c."with", c.source, count(*) AS n,
               reporting.effective_n(count(*), avg(c.from_x * c.before_x) / nullif(avg(c.from_x ^ 2), 0),
                                     avg(c.from_y * c.before_y) / nullif(avg(c.from_y ^ 2), 0)) AS n_effective,
               CASE WHEN min(c.x) < max(c.x) AND min(c.y) < max(c.y)
                    THEN greatest(-1, least(1, corr(c.x, c.y))) END AS pearson,
               CASE WHEN min(c.x) < max(c.x) AND min(c.y) < max(c.y)
                    THEN greatest(-1, least(1, corr(c.rank_x::float8, c.rank_y::float8))) END AS spearman
        FROM chained c GROUP BY c."with", c.source
    ), judged AS (
        SELECT m.*, coalesce(reporting.not_enough(m.n, 20), CASE WHEN m.pearson IS NULL THEN 'one of the two never changes' END)
               AS note FROM measured m
    )
    SELECT j."with", j.source, j.n, 20, CASE WHEN j.note IS NULL THEN j.n_effective END, CASE WHEN j.note IS NULL THEN j.pearson END,
           i.low, i.high, CASE WHEN j.note IS NULL THEN j.spearman END, i.p, j.note
    FROM judged j
    LEFT JOIN LATERAL (
        SELECT CASE WHEN j.n_effective > 3 THEN tanh(atanh(j.pearson) - 1.959963984540054 / sqrt(j.n_effective - 3)) ELSE -1 END AS low,
               CASE WHEN j.n_effective > 3 THEN tanh(atanh(j.pearson) + 1.959963984540054 / sqrt(j.n_effective - 3)) ELSE 1 END AS high,
               CASE WHEN j.n_effective <= 3 THEN 1 WHEN abs(j.pearson) = 1 THEN 0 ELSE 2 * reporting.t_cdf(
                   -abs(j.pearson) * sqrt((j.n_effective - 2) / (1 - j.pearson ^ 2)), j.n_effective - 2) END AS p
    ) i ON j.note IS NULL
$$;

-- A figure with every other, those of the same day or of `lag` days before.
CREATE FUNCTION reporting.correlations(user_id text, metric text, first date, last date, lag int)
RETURNS TABLE ("with" text, source text, n bigint, needed int, n_effective bigint, pearson float8, low float8,
               high float8, spearman float8, p float8, q float8, built_in boolean, verdict text, note text)
LANGUAGE sql STABLE ROWS 40 AS $$
    WITH tested AS (
        SELECT a.*, reporting.built_in(correlations.metric, a."with", correlations.lag) AS built_in
        FROM reporting.associations(correlations.user_id, correlations.metric, correlations.first, correlations.last,
                                    correlations.lag, NULL) a
    ), corrected AS (
        SELECT t.*, CASE WHEN t.p IS NOT NULL AND NOT t.built_in THEN least(1, min(t.p * t.tests / t.place) OVER (
                   PARTITION BY t.candidate ORDER BY t.place DESC)) END AS q
        FROM (SELECT t.*, c.candidate, row_number() OVER (PARTITION BY c.candidate ORDER BY t.p, t."with") AS place,
                     count(*) OVER (PARTITION BY c.candidate) AS tests
              FROM tested t CROSS JOIN LATERAL (SELECT t.p IS NOT NULL AND NOT t.built_in AS candidate) c) t
    )
    SELECT c."with", c.source, c.n, c.needed, c.n_effective, c.pearson, c.low, c.high, c.spearman, c.p, c.q, c.built_in,
           CASE WHEN c.note IS NOT NULL THEN 'not enough' WHEN c.built_in THEN 'built in'
                WHEN c.q >= 0.05 THEN 'nothing found' WHEN c.pearson > 0 THEN 'together' ELSE 'against' END, c.note
    FROM corrected c ORDER BY c.note IS NOT NULL, c.built_in, abs(c.pearson) DESC, c.n DESC, c."with"
$$;

-- The days behind one of them.
CREATE FUNCTION reporting.correlation(user_id text, metric text, "with" text, first date, last date, lag int)
RETURNS TABLE (day date, x float8, y float8)
LANGUAGE sql STABLE ROWS 1000 AS $$
    SELECT p.day, p.x, p.y FROM reporting.pairs(correlation.user_id, correlation.metric, correlation.first,
        correlation.last, correlation.lag, correlation."with") p ORDER BY p.day
$$;

-- The strain of a day with the recovery of the next.
CREATE FUNCTION reporting.strain_recovery(user_id text, first date, last date)
RETURNS TABLE (n bigint, needed int, n_effective bigint, pearson float8, low float8, high float8, spearman float8,
               p float8, verdict text, note text)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT coalesce(a.n, 0), 20, a.n_effective, a.pearson, a.low, a.high, a.spearman, a.p,
           CASE WHEN a.p IS NULL THEN 'not enough' WHEN a.p >= 0.05 THEN 'nothing found'
                WHEN a.pearson > 0 THEN 'together' ELSE 'against' END,
           CASE WHEN a.n IS NULL THEN reporting.not_enough(0, 20) ELSE a.note END
    FROM (SELECT) one LEFT JOIN reporting.associations(strain_recovery.user_id, 'recovery_score', strain_recovery.first,
        strain_recovery.last, 1, 'strain') a ON true
$$;

-- Two means on the scale of comparison: what b has more than a in the figure's own unit with its 95 % interval, Hedges' g
-- and p, by Welch's test with the effective numbers for n.
CREATE FUNCTION reporting.apart(metric text, n_a bigint, mean_a float8, sd_a float8, effective_a bigint,
                                n_b bigint, mean_b float8, sd_b float8, effective_b bigint)
RETURNS TABLE (difference float8, low float8, high float8, effect_size float8, p float8)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1 AS $$
    SELECT reporting.unscaled(metric, mean_a + s.d) - o.origin, reporting.unscaled(metric, mean_a + s.d - w.half) - o.origin,
           reporting.unscaled(metric, mean_a + s.d + w.half) - o.origin,
           s.d / nullif(s.pooled, 0) * (1 - 3 / (4.0 * (n_a + n_b - 2) - 1)),
           CASE WHEN s.se > 0 THEN 2 * reporting.t_cdf(-abs(s.d) / s.se, s.df) WHEN s.d = 0 THEN 1 ELSE 0 END
    -- what is nothing but rounding is no difference
    FROM (SELECT CASE WHEN abs(mean_b - mean_a) > 1e-9 * abs(mean_a) THEN mean_b - mean_a ELSE 0 END AS d,
                 sqrt(sd_a ^ 2 / effective_a + sd_b ^ 2 / effective_b) AS se,
                 reporting.welch_df(sd_a, effective_a, sd_b, effective_b) AS df,
                 sqrt(((n_a - 1) * sd_a ^ 2 + (n_b - 1) * sd_b ^ 2) / (n_a + n_b - 2)) AS pooled) s
    CROSS JOIN LATERAL (SELECT CASE WHEN s.se > 0 THEN s.se * reporting.t_quantile(0.975, s.df) ELSE 0 END AS half) w
    CROSS JOIN LATERAL (SELECT reporting.unscaled(metric, mean_a) AS origin) o
$$;

-- What goes with a yes in the journal. An answer is given in the morning, about the day before, and is stored on the date
-- of that morning; so it meets what the same date says: the sleep and the recovery that followed.
CREATE FUNCTION reporting.journal_effects(user_id text, metric text, first date, last date)
RETURNS TABLE (question text, n_yes bigint, n_no bigint, needed int, n_effective bigint, mean_yes float8, mean_no float8,
               difference float8, low float8, high float8, effect_size float8, p float8, q float8, verdict text, note text)
LANGUAGE sql STABLE ROWS 20 AS $$
    WITH answered AS (
        SELECT a.question, a.day, a.yes::int AS yes, reporting.scaled(journal_effects.metric, d.y) AS y
        FROM (SELECT j.member_id, j.question, j.day, bool_or(j.answered_yes) AS yes
              FROM reporting.journal j
              WHERE j.user_id = journal_effects.user_id AND j.day BETWEEN journal_effects.first AND journal_effects.last
              GROUP BY j.member_id, j.question, j.day OFFSET 0) a
        LEFT JOIN LATERAL (
            SELECT reporting.settled(d, journal_effects.metric) AS y FROM reporting.days d
            WHERE d.member_id = a.member_id AND d.day = a.day OFFSET 0) d ON true
    ), centred AS (
        SELECT a.*, a.yes - avg(a.yes) OVER (PARTITION BY a.question) AS from_x,
               a.y - avg(a.y) OVER (PARTITION BY a.question, a.yes) AS from_y
        FROM answered a WHERE a.y IS NOT NULL
    ), chained AS (
        SELECT c.*, CASE WHEN lag(c.day) OVER by_day = c.day - 1 THEN lag(c.from_x) OVER by_day END AS before_x,
               CASE WHEN lag(c.day) OVER by_day = c.day - 1 THEN lag(c.from_y) OVER by_day END AS before_y
        FROM centred c WINDOW by_day AS (PARTITION BY c.question ORDER BY c.day)
    ), measured AS (
        SELECT c.question, count(*) FILTER (WHERE c.yes = 1) AS n_yes, count(*) FILTER (WHERE c.yes = 0) AS n_no,
               avg(c.y) FILTER (WHERE c.yes = 1) AS mean_yes, avg(c.y) FILTER (WHERE c.yes = 0) AS mean_no,
               stddev_samp(c.y) FILTER (WHERE c.yes = 1) AS sd_yes, stddev_samp(c.y) FILTER (WHERE c.yes = 0) AS sd_no,
               avg(c.from_x * c.before_x) / nullif(avg(c.from_x ^ 2), 0) AS carry_x,
               avg(c.from_y * c.before_y) / nullif(avg(c.from_y ^ 2), 0) AS carry_y
        FROM chained c GROUP BY c.question
    ), tested AS (
        SELECT k.question, coalesce(m.n_yes, 0) AS n_yes, coalesce(m.n_no, 0) AS n_no, m.mean_yes, m.mean_no, t.*,
               e.yes + e.no AS n_effective,
               reporting.not_enough(least(coalesce(m.n_yes, 0), coalesce(m.n_no, 0)), 5) AS note
        FROM (SELECT DISTINCT a.question FROM answered a) k LEFT JOIN measured m USING (question)
        LEFT JOIN LATERAL (SELECT reporting.effective_n(m.n_yes, m.carry_x, m.carry_y) AS yes,
                                  reporting.effective_n(m.n_no, m.carry_x, m.carry_y) AS no) e ON least(m.n_yes, m.n_no) >= 5
        LEFT JOIN LATERAL reporting.apart(
            journal_effects.metric, m.n_no, m.mean_no, reporting.spread(m.sd_no, m.mean_no), e.no,
            m.n_yes, m.mean_yes, reporting.spread(m.sd_yes, m.mean_yes), e.yes) t ON e.yes IS NOT NULL
    ), corrected AS (
        SELECT t.*, CASE WHEN t.p IS NOT NULL THEN least(1, min(t.p * t.tests / t.place) OVER (ORDER BY t.place DESC)) END AS q
        FROM (SELECT t.*, row_number() OVER (ORDER BY t.p, t.question) AS place, count(t.p) OVER () AS tests FROM tested t) t
    )
    SELECT c.question, c.n_yes, c.n_no, 5, c.n_effective,
           CASE WHEN c.note IS NULL THEN reporting.unscaled(journal_effects.metric, c.mean_yes) END,
           CASE WHEN c.note IS NULL THEN reporting.unscaled(journal_effects.metric, c.mean_no) END,
           c.difference, c.low, c.high, c.effect_size, c.p, c.q,
           CASE WHEN c.note IS NOT NULL THEN 'not enough' WHEN c.q >= 0.05 THEN 'nothing found'
                WHEN c.difference > 0 THEN 'higher' ELSE 'lower' END, c.note
    FROM corrected c ORDER BY c.note IS NOT NULL, c.p, c.question
$$;

-- A figure in one stretch against an earlier one. Days of a stretch stand together, so all that carries over counts.
CREATE FUNCTION reporting.compare(user_id text, metric text, before_first date, before_last date, first date, last date)
RETURNS TABLE (n_before bigint, mean_before float8, sd_before float8, n bigint, mean float8, sd float8, needed int,
               n_effective bigint, difference float8, low float8, high float8, effect_size float8, size text, p float8,
               verdict text, good boolean, note text)
LANGUAGE sql STABLE ROWS 1 AS $$
    WITH told AS (
        SELECT h.late, d.day, d.value
        FROM (VALUES (false, before_first, before_last), (true, compare.first, compare.last)) h (late, since, until)
        CROSS JOIN LATERAL (
            SELECT d.day, reporting.settled(d, compare.metric) AS value FROM reporting.days d
            WHERE d.user_id = compare.user_id AND d.day BETWEEN h.since AND h.until OFFSET 0) d
    ), centred AS (
        SELECT t.*, s.y, s.y - avg(s.y) OVER (PARTITION BY t.late) AS off
        FROM told t CROSS JOIN LATERAL (SELECT reporting.scaled(compare.metric, t.value) AS y) s WHERE s.y IS NOT NULL
    ), chained AS (
        SELECT c.*, CASE WHEN lag(c.day) OVER by_day = c.day - 1 THEN lag(c.off) OVER by_day END AS off_before
        FROM centred c WINDOW by_day AS (PARTITION BY c.late ORDER BY c.day)
    ), halves AS (
        SELECT count(*) FILTER (WHERE NOT c.late) AS n_a, count(*) FILTER (WHERE c.late) AS n_b,
               avg(c.y) FILTER (WHERE NOT c.late) AS mean_a, avg(c.y) FILTER (WHERE c.late) AS mean_b,
               stddev_samp(c.y) FILTER (WHERE NOT c.late) AS sd_a, stddev_samp(c.y) FILTER (WHERE c.late) AS sd_b,
               stddev_samp(c.value) FILTER (WHERE NOT c.late) AS told_a, stddev_samp(c.value) FILTER (WHERE c.late) AS told_b,
               avg(c.off * c.off_before) / nullif(avg(c.off ^ 2), 0) AS carry
        FROM chained c
    ), noted AS (
        SELECT h.*, coalesce('before: ' || reporting.not_enough(h.n_a, 7), reporting.not_enough(h.n_b, 7)) AS note FROM halves h
    )
    SELECT h.n_a, e.mean_a, e.told_a, h.n_b, e.mean_b, e.told_b, 7, e.a + e.b, t.difference, t.low, t.high, t.effect_size,
           CASE WHEN abs(t.effect_size) < 0.2 THEN 'negligible' WHEN abs(t.effect_size) < 0.5 THEN 'small'
                WHEN abs(t.effect_size) < 0.8 THEN 'medium' WHEN t.effect_size IS NOT NULL THEN 'large' END,
           t.p, CASE WHEN h.note IS NOT NULL THEN 'not enough' WHEN t.p >= 0.05 THEN 'no difference found'
                     WHEN t.difference > 0 THEN 'higher' ELSE 'lower' END,
           CASE WHEN t.p < 0.05 THEN reporting.good(compare.metric, t.difference) END, h.note
    FROM noted h
    LEFT JOIN LATERAL (
        SELECT reporting.unscaled(compare.metric, h.mean_a) AS mean_a, reporting.unscaled(compare.metric, h.mean_b) AS mean_b,
               reporting.spread(h.told_a, h.mean_a) AS told_a, reporting.spread(h.told_b, h.mean_b) AS told_b,
               reporting.effective_n(h.n_a, 1, h.carry) AS a, reporting.effective_n(h.n_b, 1, h.carry) AS b) e ON h.note IS NULL
    LEFT JOIN LATERAL reporting.apart(
        compare.metric, h.n_a, h.mean_a, reporting.spread(h.sd_a, h.mean_a), e.a,
        h.n_b, h.mean_b, reporting.spread(h.sd_b, h.mean_b), e.b) t ON h.note IS NULL
$$;

-- Days that are two standard deviations or more off the 30 days before them, and those on which the body was strained two
-- days in a row. One row without a day says that there are too few days to tell.
CREATE FUNCTION reporting.unusual_days(user_id text, first date, last date)
RETURNS TABLE (day date, metrics jsonb, illness_hint boolean, words text, note text)
LANGUAGE sql STABLE ROWS 50 AS $$
    WITH told AS MATERIALIZED (
        SELECT k.place, k.metric, k.label, s.day, s.value, s.n_30d, CASE WHEN s.settled THEN s.z END AS z
        FROM (VALUES (1, 'recovery_score', 'Recovery'), (2, 'hrv_rmssd_ms', 'HRV'),
                     (3, 'resting_heart_rate_bpm', 'Resting heart rate'), (4, 'respiratory_rate_rpm', 'Respiratory rate'),
                     (5, 'spo2_pct', 'Blood oxygen'), (6, 'skin_temp_celsius', 'Skin temperature'),
                     (7, 'sleep_duration_s', 'Asleep'), (8, 'strain', 'Day strain')) k (place, metric, label)
        CROSS JOIN LATERAL reporting.series(unusual_days.user_id, k.metric, unusual_days.first - 1, unusual_days.last) s
    ), days AS (
        SELECT t.day, coalesce(jsonb_agg(jsonb_build_object('metric', t.metric, 'value', t.value, 'z', t.z) ORDER BY t.place)
                                   FILTER (WHERE abs(t.z) >= 2), '[]') AS metrics,
               string_agg(t.label || CASE WHEN t.z > 0 THEN ' far above' ELSE ' far below' END, ', ' ORDER BY t.place)
                   FILTER (WHERE abs(t.z) >= 2) AS far,
               coalesce(bool_or(t.metric = 'resting_heart_rate_bpm' AND t.z >= 1.5)
                        AND bool_or(t.metric = 'hrv_rmssd_ms' AND t.z <= -1.5)
                        AND bool_or(t.metric IN ('respiratory_rate_rpm', 'skin_temp_celsius') AND t.z >= 1.5), false) AS strained
        FROM told t GROUP BY t.day
    ), hinted AS (
        SELECT d.*, d.strained AND lag(d.strained, 1, false) OVER (ORDER BY d.day) AS hint FROM days d
    )
    SELECT h.day, h.metrics, h.hint, concat_ws('. ', h.far || ' the 30 days before',
               CASE WHEN h.hint THEN 'Unusual for the second day: resting heart rate up, HRV down, and breathing or skin temperature up' END),
           NULL
    FROM hinted h WHERE h.day >= unusual_days.first AND (h.hint OR h.far IS NOT NULL)
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, reporting.not_enough(least(13, max(t.n_30d)), 14)
    FROM told t WHERE t.day >= unusual_days.first HAVING count(t.z) = 0
    ORDER BY 1
$$;
