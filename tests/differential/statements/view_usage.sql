-- what a view reads is not known to the catalogue: refused, never an empty answer
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a FROM t;
-- pgd1: 0A000
SELECT view_name, table_name FROM information_schema.view_table_usage ORDER BY 1, 2;
-- pgd1: 0A000
SELECT view_name, column_name FROM information_schema.view_column_usage ORDER BY 1, 2;
SELECT table_name FROM information_schema.views WHERE table_name = 'v';
