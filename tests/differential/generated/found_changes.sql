-- Changes that differed from PostgreSQL once, one a line; run by test_generated.py over the tables of tables.py, each on the same rows of target.
-- errors in a SET list: all values are understood first, then each becomes one of its column, then the columns are looked at
UPDATE target SET nocol = 1, i4 = nosuch
UPDATE target SET i4 = true, i8 = nosuch
UPDATE target SET i4 = 'x', i8 = nosuch
UPDATE target SET i8 = 'y', i4 = 'x'
UPDATE target SET ip = NULL::text, (bt, i2) = ('\9'::bytea, 1)
UPDATE target SET u = 'g', (j, f4) = (SELECT '12.50'::json, 'abc'::float4 FROM note t1 WHERE t1.id = 1)
UPDATE target SET i4 = 1, i4 = 2, i8 = nosuch
UPDATE target SET i4 = 1, i4 = 2 RETURNING nosuch
UPDATE target SET g = 4, i4 = 4, i4 = 7
UPDATE target SET (c, i4) = (NULL, nosuch, 1)
UPDATE target SET (c, i4) = (NULL, 3, 1)
UPDATE target SET (g, i4) = (5, 4)
UPDATE target SET (g, i4) = (DEFAULT, 4)
UPDATE target SET (c, i4) = 5
INSERT INTO target (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET i4 = 1, i4 = 2 RETURNING nosuch
INSERT INTO target (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET i4 = 1, i4 = 2 WHERE nosuch
INSERT INTO target (id, g) VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET i4 = nosuch
INSERT INTO target (id, g) VALUES (1, 5) RETURNING nosuch
INSERT INTO target (id) VALUES (1) ON CONFLICT (i4) DO UPDATE SET i8 = nosuch
INSERT INTO target (id) VALUES (1) ON CONFLICT (i4) DO UPDATE SET i8 = 1, i8 = 2
INSERT INTO target (id) VALUES (1) ON CONFLICT ON CONSTRAINT nosuch DO NOTHING
INSERT INTO target (id) VALUES (1), (2, 3)
INSERT INTO target (id) VALUES (1), (2, nosuch)
MERGE INTO target USING plain t1 ON target.id = t1.id WHEN NOT MATCHED THEN INSERT (id, f4, j) VALUES (t1.id + 50, '1e50', json_extract_path('{"NULL","quo\"te"}'::text[]))
MERGE INTO target USING plain t1 ON target.id = t1.id WHEN NOT MATCHED THEN INSERT (id, g) VALUES (nosuch, 4)
MERGE INTO target USING plain t1 ON target.id = t1.id WHEN MATCHED THEN UPDATE SET i4 = 1, i4 = 2 WHEN NOT MATCHED THEN INSERT (id) VALUES (nosuch)
-- one row expression in the place of several values
UPDATE target SET (i2, c) = (target.i2, COALESCE(target.id, char(6) 'a'))
UPDATE target SET (i2, c) = (target.i2, COALESCE(target.id, 'a'::char(6)))
INSERT INTO target (id, i2, i4) SELECT ROW(1, 2, 3)
INSERT INTO target (id, i2, i4) VALUES (ROW(1, 2, 3))
INSERT INTO target (id, i2) SELECT ROW(1, 2)
INSERT INTO target (id, i2) SELECT (1, 2)
INSERT INTO target (id, i2) (SELECT (1, 2) LIMIT 1)
INSERT INTO target (id, i2) VALUES ((1, 2))
INSERT INTO target (id, i2) VALUES ((1, 2, 3))
INSERT INTO target (id, i2) VALUES ((1, 2)), ((3, 4))
INSERT INTO target (id, i2) VALUES (item)
INSERT INTO target (id, i2) VALUES (target)
-- a generated column follows what is set: the rows joined are not found again by it
UPDATE target SET (c, i4) = (NULL::varchar, -1) FROM edge t1 WHERE target.id = t1.id AND (target.g)::bool RETURNING t1.ai
-- a row without a match is looked at only where one can be inserted; a pattern is wrong only where its end is reached
MERGE INTO target USING edge t1 ON target.id = t1.id WHEN NOT MATCHED AND (t1.jb)::bool THEN DO NOTHING
UPDATE target SET i8 = 7 WHERE CASE WHEN id > 1000 THEN t LIKE '%\' ELSE b END
UPDATE target SET i8 = 7 WHERE t LIKE 'qq%\'
DELETE FROM target WHERE t LIKE '%\' RETURNING id
INSERT INTO target (id, t) VALUES (generate_series(50, 51), 'x'), (52, 'y')
INSERT INTO target (id, i4) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET i4 = id
-- SET of ON CONFLICT is computed where there is a conflict; but a constant is when the statement is planned
INSERT INTO target (id, tm) VALUES (2, '0:00') ON CONFLICT (k) DO UPDATE SET (at, v) = ('{a,b}', date '2020-01-01')
INSERT INTO target (id, tm) VALUES (20, '0:00') ON CONFLICT (id) DO UPDATE SET v = date '2020-01-01'
INSERT INTO target (id, tm) VALUES (2, '0:00') ON CONFLICT (id) DO UPDATE SET v = date '2020-01-01'
INSERT INTO target (id, tm) VALUES (20, '0:00') ON CONFLICT (id) DO UPDATE SET v = 'abcdef'::text
INSERT INTO target (id, tm) VALUES (2, '0:00') ON CONFLICT (id) DO UPDATE SET n = to_char(now(), '"1.50"')::numeric, n2 = to_char(now(), '"1.256"')::numeric, b = to_char(now(), '"t"')::bool
INSERT INTO target (id, tm) VALUES (20, '0:00') ON CONFLICT (id) DO UPDATE SET i4 = 7 WHERE to_char(now(), '"x"')::int = 1
UPDATE target SET n2 = CASE WHEN id > 0 THEN 1 ELSE to_char(now(), '"x"')::numeric END
UPDATE target SET i4 = CASE WHEN id > 5 THEN 1 ELSE 'x'::text::int END WHERE id > 5
-- what RETURNING cannot show leaves nothing behind
UPDATE target SET i8 = 70000 WHERE id = 1 RETURNING i8::int2
UPDATE target SET t = 'a' RETURNING id, to_date(t, 'Day')
DELETE FROM target WHERE id > 1 RETURNING trim_array(ai, 4)
WITH w AS (INSERT INTO target (id) VALUES (20) RETURNING id) SELECT trim_array('{1}'::int4[], id) FROM w
-- nor is SET of UPDATE where no row is found
UPDATE target SET v = date '9999-12-31' WHERE id > 1000
UPDATE target SET v = date '9999-12-31', n2 = to_char(now(), '"1.5"')::numeric WHERE id = 1
UPDATE target SET v = to_char(now(), '"abc"'), n2 = to_char(now(), '"1.256"')::numeric, n = to_char(now(), '"1.50"')::numeric, b = to_char(now(), '"t"')::bool, f8 = to_char(now(), '"1.5"')::float8 WHERE id = 1
UPDATE target SET v = 'abcdef'::text WHERE id > 1000
UPDATE target SET ts = date '2024-01-01' + interval '1 day', jb = to_jsonb(date '2024-01-01') FROM plain t1 WHERE t1.id = target.id
INSERT INTO target (id, i4, k, dw) VALUES (1, int4 '100', NULL::text, 'hello') RETURNING (to_timestamp('100%', 'FMMonth FMDD'))::date
UPDATE target SET i4 = 1 WHERE id = 4711 RETURNING to_timestamp('100%', 'FMMonth FMDD')
INSERT INTO target (id, d, f8, c, b) VALUES (5, '1999-12-31', 2, '', NULL::bool) ON CONFLICT (k) DO UPDATE SET n2 = COALESCE(1000000007, target.i8)
UPDATE target SET k = 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid RETURNING convert('\xdeadbeef'::bytea, 'Zed'::name, 'Zed'::name)
UPDATE target SET n = NULL::numeric RETURNING "time"(CAST('2024-10-27 01:30:00+00'::timestamptz AS time(0)), ('-77'::int4 # '-1'::int4)) AS c1, "time"('01:02:03.5'::time, abs('-9'::int4)), "time"('01:02:03.5'::time, 1)
