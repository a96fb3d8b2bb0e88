-- a statement that is planned again, as D1 met a value it cannot compute with, finds the types of its parameters as it did before
CREATE TABLE t (id int PRIMARY KEY, f float8);
INSERT INTO t VALUES (1,'infinity'),(2,'-infinity'),(3,1);
-- parameters: 2023-06-15|2024-01-01
SELECT 0::float8 + f FROM t WHERE ($1, '2024-02-29') OVERLAPS ($2::date, date '1970-01-01') ORDER BY id;
-- a constant that named a relation
CREATE TABLE named (a int);
PREPARE of_named AS SELECT 'named'::regclass::oid > 0 AS there;
EXECUTE of_named;
DROP TABLE named;
EXECUTE of_named;
CREATE TABLE named (b text);
EXECUTE of_named;
