-- a constraint that a domain gets later must be looked at wherever a value is cast to it: where D1 would not, it is refused
CREATE DOMAIN plain AS int;
CREATE DOMAIN "Over plain" AS plain;
CREATE SCHEMA other;
CREATE DOMAIN other.elsewhere AS text;
CREATE DOMAIN unused AS int;
CREATE TABLE t (id int PRIMARY KEY, unused int, p plain, e other.elsewhere);
INSERT INTO t VALUES (1, -1, 5, 'x'), (2, 2, 6, '');
CREATE VIEW v AS SELECT id, unused::plain AS plain_value FROM t;
CREATE VIEW w AS SELECT id, upper(e::text)::other.elsewhere AS e, unused FROM t;
-- pgd1: 0A000
ALTER DOMAIN plain ADD CHECK (VALUE > 0);
ALTER DOMAIN plain DROP CONSTRAINT IF EXISTS plain_check;
SELECT * FROM v ORDER BY id;
DROP VIEW v;
ALTER DOMAIN plain ADD CONSTRAINT plain_positive CHECK (VALUE > 0);
INSERT INTO t VALUES (3, 3, -3, 'z');
ALTER DOMAIN plain DROP CONSTRAINT plain_positive;
CREATE VIEW v AS SELECT id, unused::"Over plain" AS x FROM t;
-- pgd1: 0A000
ALTER DOMAIN plain SET NOT NULL;
ALTER DOMAIN plain DROP NOT NULL;
DROP VIEW v;
-- pgd1: 0A000
ALTER DOMAIN other.elsewhere ADD CHECK (VALUE <> 'x');
ALTER DOMAIN other.elsewhere SET DEFAULT 'd';
DROP VIEW w;
ALTER DOMAIN other.elsewhere ADD CHECK (VALUE <> 'y');
ALTER DOMAIN unused ADD CHECK (VALUE > 0);
ALTER DOMAIN unused SET NOT NULL;
CREATE TABLE c (id int PRIMARY KEY, a int, CONSTRAINT c_small CHECK (a::plain < 10));
-- pgd1: 0A000
ALTER DOMAIN plain ADD CHECK (VALUE > 0);
ALTER DOMAIN plain DROP CONSTRAINT IF EXISTS plain_check;
ALTER TABLE c DROP CONSTRAINT c_small;
ALTER DOMAIN plain ADD CHECK (VALUE > 0);
SELECT * FROM t ORDER BY id;
