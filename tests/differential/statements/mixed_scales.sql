-- a value of several branches has the digits behind the point of each of them
CREATE TABLE num (id int PRIMARY KEY, i int, s smallint, p numeric(8,2), q numeric(10,4), big numeric(11,2), w bigint, small numeric(3,2));
INSERT INTO num VALUES (1, 3, 2, 10.50, 1.2345, 1, 5, 1.25), (2, NULL, 1, 10.49, NULL, NULL, NULL, -1.5), (3, 2147483647, NULL, NULL, 0.00005, 2.22, 7, NULL);
UPDATE num SET p = greatest(s, p) WHERE id < 3 RETURNING id, p;
UPDATE num SET p = least(p, s) WHERE id = 1 RETURNING p;
UPDATE num SET p = coalesce(s, q) RETURNING id, p;
UPDATE num SET p = coalesce(i, q) WHERE id = 2 RETURNING id, p;
UPDATE num SET p = CASE WHEN id > 1 THEN s ELSE q END RETURNING id, p;
UPDATE num SET q = CASE WHEN id > 1 THEN p ELSE big END + 1 RETURNING id, q;
UPDATE num SET big = coalesce(i, p) WHERE id = 3;
UPDATE num SET big = coalesce(p, i) WHERE id = 3;
UPDATE num SET big = CASE WHEN id = 3 THEN w ELSE small END RETURNING id, big;
UPDATE num SET small = CASE WHEN id = 3 THEN p ELSE w END;
UPDATE num SET small = coalesce(small, q) RETURNING id, small;
UPDATE num SET p = CASE WHEN id = 1 THEN p ELSE 1.005 END RETURNING id, p;
UPDATE num SET p = CASE WHEN id = 1 THEN p WHEN id = 2 THEN NULL ELSE 1.239 END RETURNING id, p;
UPDATE num SET i = coalesce(small, q, 1.5) RETURNING id, i;
UPDATE num SET p = nullif(q, 1) * 2 RETURNING id, p;
UPDATE num SET p = coalesce(s, 0.5) * coalesce(q, 1) RETURNING id, p;
INSERT INTO num (id, p) SELECT id + 10, coalesce(s, q) FROM num ON CONFLICT (id) DO UPDATE SET p = greatest(excluded.id, num.q) RETURNING id, p;
INSERT INTO num (id, p) VALUES (1, 3) ON CONFLICT (id) DO UPDATE SET p = coalesce(num.s, excluded.p) + 0.005 RETURNING id, p;
-- parameters: 1.005
UPDATE num SET p = coalesce(p, $1) RETURNING id, p;
-- parameters: 1.005
UPDATE num SET p = coalesce($1, p) RETURNING id, p;
-- parameters: 1.005
UPDATE num SET p = CASE WHEN id = 1 THEN p ELSE $1 END RETURNING id, p;
SELECT id FROM num WHERE coalesce(s, q) = 1.2345 OR greatest(s, p) > 1.5 ORDER BY id;
SELECT * FROM num ORDER BY id;
