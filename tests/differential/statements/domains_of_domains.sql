-- details are compared
-- a domain over a domain keeps the constraints of both
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE DOMAIN over_positive AS positive;
CREATE DOMAIN third AS over_positive;
CREATE DOMAIN small AS over_positive CHECK (value < 10);
CREATE DOMAIN given AS int NOT NULL;
CREATE DOMAIN over_given AS given;
CREATE DOMAIN short AS varchar(4);
CREATE DOMAIN over_short AS short;
CREATE DOMAIN free AS int;
CREATE DOMAIN over_free AS free;
-- pgd1: 0A000
SELECT (-1)::over_positive;
-- pgd1: 0A000
SELECT '-1'::third;
-- pgd1: 0A000
SELECT CAST(a AS third) FROM (VALUES (-1)) v(a);
-- pgd1: 0A000
SELECT NULL::over_given;
SELECT (-1)::over_free, '5'::over_free;
PREPARE p (third) AS SELECT $1;
EXECUTE p(-1);
EXECUTE p(0);
EXECUTE p(5);
EXECUTE p(500);
PREPARE q (over_free) AS SELECT $1;
EXECUTE q(-1);
-- pgd1: 0A000
CREATE TABLE da (v third[]);
-- pgd1: 0A000
CREATE TABLE db (v over_short[]);
-- pgd1: 0A000
CREATE TABLE dc (v over_given[]);
CREATE TABLE t (id int PRIMARY KEY, a third, b over_given, c over_free[], d small);
INSERT INTO t VALUES (1, 1, 1, '{-1}', 1);
INSERT INTO t VALUES (2, -1, 1, '{}', 1);
INSERT INTO t VALUES (2, 1, NULL, '{}', 1);
-- message differs
INSERT INTO t VALUES (2, 1, 1, '{}', -1);
-- message differs
INSERT INTO t VALUES (2, 1, 1, '{}', 10);
INSERT INTO t (id) VALUES (3);
UPDATE t SET a = -2;
UPDATE t SET b = NULL;
ALTER TABLE t ADD COLUMN e third;
UPDATE t SET e = 0;
-- message differs
ALTER TABLE t ADD COLUMN f over_given;
ALTER TABLE t ADD COLUMN f over_given DEFAULT 7;
INSERT INTO t VALUES (4, 1, 1, '{}', 1, 1, NULL);
CREATE SCHEMA other;
CREATE DOMAIN other.named AS text NOT NULL CHECK (VALUE <> '');
CREATE TABLE u (id int PRIMARY KEY, n other.named NOT NULL);
INSERT INTO u (id) VALUES (1);
INSERT INTO u VALUES (1, 'x'), (2, NULL);
INSERT INTO u VALUES (1, 'x'), (2, '');
UPDATE u SET n = NULL WHERE id > 5;
INSERT INTO u VALUES (1, 'x');
UPDATE u SET n = NULL;
SELECT * FROM t ORDER BY id;
