-- How the installation does: for who sees everybody, and nothing for anybody else. No body of a webhook, no argument of a job.

CREATE VIEW reporting.operations_members WITH (security_barrier) AS
    SELECT m.user_id, coalesce(k.state, 'not_connected') AS connection, k.reason, m.created_at, k.connected_at, k.changed_at,
           k.pushed_at, m.as_of, m.asked_at, m.paused_at, m.has_export
    FROM members m LEFT JOIN connections k ON k.member_id = m.id
    WHERE (SELECT reporting.sees_everybody());

CREATE VIEW reporting.operations_runs WITH (security_barrier) AS
    SELECT r.id, m.user_id, r.kind, r.lane, r.types, r.attempt, r.state, r.created_at, r.started_at, r.finished_at,
           extract(epoch FROM r.finished_at - r.started_at)::float8 AS duration_s, r.error ->> 'kind' AS error,
           r.error ->> 'message' AS error_message
    FROM runs r JOIN members m ON m.id = r.member_id
    WHERE (SELECT reporting.sees_everybody());

CREATE VIEW reporting.operations_jobs WITH (security_barrier) AS
    SELECT j.id, j.queue_name AS queue, j.task_name AS task, j.status::text AS status, j.priority, j.attempts, j.scheduled_at
    FROM procrastinate_jobs j
    WHERE (SELECT reporting.sees_everybody());

CREATE VIEW reporting.operations_workers WITH (security_barrier) AS
    SELECT w.id, w.last_heartbeat FROM procrastinate_workers w
    WHERE (SELECT reporting.sees_everybody());

-- Units of the request budget, by second (the last minutes) or by minute (the last days).
CREATE VIEW reporting.operations_budget_usage WITH (security_barrier) AS
    SELECT u.app, u.bucket, u.at, u.lane, u.taken, u.refused FROM budget_usage u
    WHERE (SELECT reporting.sees_everybody());

-- What WHOOP has announced of the budget; no row before it has announced anything.
CREATE VIEW reporting.operations_budget WITH (security_barrier) AS
    SELECT b.app, b.paused_until, b.per_minute, b.per_day, b.limits_until FROM budget b
    WHERE (SELECT reporting.sees_everybody());

CREATE VIEW reporting.operations_deliveries WITH (security_barrier) AS
    SELECT d.id, d.source, d.type, d.received_at, d.settled_at, d.state, d.attempts, d.next_try_at FROM deliveries d
    WHERE (SELECT reporting.sees_everybody());

CREATE VIEW reporting.operations_notices WITH (security_barrier) AS
    SELECT n.id, n.kind, m.user_id, n.type, n.message, n.remedy, n.raised_at, n.over_at
    FROM notices n LEFT JOIN members m ON m.id = n.member_id
    WHERE (SELECT reporting.sees_everybody());
