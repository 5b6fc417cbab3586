-- The gateway's own role and database in the server of the WHOOP service, made if missing: neither reads the other's. Run
-- as a superuser.
\set password `cat "$GATEWAY_PASSWORD_FILE"`
SELECT 'CREATE ROLE gateway LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gateway') \gexec
ALTER ROLE gateway PASSWORD :'password';
SELECT 'CREATE DATABASE gateway OWNER gateway' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'gateway') \gexec
REVOKE CONNECT ON DATABASE gateway FROM PUBLIC;
