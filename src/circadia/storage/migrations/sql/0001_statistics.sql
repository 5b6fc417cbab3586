-- Statistics the database lacks, and what all analyses ask of a figure.

-- The words for too small a sample; NULL when there is enough.
CREATE FUNCTION reporting.not_enough(n bigint, needed int) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN n < needed THEN 'not enough data yet (' || n || ' of ' || needed || ')' END;

-- A standard deviation, where one that is nothing but rounding is 0.
CREATE FUNCTION reporting.spread(sd float8, mean float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE WHEN sd <= 1e-9 * abs(mean) THEN 0 ELSE sd END;

-- P(Z <= x) of the standard normal distribution to 1e-12 (Hart's rational approximation, after West 2005).
CREATE FUNCTION reporting.normal_cdf(x float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    z float8 := abs(x);
    tail float8 := 0;
BEGIN
    IF z < 7.07106781186547 THEN
        tail := exp(-z * z / 2)
            * ((((((0.0352624965998911 * z + 0.700383064443688) * z + 6.37396220353165) * z + 33.912866078383) * z
                + 112.079291497871) * z + 221.213596169931) * z + 220.206867912376)
            / (((((((0.0883883476483184 * z + 1.75566716318264) * z + 16.064177579207) * z + 86.7807322029461) * z
                + 296.564248779674) * z + 637.333633378831) * z + 793.826512519948) * z + 440.413735824752);
    ELSIF z < 37 THEN
        tail := exp(-z * z / 2) / (z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))) / sqrt(2 * pi());
    END IF;
    RETURN CASE WHEN x > 0 THEN 1 - tail ELSE tail END;
END
$$;

-- ln(gamma(x)) for x > 0 (Lanczos, g = 7, nine terms).
CREATE FUNCTION reporting.log_gamma(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
    ln(sqrt(2 * pi()) / x) + (x + 0.5) * ln(x + 7.5) - (x + 7.5) + ln(0.99999999999980993
        + 676.5203681218851 / (x + 1) - 1259.1392167224028 / (x + 2) + 771.32342877765313 / (x + 3)
        - 176.61502916214059 / (x + 4) + 12.507343278686905 / (x + 5) - 0.13857109526572012 / (x + 6)
        + 9.9843695780195716e-6 / (x + 7) + 1.5056327351493116e-7 / (x + 8));

-- I_x(a, b), the regularised incomplete beta function, by its continued fraction (Lentz; DLMF 8.17.22).
CREATE FUNCTION reporting.incomplete_beta(x float8, a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    c float8 := 1;
    d float8;
    h float8;
    m float8 := 0;
    term float8;
BEGIN
    IF x <= 0 OR x >= 1 THEN
        RETURN CASE WHEN x <= 0 THEN 0 ELSE 1 END;
    ELSIF x > (a + 1) / (a + b + 2) THEN
        RETURN 1 - reporting.incomplete_beta(1 - x, b, a);
    END IF;
    d := 1 / (1 - (a + b) * x / (a + 1));
    h := d;
    LOOP
        m := m + 1;
        term := m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d := 1 / (1 + term * d);
        c := 1 + term / c;
        h := h * d * c;
        term := -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d := 1 / (1 + term * d);
        c := 1 + term / c;
        h := h * d * c;
        EXIT WHEN abs(d * c - 1) < 1e-13 OR m > 5000;
    END LOOP;
    RETURN h / a * exp(greatest(-690, a * ln(x) + b * ln(1 - x)
        + reporting.log_gamma(a + b) - reporting.log_gamma(a) - reporting.log_gamma(b)));
END
$$;

-- P(T <= t) of Student's t distribution; the degrees of freedom need not be whole.
CREATE FUNCTION reporting.t_cdf(t float8, df float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    square float8 := least(abs(t), 1e100) ^ 2;
    tail float8;
BEGIN
    IF df <= 0 THEN
        RETURN NULL;
    ELSIF df > 1e6 THEN
        RETURN reporting.normal_cdf(t);
    END IF;
    -- the side that is not 1 but for rounding
    tail := CASE WHEN square < df THEN 1 - reporting.incomplete_beta(square / (df + square), 0.5, df / 2)
                 ELSE reporting.incomplete_beta(df / (df + square), df / 2, 0.5) END / 2;
    RETURN CASE WHEN t > 0 THEN 1 - tail ELSE tail END;
END
$$;

-- The t below which a share p of Student's t distribution lies; NULL unless 0 < p < 1 and df > 0.
CREATE FUNCTION reporting.t_quantile(p float8, df float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    flat float8 := least(df, 1e6);
    scale float8;
    step float8;
    t float8 := 0;
BEGIN
    IF df <= 0 OR p <= 0 OR p >= 1 THEN
        RETURN NULL;
    ELSIF p < 0.5 THEN
        RETURN -reporting.t_quantile(1 - p, df);
    END IF;
    scale := exp(reporting.log_gamma((flat + 1) / 2) - reporting.log_gamma(flat / 2)) / sqrt(flat * pi());
    -- Newton from 0: the distribution is concave above it, so every step stays below the answer
    FOR i IN 1..200 LOOP
        step := (p - reporting.t_cdf(t, flat)) / (scale * (1 + t * t / flat) ^ (-(flat + 1) / 2));
        t := t + step;
        EXIT WHEN step <= 1e-9 * t;
    END LOOP;
    RETURN t;
END
$$;

-- The degrees of freedom of a difference of two means with variances of their own (Welch 1947, Satterthwaite 1946).
CREATE FUNCTION reporting.welch_df(sd_a float8, n_a bigint, sd_b float8, n_b bigint) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
    (sd_a ^ 2 / n_a + sd_b ^ 2 / n_b) ^ 2
    / nullif((sd_a ^ 2 / n_a) ^ 2 / (n_a - 1) + (sd_b ^ 2 / n_b) ^ 2 / (n_b - 1), 0);

CREATE FUNCTION reporting.ewma_step(state float8, value float8, weight float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE WHEN value IS NULL THEN state WHEN state IS NULL THEN value
                ELSE weight * value + (1 - weight) * state END;
END
$$;

-- Exponentially weighted mean in the order given: begins with the first value; NULL leaves it where it was.
CREATE AGGREGATE reporting.ewma(value float8, weight float8) (SFUNC = reporting.ewma_step, STYPE = float8);

-- The part of the day document a figure comes from.
CREATE FUNCTION reporting.part(metric text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
    WHEN metric IN ('recovery_score', 'hrv_rmssd_ms', 'resting_heart_rate_bpm', 'spo2_pct', 'skin_temp_celsius') THEN 'recovery'
    WHEN metric IN ('strain', 'energy_kj', 'average_heart_rate_bpm', 'max_heart_rate_bpm', 'steps') THEN 'cycle'
    WHEN metric IN ('workouts', 'workout_s', 'zone_load') OR metric LIKE 'zone\__\_s' THEN 'workouts'
    ELSE 'sleep' END;

-- Which way is good: up, down, or NULL for neither.
CREATE FUNCTION reporting.polarity(metric text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
    WHEN metric IN ('recovery_score', 'hrv_rmssd_ms', 'sleep_performance_pct', 'sleep_duration_s', 'deep_sleep_s', 'rem_sleep_s',
                    'sleep_efficiency_pct', 'sleep_consistency_pct', 'steps') THEN 'up'
    WHEN metric IN ('resting_heart_rate_bpm', 'awake_s', 'disturbances', 'need_debt_s', 'sleep_deficit_s') THEN 'down' END;

-- Whether a change of a figure is for the better; NULL where there is none, or neither way is.
CREATE FUNCTION reporting.good(metric text, change float8) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE reporting.polarity(metric) WHEN 'up' THEN nullif(change, 0) > 0 WHEN 'down' THEN nullif(change, 0) < 0 END;

-- The scale a figure is compared on: HRV, which is skewed, on its natural logarithm.
CREATE FUNCTION reporting.scaled(metric text, value float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN metric <> 'hrv_rmssd_ms' THEN value WHEN value > 0 THEN ln(value) END;

CREATE FUNCTION reporting.unscaled(metric text, value float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE WHEN metric = 'hrv_rmssd_ms' THEN exp(value) ELSE value END;

-- The recovery band, of the score rounded to a whole number.
CREATE FUNCTION reporting.recovery_band(score float8) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
    WHEN score >= 66.5 THEN 'green' WHEN score >= 33.5 THEN 'yellow' WHEN score IS NOT NULL THEN 'red' END;

-- Where a figure of a day stands.
CREATE FUNCTION reporting.state(d reporting.days, metric text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
    WHEN reporting.shown(d, metric) IS NULL THEN
        CASE CASE reporting.part(metric) WHEN 'recovery' THEN d.recovery_state WHEN 'sleep' THEN d.sleep_state ELSE d.cycle_state END
            WHEN 'PENDING_SCORE' THEN 'pending' WHEN 'UNSCORABLE' THEN 'unscorable' ELSE 'missing' END
    WHEN reporting.settled(d, metric) IS NULL THEN CASE reporting.part(metric) WHEN 'recovery' THEN 'calibrating' ELSE 'open' END
    WHEN d.source = 'export' THEN 'estimated' ELSE 'scored' END;

-- A figure on every date of a range: as shown, as it counts (NULL: it does not), and where it stands.
CREATE FUNCTION reporting.metric_days(user_id text, metric text, first date, last date)
RETURNS TABLE (day date, value float8, counted float8, state text)
LANGUAGE sql STABLE AS $$
    SELECT g.day::date, v.value, v.counted, coalesce(v.state, 'missing')
    FROM generate_series(first::timestamp, last::timestamp, interval '1 day') g (day)
    LEFT JOIN (
        SELECT d.day, reporting.shown(d, metric) AS value, reporting.settled(d, metric) AS counted, reporting.state(d, metric) AS state
        FROM reporting.days d WHERE d.user_id = metric_days.user_id AND d.day BETWEEN first AND last) v ON v.day = g.day::date
$$;
