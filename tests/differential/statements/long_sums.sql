-- Sums and products of many decimals: what may be too much for 64 bits is computed exactly all the same.
CREATE TABLE t (id int PRIMARY KEY, m numeric(10,2), n numeric(12,3), w numeric(15,6), i int);
INSERT INTO t VALUES (1, 2.5, 1.5, 1.000001, 3), (2, 99999999.99, 999999999.999, 999999999.999999, 2147483647), (3, -99999999.99, -999999999.999, -999999999.999999, -2147483648), (4, NULL, 1, 1, 1);
SELECT m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m + m FROM t ORDER BY id;
SELECT n + m + n + m + n + m + n + m + n + m + n + m + n + m + n + m + n + m + n + m + n + m + n + m + n + m FROM t ORDER BY id;
SELECT m + n + w + i + m + n + w + i + m + n + w + i FROM t ORDER BY id;
SELECT m - n - w - i - m - n - w - i - m - n - w - i + 0.1 + 0.01 + 0.001 + 0.0001 + 0.00001 FROM t ORDER BY id;
SELECT m * n + m * n + m * n + w * m, w * w - w * w + w * w FROM t ORDER BY id;
SELECT w * w * w, w * w * w * w - n, m * m * m * m * m * m FROM t ORDER BY id;
SELECT w * i * i * i - w * i * i * i + w FROM t ORDER BY id;
SELECT id FROM t WHERE w * w + w * w + w * w > 100 ORDER BY id;
SELECT round(m * n + m * n + m * n, 1), abs(w * w + w * w), (w * w + w + w)::numeric(30,2), (w * w + w + w)::int8 FROM t WHERE id IN (1, 4) ORDER BY id;
SELECT (w * w + w + w)::int FROM t WHERE id = 2;
SELECT sum(m + n + w + m + n + w), max(w * w + w * w) FROM t;
UPDATE t SET m = (w * w * w + w * w * w) / (w * w * w) WHERE id <> 4 RETURNING id, m;
UPDATE t SET m = w * w * w + w * w * w WHERE id = 2;
