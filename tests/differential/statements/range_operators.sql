-- operators of ranges are PostgreSQL's, and refused by name; what PostgreSQL does not have stays missing
-- pgd1: 0A000
SELECT int4range(1,3) && int4range(2,4);
-- pgd1: 0A000
SELECT int4range(1,3) <@ int4range(2,4);
-- pgd1: 0A000
SELECT int4range(1,3) @> 2;
-- pgd1: 0A000
SELECT 2 <@ int4range(1,3);
-- pgd1: 0A000
SELECT int4range(1,3) -|- int4range(3,4);
-- pgd1: 0A000
SELECT int4range(1,3) * '[1,2]';
-- pgd1: 0A000
SELECT NULL::nummultirange -|- NULL::numrange;
-- pgd1: 0A000
SELECT NULL::daterange @> NULL::date;
-- pgd1: 0A000
SELECT int4range(1,3) = int4range(3,4);
-- pgd1: 0A000
SELECT int4range(1,3) IN (int4range(1,3));
-- pgd1: 0A000
SELECT int4range(1,3) && ANY (ARRAY[int4range(1,3)]);
SELECT int4range(1,3) && int8range(3,4);
SELECT int4range(1,3) @> 2.5;
SELECT int4range(1,3) || int4range(1,3);
SELECT int4range(1,3) @> now();
SELECT NULL::daterange @> now();
SELECT 1 + int4range(1,3);
SELECT - NULL::int4range;
SELECT NULL::int4range && NULL::text;
SELECT max(x) FROM (VALUES (NULL::int4range)) v(x);
SELECT lower(NULL::int4range), isempty(NULL::daterange), upper(NULL::nummultirange), lower('A');
SELECT '{1}'::int[] @> '{1}', '{1}'::int[] && '{2}', lower('X' || 1), '[1]'::jsonb @> '1';
