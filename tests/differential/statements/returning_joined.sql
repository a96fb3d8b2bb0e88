-- RETURNING columns of joined tables, when the statement changes what it joins on
CREATE TABLE c (id serial PRIMARY KEY, name text, balance numeric(12,2) DEFAULT 0, born timestamptz DEFAULT '2020-01-01');
CREATE TABLE o (id serial PRIMARY KEY, customer_id int REFERENCES c(id), status text, total numeric(12,2));
INSERT INTO c(name) VALUES ('Ann Smith'), ('Bob'), ('Cy');
INSERT INTO o(customer_id, status, total) VALUES (1, 'sent', 5.25), (1, 'paid', 7.10), (2, 'sent', 1), (2, 'new', NULL);
UPDATE o SET status = 'void' FROM c WHERE c.id = o.customer_id AND c.name = 'Ann Smith' AND o.status = 'sent' RETURNING o.id, c.name;
UPDATE c SET balance = (SELECT coalesce(sum(total), 0) FROM o WHERE o.customer_id = c.id) WHERE id <= 4 RETURNING id, balance;
UPDATE o SET customer_id = 3 FROM c WHERE c.id = o.customer_id AND c.name = 'Ann Smith' RETURNING o.id, upper(c.name) AS u, c.id, o.customer_id, c.born, c.balance / 2;
UPDATE o SET total = c.balance / 3 FROM c WHERE c.id = o.customer_id RETURNING o.id, total, c.balance;
UPDATE c SET name = c2.name FROM c AS c2 WHERE c2.id = c.id + 1 RETURNING c.id, c.name, c2.name AS n2;
UPDATE o AS there SET status = status || x.s FROM (VALUES (1, 'p'), (2, 'q')) AS x(id, s) WHERE x.id = there.id AND there.status <> '' RETURNING there.*, x.*;
WITH w AS (SELECT id, name FROM c WHERE name > 'B') UPDATE o SET customer_id = 1 FROM w WHERE w.id = o.customer_id RETURNING o.id, w.name, length(w.name);
PREPARE p AS UPDATE o SET status = $1 FROM c WHERE c.id = o.customer_id AND o.status <> $1 AND c.name <> $2 RETURNING o.id, c.name || $2 AS n;
EXECUTE p('x', '-');
EXECUTE p('x', '-');
EXECUTE p('y', '+');
BEGIN;
UPDATE o SET customer_id = 2 FROM c WHERE c.id = o.customer_id AND c.id = 1 RETURNING o.id, c.name;
UPDATE o SET customer_id = 3 FROM c WHERE c.id = o.customer_id AND c.id = 2 RETURNING o.id, c.name;
COMMIT;
DELETE FROM c USING c AS c2 WHERE c2.id = c.id + 100 RETURNING c.id, c2.name;
DELETE FROM o USING o AS o2 WHERE o2.id = o.id + 1 RETURNING o.id, o2.status;
SELECT * FROM o;
-- pgd1: 0A000
UPDATE c SET name = 'z' FROM (VALUES (1), (2)) AS v(n) WHERE c.name <> 'zz' RETURNING c.id, v.n;
