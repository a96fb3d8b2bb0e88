-- details are compared
-- which types RANGE takes a distance of, by the type of the column; looked at before columns in it are
CREATE DOMAIN whole AS int;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE r (id int PRIMARY KEY, s int2, b int8, r real, d float8, n numeric, t text, v varchar(3), c char(3), m name, iv interval, ts timestamp, dt date, tm time, u uuid, a int[], o oid, bo boolean, j jsonb, e mood);
INSERT INTO r (id, s, b, r, d, n) VALUES (1, 1, 1, 1, 1, 1), (2, 2, 2, 2, 2, 2), (4, 4, 4, 4, 4, 4);
SELECT count(*) OVER (ORDER BY id RANGE 1.5 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE 'a'::text PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE true PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE 1::oid PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND 'a'::text FOLLOWING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE 1::bigint PRECEDING), count(*) OVER (ORDER BY id RANGE 1::smallint PRECEDING), count(*) OVER (ORDER BY id RANGE '1' PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY s RANGE 100000 PRECEDING), count(*) OVER (ORDER BY b RANGE 1::smallint PRECEDING), count(*) OVER (ORDER BY b RANGE 1::oid PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY s RANGE '100000' PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY r RANGE '1e100' PRECEDING), count(*) OVER (ORDER BY r RANGE 1.5 PRECEDING), count(*) OVER (ORDER BY d RANGE 1 PRECEDING) FROM r;
-- parameters: 1
SELECT count(*) OVER (ORDER BY id RANGE $1 PRECEDING), count(*) OVER (ORDER BY r RANGE 1 + 1 PRECEDING) FROM r;
-- parameters: 1.5
SELECT count(*) OVER (ORDER BY id RANGE $1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE 1::whole PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id::whole RANGE 1 PRECEDING), count(*) OVER (ORDER BY id::whole RANGE '1' PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id::whole RANGE 1.0 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY n RANGE 1::float8 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY t RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY v RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY c RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY m RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY NULL RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY u RANGE id PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY a RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY o RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY o::regtype RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY bo RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY j RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY e RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY r RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY ROW(id) RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY iv RANGE BETWEEN CURRENT ROW AND id FOLLOWING) FROM r;
SELECT count(*) OVER (ORDER BY iv RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY ts RANGE id PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY dt RANGE 'x' PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY tm RANGE time '01:00' PRECEDING), count(*) OVER (ORDER BY ts RANGE 1 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE id PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE 1 + id::numeric PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id RANGE generate_series(1, 2) PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id ROWS 1.5 PRECEDING) FROM r;
SELECT count(*) OVER (ORDER BY id GROUPS 'a'::text PRECEDING) FROM r;
-- pgd1: 0A000
SELECT count(*) OVER (ORDER BY n RANGE 1 PRECEDING) FROM r ORDER BY id;
-- an offset that is computed, where no D1 does it
-- pgd1: 0A000
SELECT count(*) OVER (ORDER BY g::float8 RANGE BETWEEN UNBOUNDED PRECEDING AND 0.5 PRECEDING) FROM unnest('{1,2}'::int[]) AS g;
-- pgd1: 0A000
SELECT count(*) OVER (ORDER BY g ROWS 1 + 1 PRECEDING) FROM unnest('{1,2}'::int[]) AS g;
SELECT count(*) OVER (ORDER BY g::float8 RANGE 1 PRECEDING), count(*) OVER (ORDER BY g::float8 RANGE '0.5' PRECEDING), count(*) OVER (ORDER BY g ROWS 1 PRECEDING) FROM unnest('{1,2}'::int[]) AS g;
SELECT count(*) OVER (ORDER BY g::float8 RANGE -1 PRECEDING) FROM unnest('{1,2}'::int[]) AS g;
