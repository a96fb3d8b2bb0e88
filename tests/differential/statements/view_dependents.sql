-- details are compared
-- views stand on sequences, and on the key that they group by
CREATE SEQUENCE sq;
CREATE VIEW v1 AS SELECT last_value FROM sq;
DROP SEQUENCE sq;
DROP SEQUENCE sq CASCADE;
SELECT * FROM v1;
CREATE TABLE s (id serial, v text);
CREATE VIEW v2 AS SELECT last_value FROM s_id_seq;
CREATE VIEW v3 AS SELECT * FROM v2;
DROP TABLE s;
DROP TABLE s CASCADE;
CREATE TABLE p (k int PRIMARY KEY, v text);
CREATE TABLE q (k int REFERENCES p);
CREATE VIEW v4 AS SELECT k, v FROM p GROUP BY k;
CREATE VIEW v5 AS SELECT * FROM v4;
CREATE VIEW v6 AS SELECT k, v, count(*) FROM p GROUP BY k, v;
ALTER TABLE p DROP CONSTRAINT p_pkey;
ALTER TABLE p DROP CONSTRAINT p_pkey CASCADE;
SELECT * FROM v6;
SELECT * FROM v4;
BEGIN;
CREATE SEQUENCE sq;
CREATE VIEW v1 AS SELECT * FROM sq;
DROP SEQUENCE sq;
ROLLBACK;
-- texts that must be read again as they were meant
CREATE TABLE a (x int, y text);
CREATE VIEW v7 AS SELECT 'foo' = ANY ((SELECT array['abc', 'foo'])::text[]) AS c, x = ALL ((SELECT array_agg(x) FROM a)) AS d FROM a;
CREATE VIEW v7 AS SELECT 'foo' = ANY ((SELECT array['abc', 'foo'])::text[]) AS c, x = ALL ((SELECT array_agg(x) FROM a)::int[]) AS d FROM a;
SELECT pg_get_viewdef('v7'), pg_get_viewdef('v7', true);
CREATE VIEW v8 AS SELECT a.x, q FROM a NATURAL LEFT JOIN (SELECT 1 AS q) t;
SELECT pg_get_viewdef('v8');
ALTER TABLE a RENAME x TO z;
SELECT * FROM v7;
SELECT * FROM v8;
