-- RANGE with a distance that is infinite: SQLite's infinity less infinity is no number
CREATE TABLE f (id int PRIMARY KEY, f8 float8, f4 float4);
INSERT INTO f VALUES (0, '-infinity', '-infinity'), (1, -3, -3), (2, 0, 0), (3, 1.5, 1.5), (4, 'infinity', 'infinity'), (5, NULL, NULL);
-- pgd1: 0A000
SELECT id, first_value(id) OVER w, last_value(id) OVER w FROM f WINDOW w AS (ORDER BY f8 RANGE BETWEEN 'inf' PRECEDING AND 'inf' FOLLOWING) ORDER BY id;
-- pgd1: 0A000
SELECT id, first_value(id) OVER w FROM f WINDOW w AS (ORDER BY f4 RANGE BETWEEN 1 PRECEDING AND 'infinity' FOLLOWING) ORDER BY id;
-- parameters: inf
-- pgd1: 0A000
SELECT id, count(*) OVER (ORDER BY f8 DESC RANGE $1 PRECEDING) FROM f ORDER BY id;
-- parameters: 2
SELECT id, count(*) OVER (ORDER BY f8 DESC RANGE $1 PRECEDING) FROM f ORDER BY id;
SELECT id, count(*) OVER (ORDER BY f8 RANGE BETWEEN 3 PRECEDING AND 1.5::float8 FOLLOWING) FROM f ORDER BY id;
SELECT id, count(*) OVER (ORDER BY f8 RANGE BETWEEN 'inf' PRECEDING AND CURRENT ROW) FROM f WHERE f8 IS NULL ORDER BY id;
SELECT id, count(*) OVER (ORDER BY f8 RANGE BETWEEN '-inf' PRECEDING AND CURRENT ROW) FROM f ORDER BY id;
