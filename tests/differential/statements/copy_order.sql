-- COPY of a table gives its rows in the order in which they were inserted, whatever index has its columns
CREATE TABLE covered (id int PRIMARY KEY, status text, n int);
CREATE INDEX covered_status ON covered (status, id);
INSERT INTO covered VALUES (1, 'new', 3), (2, 'open', 2), (3, 'closed', 1), (4, 'zero', 9), (5, 'a', 0);
CREATE TABLE keyed (code text PRIMARY KEY, price numeric(30,10));
INSERT INTO keyed VALUES ('z', 1), ('a', 2.5), ('m', 12345678901234567890.123);
CREATE TEMP TABLE mine (code text PRIMARY KEY);
INSERT INTO mine VALUES ('z'), ('a');
COPY covered (id, status) TO STDOUT;
COPY covered (status) TO STDOUT;
COPY covered TO STDOUT (FORMAT csv, HEADER);
COPY keyed (code) TO STDOUT;
COPY keyed TO STDOUT;
COPY mine TO STDOUT;
