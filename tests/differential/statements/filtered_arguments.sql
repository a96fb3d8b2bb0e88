-- what FILTER and CASE leave out is not computed, whoever computes it
CREATE TABLE p (id int PRIMARY KEY, stock int8, k int);
INSERT INTO p VALUES (1, 0, 0), (2, 5, 1), (3, 7, 1);
SELECT bit_or(int8div(stock, stock)) FILTER (WHERE stock <> 0) FROM p;
SELECT bit_or(stock / stock) FILTER (WHERE stock <> 0) FROM p;
SELECT sum(10 / stock) FILTER (WHERE stock <> 0) FROM p;
SELECT string_agg((10 / stock)::text, ',' ORDER BY id) FILTER (WHERE stock <> 0) FROM p;
SELECT k, bit_or(10 / stock) FILTER (WHERE stock <> 0) FROM p GROUP BY k ORDER BY k;
SELECT bit_or(10 / stock) FILTER (WHERE 1 / stock >= 0) FROM p;
SELECT bit_or(CASE WHEN stock <> 0 THEN length(md5((10 / stock)::text)) END) FROM p;
SELECT k, CASE WHEN k <> 0 THEN md5((10 / k)::text) END FROM p GROUP BY k ORDER BY k;
SELECT k, coalesce(nullif(bit_or(stock), 0)::text, md5((10 / (k + 1))::text)) FROM p GROUP BY k ORDER BY k;
-- window functions that are no aggregates have none
SELECT row_number() FILTER (WHERE x > 1) OVER () FROM generate_series(1, 3) x;
SELECT lag(x) FILTER (WHERE x > 1) OVER (ORDER BY x) FROM generate_series(1, 3) x;
SELECT nth_value(x, 2) FILTER (WHERE x > 1) OVER (ORDER BY x) FROM generate_series(1, 3) x;
SELECT sum(x) FILTER (WHERE x > 1) OVER (ORDER BY x) FROM generate_series(1, 3) x;
