-- alice and bob: a row of each in every table, `canary` in every column that no role may see.
INSERT INTO members (user_id, created_at, as_of) SELECT u, now(), now() FROM unnest(ARRAY['alice', 'bob']) u;
INSERT INTO connections (member_id, whoop_user_id, state, scopes, connected_at, changed_at)
    SELECT id, 900000 + id, 'connected', '{read:sleep}', now(), now() FROM members;
INSERT INTO tokens (member_id, access_token, refresh_token, obtained_at, expires_at, version)
    SELECT id, 'canary', 'canary', now(), now(), 1 FROM members;
INSERT INTO profiles (member_id, user_id, email, first_name, last_name, raw, fetched_at)
    SELECT id, id, 'canary', 'canary', 'canary', '{"canary": 1}', now() FROM members;
INSERT INTO body_measurements (member_id, observed_on, height_meter, weight_kilogram, max_heart_rate, raw, fetched_at)
    SELECT id, '2026-11-01', 1.7, 70, 190, '{"canary": 1}', now() FROM members;
INSERT INTO cycles (member_id, created_at, updated_at, score_state, start, "end", timezone_offset, id, strain, raw, fetched_at, day)
    SELECT m.id, g, g, 'SCORED', g, g + interval '1 day', 'Z', extract(epoch FROM g), 10, '{"canary": 1}', now(), g::date
    FROM members m, generate_series('2026-08-01T00:00Z'::timestamptz, '2026-11-19T00:00Z', '1 day') g;
INSERT INTO sleeps (member_id, created_at, updated_at, score_state, start, "end", timezone_offset, id, nap, raw, fetched_at, day)
    SELECT c.member_id, c.start, c.start, 'SCORED', c.start - interval '2 hours', c.start + interval '6 hours', 'Z',
           gen_random_uuid(), false, '{"canary": 1}', now(), c.day FROM cycles c;
INSERT INTO recoveries (member_id, created_at, updated_at, score_state, cycle_id, sleep_id, recovery_score, raw, fetched_at, day)
    SELECT c.member_id, c.start, c.start, 'SCORED', c.id, gen_random_uuid(), 60, '{"canary": 1}', now(), c.day FROM cycles c;
INSERT INTO workouts (member_id, created_at, updated_at, score_state, start, "end", timezone_offset, id, sport_name, raw,
                      fetched_at, day)
    SELECT c.member_id, c.start, c.start, 'SCORED', c.start, c.start + interval '1 hour', 'Z', gen_random_uuid(),
           'running of ' || m.user_id, '{"canary": 1}', now(), c.day
    FROM cycles c JOIN members m ON m.id = c.member_id;
INSERT INTO journal_entries (member_id, cycle_start, question, timezone_offset, answered_yes, notes, raw, fetched_at, day)
    SELECT c.member_id, c.start, 'Did ' || m.user_id || ' read?', 'Z', extract(day FROM c.day)::int % 3 = 0, 'canary',
           '{"canary": 1}', now(), c.day FROM cycles c JOIN members m ON m.id = c.member_id;
INSERT INTO days (member_id, day, document)
    SELECT member_id, day, json_build_object('state', 'complete', 'of', member_id) FROM cycles;
INSERT INTO day_values (member_id, day, state, recovery_state, sleep_state, cycle_state, source, timezone_offset, calibrating,
                        open, recovery_score, hrv_rmssd_ms, resting_heart_rate_bpm, respiratory_rate_rpm, spo2_pct,
                        skin_temp_celsius, sleep_performance_pct, sleep_duration_s, nap_s, need_baseline_s, bed_time_min,
                        wake_time_min, strain, energy_kj, workouts, workout_s, zone_0_s, zone_1_s, zone_2_s, zone_3_s,
                        zone_4_s, zone_5_s)
    SELECT member_id, day, 'complete', 'SCORED', 'SCORED', 'SCORED', 'api', 'Z', false, false, 50 + 30 * sin(n * a),
           60 + 20 * cos(n * a), 55 + sin(3 * n), 15 + sin(n), 96 + sin(n), 33 + sin(n), 80 + 10 * sin(n), 26000 + 900 * cos(n),
           0, 28000, -30 + 20 * sin(n), 420 + 30 * sin(n), 10 + 5 * sin(n + a), 9000 + 500 * sin(n), 1, 3600, 60, 600, 900,
           1200, 600, 240
    FROM cycles, LATERAL (SELECT (day - date '2026-08-01')::float8 AS n, member_id::float8 AS a) x;
INSERT INTO sync_states (member_id, type, due_at, error) SELECT id, 'sleep', now(), '{"kind": "upstream_down"}' FROM members;
INSERT INTO runs (id, member_id, kind, lane, types, state, created_at, options)
    SELECT gen_random_uuid(), id, 'sync', 'schedule', '{sleep}', 'failed', now(), '{"canary": 1}' FROM members;
INSERT INTO rejects (member_id, type, digest, raw, error, version, fetched_at, first_seen_at, last_seen_at)
    SELECT id, 'sleep', '\x00', '{"canary": 1}', 'canary', '0', now(), now(), now() FROM members;
INSERT INTO deliveries (source, trace_id, type, record_id, whoop_user_id, received_at, state, error)
    SELECT 'webhook', 'canary' || id, 'sleep.updated', 'canary', 900000 + id, now(), 'waiting', 'canary' FROM members;
INSERT INTO export_rows (member_id, kind, digest, file, line, raw, imported_at)
    SELECT id, 'sleep', '\x00', 'canary', 1, '{"canary": 1}', now() FROM members;
INSERT INTO notices (kind, member_id, message, raised_at) SELECT 'stale', id, 'look', now() FROM members;
INSERT INTO sahha_profiles (external_id, created_at) SELECT user_id, now() FROM members;
INSERT INTO sahha_biomarkers (profile_id, id, type, span, day, category, value, unit, value_type, start_at, end_at, settled,
                              utc_offset_min, received_at, raw)
    SELECT id, gen_random_uuid(), 'steps', 'day', '2026-11-10', 'activity', '4000', 'count', 'integer', '2026-11-10', '2026-11-11',
           true, 0, now(), '{"canary": 1}' FROM sahha_profiles;
INSERT INTO sahha_scores (profile_id, id, type, day, score_at, score, utc_offset_min, received_at, raw)
    SELECT id, gen_random_uuid(), 'readiness', '2026-11-10', '2026-11-10', 0.7, 0, now(), '{"canary": 1}' FROM sahha_profiles;
INSERT INTO people (user_id, role, created_at) VALUES ('alice', 'owner', now()), ('bob', 'member', now());
INSERT INTO allowed_emails (email, added_at) VALUES ('canary', now());
INSERT INTO api_keys (id, name, secret_hash, kid, scopes, created_at) VALUES ('canary', 'canary', '\x00', 'k', '{}', now());
INSERT INTO budget (app) VALUES ('whoop');
INSERT INTO budget_usage (app, bucket, at, lane, taken, refused) VALUES ('whoop', 'minute', now(), 'schedule', 1, 0);
INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('sync', 'sync', '{"canary": 1}');
INSERT INTO procrastinate_workers DEFAULT VALUES;
ANALYZE;
