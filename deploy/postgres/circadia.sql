-- Circadia's role and database, made if missing. Run as a superuser, which Circadia is not: it owns its database, and may
-- make roles, for Grafana. Nobody else's role gets into the database unless it is let in.
\set password `cat "$CIRCADIA_PASSWORD_FILE"`
SELECT 'CREATE ROLE circadia LOGIN CREATEROLE' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'circadia') \gexec
ALTER ROLE circadia PASSWORD :'password';
SELECT 'CREATE DATABASE circadia OWNER circadia' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'circadia') \gexec
REVOKE CONNECT ON DATABASE circadia FROM PUBLIC;
