-- The pairs of a consent are numbered upwards from a number that no other consent uses, so that a renewal that outlived
-- its grant cannot touch the pair of a newer one.
CREATE SEQUENCE token_versions INCREMENT 1000000000;

-- One request budget for the whole app, shared by every process. A unit is taken under the app's row lock; both windows
-- roll (seconds for the minute, quarters of an hour for the day), so no window of WHOOP's, however it is cut, can be broken.
-- A lane may fill its share of each window only: what it leaves is the reserve of the lanes above it.

CREATE FUNCTION budget_take(p_app text, p_lane text, p_now timestamptz, p_minute integer, p_day integer, p_share double precision)
RETURNS timestamptz  -- NULL when a unit was taken, else the earliest instant at which another try makes sense
LANGUAGE plpgsql AS $$
DECLARE
    present timestamptz := coalesce(p_now, clock_timestamp());
    second timestamptz := date_trunc('second', present);
    quarter timestamptz := date_bin('15 minutes', present, 'epoch');
    state budget;
    ours integer;
    retry timestamptz;
BEGIN
    -- A unit lost in a crash of the server is one too few counted; waiting for the disk at each request costs more.
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT * INTO state FROM budget b WHERE b.app = p_app FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO budget (app) VALUES (p_app) ON CONFLICT DO NOTHING;
        SELECT * INTO state FROM budget b WHERE b.app = p_app FOR UPDATE;
    END IF;
    present := coalesce(p_now, clock_timestamp());
    IF state.limits_until > present THEN
        p_minute := least(p_minute, state.per_minute);
        p_day := least(p_day, state.per_day);
    END IF;
    IF state.paused_until > present THEN
        retry := state.paused_until;
    ELSE
        SELECT coalesce(sum(u.taken), 0) INTO ours FROM budget_usage u
        WHERE u.app = p_app AND u.bucket = 'second' AND u.at >= second - interval '60 seconds' AND u.at <= second;
        IF ours >= greatest(floor(p_minute * p_share), 1) THEN
            SELECT min(u.at) + interval '61 seconds' INTO retry FROM budget_usage u
            WHERE u.app = p_app AND u.bucket = 'second' AND u.at >= second - interval '60 seconds' AND u.taken > 0;
        ELSE
            SELECT coalesce(sum(u.taken), 0) INTO ours FROM budget_usage u
            WHERE u.app = p_app AND u.bucket = 'quarter' AND u.at >= quarter - interval '24 hours' AND u.at <= quarter;
            IF ours >= greatest(floor(p_day * p_share), 1) THEN
                SELECT min(u.at) + interval '24 hours 15 minutes' INTO retry FROM budget_usage u
                WHERE u.app = p_app AND u.bucket = 'quarter' AND u.at >= quarter - interval '24 hours' AND u.taken > 0;
            END IF;
        END IF;
    END IF;
    INSERT INTO budget_usage AS u (app, bucket, at, lane, taken, refused)
    VALUES (p_app, 'second', second, p_lane, (retry IS NULL)::integer, 0),
           (p_app, 'quarter', quarter, p_lane, (retry IS NULL)::integer, (retry IS NOT NULL)::integer)
    ON CONFLICT (app, bucket, at, lane) DO UPDATE SET taken = u.taken + excluded.taken, refused = u.refused + excluded.refused;
    IF retry IS NULL THEN
        DELETE FROM budget_usage u WHERE u.app = p_app AND u.bucket = 'second' AND u.at < second - interval '2 minutes';
    END IF;
    RETURN retry;
END
$$;
