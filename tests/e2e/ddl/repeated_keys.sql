-- Keys of one CREATE TABLE over the same columns are one index.
CREATE TABLE rk_a (name varchar(255) NOT NULL UNIQUE, PRIMARY KEY (name));
\d rk_a;
CREATE TABLE rk_b (a int UNIQUE UNIQUE, b int, CONSTRAINT late UNIQUE (a), UNIQUE (a, b), UNIQUE (b, a), CONSTRAINT second UNIQUE (b, a));
\d rk_b;
CREATE TABLE rk_c (a int CONSTRAINT mine UNIQUE, b int, CONSTRAINT pair UNIQUE (a, b), PRIMARY KEY (a, b), UNIQUE (a));
\d rk_c;
CREATE TABLE rk_d (id serial UNIQUE PRIMARY KEY, t text);
\d rk_d;
INSERT INTO rk_d (t) VALUES ('a'), ('b') RETURNING id, t;
INSERT INTO rk_a VALUES ('x') ON CONFLICT ON CONSTRAINT rk_a_pkey DO NOTHING;
ALTER TABLE rk_a ADD UNIQUE (name);
\d rk_a;
