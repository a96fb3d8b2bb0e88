-- what views read, by table and by column
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a FROM t;
SELECT view_name, table_name FROM information_schema.view_table_usage ORDER BY 1, 2;
SELECT view_name, column_name FROM information_schema.view_column_usage ORDER BY 1, 2;
SELECT table_name FROM information_schema.views WHERE table_name = 'v';
