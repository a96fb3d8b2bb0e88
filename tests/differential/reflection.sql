-- What tools ask of the catalogue, in the constructs they use; separated by blank lines, each run on PostgreSQL and on pgd1.
-- {class public.people} stands for the OID of that object (test_catalog.py, OBJECTS).

-- a driver loads the types: arrays are told by their receive function, with what they are made of
SELECT s.nspname, t.typname, CASE WHEN p.proname = 'array_recv' THEN 'a' ELSE t.typtype END AS kind,
       CASE WHEN p.proname = 'array_recv' THEN t.typelem WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typtype = 'r' THEN r.rngsubtype
            WHEN t.typtype = 'm' THEN (SELECT m.rngtypid FROM pg_range m WHERE m.rngmultitypid = t.oid) END AS of
FROM pg_type t JOIN pg_namespace s ON s.oid = t.typnamespace LEFT JOIN pg_proc p ON p.oid = t.typreceive LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typtype IN ('b', 'r', 'm', 'e', 'd') AND s.nspname IN ('pg_catalog', 'public') OR t.typtype = 'c' AND s.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')

-- columns of an index one by one, as their definitions
SELECT i.relname, x.indisunique, x.indkey, ARRAY(SELECT pg_get_indexdef(x.indexrelid, k + 1, true) FROM generate_subscripts(x.indkey, 1) AS k ORDER BY k) AS columns,
       ARRAY(SELECT (x.indoption[k] & 1) = 1 FROM generate_subscripts(x.indkey, 1) AS k ORDER BY k) AS down, pg_get_expr(x.indpred, x.indrelid) AS condition
FROM pg_class t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname IN ('public', 'shop') AND t.relkind = 'r'

-- primary keys in order, by unnest with ordinality
SELECT c.conrelid::regclass, a.attname, k.place FROM pg_constraint c CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number WHERE c.contype = 'p' AND c.connamespace <> 'pg_catalog'::regnamespace

-- pairs of columns of foreign keys, as JSON lists
SELECT q.owner, q.name, q.target, json_agg(f.attname ORDER BY q.place) AS here, json_agg(p.attname ORDER BY q.place) AS there, min(q.rule) AS rule
FROM (SELECT conrelid::regclass::text AS owner, conname::text AS name, confrelid::regclass::text AS target, conrelid, confrelid, unnest(conkey) AS here,
             unnest(confkey) AS there, generate_subscripts(conkey, 1) AS place, confupdtype::text || confdeltype::text AS rule
      FROM pg_constraint WHERE contype = 'f') q
JOIN pg_attribute f ON f.attrelid = q.conrelid AND f.attnum = q.here JOIN pg_attribute p ON p.attrelid = q.confrelid AND p.attnum = q.there
GROUP BY q.owner, q.name, q.target

-- labels of enums as one array
SELECT n.nspname, t.typname, array_agg(e.enumlabel ORDER BY e.enumsortorder) AS labels, t.typname::regtype = t.oid AS found
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ANY (current_schemas(false)) GROUP BY n.nspname, t.typname, t.oid

-- a table as one JSON document, its parts from LATERAL
SELECT jsonb_build_object('table', w.name, 'kind', c.relkind, 'columns', coalesce(columns.list, '[]'), 'key', key.list, 'comment', d.description) AS document
FROM jsonb_to_recordset('[{"schema": "public", "name": "people"}, {"schema": "shop", "name": "orders"}, {"schema": "public", "name": "adults"}]'::jsonb) AS w (schema text, name text)
JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
LEFT JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', json_build_object('name', coalesce(b.typname, t.typname), 'kind', t.typtype), 'nullable',
    NOT a.attnotnull, 'comment', col_description(c.oid, a.attnum), 'settable', NOT (a.attidentity = 'a' OR a.attgenerated = 's')) ORDER BY a.attnum) AS list
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) columns ON true
LEFT JOIN LATERAL (SELECT jsonb_agg(a.attname ORDER BY a.attnum) AS list FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
  WHERE i.indrelid = c.oid AND i.indisprimary) key ON true

-- the sequence that belongs to a column, by what depends on what
SELECT a.attrelid::regclass, a.attname, s.relname, d.deptype FROM pg_class s, pg_attribute a, pg_depend d
WHERE s.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum

-- serial columns, by the words of their default
SELECT a.attrelid::regclass, a.attname, split_part(pg_get_expr(d.adbin, d.adrelid), '''', 2) AS sequence FROM pg_attrdef d
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE pg_get_expr(d.adbin, d.adrelid) ~* '^nextval\('

-- what a view reads, through its rule, down to the tables
WITH RECURSIVE reads (view, relation) AS (
  SELECT r.ev_class, d.refobjid FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
  WHERE d.refobjid <> r.ev_class AND r.ev_class >= 16384
  UNION SELECT reads.view, d.refobjid FROM reads JOIN pg_rewrite r ON r.ev_class = reads.relation JOIN pg_depend d ON d.objid = r.oid AND d.refclassid = 'pg_class'::regclass)
SELECT DISTINCT view::regclass, relation::regclass FROM reads WHERE view <> relation

-- which column of a view comes from which, as those look who guess its primary key
SELECT v.relname AS view, t.relname AS from_table, a.attname FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
JOIN pg_class v ON v.oid = r.ev_class JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid WHERE v.oid >= 16384

-- what a domain is made of at the bottom
WITH RECURSIVE base AS (SELECT oid, typbasetype, coalesce(nullif(typbasetype, 0), oid) AS bottom FROM pg_type
  UNION SELECT b.oid, t.typbasetype, coalesce(nullif(t.typbasetype, 0), t.oid) FROM base b JOIN pg_type t ON t.oid = b.typbasetype)
SELECT oid::regtype, bottom::regtype FROM base WHERE typbasetype = 0 AND oid <> bottom

-- one row for each column, whatever it is joined with
SELECT DISTINCT ON (a.attnum) a.attname, format_type(t.oid, a.atttypmod) AS type, pg_get_expr(d.adbin, d.adrelid) AS value, CASE WHEN t.typelem > 0 THEN t.typelem ELSE t.oid END::regtype AS element,
       (SELECT count(1) FROM pg_type o WHERE o.typname = t.typname) > 1 AS ambiguous, EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS is_key,
       (SELECT array_agg(provider || '=' || label) FROM pg_seclabels l WHERE l.objoid = a.attrelid) AS labels, s.*
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN (pg_depend o JOIN pg_class q ON o.classid = 'pg_class'::regclass AND o.objid = q.oid AND q.relkind = 'S') ON o.refobjid = a.attrelid AND o.refobjsubid = a.attnum
LEFT JOIN pg_sequence s ON s.seqrelid = q.oid WHERE a.attrelid = {class shop.orders}::oid AND a.attnum > 0 ORDER BY a.attnum

-- rights, also where none were given
SELECT c.relname, x.privilege_type, x.is_grantable, pg_get_userbyid(x.grantor) = pg_get_userbyid(c.relowner) AS own FROM pg_class c
CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS x WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind = 'r'

-- options of storage that nobody set
SELECT c.relname, substring(array_to_string(c.reloptions, ',') FROM 'fillfactor=([0-9]*)') AS fill, (substring(array_to_string(c.reloptions, ',') FROM 'enabled=([a-z]*)'))::bool AS enabled
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'

-- foreign keys by information_schema alone
SELECT tc.table_schema, tc.table_name, tc.constraint_name, kcu.column_name, ccu.table_name AS target, ccu.column_name AS target_column, rc.update_rule, rc.delete_rule, tc.is_deferrable
FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_schema, constraint_name, table_name)
JOIN information_schema.constraint_column_usage ccu USING (constraint_schema, constraint_name) JOIN information_schema.referential_constraints rc USING (constraint_schema, constraint_name)
WHERE tc.constraint_type = 'FOREIGN KEY'

-- a dashboard's counters: nobody is connected to a database that is not there
SELECT 'sessions' AS chart, row_to_json(t)::jsonb AS figures FROM (SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = 'nosuch') AS "Total",
  (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = 'nosuch') AS "Active") t
UNION ALL SELECT 'transactions', row_to_json(t)::jsonb FROM (SELECT (SELECT sum(xact_commit) + sum(xact_rollback) FROM pg_stat_database WHERE datname = 'nosuch') AS "Both") t

-- schemas, their owners and what the search path starts with
SELECT n.nspname, d.description, pg_get_userbyid(n.nspowner) IS NOT NULL AS owned FROM pg_namespace n LEFT JOIN pg_description d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
WHERE n.nspname !~ '^pg_(toast|temp)' ORDER BY CASE WHEN n.nspname = current_schema() THEN -1::bigint ELSE n.oid::bigint END
