-- What the dashboards show beside the history that is simulated; the present is given as `now`.

-- Answers of the journal, some of which go with the recovery.
INSERT INTO journal_entries (member_id, cycle_start, question, timezone_offset, answered_yes, raw, fetched_at, day)
SELECT v.member_id, v.day::timestamp AT TIME ZONE 'UTC', q.question, '+00:00',
       ('x' || left(md5(v.day || q.question), 8))::bit(32)::bigint / 4294967296.0
           < q.often + q.slope * (v.recovery_score - 60) / 100, '{}', now(), v.day
FROM day_values v CROSS JOIN (VALUES
('Have any alcoholic drinks?', 0.30, -0.9), ('Read (non-screened device) while in bed?', 0.45, 0.3),
('Have caffeine?', 0.80, 0.0), ('Late meal?', 0.25, -0.5), ('Hydrated sufficiently?', 0.65, 0.4),
('Used a sauna?', 0.15, 0.0), ('Worked late?', 0.35, -0.2)) q (question, often, slope) WHERE v.recovery_score IS NOT NULL;

-- Runs of a day and a bit, of which some failed.
INSERT INTO runs (id, member_id, kind, lane, types, attempt, state, created_at, started_at, finished_at, error)
SELECT md5(n || '/' || m.id)::uuid, m.id, CASE n %% 9 WHEN 0 THEN 'reconcile' ELSE 'sync' END,
       CASE n %% 9 WHEN 0 THEN 'reconcile' WHEN 1 THEN 'person' ELSE 'scheduled' END, '{cycle,sleep}', 1, e.state, e.at, e.at,
       e.at + make_interval(secs => 0.4 + (n * 37 %% 23) / 7.0),
       CASE WHEN e.state <> 'succeeded' THEN json_build_object('kind', CASE n %% 2 WHEN 0 THEN 'upstream_down' ELSE 'rate_limited' END,
           'message', CASE n %% 2 WHEN 0 THEN 'WHOOP did not answer' ELSE 'WHOOP asked for a pause' END) END
FROM members m CROSS JOIN generate_series(1, 160) n
CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - make_interval(mins => 9 * n) AS at,
    CASE WHEN n IN (38, 39, 40, 91) THEN 'failed' WHEN n %% 31 = 0 THEN 'partial' ELSE 'succeeded' END AS state) e;

-- Webhooks of a day.
INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, settled_at, state, attempts)
SELECT 'whoop', 'trace-' || n, (ARRAY['recovery.updated', 'sleep.updated', 'workout.updated', 'workout.deleted'])[1 + n %% 7 %% 4],
       n::text, 1, e.at, CASE WHEN e.state = 'settled' THEN e.at + make_interval(secs => 1 + (n * 53 %% 29) / 5.0) END, e.state, 1
FROM generate_series(1, 220) n
CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - make_interval(mins => 6 * n) AS at,
    CASE WHEN n < 3 THEN 'waiting' WHEN n = 77 THEN 'parked' WHEN n %% 47 = 0 THEN 'unknown' ELSE 'settled' END AS state) e;

-- Who used the request budget.
INSERT INTO budget_usage (app, bucket, at, lane, taken, refused)
SELECT 'app-one', 'minute', date_trunc('minute', %(now)s::timestamptz) - make_interval(mins => 5 * n), l.lane,
       l.most * (1 + (n * 7919 + l.most) %% 5) / 5, CASE WHEN l.lane = 'backfill' AND n BETWEEN 180 AND 200 THEN 2 ELSE 0 END
FROM generate_series(1, 280) n
CROSS JOIN (VALUES ('person', 1), ('webhook', 3), ('scheduled', 9), ('reconcile', 2), ('backfill', 6)) l (lane, most)
ON CONFLICT DO NOTHING;

-- Jobs that wait.
INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at)
SELECT (ARRAY['interactive', 'sync', 'backfill'])[1 + n %% 3], 'sync', 'todo', %(now)s::timestamptz - make_interval(secs => n)
FROM generate_series(1, 7) n;

-- What needs a person.
INSERT INTO notices (kind, member_id, type, message, remedy, raised_at)
SELECT 'not_fresh', id, 'sleep', 'sleeps were last brought up to date more than a day ago', 'circadia doctor ' || user_id,
       %(now)s::timestamptz - interval '2 hours' FROM members WHERE user_id <> 'alice';

-- Workers that live.
INSERT INTO procrastinate_workers (last_heartbeat) SELECT %(now)s::timestamptz FROM generate_series(1, 2);
