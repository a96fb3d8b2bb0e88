-- a window function whose number or place is NULL; SQLite takes none
CREATE TABLE numbered (i int, ten int, four int, n int);
INSERT INTO numbered SELECT i, i%10, i%4, nullif(i%3,1) FROM generate_series(0,9) i;
SELECT ntile(NULL) OVER (ORDER BY i), ten, four FROM numbered ORDER BY 2 LIMIT 2;
SELECT ntile(n) OVER (PARTITION BY four ORDER BY i), i FROM numbered WHERE n > 0 ORDER BY 2;
SELECT nth_value(i, NULL) OVER (ORDER BY i), i FROM numbered WHERE i < 4;
SELECT nth_value(i, nullif(i, 0)) OVER (ORDER BY i), i FROM numbered WHERE i < 4;
SELECT nth_value(i, n + 1) OVER (ORDER BY i), i, n FROM numbered ORDER BY i;
SELECT nth_value(i, n) OVER (ORDER BY i), i, n FROM numbered ORDER BY i;
SELECT lag(i, NULL, 5) OVER (ORDER BY i), i FROM numbered WHERE i < 4;
SELECT lag(i, n, 5) OVER (ORDER BY i), lead(i, n, -n) OVER (ORDER BY i), lag(i, n) OVER (ORDER BY i), i, n FROM numbered ORDER BY i;
PREPARE nulls(int) AS SELECT ntile($1) OVER (ORDER BY i), lag(i, $1, 7) OVER (ORDER BY i), nth_value(i, $1) OVER (ORDER BY i), i FROM numbered WHERE i < 4;
EXECUTE nulls(2);
EXECUTE nulls(NULL);
EXECUTE nulls(0);
EXECUTE nulls(-1);
-- pgd1: 0A000
SELECT ntile(NULLIF(i,0)) OVER (ORDER BY i), i FROM numbered WHERE i < 4;
-- pgd1: 0A000
SELECT sum(i) over (order by i rows (SELECT min(i) FROM numbered) + 1 PRECEDING), i FROM numbered WHERE i < 4;
