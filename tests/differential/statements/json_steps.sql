-- a jsonb scalar is its own element 0 and -1; of equal keys of json the last counts
CREATE TABLE j (id int PRIMARY KEY, b jsonb, t json);
INSERT INTO j VALUES (1,'5','5'),(2,'[1,2]','[1,2]'),(3,'{"a":1,"0":2}','{"a":1,"a":2.50,"0":3}'),(4,'"abc"','"abc"'),(5,'null','null'),(6,'true','true'),(7,'[[7],{"a":[8]}]','[[7],{"a":[8]}]'),(8,NULL,NULL),(9,'{"a":5}','{"a" : 1,  "b":[1, 2],"a":null}'),(10,'{"x":{"y":[3]}}','{"x":{"y":1,"y":2},"z":1,"x":{"z":1}}');
SELECT id, b->0, b->-1, b->>0, b->'a', b->>'a', b->'0', b->1 FROM j ORDER BY id;
SELECT id, b->0->0, b->-1->0->>-1, b->'a'->0, b->0->'a'->0, b->'x'->'y'->>0 FROM j ORDER BY id;
SELECT id FROM j WHERE b->0 IS NULL ORDER BY id;
SELECT id FROM j WHERE b->0->0 IS NOT NULL ORDER BY id;
SELECT id FROM j WHERE b->>0 = 'abc';
SELECT id, b#>'{0}', b#>>'{0}', b#>'{a}', b#>'{}', b#>'{-1}' FROM j ORDER BY id;
SELECT id, t->0, t->-1, t->>0, t->'a', t->>'a', t->'0', t FROM j ORDER BY id;
SELECT id, t->'x'->'y', t->'x'->>'y', t->'x'->>'z', t#>'{x,y}', t#>>'{x,y}', t#>>'{x,z}', t#>>'{a}' FROM j ORDER BY id;
SELECT id FROM j WHERE t->'x'->'y' IS NOT NULL;
SELECT id FROM j WHERE t->'a' IS NOT NULL ORDER BY id;
SELECT id FROM j WHERE t->>'a' = '2.50';
SELECT id FROM j WHERE id < 8 AND t->>'0' = '3';
SELECT id, t::jsonb, t::text FROM j WHERE id >= 9 ORDER BY id;
CREATE INDEX ON j ((t->>'a'));
-- pgd1: 0A000
CREATE INDEX ON j ((t->'x'->>'y'));
CREATE UNIQUE INDEX ON j ((b->>'a'));
CREATE TABLE k (t json CHECK (t->>'a' IS NOT NULL), u json CHECK (u->>'a' <> '1'));
INSERT INTO k VALUES ('{"a":1}', '{"a":1,"a":2}');
INSERT INTO k(u) VALUES ('{"a":2,"a":1}');
INSERT INTO k(t) VALUES ('{"a":2,"a":null}');
