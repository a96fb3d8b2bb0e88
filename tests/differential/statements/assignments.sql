-- what is put into columns: defaults, domains, lengths, roundings, and what is refused before anything is written
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN posint AS int4 CHECK (VALUE > 0);
CREATE DOMAIN word AS varchar(12) DEFAULT 'w' CHECK (VALUE <> 'bad');
CREATE TABLE target (id int PRIMARY KEY, t text DEFAULT 'none', i2 int2, i4 int4 NOT NULL DEFAULT 7, n2 numeric(8,2), v varchar(5), c char(4), d date, ts timestamp(3), b bool, e mood DEFAULT 'ok', at text[], dp posint, dw word, g int4 GENERATED ALWAYS AS (i4 + 1) STORED);
INSERT INTO target (id, at) VALUES (1, '{{1,2},{3,4}}'::int4[]) RETURNING at;
INSERT INTO target (id, at) VALUES (2, '{1,2,NULL}'::int8[]) RETURNING at, g;
INSERT INTO target (id, dw) VALUES (3, 'longer than twelve');
INSERT INTO target (id, dw) VALUES (3, 'bad');
INSERT INTO target (id, dw) VALUES (3, 'twelve chars   ') RETURNING dw;
INSERT INTO target (id, dw) VALUES (4, DEFAULT) RETURNING dw, e, t;
UPDATE target SET dw = 'longer than twelve' WHERE id = 4;
UPDATE target SET dw = t || 'longer than twelve' WHERE id = 4;
INSERT INTO target (id, dp) VALUES (5, 0);
INSERT INTO target (id, dp) VALUES (5, NULL), (6, 1) RETURNING id, dp;
UPDATE target SET dp = dp - 1 WHERE id = 6;
INSERT INTO target (id, v) VALUES (7, date '2024-01-01');
INSERT INTO target (id, c) VALUES (7, 'abcd  ') RETURNING c || '|';
INSERT INTO target (id, c) VALUES (8, 'abcdef');
INSERT INTO target (id, i2) VALUES (9, 1.5), (10, 2.5), (11, -0.5::float8), (12, 2.5::float8) RETURNING i2;
INSERT INTO target (id, i2) VALUES (13, 40000);
INSERT INTO target (id, n2) VALUES (13, 1.005), (14, 1.5e3) RETURNING n2;
INSERT INTO target (id, n2) VALUES (15, 1e10);
INSERT INTO target (id, ts) VALUES (15, '2024-02-29 12:34:56.7896') RETURNING ts;
INSERT INTO target (id, e) VALUES (16, 'nope');
INSERT INTO target (id, e) VALUES (16, 'ok'::text);
INSERT INTO target (id, b) VALUES (16, 1);
INSERT INTO target (id, t) VALUES (16, 1), (17, true), (18, date '2024-01-01') RETURNING t;
INSERT INTO target (id) VALUES (19, 1);
INSERT INTO target (id, t) VALUES (19);
INSERT INTO target (id, nosuch) VALUES (19, 1);
INSERT INTO target (id, t, t) VALUES (19, 'a', 'b');
INSERT INTO target (id, g) VALUES (19, 5);
INSERT INTO nosuch (id) VALUES (19);
UPDATE target SET t = 'a', t = 'b';
UPDATE target SET t = 'a', (t, i4) = ('b', 1);
UPDATE target SET t = 'a', t = 'b', e = 'x';
UPDATE target SET t = 'a', t = 'b', e = 'ok'::text;
UPDATE target SET g = 1;
UPDATE target SET g = 1, t = 'a', t = 'c';
UPDATE target SET nosuch = 1;
UPDATE target SET t = DEFAULT, i4 = 1 + DEFAULT;
SELECT * FROM target ORDER BY id;
-- INSERT … SELECT looks at its values in the order they are written, then at columns that must not be given
CREATE TABLE wrong_order (id int GENERATED ALWAYS AS IDENTITY, a timestamp, b bytea);
INSERT INTO wrong_order (b, a) SELECT 'x'::text, 'y'::text;
INSERT INTO wrong_order (b, a) VALUES ('x'::text, 'y'::text);
INSERT INTO wrong_order (id, a) SELECT 1, 'y'::text;
INSERT INTO wrong_order (id, b) SELECT 1, '\x01';
-- a NaN that is computed here is refused by a column stored as a number, as one that is bound is
CREATE TABLE not_a_number (id int PRIMARY KEY, n numeric(8,2), b bool, a int4[]);
INSERT INTO not_a_number VALUES (1, 1.5, true, '{1}');
-- pgd1: 22003
UPDATE not_a_number SET n = 'NaN'::numeric, b = ('{2,3}'::int4[] IN (not_a_number.a));
-- pgd1: 22003
INSERT INTO not_a_number SELECT id + 1, 'NaN'::numeric, a = '{2}'::int4[], a FROM not_a_number;
UPDATE not_a_number SET n = '12.345'::numeric, b = ('{2,3}'::int4[] IN (not_a_number.a)) WHERE id = 1 RETURNING id, n;
UPDATE not_a_number SET n = NULL, b = ('{2,3}'::int4[] IN (not_a_number.a)) WHERE id = 1 RETURNING id, n;
