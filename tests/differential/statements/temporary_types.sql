-- types that columns of temporary tables have
CREATE DOMAIN kept AS text CHECK (VALUE <> '');
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE TEMP TABLE foo (f1 text, f2 kept, f3 mood);
INSERT INTO foo VALUES ('bb', 'cc', 'a');
DROP DOMAIN kept;
BEGIN;
-- pgd1: 0A000
DROP DOMAIN kept CASCADE;
ROLLBACK;
BEGIN;
-- pgd1: 0A000
DROP TYPE mood CASCADE;
ROLLBACK;
SELECT * FROM foo;
ALTER TABLE foo DROP COLUMN f2;
DROP DOMAIN kept CASCADE;
SELECT * FROM foo;
