-- jsonb['key'][0]
CREATE TABLE t (id int PRIMARY KEY, j jsonb, k text, n int);
INSERT INTO t VALUES (1, '{"a": {"b": [10, {"c": null}]}, "1": "one"}', 'a', 1), (2, '[1, "2", null, [7]]', '3', 0), (3, '123', 'x', NULL), (4, NULL, NULL, 0);
SELECT id, j['a'], j['a']['b'], j['a']['b'][0], j['a']['b'][1]['c'], j['a']['b']['1'], j[1], j['1'], j[-1] FROM t ORDER BY id;
SELECT id, j[k], j[n], j[n][0], j[3][0], j[0] FROM t ORDER BY id;
SELECT ('123'::jsonb)[0], ('[1, "2", null]'::jsonb)['1'], ('[1, "2", null]'::jsonb)[1][0], ('{"a": 1}'::jsonb)[NULL];
SELECT id FROM t WHERE j['a']['b'][0] = '10' ORDER BY id;
SELECT ('{"a": 1}'::jsonb)['a':'b'];
SELECT ('[1, "2", null]'::jsonb)[1:2];
SELECT ('[1, "2", null]'::jsonb)[1:];
SELECT ('[1, "2", null]'::jsonb)[:2];
SELECT ('[1, "2", null]'::jsonb)[:];
SELECT ('[1, "2", null]'::jsonb)[1.5];
SELECT ('[1, "2", null]'::jsonb)[current_date];
SELECT ('[1, "2", null]'::jsonb)['a'];
SELECT ('[1, "2", null]'::jsonb)['1'];
SELECT ('[1, "2", null]'::jsonb)['b'];
