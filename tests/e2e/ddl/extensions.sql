CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE EXTENSION plpgsql;
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
SELECT extname, extversion, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace ORDER BY 1;
CREATE TABLE ux (id uuid PRIMARY KEY DEFAULT uuid_generate_v4(), other uuid DEFAULT public.uuid_generate_v4(), v int);
INSERT INTO ux (v) VALUES (1), (2);
SELECT count(DISTINCT id), count(DISTINCT other), count(*) FILTER (WHERE substr(id::text, 15, 1) = '4') FROM ux;
SELECT length(uuid_generate_v4()::text);
\d ux;
DROP EXTENSION "uuid-ossp";
SELECT installed_version FROM pg_available_extensions WHERE name = 'uuid-ossp';
COMMENT ON EXTENSION "uuid-ossp" IS 'x';
COMMENT ON EXTENSION "nosuch" IS 'x';
ALTER EXTENSION "uuid-ossp" UPDATE;
ALTER EXTENSION "uuid-ossp" UPDATE TO '1.1';
ALTER EXTENSION nosuch UPDATE;
DROP TABLE ux;
DROP EXTENSION "uuid-ossp";
SELECT uuid_generate_v4();
DROP EXTENSION IF EXISTS "uuid-ossp";
DROP EXTENSION "uuid-ossp";
CREATE EXTENSION pgcrypto SCHEMA nosuch;
CREATE EXTENSION pgcrypto VERSION '1.0';
CREATE EXTENSION IF NOT EXISTS pgcrypto;
SELECT length(gen_random_uuid()::text);
-- refused
SELECT digest('a', 'sha1');
SELECT digest('a');
DROP EXTENSION IF EXISTS pgcrypto, "uuid-ossp";
-- refused
CREATE EXTENSION citext;
-- refused
CREATE EXTENSION IF NOT EXISTS pg_trgm;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';
