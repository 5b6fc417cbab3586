-- Imported exports. An export has no ids, so its rows carry ids of our own (a cycle's is negative, which WHOOP's never
-- are) and give way to WHOOP's record of the same event; whoever named the export's id is turned to WHOOP's.

-- Start and end within two minutes, or nine tenths in common: of the longer one, or, where WHOOP has no two at a time (of
-- cycles, of sleeps, of workouts in one sport), of the shorter one, `apart`. An open end is taken for the other's.
CREATE FUNCTION same_event(
    a_start timestamptz, a_end timestamptz, b_start timestamptz, b_end timestamptz, apart boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    (abs(extract(epoch FROM a_start - b_start)) <= 120
        AND (a_end IS NULL OR b_end IS NULL OR abs(extract(epoch FROM a_end - b_end)) <= 120))
    OR coalesce(extract(epoch FROM least(a_end, b_end) - greatest(a_start, b_start)) >= 0.9 * greatest(1, CASE
        WHEN apart AND a_end IS NOT NULL AND b_end IS NOT NULL
        THEN least(extract(epoch FROM a_end - a_start), extract(epoch FROM b_end - b_start))
        ELSE greatest(extract(epoch FROM coalesce(a_end, b_end) - a_start), extract(epoch FROM coalesce(b_end, a_end) - b_start))
        END), false);

-- An imported cycle turns out to be another one. Where no row has that id yet it takes the id, else it goes; with `renew`
-- it replaces what an earlier import said under that id, by the order rule. Its recovery and sleeps come along.
CREATE FUNCTION export_cycle_becomes(
    member bigint, mine bigint, theirs bigint, renew boolean, OUT cycles_gone integer, OUT recoveries_gone integer)
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO day_changes (member_id, from_at, to_at, day)
    SELECT member, c.start, coalesce(c."end", 'infinity'), c.day FROM cycles c WHERE c.member_id = member AND c.id IN (mine, theirs);
    INSERT INTO day_changes (member_id, day)
    SELECT member, r.day FROM recoveries r WHERE r.member_id = member AND r.cycle_id IN (mine, theirs) AND r.day IS NOT NULL;

    UPDATE sleeps s SET cycle_id = theirs WHERE s.member_id = member AND s.source = 'export' AND s.cycle_id = mine;
    DELETE FROM cycles old USING cycles new
    WHERE old.member_id = member AND old.id = theirs AND old.source = 'export' AND new.member_id = member AND new.id = mine
      AND renew AND (new.updated_at > old.updated_at
           OR new.updated_at = old.updated_at AND new.fetched_at > old.fetched_at AND new.raw IS DISTINCT FROM old.raw);
    UPDATE cycles x SET id = theirs
    WHERE x.member_id = member AND x.source = 'export' AND x.id = mine
      AND NOT EXISTS (SELECT FROM cycles c WHERE c.member_id = member AND c.id = theirs);
    DELETE FROM cycles x WHERE x.member_id = member AND x.source = 'export' AND x.id = mine;
    GET DIAGNOSTICS cycles_gone = ROW_COUNT;

    DELETE FROM recoveries old USING recoveries new
    WHERE old.member_id = member AND old.cycle_id = theirs AND old.source = 'export'
      AND new.member_id = member AND new.cycle_id = mine
      AND renew AND (new.updated_at > old.updated_at
           OR new.updated_at = old.updated_at AND new.fetched_at > old.fetched_at AND new.raw IS DISTINCT FROM old.raw);
    UPDATE recoveries x SET cycle_id = theirs
    WHERE x.member_id = member AND x.source = 'export' AND x.cycle_id = mine
      AND NOT EXISTS (SELECT FROM recoveries r WHERE r.member_id = member AND r.cycle_id = theirs);
    DELETE FROM recoveries x WHERE x.member_id = member AND x.source = 'export' AND x.cycle_id = mine;
    GET DIAGNOSTICS recoveries_gone = ROW_COUNT;
END
$$;

-- Imported rows around `[since, until]` yield to WHOOP's records of the same events, the deleted ones included. Returns
-- how many rows of each type went. A page or a batch asks for its own stretch only.
CREATE FUNCTION exports_give_way(member bigint, since timestamptz, until timestamptz) RETURNS jsonb
LANGUAGE plpgsql STRICT AS $$
DECLARE
    lower_bound timestamptz := since - interval '3 days';
    upper_bound timestamptz := until + interval '3 days';
    twin record;
    gone record;
    cycles_gone integer := 0;
    sleeps_gone integer := 0;
    recoveries_gone integer := 0;
    workouts_gone integer := 0;
BEGIN
    FOR twin IN
        SELECT x.id AS mine, a.id AS theirs FROM cycles x CROSS JOIN LATERAL (
            SELECT c.id FROM cycles c
            WHERE c.member_id = member AND (c.source = 'api' OR c.id >= 0)
              AND c.start BETWEEN x.start - interval '3 days' AND coalesce(x."end", x.start) + interval '3 days'
              AND same_event(x.start, x."end", c.start, c."end", c.deleted_at IS NULL)
            ORDER BY c.deleted_at IS NOT NULL, abs(extract(epoch FROM c.start - x.start)), c.id LIMIT 1) a
        WHERE x.member_id = member AND x.source = 'export' AND x.id < 0 AND x.start BETWEEN lower_bound AND upper_bound
        ORDER BY x.start
    LOOP
        gone := export_cycle_becomes(member, twin.mine, twin.theirs, true);
        cycles_gone := cycles_gone + gone.cycles_gone;
        recoveries_gone := recoveries_gone + gone.recoveries_gone;
    END LOOP;

    FOR twin IN
        SELECT x.id AS mine, a.id AS theirs, x.start, x."end", x.day, x.cycle_id AS my_cycle, a.cycle_id AS their_cycle,
               NOT x.nap AND NOT a.nap AND a.deleted_at IS NULL AS main
        FROM sleeps x CROSS JOIN LATERAL (
            SELECT s.* FROM sleeps s
            WHERE s.member_id = member AND s.source = 'api'
              AND s.start BETWEEN x.start - interval '1 day' AND x."end" + interval '2 minutes'
              AND same_event(x.start, x."end", s.start, s."end", s.deleted_at IS NULL)
            ORDER BY s.deleted_at IS NOT NULL, abs(extract(epoch FROM s.start - x.start)), s.id LIMIT 1) a
        WHERE x.member_id = member AND x.source = 'export' AND x.start BETWEEN lower_bound AND upper_bound
        ORDER BY x.start
    LOOP
        UPDATE recoveries r SET sleep_id = twin.theirs
        WHERE r.member_id = member AND r.source = 'export' AND r.sleep_id = twin.mine;
        DELETE FROM sleeps s WHERE s.member_id = member AND s.id = twin.mine;
        INSERT INTO day_changes (member_id, from_at, to_at, day) VALUES (member, twin.start, twin."end", twin.day);
        sleeps_gone := sleeps_gone + 1;
        -- WHOOP's main sleep names the cycle that the export could only describe
        IF twin.main AND twin.my_cycle < 0 AND twin.their_cycle IS NOT NULL
            AND EXISTS (SELECT FROM cycles c WHERE c.member_id = member AND c.id = twin.my_cycle) THEN
            gone := export_cycle_becomes(member, twin.my_cycle, twin.their_cycle, true);
            cycles_gone := cycles_gone + gone.cycles_gone;
            recoveries_gone := recoveries_gone + gone.recoveries_gone;
        END IF;
    END LOOP;

    -- a sleep that came after its cycle had yielded
    WITH lone AS MATERIALIZED (
        SELECT s.id, s.start + (s."end" - s.start) / 2 AS middle FROM sleeps s
        WHERE s.member_id = member AND s.source = 'export' AND s.cycle_id < 0 AND s.start BETWEEN lower_bound AND upper_bound
          AND NOT EXISTS (SELECT FROM cycles c WHERE c.member_id = member AND c.id = s.cycle_id)
    ), found AS (
        SELECT lone.id, covering_cycle(member, lone.middle) AS cycle FROM lone
    ), turned AS (
        UPDATE sleeps s SET cycle_id = found.cycle FROM found
        WHERE s.member_id = member AND s.id = found.id AND found.cycle >= 0 RETURNING s.start, s."end", s.day
    )
    INSERT INTO day_changes (member_id, from_at, to_at, day) SELECT member, t.start, t."end", t.day FROM turned t;

    FOR twin IN
        SELECT x.id AS mine, x.start, x."end", x.day FROM workouts x CROSS JOIN LATERAL (
            SELECT FROM workouts w
            WHERE w.member_id = member AND w.source = 'api'
              AND w.start BETWEEN x.start - interval '1 day' AND x."end" + interval '2 minutes'
              AND same_event(x.start, x."end", w.start, w."end",
                             w.deleted_at IS NULL AND replace(w.sport_name, '_', '-') = x.sport_name)
            LIMIT 1) a
        WHERE x.member_id = member AND x.source = 'export' AND x.start BETWEEN lower_bound AND upper_bound
    LOOP
        DELETE FROM workouts w WHERE w.member_id = member AND w.id = twin.mine;
        INSERT INTO day_changes (member_id, from_at, to_at, day) VALUES (member, twin.start, twin."end", twin.day);
        workouts_gone := workouts_gone + 1;
    END LOOP;
    RETURN jsonb_build_object(
        'cycle', cycles_gone, 'sleep', sleeps_gone, 'recovery', recoveries_gone, 'workout', workouts_gone);
END
$$;

-- An export is always the whole history, so a row of an earlier import that is not in this one, but tells of an event that
-- is, was edited at WHOOP since, or is the same row in another language. The one of this import stays, except that a
-- workout whose sport is known is kept before one whose name only says it in another language. `*_here` are the ids of this
-- import. Returns how many of its own workouts went.
CREATE FUNCTION exports_take_over(member bigint, cycles_here bigint[], sleeps_here uuid[], workouts_here uuid[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    twin record;
    own integer := 0;
BEGIN
    FOR twin IN
        SELECT x.id AS mine, a.id AS theirs FROM cycles x CROSS JOIN LATERAL (
            SELECT c.id FROM cycles c
            WHERE c.member_id = member AND c.source = 'export' AND c.id = ANY (cycles_here)
              AND c.start BETWEEN x.start - interval '3 days' AND coalesce(x."end", x.start) + interval '3 days'
              AND same_event(x.start, x."end", c.start, c."end", true)
            ORDER BY abs(extract(epoch FROM c.start - x.start)), c.id LIMIT 1) a
        WHERE x.member_id = member AND x.source = 'export' AND x.id < 0 AND x.id <> ALL (cycles_here)
    LOOP
        PERFORM export_cycle_becomes(member, twin.mine, twin.theirs, false);
    END LOOP;

    FOR twin IN
        SELECT x.id AS mine, a.id AS theirs, x.start, x."end", x.day FROM sleeps x CROSS JOIN LATERAL (
            SELECT s.id FROM sleeps s
            WHERE s.member_id = member AND s.source = 'export' AND s.id = ANY (sleeps_here)
              AND s.start BETWEEN x.start - interval '1 day' AND x."end" + interval '2 minutes'
              AND same_event(x.start, x."end", s.start, s."end", true)
            ORDER BY abs(extract(epoch FROM s.start - x.start)), s.id LIMIT 1) a
        WHERE x.member_id = member AND x.source = 'export' AND x.id <> ALL (sleeps_here)
    LOOP
        UPDATE recoveries r SET sleep_id = twin.theirs
        WHERE r.member_id = member AND r.source = 'export' AND r.sleep_id = twin.mine;
        DELETE FROM sleeps s WHERE s.member_id = member AND s.id = twin.mine;
        INSERT INTO day_changes (member_id, from_at, to_at, day) VALUES (member, twin.start, twin."end", twin.day);
    END LOOP;

    FOR twin IN
        SELECT x.id AS mine, a.id AS theirs, x.start, x."end", x.day, a.day AS their_day,
               x.sport_id IS NOT NULL AND a.sport_id IS NULL AS named
        FROM workouts x CROSS JOIN LATERAL (
            SELECT w.* FROM workouts w
            WHERE w.member_id = member AND w.source = 'export' AND w.id = ANY (workouts_here)
              AND w.start BETWEEN x.start - interval '1 day' AND x."end" + interval '2 minutes'
              AND same_event(x.start, x."end", w.start, w."end", w.sport_name = x.sport_name)
            ORDER BY w.strain IS DISTINCT FROM x.strain, abs(extract(epoch FROM w.start - x.start)), w.id LIMIT 1) a
        WHERE x.member_id = member AND x.source = 'export' AND x.id <> ALL (workouts_here)
    LOOP
        DELETE FROM workouts w WHERE w.member_id = member AND w.id = CASE WHEN twin.named THEN twin.theirs ELSE twin.mine END;
        own := own + twin.named::integer;
        INSERT INTO day_changes (member_id, from_at, to_at, day)
        VALUES (member, twin.start, twin."end", twin.day), (member, twin.start, twin."end", twin.their_day);
    END LOOP;
    RETURN own;
END
$$;
