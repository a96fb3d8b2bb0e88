-- details are compared
-- joins in joins: which names are in reach, and what is said of those that are not
create table item (id int primary key, kind text, price numeric(8,2)); create table note (id int primary key, item int, score float8, tags text[]); insert into item values (1, 'tool', 9.99), (2, 'toy', null), (6, 'food', 5); insert into note values (1, 1, 1.5, '{a}'), (2, 6, null, '{}'), (5, null, 2, null);
select * FROM item a RIGHT JOIN (note b JOIN LATERAL (SELECT a.id AS x) s ON true) ON true;
select * FROM item a RIGHT JOIN (note b JOIN LATERAL (SELECT b.id AS x) s ON true) ON a.id = b.id;
select * FROM item a FULL JOIN (note b JOIN LATERAL (SELECT b.id AS x) s ON true) ON a.id = s.x;
select * FROM (item a RIGHT JOIN LATERAL (SELECT a.id AS x) s ON true) JOIN note n ON true;
select * FROM note n JOIN (item a RIGHT JOIN LATERAL (SELECT a.id AS x) s ON true) ON true;
select * FROM (note n JOIN item i ON true) RIGHT JOIN LATERAL (SELECT n.id) s ON true;
select * FROM (note n JOIN item i ON true) AS j RIGHT JOIN LATERAL (SELECT n.id) s ON true;
select * FROM (note n JOIN item i ON true) AS j RIGHT JOIN LATERAL (SELECT j.id) s ON true;
select * FROM (note n JOIN item i ON true) AS j RIGHT JOIN LATERAL (SELECT j.score) s ON true;
select * FROM (note n JOIN item i ON true) AS j RIGHT JOIN LATERAL (SELECT score) s ON true;
select * FROM (note n JOIN item i ON true) RIGHT JOIN LATERAL (SELECT score) s ON true;
select * FROM note n JOIN (item i JOIN item k ON n.id = i.id) ON true;
select * FROM note n JOIN (item i JOIN item k ON n.score = i.id) ON true;
select * FROM note n JOIN (item i JOIN item k ON score = i.id) ON true;
select * FROM note n, item i JOIN item k ON n.id = i.id;
select * FROM note n, item i JOIN item k ON score = i.id;
select * FROM note, item i JOIN item k ON note.id = i.id;
select * FROM note n JOIN (item n JOIN item k ON n.id = k.id) ON true;
select * FROM note n JOIN (item n JOIN item k ON n.id = k.id) AS j ON true;
select * FROM (note n JOIN item k ON true) AS n JOIN item k ON true;
select * FROM note JOIN note ON true;
select * FROM note JOIN (note n JOIN note ON true) ON true;
select * FROM note n, LATERAL (SELECT * FROM item n WHERE n.id = 1) n;
select nosuch.id FROM note n;
select note.id FROM note n;
select note.id FROM note n, item note;
select n.id FROM (SELECT note.id FROM note n) n;
select n.ids FROM note n;
select n.scor FROM note n;
select scor FROM note n;
select scor FROM note n, item i;
select kin FROM note n, item i;
select idx FROM note n, item i;
select m.score FROM note n, item i;
select nn.score FROM note n, item i;
select (SELECT tagz) FROM note n, item i;
select * FROM note n JOIN item i USING (id, id);
select * FROM note n JOIN item i USING (nosuch);
select * FROM note n JOIN item i USING (score);
select * FROM note n JOIN item i USING (kind);
select * FROM (note n JOIN item i ON true) JOIN item k USING (id);
select * FROM note n NATURAL JOIN item i;
select * FROM note n NATURAL JOIN (item i JOIN item k ON true);
select id FROM note n JOIN item i USING (id) JOIN item k ON true;
select j.id FROM (note n JOIN item i ON true) AS j;
select * FROM (note n JOIN item i USING (id)) AS j (a, b, c, d, e, f, g, h, i, j, k, l, m, o);
select * FROM note AS j (a, b, c, d, e, f, g, h, i, j, k, l, m, o);
select * FROM note n JOIN item i ON n.id = 'x';
select * FROM note n JOIN item i ON n.id;
select * FROM note n JOIN item i ON sum(n.id) > 1;
select * FROM note n JOIN item i ON row_number() OVER () > 1;
select * FROM note n JOIN item i ON generate_series(1,2) > 1;
select * FROM (SELECT 1) x, (SELECT 2 FROM (SELECT x.a) y) z;
select * FROM item x, LATERAL (SELECT 2 FROM (SELECT x.id) y) z ORDER BY 1 LIMIT 2;
select * FROM item x, LATERAL (SELECT 2 FROM item b, (SELECT b.id) y) z;
select * FROM item x, (SELECT 2 FROM item b, LATERAL (SELECT x.id) y) z;
select * FROM item x RIGHT JOIN LATERAL (SELECT * FROM item b, LATERAL (SELECT x.id) y) z ON true;
select * FROM item x RIGHT JOIN (SELECT * FROM item b, LATERAL (SELECT x.id) y) z ON true;
select * FROM item x RIGHT JOIN (SELECT * FROM item b, LATERAL (SELECT x.kind) y) z ON true;
select * FROM item x RIGHT JOIN (SELECT * FROM note b, LATERAL (SELECT kind) y) z ON true;
select * FROM generate_series(generate_series(1,2),5) g, nosuch;
select nosuch.id FROM generate_series(generate_series(1,2),5) g;
select * FROM abs(generate_series(1,2)) g;
select * FROM generate_series(1, nosuch(2)) g;
select * FROM generate_series(1, sum(2)) g;
select * FROM sum(2) g;
select * FROM row_number() OVER () g;
select * FROM ROWS FROM (generate_series(1,2), abs(generate_series(1,2))) g;
select * FROM ROWS FROM (generate_series(1,2), unnest(ARRAY[generate_series(1,2)])) g;
select * FROM unnest('{1}'::int[]) WITH ORDINALITY AS u(a int);
select * FROM unnest('{1}'::int[]) AS u(a int);
select * FROM ROWS FROM (unnest('{1}'::int[]) AS (a int)) AS u(a int);
select * FROM ROWS FROM (unnest('{1}'::int[]), generate_series(1,2)) AS u(a int);
select * FROM unnest('{1}'::int[], '{2}'::int[]) AS u(a int);
select * FROM json_each('{}') AS u(a int);
select * FROM json_to_record('{}') AS u;
select * FROM json_to_record('{}') AS u(a int, b nosuch);
select * FROM json_to_record('{}') AS u(a int, a int);
select * FROM json_to_record('{}') AS u(a setof int);
select * FROM json_to_record('{}') AS u(a record);
select * FROM abs(1) AS u(a, b);
select * FROM abs(1) WITH ORDINALITY AS u(a, b, c);
-- pgd1: 0A000
select n.id, a.id, x FROM note n JOIN (item a RIGHT JOIN LATERAL (SELECT n.id AS x) s ON true) ON true;
-- pgd1: 0A000
select n.id, a.id, x FROM note n LEFT JOIN (item a RIGHT JOIN LATERAL (SELECT n.id AS x) s ON s.x = a.id) ON true;
-- pgd1: 0A000
select n.id, a.id, x FROM note n, (item a RIGHT JOIN LATERAL (SELECT n.id AS x) s ON s.x = a.id);
-- pgd1: 0A000
select n.id, a.id, x FROM note n, (item a FULL JOIN LATERAL (SELECT n.id + 5 AS x) s ON s.x = a.id);
-- pgd1: 0A000
select n.id, a.id, x FROM note n, item a FULL JOIN LATERAL (SELECT n.id + 5 AS x) s ON s.x = a.id;
-- pgd1: 0A000
select n.id, a.id, x FROM note n, LATERAL (SELECT n.id + 5 AS x) s FULL JOIN item a ON s.x = a.id;
-- pgd1: 0A000
select n.id, a.id, x FROM note n, LATERAL (SELECT n.id + 5 AS x) s RIGHT JOIN item a ON s.x = a.id;
-- pgd1: 0A000
select n.id, a.id, g FROM note n, item a RIGHT JOIN generate_series(n.id, n.id + 1) g ON g = a.id;
-- pgd1: 0A000
select n.id, a.id, g FROM note n, item a FULL JOIN generate_series(n.id, n.id + 1) g ON g = a.id;
-- pgd1: 0A000
select n.id, a.id, g FROM note n, generate_series(n.id, n.id + 1) g FULL JOIN item a ON g = a.id;
-- pgd1: 0A000
select n.id, a.id, g FROM note n LEFT JOIN (generate_series(n.id, n.id + 1) g FULL JOIN item a ON g = a.id) ON true;
-- pgd1: 0A000
select n.id, a.id, g FROM note n LEFT JOIN (generate_series(n.id, n.id + 1) g RIGHT JOIN item a ON g = a.id) ON a.id < 3;
-- pgd1: 0A000
select n.id, a.id, g FROM note n LEFT JOIN (generate_series(n.id, n.id + 1) g LEFT JOIN item a ON g = a.id) ON a.id < 3;
select n.id, a.id, g FROM note n RIGHT JOIN (generate_series(n.id, n.id + 1) g LEFT JOIN item a ON g = a.id) ON a.id < 3;
-- pgd1: 0A000
select * FROM item x, note y FULL JOIN LATERAL (SELECT x.id) z ON true;
select n.id, s.* FROM note n LEFT JOIN LATERAL (SELECT a.id AS aid, g FROM generate_series(n.id, n.id + 1) g FULL JOIN item a ON g = a.id) s ON true;
select n.id, s.* FROM note n LEFT JOIN LATERAL (SELECT a.id AS aid, g FROM item a RIGHT JOIN generate_series(n.id, n.id + 1) g ON g = a.id) s ON true;
select n.id, s.* FROM note n LEFT JOIN LATERAL (SELECT a.id AS aid, g FROM item a RIGHT JOIN LATERAL (SELECT n.id AS g) t ON g = a.id) s ON true;
