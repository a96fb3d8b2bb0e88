array_append('{1,2}'::int[],3)
array_append(NULL::int[],3)
array_append('{1,2}'::int[],NULL)
array_append('{}'::text[],'a"b')
array_append('{{1,2}}'::int[],3)
array_append(array[1.5,2],3)
array_append(array[9223372036854775807],-9223372036854775808)
array_append(array[0.1::float8],1e300)
array_append(array['NaN'::float8],'-Infinity')
array_append(array['\x01'::bytea],'\xff')
array_append(array[true],false)
'{1,2}'::int[] || 3
3 || '{1,2}'::int[]
'{1,2}'::int[] || '{3}'::int[]
'{1,2}'::int[] || '{{3,4}}'::int[]
'{{1,2}}'::int[] || '{3,4}'::int[]
'{{1,2}}'::int[] || '{{3,4},{5,6}}'::int[]
'{{1,2}}'::int[] || '{{3}}'::int[]
'{{{1}}}'::int[] || '{3}'::int[]
'{}'::int[] || '{{3}}'::int[]
NULL::int[] || '{{3}}'::int[]
'{1}'::int[] || NULL::int[]
array_cat(NULL::int[],NULL)
array_prepend(1,NULL::int[])
array_prepend(NULL,'{2}'::int[])
array_dims('{{1,2,3},{4,5,6}}'::int[])
array_dims('{}'::int[])
array_ndims('{{1,2,3},{4,5,6}}'::int[])
array_ndims('{}'::int[])
array_length('{{1,2,3},{4,5,6}}'::int[],2)
array_length('{{1,2,3},{4,5,6}}'::int[],3)
array_length('{1}'::int[],0)
array_lower('{1}'::int[],1)
array_upper('{1,4,5}'::int[],1)
array_upper('{}'::int[],1)
cardinality('{{1,2,3},{4,5,6}}'::int[])
cardinality('{}'::int[])
array_fill(7,array[2,3])
array_fill('x'::text,array[2])
array_fill(NULL::int,array[2])
array_fill(7,array[2,3],array[1,1])
-- refused: lower bounds other than 1 have no storage
array_fill(7,array[2,3],array[2,1])
array_fill(7,array[2,3],array[1])
array_fill(7,'{}'::int[])
array_fill(7,array[0])
array_fill(7,array[-1])
array_fill(7,NULL)
array_fill(7,array[NULL]::int[])
array_fill(7,array[[1]])
array_fill(7,array[1,1,1,1,1,1,1])
array_fill(7,array[100000,100000])
array_position(array['a','b','c'],'b')
array_position(array['a',null,'c'],null)
array_position(array['a','b','a'],'a',2)
array_position(array['a','b','a'],'a',NULL)
array_position(array['a','b','a'],'z')
array_position(NULL::int[],1)
array_position('{{1}}'::int[],1)
array_position(array[1.0,2.50],2.5)
array_position(array[1,2,3],2::int8)
array_positions(array[1,2,1],1)
array_positions(array[1,2,1],5)
array_positions(array[1,null,null],null)
array_positions(NULL::int[],1)
array_positions('{}'::int[],1)
array_remove(array[1,2,2,3],2)
array_remove(array[1,null,3],null)
array_remove(array[1,2],5)
array_remove(array[1],1)
array_remove('{{1}}'::int[],1)
array_remove(array[1.0,2.50],2.5)
array_replace(array[1,2,2,3],2,9)
array_replace('{{1,2},{2,3}}'::int[],2,null)
array_replace(array['a',null],null,'z')
array_larger(array[1,2],array[1,3])
array_smaller(array[1,2],array[1,3])
array_larger(array[1,2],array[1,2,0])
array_larger(array[10.5],array[9.5])
array_larger(array['10','2'],array['9'])
array[1,2]=array[1,2]
array[1,2]=array[1,2,null]
array[1,null]=array[1,null]
array[1,null]>array[1,2]
array[1.0]=array[1.00]
array[10.5]>array[9.5]
array['10']>array['9']
array[[1,2],[3,4]]=array[1,2,3,4]
array[[1,2],[3,4]]>array[1,2,3,4]
array[1,2,3]<array[1,2,4]
array['1 day'::interval]=array['24:00'::interval]
array['{"a":1}'::jsonb]=array['{"a":1.0}'::jsonb]
array['10.0.0.1'::inet]<array['9.0.0.1'::inet]
array[1,2,3]@>array[3,1]
array[1,2,3]@>array[3,4]
array[1,2,null]@>array[null]::int[]
array[1,2]@>'{}'::int[]
array[1]<@array[1,2]
array[1,5]&&array[5,6]
array[1,5]&&array[6]
array[null,1]&&array[null]::int[]
array[1.0]@>array[1.00]
array['1'::json]@>array['1'::json]
trim_array(array[1,2,3],2)
trim_array(array[1,2,3],3)
trim_array(array[1,2,3],4)
trim_array(array[1,2,3],-1)
trim_array('{{1,2},{3,4}}'::int[],1)
array_to_string(array[1,2,null,3],',')
array_to_string(array[1,2,null,3],',','*')
array_to_string(array[1,2,null,3],',',null)
array_to_string(array[1,2],null)
array_to_string('{{1,2},{3,4}}'::int[],'~')
array_to_string(array[true,false],',')
array_to_string(array[1.50,2],',')
array_to_string(array['2020-01-01'::date],',')
array_to_string(array['2020-01-01 10:00'::timestamptz],',')
array_to_string(array['\x01'::bytea],',')
array_to_string(array[0.1::float4,1e20::float4],',')
array_to_string('{}'::int[],',')
array_to_string(NULL::int[],',','x')
string_to_array('a,b,,c',',')
string_to_array('a,b,,c',',','')
string_to_array('abc',NULL)
string_to_array('aéc',NULL,'é')
string_to_array('abc','')
string_to_array('',',')
string_to_array(NULL,',')
string_to_array('a,',',')
string_to_array('axxb','xx')
SELECT * FROM string_to_table('a,b,c',',')
SELECT * FROM string_to_table('a,b,c',',','b')
SELECT * FROM string_to_table(NULL,',')
SELECT * FROM string_to_table('abc',NULL)
SELECT * FROM generate_subscripts('{{1,2,3},{4,5,6}}'::int[],2)
SELECT * FROM generate_subscripts('{{1,2,3},{4,5,6}}'::int[],2,true)
SELECT * FROM generate_subscripts('{1}'::int[],2)
SELECT array_agg(a) FROM (VALUES (array[1,2]),(array[3,4])) v(a)
SELECT array_agg(a) FROM (VALUES (array[1,2]),(array[3])) v(a)
SELECT array_agg(a) FROM (VALUES (array[1,2]),(NULL)) v(a)
SELECT array_agg(a) FROM (VALUES ('{}'::int[])) v(a)
SELECT array_agg(a) FROM (VALUES (array[1])) v(a) WHERE false
SELECT array_agg(x) FROM (VALUES (1.50),(2),(NULL)) v(x)
SELECT array_agg(x) FROM (VALUES (0.1::float8),('NaN'),('Infinity'),(1)) v(x)
SELECT array_agg(x ORDER BY x DESC) FROM (VALUES (1),(3),(2)) v(x)
SELECT array_agg(x) FROM (VALUES ('{"b": 1}'::jsonb)) v(x)
SELECT max(a), min(a) FROM (VALUES (array[1,2]),(array[10]),(array[9,9])) v(a)
SELECT a FROM (VALUES (array[1,2]),(array[10]),(array[9,9]),(array[1,2,3])) v(a) ORDER BY a
SELECT a FROM (VALUES (array[1.5]),(array[10.0]),(array[9.5])) v(a) ORDER BY a
SELECT unnest(array[1,2,3])
SELECT unnest('{{1,2},{3,4}}'::int[])
SELECT unnest(array[1.50,null])
(array[1,2,3])[2]
(array[1,2,3])[2:3]
('{{1,2},{3,4}}'::int[])[1][2]
('{{1,2},{3,4}}'::int[])[1:1]
1 = ANY(array[1,2])
2.50 = ANY(array[2.5])
3 <> ALL(array[1,2])
array[1,2]::text
'{1,2}'::text::int[]
array[1.23,4.56]::int[]
-- constant: the number in ORDER BY is syntax
array(select 1 union select 2 order by 1)
'{{1,2},{3,4}}'::int[]::text[]
array[[1,2],[3,4]]::numeric[]
'{{1,2},{3,4}}'::text[]::int[]
(array[[1,2],[3,4]])[1][2], (array[[1,2],[3,4]])[1], (array[1,2])[1][1], (array[1,2])[-1], (array[1,2])[null], (array['abc'])[1][1]
(array[[1,2],[3,4]])[1:2][2]
'{{1,2},{3,4}}'::int[] = any(array[array[1,2]])
array_agg(x order by x) from unnest('{{3,1},{2,4}}'::int[]) x
1 = any(array[[1,2],[3,4]])
4 = any(array[[1,2],[3,4]])
5 = any(array[[1,2],[3,4]])
1 <> all(array[[1,2],[3,4]])
3 < any(array[[1,2],[3,4]])
array_agg(x) from unnest(array[[1,2],[3,4]]) x
