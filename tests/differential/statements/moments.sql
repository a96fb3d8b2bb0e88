-- statement_timestamp() is one moment, however often a statement asks, and that of the transaction outside a block
CREATE TABLE t (v interval);
INSERT INTO t VALUES ('1 day'), ('2 days');
SELECT statement_timestamp() - statement_timestamp(), now() = statement_timestamp(), clock_timestamp() >= statement_timestamp();
SELECT sum(v), statement_timestamp() = statement_timestamp(), count(*) FILTER (WHERE statement_timestamp() <> statement_timestamp()) FROM t;
SELECT coalesce(sum(v) FILTER (WHERE v > '3 days'), statement_timestamp() - statement_timestamp()) FROM t;
UPDATE t SET v = v + (statement_timestamp() - statement_timestamp()) RETURNING v, statement_timestamp() = statement_timestamp();
BEGIN;
SELECT pg_sleep(0.002);
SELECT now() < statement_timestamp(), statement_timestamp() = statement_timestamp();
SELECT now() < statement_timestamp(), v FROM t WHERE statement_timestamp() > now() ORDER BY v;
COMMIT;
