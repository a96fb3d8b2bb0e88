-- details are compared
-- What a schema keeps may compare with the elements of a list, as pg_dump writes IN.
CREATE TABLE listed (a text CHECK (a = ANY (ARRAY['a'::text, 'b'::text])), b varchar(5) CHECK (b::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])),
    c int CHECK (c <> ALL (ARRAY[1, 2])), d numeric(10,2) CHECK (d = ANY (ARRAY[1.5, 2])), e date CHECK (e > ANY (ARRAY['2020-01-01'::date, '2021-01-01'])), f text CHECK (f = ANY (ARRAY['one'])));
INSERT INTO listed VALUES ('a', 'x', 3, 1.50, '2020-06-01', 'one'), (NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO listed (a) VALUES ('c');
INSERT INTO listed (b) VALUES ('z');
INSERT INTO listed (c) VALUES (2);
INSERT INTO listed (d) VALUES (1.51);
INSERT INTO listed (e) VALUES ('2019-12-31');
INSERT INTO listed (f) VALUES ('two');
SELECT a, b, c, d, e, f FROM listed ORDER BY a;
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'listed'::regclass AND contype = 'c' ORDER BY 1;
CREATE TABLE marked (s text, ok boolean GENERATED ALWAYS AS (s = ANY (ARRAY['a', NULL])) STORED);
INSERT INTO marked (s) VALUES ('a'), ('c'), (NULL) RETURNING *;
CREATE UNIQUE INDEX marked_s ON marked (s) WHERE s = ANY (ARRAY['a'::text, 'b'::text]);
INSERT INTO marked (s) VALUES ('a');
INSERT INTO marked (s) VALUES ('c') RETURNING *;
INSERT INTO marked (s) VALUES ('a') ON CONFLICT (s) WHERE s = ANY (ARRAY['a'::text, 'b'::text]) DO NOTHING;
