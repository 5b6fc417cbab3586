-- How a figure goes: baselines, trends, load, debt, rhythm.

-- Every date of a range with its 7-day mean and the personal band of the 30 days before it.
CREATE FUNCTION reporting.series(user_id text, metric text, first date, last date)
RETURNS TABLE (day date, value float8, settled boolean, state text, mean_7d float8, n_7d bigint,
               mean_30d float8, sd_30d float8, n_30d bigint, low float8, high float8, z float8)
LANGUAGE sql STABLE AS $$
    WITH x AS (
        SELECT m.*, reporting.scaled(metric, m.counted) AS x FROM reporting.metric_days(user_id, metric, first - 30, last) m
    ), windows AS (
        SELECT x.*, avg(x) OVER week AS week_mean, count(x) OVER week AS week_n,
               avg(x) OVER month AS month_mean, stddev_samp(x) OVER month AS month_sd, count(x) OVER month AS month_n
        FROM x WINDOW week AS (ORDER BY day ROWS 6 PRECEDING), month AS (ORDER BY day ROWS BETWEEN 30 PRECEDING AND 1 PRECEDING)
    ), band AS (
        SELECT w.*, CASE WHEN week_n >= 4 THEN week_mean END AS mean, b.mean AS center, b.sd
        FROM windows w
        LEFT JOIN LATERAL (SELECT month_mean AS mean, reporting.spread(month_sd, month_mean) AS sd) b ON month_n >= 14
    )
    SELECT day, value, counted IS NOT NULL, state, reporting.unscaled(metric, mean), week_n, reporting.unscaled(metric, center),
           sd, month_n, reporting.unscaled(metric, center - sd), reporting.unscaled(metric, center + sd), (x - center) / nullif(sd, 0)
    FROM band WHERE day >= first ORDER BY day
$$;

-- What is to be said of a range as a whole: its mean, and the straight line through it.
CREATE FUNCTION reporting.trend(user_id text, metric text, first date, last date)
RETURNS TABLE (n bigint, needed int, mean float8, sd float8, lowest float8, highest float8, slope_per_week float8, slope_low float8,
               slope_high float8, r2 float8, direction text, good boolean, note text)
LANGUAGE sql STABLE ROWS 1 AS $$
    WITH points AS (
        SELECT (m.day - first)::float8 AS x, m.counted AS y
        FROM reporting.metric_days(user_id, metric, first, last) m WHERE m.counted IS NOT NULL
    ), line AS (
        SELECT count(*) AS n, avg(y) AS mean, reporting.spread(stddev_samp(y), avg(y)) AS sd, min(y) AS lowest, max(y) AS highest,
               regr_slope(y, x) AS slope, regr_intercept(y, x) AS intercept, regr_sxx(y, x) AS sxx, regr_r2(y, x) AS r2
        FROM points
    ), residuals AS (
        SELECT e, CASE WHEN x - lag(x) OVER (ORDER BY x) = 1 THEN lag(e) OVER (ORDER BY x) END AS before
        FROM (SELECT x, y - intercept - slope * x AS e FROM points, line) r
    ), noise AS (
        SELECT reporting.spread(sqrt(avg(e * e)), (SELECT mean FROM line)) AS rms, avg(e * before) AS together FROM residuals
    ), fit AS (
        -- days like their neighbours tell less: n (1 - r) / (1 + r), and the two that a line takes
        SELECT line.*, line.slope * 7 * (line.sd > 0)::int AS per_week, rms, CASE WHEN f.df >= 1 THEN f.df END AS df
        FROM line, noise,
             LATERAL (SELECT CASE WHEN rms > 0 THEN greatest(0, coalesce(together / rms ^ 2, 0)) ELSE 0 END AS r) lag_1,
             LATERAL (SELECT line.n * (1 - r) / (1 + r) - 2 AS df) f
        WHERE line.n >= 14
    ), bounds AS (
        SELECT fit.*, per_week - margin AS slope_low, per_week + margin AS slope_high
        FROM fit, LATERAL (SELECT 7 * reporting.t_quantile(0.975, df) * rms * sqrt(n / df / sxx) AS margin) m
    )
    SELECT line.n, 14, b.mean, b.sd, b.lowest, b.highest, b.per_week, b.slope_low, b.slope_high,
           CASE WHEN b.sd > 0 THEN b.r2 END, d.direction,
           CASE WHEN d.direction <> 'no change' THEN reporting.good(metric, b.per_week) END,
           CASE WHEN line.n < 14 THEN reporting.not_enough(line.n, 14)
                WHEN b.df IS NULL THEN 'the days are too much like their neighbours for an interval' END
    FROM line LEFT JOIN bounds b ON true,
         LATERAL (SELECT CASE WHEN b.slope_low > 0 THEN 'rising' WHEN b.slope_high < 0 THEN 'falling'
                              WHEN b.n IS NOT NULL THEN 'no change' END AS direction) d
$$;

-- HRV on its logarithm: the week's mean against the normal range of two months.
CREATE FUNCTION reporting.hrv_baseline(user_id text, first date, last date)
RETURNS TABLE (day date, ln_rmssd float8, mean_7d float8, n_7d bigint, mean_60d float8, sd_60d float8, n_60d bigint,
               low float8, high float8, cv_7d_pct float8, verdict text, note text)
LANGUAGE sql STABLE AS $$
    WITH x AS (
        SELECT m.day, reporting.scaled('hrv_rmssd_ms', m.counted) AS x
        FROM reporting.metric_days(user_id, 'hrv_rmssd_ms', first - 59, last) m
    ), windows AS (
        SELECT day, x, avg(x) OVER week AS week_mean, stddev_samp(x) OVER week AS week_sd, count(x) OVER week AS week_n,
               avg(x) OVER months AS months_mean, stddev_samp(x) OVER months AS months_sd, count(x) OVER months AS months_n
        FROM x WINDOW week AS (ORDER BY day ROWS 6 PRECEDING), months AS (ORDER BY day ROWS 59 PRECEDING)
    )
    SELECT w.day, w.x, a.mean, w.week_n, b.mean, b.sd, w.months_n, b.low, b.high, 100 * a.sd / a.mean,
           CASE WHEN a.mean < b.low - 1e-9 THEN 'below' WHEN a.mean > b.high + 1e-9 THEN 'above'
                WHEN a.mean IS NOT NULL AND b.mean IS NOT NULL THEN 'within' END,
           coalesce(reporting.not_enough(w.months_n, 30), reporting.not_enough(w.week_n, 4))
    FROM windows w
    LEFT JOIN LATERAL (SELECT week_mean AS mean, reporting.spread(week_sd, week_mean) AS sd) a ON w.week_n >= 4
    LEFT JOIN LATERAL (
        SELECT months_mean AS mean, sd, months_mean - 0.5 * sd AS low, months_mean + 0.5 * sd AS high
        FROM (SELECT reporting.spread(months_sd, months_mean) AS sd) s) b ON w.months_n >= 30
    WHERE w.day >= first ORDER BY w.day
$$;

-- Resting heart rate: the week's mean against four weeks'.
CREATE FUNCTION reporting.resting_heart_rate(user_id text, first date, last date)
RETURNS TABLE (day date, value float8, mean_7d float8, n_7d bigint, mean_28d float8, sd_28d float8, n_28d bigint,
               difference float8, verdict text, note text)
LANGUAGE sql STABLE AS $$
    WITH windows AS (
        SELECT m.day, m.counted AS x, avg(m.counted) OVER week AS week_mean, count(m.counted) OVER week AS week_n,
               avg(m.counted) OVER month AS month_mean, stddev_samp(m.counted) OVER month AS month_sd,
               count(m.counted) OVER month AS month_n
        FROM reporting.metric_days(user_id, 'resting_heart_rate_bpm', first - 27, last) m
        WINDOW week AS (ORDER BY m.day ROWS 6 PRECEDING), month AS (ORDER BY m.day ROWS 27 PRECEDING)
    )
    SELECT w.day, w.x, a.mean, w.week_n, b.mean, b.sd, w.month_n, d.difference,
           CASE WHEN abs(d.difference) <= b.sd + 1e-9 AND abs(d.difference) < 3 - 1e-9 THEN 'normal'
                WHEN d.difference > 0 THEN 'raised' WHEN d.difference < 0 THEN 'lowered' END,
           coalesce(reporting.not_enough(w.month_n, 14), reporting.not_enough(w.week_n, 4))
    FROM windows w
    LEFT JOIN LATERAL (SELECT week_mean AS mean) a ON w.week_n >= 4
    LEFT JOIN LATERAL (SELECT month_mean AS mean, reporting.spread(month_sd, month_mean) AS sd) b ON w.month_n >= 14
    CROSS JOIN LATERAL (SELECT a.mean - b.mean AS difference) d
    WHERE w.day >= first ORDER BY w.day
$$;

-- The body's five signals of a day against their personal band.
CREATE FUNCTION reporting.vitals(user_id text, day date)
RETURNS TABLE (metric text, value float8, state text, mean_30d float8, sd_30d float8, n_30d bigint, low float8, high float8, z float8,
               verdict text, note text)
LANGUAGE sql STABLE ROWS 5 AS $$
    SELECT v.metric, s.value, s.state, s.mean_30d, s.sd_30d, s.n_30d, s.low, s.high, s.z,
           CASE WHEN s.z >= 2 THEN 'above' WHEN s.z <= -2 THEN 'below' WHEN s.z IS NOT NULL THEN 'in range' END,
           CASE WHEN s.sd_30d = 0 THEN 'the 30 days before were all the same' ELSE reporting.not_enough(s.n_30d, 14) END
    FROM (VALUES (1, 'hrv_rmssd_ms'), (2, 'resting_heart_rate_bpm'), (3, 'respiratory_rate_rpm'), (4, 'spo2_pct'),
                 (5, 'skin_temp_celsius')) v (place, metric)
    CROSS JOIN LATERAL reporting.series(user_id, v.metric, vitals.day, vitals.day) s
    ORDER BY v.place
$$;

-- The load of the week against that of four weeks, by strain, energy_kj or zone_load.
CREATE FUNCTION reporting.load(user_id text, first date, last date, by text)
RETURNS TABLE (day date, load float8, acute_7d float8, chronic_28d float8, ratio_coupled float8, ratio_uncoupled float8,
               acute_ewma float8, chronic_ewma float8, ratio_ewma float8, monotony_7d float8, training_strain_7d float8, n_28d bigint,
               band text, note text)
LANGUAGE sql STABLE AS $$
    WITH x AS (
        SELECT m.day, m.counted AS x
        FROM (SELECT min(d.day) AS day FROM reporting.days d WHERE d.user_id = load.user_id) origin
        CROSS JOIN LATERAL reporting.metric_days(
            user_id, CASE WHEN by IN ('strain', 'energy_kj', 'zone_load') THEN by END, least(first - 27, origin.day), last) m
    ), windows AS (
        SELECT day, x, avg(x) OVER week AS acute, stddev_samp(x) OVER week AS week_sd, count(x) OVER week AS week_n,
               avg(x) OVER month AS chronic, count(x) OVER month AS month_n,
               avg(x) OVER (ORDER BY day ROWS BETWEEN 27 PRECEDING AND 7 PRECEDING) AS earlier,
               reporting.ewma(x, 2.0 / 8) OVER past AS acute_ewma, reporting.ewma(x, 2.0 / 29) OVER past AS chronic_ewma,
               min(day) FILTER (WHERE x IS NOT NULL) OVER past AS origin
        FROM x WINDOW past AS (ORDER BY day), week AS (ORDER BY day ROWS 6 PRECEDING), month AS (ORDER BY day ROWS 27 PRECEDING)
    )
    SELECT w.day, w.x, a.acute, c.chronic, r.coupled, a.acute / nullif(w.earlier * (c.chronic IS NOT NULL)::int, 0),
           e.acute_ewma, e.chronic_ewma, e.acute_ewma / nullif(e.chronic_ewma, 0), a.monotony, 7 * a.acute * a.monotony, w.month_n,
           CASE WHEN r.coupled < 0.8 THEN 'below' WHEN r.coupled > 1.3 THEN 'above' WHEN r.coupled IS NOT NULL THEN 'usual' END,
           coalesce(reporting.not_enough(w.month_n, 14), reporting.not_enough(w.week_n, 4))
    FROM windows w
    LEFT JOIN LATERAL (SELECT w.chronic) c ON w.month_n >= 14
    LEFT JOIN LATERAL (
        SELECT w.acute, w.acute / nullif(reporting.spread(w.week_sd, w.acute), 0) AS monotony) a ON c.chronic IS NOT NULL AND w.week_n >= 4
    LEFT JOIN LATERAL (SELECT w.acute_ewma, w.chronic_ewma) e ON c.chronic IS NOT NULL AND w.day >= w.origin + 28
    CROSS JOIN LATERAL (SELECT a.acute / nullif(c.chronic, 0) AS coupled) r
    WHERE w.day >= first ORDER BY w.day
$$;

-- Sleep that was short of the baseline need, night by night and of two weeks; WHOOP's own debt beside it.
CREATE FUNCTION reporting.sleep_debt(user_id text, first date, last date)
RETURNS TABLE (day date, need_s float8, asleep_s float8, nap_s float8, deficit_s float8, debt_14d_s float8, n_14d bigint,
               whoop_debt_s float8, note text)
LANGUAGE sql STABLE AS $$
    WITH windows AS (
        SELECT g.day::date AS day, d.need_baseline_s, d.sleep_duration_s, d.nap_s, d.sleep_deficit_s, d.need_debt_s,
               sum(d.sleep_deficit_s) OVER nights AS debt, count(d.sleep_deficit_s) OVER nights AS n
        FROM generate_series((first - 13)::timestamp, last::timestamp, interval '1 day') g (day)
        LEFT JOIN (SELECT * FROM reporting.days d WHERE d.user_id = sleep_debt.user_id AND d.day BETWEEN first - 13 AND last) d
            ON d.day = g.day::date
        WINDOW nights AS (ORDER BY g.day ROWS 13 PRECEDING)
    )
    SELECT day, need_baseline_s, sleep_duration_s, nap_s, sleep_deficit_s, CASE WHEN n >= 10 THEN debt END, n, need_debt_s,
           reporting.not_enough(n, 10)
    FROM windows WHERE day >= first ORDER BY day
$$;

-- The mean direction and the standard deviation of times of the clock, in minutes, from their mean sine and cosine;
-- the mean is -720 < m <= 720. Both NULL where the times point nowhere.
CREATE FUNCTION reporting.clock_mean(sine float8, cosine float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN sine ^ 2 + cosine ^ 2 > 1e-18 THEN atan2(sine, cosine) * 720 / pi() END;

CREATE FUNCTION reporting.clock_sd(sine float8, cosine float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN sine ^ 2 + cosine ^ 2 > 1e-18 THEN sqrt(-ln(least(1, sine ^ 2 + cosine ^ 2))) * 720 / pi() END;

-- How regular the nights are that end on a date and the days before it.
CREATE FUNCTION reporting.regularity(user_id text, day date, nights int)
RETURNS TABLE (n bigint, needed int, bed_mean_min float8, bed_sd_min float8, wake_mean_min float8, wake_sd_min float8,
               mid_sleep_free_min float8, mid_sleep_work_min float8, social_jet_lag_min float8, note text)
LANGUAGE sql STABLE ROWS 1 AS $$
    WITH angles AS (
        SELECT b * pi() / 720 AS bed, w * pi() / 720 AS wake, (b + mod((w - b + 1440)::numeric, 1440)::float8 / 2) * pi() / 720 AS mid, free
        FROM (SELECT d.bed_time_min AS b, d.wake_time_min AS w, extract(isodow FROM d.day) >= 6 AS free FROM reporting.days d
              WHERE d.user_id = regularity.user_id AND d.day BETWEEN regularity.day - nights + 1 AND regularity.day
                AND d.bed_time_min IS NOT NULL AND d.wake_time_min IS NOT NULL) times
    ), means AS (
        SELECT count(*) AS n, avg(sin(bed)) AS bed_sin, avg(cos(bed)) AS bed_cos, avg(sin(wake)) AS wake_sin, avg(cos(wake)) AS wake_cos,
               count(*) FILTER (WHERE free) AS free_n, avg(sin(mid)) FILTER (WHERE free) AS free_sin,
               avg(cos(mid)) FILTER (WHERE free) AS free_cos,
               count(*) FILTER (WHERE NOT free) AS work_n, avg(sin(mid)) FILTER (WHERE NOT free) AS work_sin,
               avg(cos(mid)) FILTER (WHERE NOT free) AS work_cos
        FROM angles
    ), clocks AS (
        SELECT reporting.clock_mean(bed_sin, bed_cos) AS bed, reporting.clock_sd(bed_sin, bed_cos) AS bed_sd,
               reporting.clock_mean(wake_sin, wake_cos) AS wake, reporting.clock_sd(wake_sin, wake_cos) AS wake_sd,
               CASE WHEN free_n >= 2 THEN reporting.clock_mean(free_sin, free_cos) END AS free,
               CASE WHEN work_n >= 2 THEN reporting.clock_mean(work_sin, work_cos) END AS work
        FROM means WHERE n >= (nights + 1) / 2
    )
    SELECT m.n, (nights + 1) / 2, c.bed, c.bed_sd, c.wake + 1440 * (c.wake < 0)::int, c.wake_sd, c.free, c.work,
           c.free - c.work - 1440 * round((c.free - c.work) / 1440),
           coalesce(reporting.not_enough(m.n, (nights + 1) / 2), 'free days: ' || reporting.not_enough(m.free_n, 2),
                    'work days: ' || reporting.not_enough(m.work_n, 2))
    FROM means m LEFT JOIN clocks c ON true
$$;

-- Minutes in the zones of the heart rate, by week from Monday to Sunday.
CREATE FUNCTION reporting.zone_minutes(user_id text, first date, last date)
RETURNS TABLE (week date, zone_0 float8, zone_1 float8, zone_2 float8, zone_3 float8, zone_4 float8, zone_5 float8,
               workouts float8, n_days bigint)
LANGUAGE sql STABLE AS $$
    SELECT g.week::date, sum(d.zone_0_s) / 60, sum(d.zone_1_s) / 60, sum(d.zone_2_s) / 60, sum(d.zone_3_s) / 60, sum(d.zone_4_s) / 60,
           sum(d.zone_5_s) / 60, sum(d.workouts), count(d.workouts)
    FROM generate_series(date_trunc('week', first::timestamp), last::timestamp, interval '1 week') g (week)
    LEFT JOIN (
        SELECT * FROM reporting.days d WHERE d.user_id = zone_minutes.user_id AND NOT d.open
          AND d.day BETWEEN date_trunc('week', first::timestamp)::date AND last + 6) d ON date_trunc('week', d.day::timestamp) = g.week
    GROUP BY g.week ORDER BY g.week
$$;

-- Each day of the week against all the others.
CREATE FUNCTION reporting.weekdays(user_id text, metric text, first date, last date)
RETURNS TABLE (isodow int, n bigint, mean float8, sd float8, difference float8, low float8, high float8, note text)
LANGUAGE sql STABLE ROWS 7 AS $$
    WITH points AS (
        SELECT extract(isodow FROM m.day)::int AS isodow, m.counted AS y
        FROM reporting.metric_days(user_id, metric, first, last) m WHERE m.counted IS NOT NULL
    ), sides AS (
        SELECT g.isodow, count(y) FILTER (WHERE here) AS n, avg(y) FILTER (WHERE here) AS mean, stddev_samp(y) FILTER (WHERE here) AS sd,
               count(y) FILTER (WHERE NOT here) AS rest_n, avg(y) FILTER (WHERE NOT here) AS rest_mean,
               stddev_samp(y) FILTER (WHERE NOT here) AS rest_sd
        FROM generate_series(1, 7) g (isodow) LEFT JOIN points p ON true CROSS JOIN LATERAL (SELECT p.isodow = g.isodow AS here) h
        GROUP BY g.isodow
    ), enough AS (
        SELECT s.*, reporting.spread(sd, mean) AS own_sd, reporting.spread(rest_sd, rest_mean) AS others_sd,
               rest_n::float8 / (n + rest_n) AS share
        FROM sides s WHERE n >= 4
    )
    SELECT s.isodow, s.n, e.mean, e.own_sd, d.difference, d.difference - m.margin, d.difference + m.margin,
           coalesce(reporting.not_enough(s.n, 4), 'other weekdays: ' || reporting.not_enough(s.rest_n, 4))
    FROM sides s
    LEFT JOIN enough e ON e.isodow = s.isodow
    -- what a day differs from the mean of all is its share of what it differs from the others
    LEFT JOIN LATERAL (SELECT (e.mean - e.rest_mean) * e.share AS difference) d ON e.rest_n >= 4
    LEFT JOIN LATERAL (
        SELECT e.share * sqrt(e.own_sd ^ 2 / e.n + e.others_sd ^ 2 / e.rest_n)
             * coalesce(reporting.t_quantile(0.975, reporting.welch_df(e.own_sd, e.n, e.others_sd, e.rest_n)), 0) AS margin) m ON true
    ORDER BY s.isodow
$$;

-- The highest and the lowest of a range; of equals the first.
CREATE FUNCTION reporting.records(user_id text, metric text, first date, last date)
RETURNS TABLE (kind text, value float8, day date, n bigint, note text)
LANGUAGE sql STABLE ROWS 2 AS $$
    WITH points AS MATERIALIZED (
        SELECT m.day, m.counted AS value FROM reporting.metric_days(user_id, metric, first, last) m WHERE m.counted IS NOT NULL
    ), total AS (SELECT count(*) AS n FROM points)
    SELECT k.kind, p.value, p.day, total.n, reporting.not_enough(total.n, 1)
    FROM total CROSS JOIN (VALUES (1, 'highest'), (-1, 'lowest')) k (sign, kind)
    LEFT JOIN LATERAL (SELECT * FROM points ORDER BY points.value * k.sign DESC, points.day LIMIT 1) p ON true
    ORDER BY k.sign DESC
$$;

-- Runs of good days. What is still to come (pending, open, calibrating, the last date itself) neither ends nor lengthens one.
CREATE FUNCTION reporting.streaks(user_id text, first date, last date)
RETURNS TABLE (kind text, current bigint, current_since date, longest bigint, longest_from date, longest_to date)
LANGUAGE sql STABLE ROWS 5 AS $$
    WITH marks AS (
        SELECT k.place, m.day, CASE k.place WHEN 1 THEN reporting.recovery_band(m.counted) = 'green'
                                            WHEN 2 THEN reporting.recovery_band(m.counted) <> 'red'
                                            WHEN 3 THEN m.counted >= 85 ELSE m.counted >= 10 END AS hit, m.state
        FROM (VALUES (1, 'recovery_score'), (2, 'recovery_score'), (3, 'sleep_performance_pct'), (4, 'strain')) k (place, metric)
        CROSS JOIN LATERAL reporting.metric_days(user_id, k.metric, first, last) m
        UNION ALL
        SELECT 5, g.day::date, CASE WHEN d.state = 'complete' THEN
                   (d.recovery_state, d.sleep_state, d.cycle_state) IS NOT DISTINCT FROM ('SCORED', 'SCORED', 'SCORED') END,
               coalesce(d.state, 'missing')
        FROM generate_series(first::timestamp, last::timestamp, interval '1 day') g (day)
        LEFT JOIN (SELECT * FROM reporting.days d WHERE d.user_id = streaks.user_id AND d.day BETWEEN first AND last) d
            ON d.day = g.day::date
    ), decided AS (
        SELECT place, day, coalesce(hit, false) AS hit,
               count(*) FILTER (WHERE hit IS NOT TRUE) OVER (PARTITION BY place ORDER BY day) AS broken,
               count(*) FILTER (WHERE hit IS NOT TRUE) OVER (PARTITION BY place) AS breaks
        FROM marks WHERE hit IS NOT NULL OR NOT (state IN ('pending', 'open', 'calibrating') OR (state = 'missing' AND day = last))
    ), runs AS (
        SELECT place, broken = breaks AS lasts, count(*) AS days, min(day) AS since, max(day) AS until
        FROM decided WHERE hit GROUP BY place, broken, breaks
    ), best AS (
        SELECT DISTINCT ON (place) * FROM runs ORDER BY place, days DESC, since
    )
    SELECT k.kind, coalesce(n.days, 0), n.since, coalesce(b.days, 0), b.since, b.until
    FROM (VALUES (1, 'green recovery'), (2, 'recovery not red'), (3, 'sleep performance at least 85 %'), (4, 'strain at least 10'),
                 (5, 'complete day')) k (place, kind)
    LEFT JOIN best b ON b.place = k.place LEFT JOIN runs n ON n.place = k.place AND n.lasts
    ORDER BY k.place
$$;

-- The means of whole weeks or months, each with the days behind it, and the days of each band.
CREATE FUNCTION reporting.periods(user_id text, first date, last date, unit text, needed int)
RETURNS TABLE (period date, recovery_score float8, recovery_score_n bigint, hrv_rmssd_ms float8, hrv_rmssd_ms_n bigint,
               resting_heart_rate_bpm float8, resting_heart_rate_bpm_n bigint, sleep_performance_pct float8, sleep_performance_pct_n bigint,
               sleep_duration_s float8, sleep_duration_s_n bigint, strain float8, strain_n bigint, energy_kj float8, energy_kj_n bigint,
               nights_enough bigint, green bigint, yellow bigint, red bigint, note text)
LANGUAGE sql STABLE AS $$
    WITH spans AS (
        SELECT g.start FROM generate_series(date_trunc(unit, first::timestamp), last::timestamp, ('1 ' || unit)::interval) g (start)
    ), figures AS (
        SELECT date_trunc(unit, d.day::timestamp) AS start, reporting.settled(d, 'recovery_score') AS recovery,
               reporting.scaled('hrv_rmssd_ms', reporting.settled(d, 'hrv_rmssd_ms')) AS hrv,
               reporting.settled(d, 'resting_heart_rate_bpm') AS heart,
               d.sleep_performance_pct AS performance, d.sleep_duration_s AS asleep,
               reporting.settled(d, 'strain') AS strain, reporting.settled(d, 'energy_kj') AS energy,
               reporting.recovery_band(reporting.settled(d, 'recovery_score')) AS band
        FROM reporting.days d
        WHERE d.user_id = periods.user_id AND d.day >= date_trunc(unit, first::timestamp)
          AND d.day < date_trunc(unit, last::timestamp) + ('1 ' || unit)::interval
    ), sums AS (
        SELECT s.start, avg(recovery) AS recovery, count(recovery) AS recovery_n, exp(avg(hrv)) AS hrv, count(hrv) AS hrv_n,
               avg(heart) AS heart, count(heart) AS heart_n, avg(performance) AS performance, count(performance) AS performance_n,
               avg(asleep) AS asleep, count(asleep) AS asleep_n, avg(strain) AS strain, count(strain) AS strain_n,
               avg(energy) AS energy, count(energy) AS energy_n, count(*) FILTER (WHERE performance >= 85) AS nights_enough,
               count(*) FILTER (WHERE band = 'green') AS green, count(*) FILTER (WHERE band = 'yellow') AS yellow,
               count(*) FILTER (WHERE band = 'red') AS red, count(f.start) AS days
        FROM spans s LEFT JOIN figures f ON f.start = s.start GROUP BY s.start
    )
    SELECT start::date, CASE WHEN recovery_n >= needed THEN recovery END, recovery_n, CASE WHEN hrv_n >= needed THEN hrv END, hrv_n,
           CASE WHEN heart_n >= needed THEN heart END, heart_n, CASE WHEN performance_n >= needed THEN performance END, performance_n,
           CASE WHEN asleep_n >= needed THEN asleep END, asleep_n, CASE WHEN strain_n >= needed THEN strain END, strain_n,
           CASE WHEN energy_n >= needed THEN energy END, energy_n, nights_enough, green, yellow, red, reporting.not_enough(days, needed)
    FROM sums ORDER BY start
$$;

CREATE FUNCTION reporting.weeks(user_id text, first date, last date)
RETURNS TABLE (week date, recovery_score float8, recovery_score_n bigint, hrv_rmssd_ms float8, hrv_rmssd_ms_n bigint,
               resting_heart_rate_bpm float8, resting_heart_rate_bpm_n bigint, sleep_performance_pct float8, sleep_performance_pct_n bigint,
               sleep_duration_s float8, sleep_duration_s_n bigint, strain float8, strain_n bigint, energy_kj float8, energy_kj_n bigint,
               nights_enough bigint, green bigint, yellow bigint, red bigint, note text)
LANGUAGE sql STABLE AS $$ SELECT * FROM reporting.periods(user_id, first, last, 'week', 4) $$;

CREATE FUNCTION reporting.months(user_id text, first date, last date)
RETURNS TABLE (month date, recovery_score float8, recovery_score_n bigint, hrv_rmssd_ms float8, hrv_rmssd_ms_n bigint,
               resting_heart_rate_bpm float8, resting_heart_rate_bpm_n bigint, sleep_performance_pct float8, sleep_performance_pct_n bigint,
               sleep_duration_s float8, sleep_duration_s_n bigint, strain float8, strain_n bigint, energy_kj float8, energy_kj_n bigint,
               nights_enough bigint, green bigint, yellow bigint, red bigint, note text)
LANGUAGE sql STABLE AS $$ SELECT * FROM reporting.periods(user_id, first, last, 'month', 14) $$;

-- The strain that suits the day's recovery, and the strain so far.
CREATE FUNCTION reporting.strain_target(user_id text, day date)
RETURNS TABLE (recovery float8, band text, low float8, high float8, so_far float8, note text)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT round(r.counted::numeric)::float8, b.band, t.low, t.high, s.value,
           CASE WHEN r.counted IS NULL THEN CASE r.state
               WHEN 'calibrating' THEN 'WHOOP is still getting to know you' WHEN 'pending' THEN 'the recovery is still being scored'
               ELSE 'no recovery score on this date' END END
    FROM reporting.metric_days(user_id, 'recovery_score', strain_target.day, strain_target.day) r
    CROSS JOIN LATERAL reporting.metric_days(user_id, 'strain', strain_target.day, strain_target.day) s
    CROSS JOIN LATERAL (SELECT reporting.recovery_band(r.counted) AS band) b
    LEFT JOIN (VALUES ('green', 14.0::float8, 18.0::float8), ('yellow', 10, 14), ('red', 4, 10)) t (band, low, high) ON t.band = b.band
$$;

-- The recovery band of every date of a range.
CREATE FUNCTION reporting.recovery_bands(user_id text, first date, last date) RETURNS TABLE (day date, score float8, band text)
LANGUAGE sql STABLE AS $$
    SELECT m.day, round(m.counted::numeric)::float8, reporting.recovery_band(m.counted)
    FROM reporting.metric_days(user_id, 'recovery_score', first, last) m ORDER BY m.day
$$;
