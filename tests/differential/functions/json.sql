'{"a": {"b" : [1, 2 ]} , "c":"x\u0041\n"}'::json -> 'a'
'{"a": {"b" : [1, 2 ]} , "c":"x\u0041\n"}'::json ->> 'c'
'{"a": {"b" : [1, 2 ]} , "c":"x\u0041\n"}'::json -> 'c'
'{"a": 1, "a" : 2}'::json -> 'a'
'{"a": 1, "a" : 2}'::jsonb -> 'a'
'{"a": null}'::json -> 'a'
'{"a": null}'::json ->> 'a'
'{"a": null}'::jsonb -> 'a'
'{"a": null}'::jsonb ->> 'a'
'{"a": 1}'::json -> 'z'
'[1, 2.50, "x", null, {"k" :1}]'::json -> 1
'[1, 2.50, "x", null, {"k" :1}]'::json -> -1
'[1, 2.50, "x", null, {"k" :1}]'::json ->> -1
'[1, 2.50, "x", null, {"k" :1}]'::json -> 9
'[1, 2.50, "x", null, {"k" :1}]'::json -> -9
'[1, 2.50, "x", null, {"k" :1}]'::jsonb -> 1
'[1, 2.50, "x", null, {"k" :1}]'::jsonb ->> 4
'[1, 2.50, "x", null, {"k" :1}]'::jsonb ->> 3
'[1]'::json -> 'a'
'{"a":1}'::json -> 0
'1'::json -> 0
-- constant: D1 does not take a jsonb scalar for an array of one
'1'::jsonb -> 0
'1'::jsonb -> 'a'
-- constant: D1 does not take a jsonb scalar for an array of one
'"x"'::jsonb ->> 0
'{"a": {"b" : [1, 2 ]}}'::json #> '{a,b}'
'{"a": {"b" : [1, 2 ]}}'::json #> '{a,b,1}'
'{"a": {"b" : [1, "x\ty" ]}}'::json #>> '{a,b,-1}'
'{"a": {"b" : [1, 2 ]}}'::json #> '{}'
'  {"a": {"b" : [1, 2 ]}}  '::json #> '{}'
'{"a": {"b" : [1, 2 ]}}'::json #>> '{a,x}'
'{"a": {"b" : [1, 2 ]}}'::json #>> '{a,b,x}'
'{"a": {"b" : [1, 2 ]}}'::json #>> array['a',null]
'{"a": {"b" : [1, 2 ]}}'::jsonb #> '{a,b}'
'{"a": {"b" : [1, 2 ]}}'::jsonb #>> '{a,b,1}'
'{"a": {"b" : [1, 2 ]}}'::jsonb #>> '{a,b,-3}'
'{"a": {"b" : [1, 2 ]}}'::jsonb #> '{}'
'"x"'::jsonb #>> '{}'
'"x"'::json #>> '{}'
'null'::json #>> '{}'
'null'::jsonb #>> '{}'
'"x"'::jsonb #> '{0}'
'"x"'::json #> '{0}'
'{"a":1}'::jsonb #>> array['a',null]
json_extract_path('{"a":[1,{"b":2}]}','a','1','b')
jsonb_extract_path_text('{"a":[1,{"b":"q"}]}','a','1','b')
json_typeof('  {"a":1}')
json_typeof('[]')
json_typeof('null')
json_typeof('-1.5e3')
json_typeof('true')
jsonb_typeof('"a"')
jsonb_typeof('{}')
json_array_length('[1,[2,3],{"a":[4]}]')
jsonb_array_length('[1,[2,3],{"a":[4]}]')
json_array_length('[]')
json_array_length('{}')
json_array_length('1')
jsonb_array_length('{}')
jsonb_array_length('1')
SELECT * FROM json_each('{"a": 1, "b" :"x\n", "c":null, "a": [1, 2]}')
SELECT * FROM json_each_text('{"a": 1, "b" :"x\n", "c":null, "a": [1, 2]}')
SELECT * FROM jsonb_each('{"a": 1, "b" :"x\n", "c":null, "a": [1, 2], "d":{"e":true}}')
SELECT * FROM jsonb_each_text('{"a": 1, "b" :"x\n", "c":null, "a": [1, 2]}')
SELECT key, value->>'e' FROM jsonb_each('{"d":{"e":true}}')
SELECT * FROM json_each('[1]')
SELECT * FROM json_each('1')
SELECT * FROM json_each_text('[1]')
SELECT * FROM json_each_text('1')
SELECT * FROM jsonb_each('[1]')
SELECT * FROM jsonb_each('1')
SELECT * FROM jsonb_each_text('1')
SELECT * FROM json_array_elements('[1, "a" , {"b" : [1 ,2]}, null, true, 12345678901234567890]')
SELECT * FROM json_array_elements_text('[1, "a" , {"b" : [1 ,2]}, null, true, 12345678901234567890]')
SELECT * FROM jsonb_array_elements('[1, "a" , {"b" : [1 ,2]}, null, true, 12345678901234567890]')
SELECT * FROM jsonb_array_elements_text('[1, "a" , {"b" : [1 ,2]}, null, true, 12345678901234567890]')
SELECT * FROM json_array_elements('{}')
SELECT * FROM json_array_elements('1')
SELECT * FROM json_array_elements_text('{}')
SELECT * FROM jsonb_array_elements('{}')
SELECT * FROM jsonb_array_elements('1')
SELECT * FROM jsonb_array_elements_text('{}')
SELECT * FROM json_object_keys('{"b":1,"a":{"z":1},"b":3}')
SELECT * FROM jsonb_object_keys('{"b":1,"aa":{"z":1},"b":3}')
SELECT * FROM json_object_keys('[1]')
SELECT * FROM json_object_keys('1')
SELECT * FROM jsonb_object_keys('[1]')
SELECT * FROM jsonb_object_keys('1')
'{"a":"\u0000"}'::json -> 'a'
'{"a":"\ud83d\ude00"}'::json ->> 'a'
'{"a":1,"b":2}'::jsonb @> '{"b":2}'
'{"a":[1,2,{"x":1}]}'::jsonb @> '{"a":[{"x":1},1]}'
'{"a":[1,2]}'::jsonb @> '{"a":1}'
'[1,2,"x"]'::jsonb @> '"x"'
'"x"'::jsonb @> '["x"]'
'"x"'::jsonb @> '"x"'
'[[1,2],3]'::jsonb @> '[[1]]'
'[1,2]'::jsonb @> '[2,2,1]'
'{"a":1}'::jsonb @> '{}'
'{}'::jsonb @> '[]'
'[]'::jsonb @> '{}'
'{"b":2}'::jsonb <@ '{"a":1,"b":2.0}'
'{"a":1}'::jsonb ? 'a'
'["a",1]'::jsonb ? 'a'
'["a",1]'::jsonb ? '1'
'"a"'::jsonb ? 'a'
'{"a":1}'::jsonb ?| array['z','a']
'{"a":1}'::jsonb ?& array['z','a']
'{"a":1,"z":2}'::jsonb ?& array['z','a']
'{"a":1}'::jsonb ?& array['a',null]
'{"a":1}'::jsonb ?| array[null]::text[]
'{"a":1}'::jsonb ?& '{}'
'{"a":1}'::jsonb ?| '{}'
'{"a":1}'::jsonb || '{"b":2,"a":3}'
'[1]'::jsonb || '[2,3]'
'[1]'::jsonb || '{"a":1}'
'{"a":1}'::jsonb || '[1]'
'{"a":1}'::jsonb || '1'
'1'::jsonb || '{"a":1}'
'1'::jsonb || '2'
'{}'::jsonb || '{}'
'[]'::jsonb || '{}'
'{}'::jsonb || '[]'
'[]'::jsonb || '1'
'{"a":1}'::jsonb || NULL
'{"a":1,"b":2}'::jsonb - 'a'
'["a","b",1,"a"]'::jsonb - 'a'
'"a"'::jsonb - 'a'
'{"a":1,"b":2,"c":3}'::jsonb - '{a,c}'::text[]
'["a","b","c"]'::jsonb - '{a,c}'::text[]
'{"a":1}'::jsonb - array['a',null]
'1'::jsonb - array['a']
'{"a":1}'::jsonb - '{}'::text[]
'["a","b","c"]'::jsonb - 1
'["a","b","c"]'::jsonb - -1
'["a","b","c"]'::jsonb - -7
'["a","b","c"]'::jsonb - 7
'{"a":1}'::jsonb - 1
'1'::jsonb - 1
'{"a":{"b":1,"c":[1,2,3]}}'::jsonb #- '{a,c,1}'
'{"a":{"b":1,"c":[1,2,3]}}'::jsonb #- '{a,c,-1}'
'{"a":{"b":1,"c":[1,2,3]}}'::jsonb #- '{a,z}'
'{"a":{"b":1,"c":[1,2,3]}}'::jsonb #- '{a,c,x}'
'{"a":{"b":1,"c":[1,2,3]}}'::jsonb #- '{}'
'{"a":{"b":1}}'::jsonb #- array['a',null]
'1'::jsonb #- '{a}'
'[]'::jsonb #- '{a}'
jsonb_set('{"a":1,"b":[1,2]}','{b,1}','9')
jsonb_set('{"a":1,"b":[1,2]}','{b,7}','9')
jsonb_set('{"a":1,"b":[1,2]}','{b,-7}','9')
jsonb_set('{"a":1,"b":[1,2]}','{b,7}','9',false)
jsonb_set('{"a":1,"b":[1,2]}','{c}','{"x":1}')
jsonb_set('{"a":1,"b":[1,2]}','{c}','9',false)
jsonb_set('{"a":1,"b":[1,2]}','{c,d}','9')
jsonb_set('{"a":1,"b":[1,2]}','{a,d}','9')
jsonb_set('{"a":1,"b":[1,2]}','{b,x}','9')
jsonb_set('{"a":1,"b":[1,2]}','{}','9')
jsonb_set('{"a":1}',array[null],'9')
jsonb_set('{"a":{}}',array['a',null],'9')
jsonb_set('1','{a}','9')
jsonb_set('{}','{a}','9')
jsonb_set('[]','{0}','9')
jsonb_set('[]','{0}','9',false)
jsonb_set('{"a":1}','{{a,b},{c,d}}','9')
jsonb_set(NULL,'{a}','9')
jsonb_set_lax('{"a":1}','{a}',NULL)
jsonb_set_lax('{"a":1}','{a}',NULL,true,'delete_key')
jsonb_set_lax('{"a":1}','{a}',NULL,true,'return_target')
jsonb_set_lax('{"a":1}','{a}',NULL,true,'use_json_null')
jsonb_set_lax('{"a":1}','{a}',NULL,true,'raise_exception')
jsonb_set_lax('{"a":1}','{a}',NULL,true,'nope')
jsonb_set_lax('{"a":1}','{a}',NULL,true,NULL)
jsonb_set_lax('{"a":1}','{b}','2')
jsonb_set_lax('{"a":1}','{b}','2',false)
jsonb_insert('{"a":[0,1,2]}','{a,1}','"n"')
jsonb_insert('{"a":[0,1,2]}','{a,1}','"n"',true)
jsonb_insert('{"a":[0,1,2]}','{a,-1}','"n"',true)
jsonb_insert('{"a":[0,1,2]}','{a,9}','"n"')
jsonb_insert('{"a":[0,1,2]}','{a,-9}','"n"')
jsonb_insert('{"a":1}','{b}','2')
jsonb_insert('{"a":1}','{a}','2')
jsonb_insert('1','{a}','2')
json_strip_nulls('{"a": null, "b" : [1, null, {"c":null}], "d":"\u00e9\n", "e":1.0}')
jsonb_strip_nulls('{"a": null, "b" : [1, null, {"c":null}], "d":"x", "e":1.0}')
json_strip_nulls(' null ')
json_strip_nulls('[null, null]')
jsonb_pretty('{"a":1,"b":[1,{"c":2}],"d":{},"e":[]}')
jsonb_pretty('1')
jsonb_pretty('[]')
jsonb_pretty('"a\nb"')
json_build_array(1,'a',2.50,null,true,'{"x" : 1}'::json,array[1,2],'2020-01-01'::date,'2020-01-01 10:00'::timestamp,'2020-01-01 10:00'::timestamptz)
jsonb_build_array(1,'a',2.50,null,true,'{"x" : 1}'::json,array[1,2],'2020-01-01'::date,'2020-01-01 10:00'::timestamp,'2020-01-01 10:00'::timestamptz)
json_build_array()
jsonb_build_array()
json_build_object()
jsonb_build_object()
json_build_object('a',1,'b','x',3,null,true,2.0)
jsonb_build_object('a',1,'b','x',3,null,true,2.0,'a',7)
json_build_object('a')
jsonb_build_object('a')
json_build_object(null,1)
json_build_object('a',1,null,1)
jsonb_build_object(null,1)
json_build_object(array[1],1)
json_build_object('{}'::json,1)
jsonb_build_object(array[1],1)
jsonb_build_object('{}'::jsonb,1)
json_build_object('2020-01-01'::date,1)
json_build_object('a','NaN'::float8,'b','Infinity'::numeric,'c',1e20::float8)
jsonb_build_object('a','NaN'::float8,'b','Infinity'::numeric,'c',1e20::float8)
json_object('{a,1,b,"x y"}')
json_object('{{a,1},{b,null}}')
json_object('{a,1,b}')
json_object('{{a,1,2}}')
json_object('{{{a}}}')
json_object('{}')
json_object('{null,1}')
json_object('{a,b}','{1,null}')
json_object('{a,b}','{1}')
json_object('{{a}}','{1}')
json_object('{a,null}','{1,2}')
jsonb_object('{a,1,b,"x y",a,2}')
jsonb_object('{{a,1},{b,null}}')
jsonb_object('{a,1,b}')
jsonb_object('{{a,1,2}}')
jsonb_object('{null,1}')
jsonb_object('{a,b}','{1,null}')
jsonb_object('{a,b}','{1}')
jsonb_object('{a,null}','{1,2}')
to_json(1)
to_json('a"b'::text)
to_json(1.50)
to_json(true)
to_json(NULL::int)
to_json(array[1,2,null])
to_json('{{1,2},{3,4}}'::int[])
to_json(array['a','b'])
to_json('2020-01-01 10:00:00.5+02'::timestamptz)
to_json('infinity'::timestamp)
to_json('10:00'::time)
to_json('1 day'::interval)
to_json('\x01ff'::bytea)
to_json(1::oid)
to_json('pg_class'::regclass)
to_json('10.0.0.1'::inet)
to_json('{"a" : 1}'::json)
to_json('{"a" : 1}'::jsonb)
to_json(array['{"a" : 1}'::jsonb])
to_json(row(1,'a'))
to_jsonb(row(1,'a'))
to_jsonb(1.50)
to_jsonb('a"b'::text)
to_jsonb(array[1,2])
to_jsonb('{"b" : 1, "a":2}'::json)
to_jsonb('NaN'::float8)
to_jsonb('2020-01-01'::date)
to_jsonb(1e300::float8)
to_jsonb(0.1::float4)
row_to_json(row(1,'a',null))
row_to_json(row(1,'a',null),true)
SELECT row_to_json(t) FROM (VALUES (1,'x'),(2,null)) t(a,b)
SELECT to_jsonb(t) FROM (VALUES (1,'x'),(2,null)) t(a,b)
SELECT json_agg(t) FROM (VALUES (1,'x'),(2,null)) t(a,b)
SELECT jsonb_agg(t) FROM (VALUES (1,'x'),(2,null)) t(a,b)
array_to_json('{{1,2},{3,4}}'::int[])
array_to_json('{{1,2},{3,4}}'::int[],true)
array_to_json(array[1,2],true)
array_to_json(array['a','b'],false)
array_to_json('{}'::int[])
SELECT json_agg(x) FROM (VALUES (1),(null),(3)) v(x)
SELECT json_agg(x ORDER BY x DESC) FROM (VALUES (1),(2),(3)) v(x)
SELECT json_agg(x) FROM (VALUES (1)) v(x) WHERE false
SELECT json_agg(x) FILTER (WHERE x > 1) FROM (VALUES (1),(2),(3)) v(x)
SELECT jsonb_agg(x) FROM (VALUES (1.50),(null),(3)) v(x)
SELECT json_agg(x) FROM (VALUES ('a'),('b"')) v(x)
SELECT json_agg(x) FROM (VALUES (array[1,2]),(array[3])) v(x)
SELECT json_agg(x) FROM (VALUES ('{"a" :1}'::json),('2')) v(x)
SELECT jsonb_agg(x) FROM (VALUES ('{"a" :1}'::json),('2')) v(x)
SELECT json_object_agg(k,v) FROM (VALUES ('a',1),('b',null),('a',3)) t(k,v)
SELECT jsonb_object_agg(k,v) FROM (VALUES ('a',1),('b',null),('a',3)) t(k,v)
SELECT json_object_agg(k,v) FROM (VALUES (1,'x'),(2,'y')) t(k,v)
SELECT json_object_agg(k,v) FROM (VALUES ('a',1),(null,2)) t(k,v)
SELECT jsonb_object_agg(k,v) FROM (VALUES ('a',1),(null,2)) t(k,v)
SELECT json_object_agg(k,v) FROM (VALUES ('a',1)) t(k,v) WHERE false
SELECT json_agg(json_build_object('a',x)) FROM (VALUES (1),(2)) v(x)
-- refused: SQLite takes DISTINCT with one argument only
SELECT json_agg(DISTINCT x) FROM (VALUES (1),(1)) v(x)
'1'::jsonb::int
'1.5'::jsonb::int
'2.5'::jsonb::int2
'40000'::jsonb::int2
'true'::jsonb::bool
'1'::jsonb::bool
'"1"'::jsonb::int
'null'::jsonb::int
'[]'::jsonb::int
'{}'::jsonb::numeric
'1.50'::jsonb::numeric
'1e2'::jsonb::float8
'1e400'::jsonb::float8
'1e40'::jsonb::float4
'12345678901'::jsonb::int8
'12345678901'::jsonb::int4
'{"a":1}'::jsonb = '{"a":1.0}'
'{"a":1}'::jsonb < '{"a":2}'
'[1,2]'::jsonb < '{"a":2}'
'"a"'::jsonb < '1'
'[]'::jsonb < 'null'
'[1]'::jsonb > '5'
'[1,2]'::jsonb > '[3]'
'{"a":1,"b":1}'::jsonb > '{"c":5}'
'true'::jsonb > 'false'
'"b"'::jsonb > '"a"'
SELECT x FROM (VALUES ('{"a":1}'::jsonb),('[1,2]'),('[]'),('null'),('1'),('"s"'),('true'),('{}'),('[3]'),('{"b":0}'),('{"aa":0}'),('10'),('9.5')) v(x) ORDER BY x
SELECT x FROM (VALUES ('1'::jsonb),('1.0'),('"1"')) v(x) GROUP BY x ORDER BY x
SELECT * FROM json_to_record('{"a":1,"b":"x","c":[1,2],"d":{"e" :1}}') AS t(a int, b text, c int[], d json)
SELECT * FROM jsonb_to_recordset('[{"a":1,"b":"x"},{"a":2}]') AS t(a int, b text)
'{"a":1}'::jsonb::text
'{"b":1,"a" : 2}'::json::text
('{"a":{"b":1}}'::jsonb)['a']['b']
