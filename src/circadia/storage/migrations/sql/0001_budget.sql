-- The pairs of a consent are numbered upwards from a number that no other consent uses, so that a renewal that outlived
-- its grant cannot touch the pair of a newer one.
CREATE SEQUENCE token_versions INCREMENT 1000000000;

-- One request budget for the whole app, shared by every process. A unit is taken under the app's row lock; both windows
-- roll (seconds for the minute, minutes for the day), so no window of WHOOP's, however it is cut, can be
-- broken; a unit is counted two seconds longer than WHOOP's window, because requests are not equally long on their way.
-- A lane may fill its share of each window only: what it leaves is the reserve of the lanes above it.
-- Who finds no unit gets a ticket (`budget_waits`), and a unit goes to nobody as long as somebody before them waits for
-- it: first every ticket of a lane above, then the tickets of the lane, the members in turn, who was served longest ago
-- (`budget_turns`) first. A ticket whose holder does not come back at the time told is worth nothing soon after.

CREATE FUNCTION budget_opening(p_app text, p_bucket text, p_from timestamptz, p_span interval, p_need bigint)
RETURNS timestamptz  -- when `p_need` of the units taken since `p_from` are older than `p_span`; NULL when none has to be
LANGUAGE sql STABLE AS $$
    WITH taken AS (
        SELECT u.at, sum(sum(u.taken)) OVER (ORDER BY u.at) AS so_far, sum(sum(u.taken)) OVER () AS total
        FROM budget_usage u WHERE u.app = p_app AND u.bucket = p_bucket AND u.at >= p_from AND u.taken > 0
        GROUP BY u.at
    )
    -- who needs more units than the window holds needs it to roll over more than once
    SELECT min(t.at) + p_span * (1 + div(p_need - 1, max(t.total)))::integer
    FROM taken t WHERE p_need > 0 AND t.so_far > (p_need - 1) % t.total
$$;

CREATE FUNCTION budget_take(
    p_app text, p_lane text, p_above text[], p_member bigint, p_ticket bigint, p_now timestamptz, p_patience_s float8,
    p_minute integer, p_day integer, p_share float8, p_day_share float8, p_at_once float8
)
RETURNS TABLE (wait_s float8, ticket bigint)  -- NULL, NULL when a unit was taken; no ticket when patience ends before
LANGUAGE plpgsql AS $$
DECLARE
    slack CONSTANT interval := '2 seconds';
    pace CONSTANT interval := '5 seconds';
    grace CONSTANT interval := '2 seconds';
    somebody_elses_turn CONSTANT interval := '250 milliseconds';
    state budget;
    present timestamptz;
    second timestamptz;
    minute timestamptz;
    second_from timestamptz;
    day_from timestamptz;
    pace_from timestamptz;
    minute_left bigint;
    day_left bigint;
    pace_left bigint;
    burst_left bigint;
    free bigint;
    ahead bigint;
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
    second := date_trunc('second', present);
    minute := date_trunc('minute', present);
    second_from := date_trunc('second', present - slack) - interval '60 seconds';
    day_from := date_trunc('minute', present - slack) - interval '24 hours';
    pace_from := second - pace + interval '1 second';
    IF state.limits_until > present THEN
        p_minute := least(p_minute, state.per_minute);
        p_day := least(p_day, state.per_day);
    END IF;
    minute_left := greatest(floor(p_minute * p_share), 1);
    day_left := greatest(floor(p_day * p_day_share), 1);
    burst_left := ceil(minute_left * p_at_once);
    pace_left := ceil(minute_left * extract(epoch FROM pace) / 60);

    -- Units of the next minute are those of a clock that was set back by a moment; more than that is no present.
    SELECT minute_left - coalesce(sum(u.taken), 0), burst_left - coalesce(sum(u.taken), 0),
           pace_left - coalesce(sum(u.taken) FILTER (WHERE u.at >= pace_from), 0)
    INTO minute_left, burst_left, pace_left FROM budget_usage u
    WHERE u.app = p_app AND u.bucket = 'second' AND u.at BETWEEN second_from AND present + interval '1 minute';
    SELECT day_left - coalesce(sum(u.taken), 0) INTO day_left FROM budget_usage u
    WHERE u.app = p_app AND u.bucket = 'minute' AND u.at BETWEEN day_from AND present + interval '1 minute';
    free := least(minute_left, day_left, greatest(burst_left, pace_left));

    WITH waiting AS (
        SELECT w.id, w.lane, w.member_id, row_number() OVER (PARTITION BY w.lane, w.member_id ORDER BY w.id) AS round
        FROM budget_waits w
        WHERE w.app = p_app AND w.waits_until >= present AND (w.lane = p_lane OR w.lane = ANY (p_above))
    ), mine AS (
        SELECT coalesce(p_ticket, 9223372036854775807) AS id,
               (SELECT count(*) + 1 FROM waiting w
                WHERE w.lane = p_lane AND w.member_id = p_member AND w.id < coalesce(p_ticket, 9223372036854775807)) AS round,
               (SELECT t.taken_at FROM budget_turns t
                WHERE t.app = p_app AND t.lane = p_lane AND t.member_id = p_member) AS served_at
    )
    SELECT count(*) INTO ahead
    FROM mine, waiting w
    LEFT JOIN budget_turns t ON t.app = p_app AND t.lane = w.lane AND t.member_id = w.member_id
    WHERE w.lane <> p_lane
        OR (w.round, coalesce(t.taken_at, '-infinity'), w.id) < (mine.round, coalesce(mine.served_at, '-infinity'), mine.id);

    IF state.paused_until > present THEN
        retry := state.paused_until;
    ELSIF free > ahead THEN
        DELETE FROM budget_waits w WHERE w.id = p_ticket OR (w.app = p_app AND w.waits_until < present);
        INSERT INTO budget_turns AS t (app, lane, member_id, taken_at) VALUES (p_app, p_lane, p_member, present)
        ON CONFLICT (app, lane, member_id) DO UPDATE SET taken_at = excluded.taken_at;
        INSERT INTO budget_usage AS u (app, bucket, at, lane, taken, refused)
        VALUES (p_app, 'second', second, p_lane, 1, 0), (p_app, 'minute', minute, p_lane, 1, 0)
        ON CONFLICT (app, bucket, at, lane) DO UPDATE SET taken = u.taken + 1;
        DELETE FROM budget_usage u WHERE u.app = p_app AND u.bucket = 'second' AND u.at < second_from - interval '1 minute';
        DELETE FROM budget_usage u WHERE u.app = p_app AND u.bucket = 'minute' AND u.at < day_from - interval '7 days';
        DELETE FROM budget_turns t WHERE t.app = p_app AND t.taken_at < present - interval '5 minutes';
        RETURN QUERY SELECT NULL::float8, NULL::bigint;
        RETURN;
    ELSIF free > 0 THEN
        retry := present + somebody_elses_turn;
    ELSE
        retry := greatest(
            budget_opening(p_app, 'second', second_from, interval '61 seconds' + slack, ahead + 1 - minute_left),
            budget_opening(p_app, 'minute', day_from, interval '24 hours 1 minute' + slack, ahead + 1 - day_left),
            CASE WHEN greatest(burst_left, pace_left) <= ahead THEN least(
                budget_opening(p_app, 'second', second_from, interval '61 seconds' + slack, ahead + 1 - burst_left),
                budget_opening(p_app, 'second', pace_from, pace, ahead + 1 - pace_left)
            ) END
        );
    END IF;
    retry := greatest(retry, present + interval '50 milliseconds');
    wait_s := extract(epoch FROM retry - present);

    IF p_ticket IS NULL THEN
        INSERT INTO budget_usage AS u (app, bucket, at, lane, taken, refused)
        VALUES (p_app, 'second', second, p_lane, 0, 1), (p_app, 'minute', minute, p_lane, 0, 1)
        ON CONFLICT (app, bucket, at, lane) DO UPDATE SET refused = u.refused + 1;
    END IF;
    IF wait_s > p_patience_s THEN
        DELETE FROM budget_waits w WHERE w.id = p_ticket;
    ELSE
        UPDATE budget_waits w SET waits_until = retry + grace WHERE w.id = p_ticket RETURNING w.id INTO ticket;
        IF NOT FOUND THEN
            INSERT INTO budget_waits (app, lane, member_id, waits_until) VALUES (p_app, p_lane, p_member, retry + grace)
            RETURNING id INTO ticket;
        END IF;
    END IF;
    RETURN NEXT;
END
$$;

-- WHOOP has fewer units left than we think: another program uses the app. So many as are missing to us are set down as
-- taken by the lane `others` (not added up: its next answer tells the present number) and believed for the minute's
-- window or, of the day's, an hour. In the window and while the answer was on its way we took at least as many as WHOOP
-- can have counted of ours.
CREATE FUNCTION budget_compare(
    p_app text, p_bucket text, p_limit integer, p_left integer, p_on_its_way interval, p_now timestamptz
)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    present timestamptz;
    since timestamptz;
    place timestamptz;
    missing bigint;
BEGIN
    PERFORM FROM budget b WHERE b.app = p_app FOR UPDATE;
    present := coalesce(p_now, clock_timestamp());
    IF p_bucket = 'second' THEN
        place := date_trunc('second', present);
        since := date_trunc('second', present - p_on_its_way) - interval '61 seconds';
    ELSE
        place := date_trunc('minute', present) - interval '23 hours';
        since := date_trunc('minute', present - p_on_its_way) - interval '24 hours';
    END IF;
    SELECT p_limit - coalesce(sum(u.taken), 0) - p_left INTO missing FROM budget_usage u
    WHERE u.app = p_app AND u.bucket = p_bucket AND u.at >= since AND u.lane <> 'others';
    DELETE FROM budget_usage u WHERE u.app = p_app AND u.bucket = p_bucket AND u.lane = 'others';
    IF missing > 0 THEN
        INSERT INTO budget_usage (app, bucket, at, lane, taken, refused) VALUES (p_app, p_bucket, place, 'others', missing, 0);
    END IF;
END
$$;
