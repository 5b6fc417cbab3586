-- The gateway's own role and database in the server of the WHOOP service, made if missing: neither reads the other's.
\set password `cat "$GATEWAY_PASSWORD_FILE"`
SELECT 'CREATE ROLE gateway LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gateway') \gexec
ALTER ROLE gateway PASSWORD :'password';
-- who is no superuser gives things away only to roles that they are in
GRANT gateway TO CURRENT_USER;
SELECT 'CREATE DATABASE gateway OWNER gateway' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'gateway') \gexec
REVOKE CONNECT ON DATABASE gateway FROM PUBLIC;
REVOKE gateway FROM CURRENT_USER;
SELECT format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()) \gexec
