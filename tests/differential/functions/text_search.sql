to_tsvector('english', 'The quick brown foxes') @@ to_tsquery('english', 'fox & quick')
to_tsvector('english', 'The quick brown foxes jumped over the lazy dogs, and the dogs barked')
to_tsvector('simple', 'The quick brown foxes')
to_tsvector('german', 'Die schnellen Füchse springen über die Hunde')
to_tsvector('russian', 'Быстрые лисы and lazy dogs прыгают')
to_tsvector('french', 'Les chevaux rapides sautent par-dessus les chiens')
to_tsvector('english', '')
to_tsvector('english', NULL)
to_tsvector('english', 'e-mail to john.doe@example.com about http://example.com/a/b?c=d&e#f, /usr/local/bin and -12.5e10 3.14 1.2.3 &amp; <b>bold</b>')
to_tsvector('english', repeat('fox dog ', 9000)) = to_tsvector('english', repeat('fox dog ', 9001))
length(to_tsvector('simple', (SELECT string_agg('w' || g, ' ') FROM generate_series(1, 20000) g)))
length(to_tsvector('english', repeat('a', 3000)))
length(to_tsvector('english', repeat('x', 2047)))
length(to_tsvector('english', repeat('x', 2048)))
length(to_tsvector('simple', (SELECT string_agg(repeat('w', 100) || g, ' ') FROM generate_series(1, 12000) g)))
to_tsquery('english', 'fat & (rats | !cats:*A) <-> running <3> dog:bc')
to_tsquery('english', 'the & a')
to_tsquery('english', 'fox-trot & ''two foxes''')
to_tsquery('english', 'the <-> quick <-> the <-> fox')
to_tsquery('english', '')
to_tsquery('english', 'fox &')
to_tsquery('english', 'fox dog')
to_tsquery('english', '(fox')
plainto_tsquery('english', 'The Fat & Rats:C')
plainto_tsquery('english', 'the')
phraseto_tsquery('english', 'The Fat and the Rats')
websearch_to_tsquery('english', '"supernovae stars" -crab or "a the" fish or')
websearch_to_tsquery('english', 'signal -"segmentation fault" "unclosed quote')
websearch_to_tsquery('simple', 'or or or - -a ""  or b <x> (y)')
'a:1,2B,3c b ''it''''s'':5 ''back\\slash'':6*,7d'::tsvector
''::tsvector
'a:0'::tsvector
'a:1x'::tsvector
'''open'::tsvector
''''' a'::tsvector
'a\'::tsvector
('w' || repeat('x', 2047))::tsvector
length((repeat('x', 2047))::tsvector)
(SELECT string_agg(g::text || repeat('x', 1000), ' ') FROM generate_series(1, 1100) g)::tsvector
'a:1,16382,16383'::tsvector
'b a c a:3 a:1A a:1'::tsvector
'!a & (b | c) <-> d <2> e:*ab'::tsquery
'a <-> (b <-> c)'::tsquery
'(a & b) & c'::tsquery = 'a & (b & c)'::tsquery
'a <20000> b'::tsquery
'a <x> b'::tsquery
'a & & b'::tsquery
'()'::tsquery
'!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!a'::tsquery
('a' || repeat('x', 2047))::tsquery
'a:1 b:2 c:3'::tsvector @@ 'a <-> b & !d'::tsquery
'a:1 b:2 c:3'::tsvector @@ 'a <2> c'::tsquery
'a b c'::tsvector @@ 'a <-> b'::tsquery
'a:1A b:2'::tsvector @@ 'a:B'::tsquery
'a b'::tsvector @@ 'a:B'::tsquery
'abc:1 abd:2'::tsvector @@ 'ab:* <-> abd'::tsquery
'a:1 b:2'::tsvector @@ 'a <-> !b'::tsquery
'a:1 b:2'::tsvector @@ '!(a <-> c) & !z'::tsquery
'a'::tsquery @@ 'a:1'::tsvector
''::tsquery @@ 'a:1'::tsvector
NULL::tsvector @@ 'a'::tsquery
'a'::tsquery && 'b | c'::tsquery
'a'::tsquery || 'b & c'::tsquery
!! 'a | b'::tsquery
!! ''::tsquery
'a | b'::tsquery <-> 'c'::tsquery
tsquery_phrase('a', 'b & c', 5)
tsquery_phrase('a', 'b', -1)
'a & b'::tsquery @> 'a & a & a & b'::tsquery
'a'::tsquery <@ 'a | c'::tsquery
'a & b'::tsquery @> 'c'::tsquery
numnode('a & (b | !c)'::tsquery)
querytree('a & !b'::tsquery)
querytree('!a'::tsquery)
querytree('a | !b'::tsquery)
'a:1,2 b'::tsvector || 'a:3A c:1'::tsvector
'a:16000'::tsvector || 'b:500,600'::tsvector
''::tsvector || 'b'::tsvector
strip('a:1 b:2A'::tsvector)
length('a:1 b:2A c'::tsvector)
setweight('a:1 b:2A c'::tsvector, 'B')
setweight('a:1 b:2A c'::tsvector, 'x')
setweight('a:1 b:2A c'::tsvector, 'd', ARRAY['b', 'z'])
setweight('a:1 b:2'::tsvector, 'a', ARRAY['b', NULL])
ts_delete('a:1 b:2A c'::tsvector, 'b')
ts_delete('a:1 b:2A c'::tsvector, ARRAY['a', 'c', 'x'])
ts_filter('a:1,2B b:2A c'::tsvector, '{a,b}')
ts_filter('a:1'::tsvector, '{x}')
ts_filter('a:1'::tsvector, ARRAY['a', NULL]::"char"[])
tsvector_to_array('b a:1 c'::tsvector)
array_to_tsvector(ARRAY['b', 'a', 'b'])
array_to_tsvector(ARRAY['a', NULL])
array_to_tsvector(ARRAY['a', ''])
array_to_tsvector('{}')
array_to_tsvector(ARRAY[repeat('x', 2048)])
SELECT * FROM unnest('a:1,2B c'::tsvector)
SELECT count(*) FROM unnest(''::tsvector)
'a:1'::tsvector < 'b:1'::tsvector
'a:1 b'::tsvector = 'b a:1'::tsvector
'a:1'::tsvector <> 'a:2'::tsvector
'a'::tsquery < 'b'::tsquery
'a & b'::tsquery >= 'a | b'::tsquery
SELECT v FROM (VALUES ('b:1'::tsvector), ('a'), ('a:1 b:2'), ('aa'), (NULL)) t(v) ORDER BY v
SELECT q FROM (VALUES ('b'::tsquery), ('a & b'), ('a | b'), ('!a'), (NULL)) t(q) ORDER BY q DESC
SELECT count(DISTINCT v), count(*) FROM (VALUES ('b a'::tsvector), ('a b'), ('a')) t(v)
SELECT v, count(*) FROM (VALUES ('b a'::tsvector), ('a b'), ('a')) t(v) GROUP BY v ORDER BY v
ARRAY['b a'::tsvector, 'c:1'] < ARRAY['a b'::tsvector, 'c:2']
ts_rank('a:1,5,7B b:2A c:9'::tsvector, 'a & b'::tsquery)
ts_rank('a:1,5,7B b:2A c:9'::tsvector, 'a | z'::tsquery)
ts_rank('a:1,5,7B b:2A c:9'::tsvector, 'a <-> b'::tsquery, 32|2|16)
ts_rank('{0.1, 0.2, 0.3, 0.9}', 'a:1,5,7B b:2A c:9'::tsvector, 'a & b'::tsquery, 1)
ts_rank('{0.1, 0.2}', 'a:1'::tsvector, 'a'::tsquery)
ts_rank('{0.1, 0.2, 0.3, NULL}', 'a:1'::tsvector, 'a'::tsquery)
ts_rank('{{0.1, 0.2, 0.3, 0.4}}', 'a:1'::tsvector, 'a'::tsquery)
ts_rank('{0.1, 0.2, 0.3, 1.5}', 'a:1'::tsvector, 'a'::tsquery)
ts_rank('{-1, 0.2, 0.3, 0.5}', 'a:1'::tsvector, 'a'::tsquery)
ts_rank('a b'::tsvector, 'a & b'::tsquery)
ts_rank(''::tsvector, 'a'::tsquery)
ts_rank_cd('a:1,5,7B b:2A c:9'::tsvector, 'a & b'::tsquery)
ts_rank_cd('a:1,5,7B b:2A c:9'::tsvector, 'a & !z & b'::tsquery, 1|4|8|16|32)
ts_rank_cd('{0.1, 0.2, 0.3, 0.9}', 'a:1,5,7B b:2A c:9'::tsvector, 'a:* | c'::tsquery)
ts_rank_cd('a b'::tsvector, 'a & b'::tsquery)
ts_lexize('english_stem', 'stars')
ts_lexize('english_stem', 'a')
ts_lexize('simple', 'The')
ts_headline('english', 'The most common type of search is to find all documents containing given query terms and return them in order of their similarity to the query.', to_tsquery('english', 'query & similarity'))
ts_headline('english', 'Search terms may occur many times in a document, requiring ranking of the search matches to decide which occurrences to display in the result.', to_tsquery('english', 'search & term'), 'MaxFragments=10, MaxWords=7, MinWords=3, StartSel=<<, StopSel=>>')
ts_headline('simple', '', 'a'::tsquery)
ts_headline('english', NULL, 'a'::tsquery)
ts_headline('english', 'foxes', 'fox'::tsquery, 'nope=1')
ts_headline('english', 'foxes', 'fox'::tsquery, 'MinWords=9, MaxWords=5')
-- refused: json
ts_headline('english', '{"a":"foxes"}'::jsonb, 'fox'::tsquery)
-- refused: rewriting
ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)
SELECT * FROM ts_parse('default', '123 - a number, foo-bar x@y.com <a>')
SELECT * FROM ts_parse(3722, 'a b')
SELECT * FROM ts_parse('nosuch', 'a b')
SELECT * FROM ts_token_type('default')
SELECT alias, description, token, lexemes FROM ts_debug('english', 'The Brightest supernovaes-2 http://x.org/y')
'english'::regconfig::text, 'simple'::regdictionary::text, 'pg_catalog.german'::regconfig::oid
'nosuch'::regconfig
to_tsvector(99999::oid::regconfig, 'a')
pg_typeof(to_tsvector('english', 'a'))::text, pg_typeof('a'::tsquery)::text
('a:1 b:2'::tsvector)::text || '!', ('a & b'::tsquery)::text
SELECT cfgname, prsname FROM pg_ts_config c JOIN pg_ts_parser p ON p.oid = c.cfgparser ORDER BY 1
SELECT count(*) FROM pg_ts_config_map
SELECT dictname, dictinitoption FROM pg_ts_dict ORDER BY 1
SELECT tmplname, tmplinit::text, tmpllexize::text FROM pg_ts_template ORDER BY 1
