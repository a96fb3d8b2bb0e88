-- A parameter that CAST gives its type stands where CAST does.
CREATE TABLE t (id int PRIMARY KEY, ip inet);
PREPARE a AS INSERT INTO t VALUES (1, CAST($1 AS text));
PREPARE b AS INSERT INTO t VALUES (1, $1::text);
PREPARE c AS SELECT $1::text + 1;
PREPARE d AS SELECT CAST(CAST($1 AS text) AS int) + CAST($2 AS date) + CAST($3 AS date);
-- The left side of IN has no type yet each time it is compared.
PREPARE e AS SELECT 1 WHERE $1 IN ($2, ARRAY[1]);
