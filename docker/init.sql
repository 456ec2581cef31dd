-- Roles and database of a new server, run once by its superuser:
--   OWNER_PASSWORD=… SERVICE_PASSWORD=… psql -v ON_ERROR_STOP=1 -f docker/init.sql
-- docker/database.sh does that in the container; docs/operations.md has the same statements.

\getenv owner_password OWNER_PASSWORD
\getenv service_password SERVICE_PASSWORD

-- owns the schema and changes it; used by `oncelink migrate` alone
CREATE ROLE oncelink_owner LOGIN PASSWORD :'owner_password';
-- what `oncelink serve` signs in as: it can add to the log, and never change it
CREATE ROLE oncelink_service LOGIN PASSWORD :'service_password';
-- what analysts are made members of: the reporting views, read-only
CREATE ROLE oncelink_analyst NOLOGIN;

-- C.UTF-8 sorts the same everywhere and for ever; indexes survive an upgrade of the system's C library
CREATE DATABASE oncelink OWNER oncelink_owner TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
-- whoever may connect may take advisory locks and so hold up bookings: nobody else
REVOKE ALL ON DATABASE oncelink FROM PUBLIC;
GRANT CONNECT ON DATABASE oncelink TO oncelink_service, oncelink_analyst;
-- when the cluster's files were put where they are: by this a copy of them, put back, is noticed
\connect oncelink
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text) TO oncelink_owner;
