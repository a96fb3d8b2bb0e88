-- what views read, by table and by column
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a FROM t;
SELECT view_name, table_name FROM information_schema.view_table_usage ORDER BY 1, 2;
SELECT view_name, column_name FROM information_schema.view_column_usage ORDER BY 1, 2;
SELECT table_name FROM information_schema.views WHERE table_name = 'v';
-- a view that reads itself: PostgreSQL makes it, and then cannot read it
CREATE TABLE round (a int);
CREATE VIEW round_a(x, y) AS SELECT p.a, q.a FROM round p, round q;
CREATE VIEW round_b AS SELECT * FROM round_a;
CREATE VIEW round_c AS SELECT x FROM (SELECT * FROM round_b) s WHERE x IN (SELECT y FROM round_a);
-- pgd1: 0A000
CREATE OR REPLACE VIEW round_a AS SELECT * FROM round_b;
-- pgd1: 0A000
CREATE OR REPLACE VIEW round_a AS SELECT x, 1 AS y FROM round_c;
