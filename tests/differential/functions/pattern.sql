'abc' LIKE 'a%'
'abc' LIKE 'A%'
'abc' ILIKE 'A%'
'abc' LIKE '_b_'
'a%c' LIKE 'a\%c'
'a_c' LIKE 'a#_c' ESCAPE '#'
'abc' LIKE 'a\'
'abc' NOT LIKE 'b%'
'ÀB' ILIKE 'àb'
'añb' LIKE 'a_b'
'' LIKE ''
'' LIKE '%'
NULL LIKE 'a'
'abc' LIKE '%c%'
'aXbXc' LIKE '%X%X%'
'abc' ~~ 'a%'
'abc' !~~* 'A%'
'abc' SIMILAR TO 'abc'
'abc' SIMILAR TO 'a'
'abc' SIMILAR TO '%(b|d)%'
'abc' SIMILAR TO '(b|c)%'
'abbbc' SIMILAR TO 'ab{3}c'
'a.c' SIMILAR TO 'a.c'
'abc' SIMILAR TO 'a.c'
'abc' SIMILAR TO 'a[a-c]c'
'a%c' SIMILAR TO 'a#%c' ESCAPE '#'
substring('foobar' similar '%#"o_b#"%' escape '#')
substring('foobar' from '%#"o_b#"%' for '#')
substring('foobar','o.b')
substring('foobar','o(.)b')
substring('foobar','x')
'abc' ~ 'b'
'abc' ~ '^b'
'abc' ~* 'B'
'abc' !~ 'x'
'abc' !~* 'B'
'a.c' ~ 'a\.c'
'foo bar' ~ '\mbar\M'
'foobar' ~ '\mbar'
'a1b22' ~ '\d{2}'
'abc' ~ '['
'abc' ~ '(?i)B'
'abc' ~ '(?=.*c)a'
'aaa' ~ '^(a)\1\1$'
'abc' ~ '[[:alpha:]]+'
'ab c' ~ '[[:space:]]'
'é' ~ '\w'
E'a\nb' ~ 'a.b'
E'a\nb' ~ '(?n)a.b'
'abc' ~ ''
regexp_replace('foobarbaz','b..','X')
regexp_replace('foobarbaz','b..','X','g')
regexp_replace('foobarbaz','b(..)','X\1Y','g')
regexp_replace('foobarbaz','B(..)','[\&]','gi')
regexp_replace('Thomas','.[mN]a.','M')
regexp_replace('hello','l','\\')
regexp_replace('abcabc','b','X',3)
regexp_replace('abcabc','b','X',1,2)
regexp_replace('abcabc','B','X',1,2,'i')
regexp_replace('abc','x*','-','g')
regexp_replace('a1b2','\d','','g')
regexp_match('foobarbequebaz','bar.*que')
regexp_match('foobarbequebaz','(bar)(beque)')
regexp_match('foobarbequebaz','(bar)(xx)?')
regexp_match('foo','x')
regexp_match('foo','O','i')
regexp_match('foo','o','g')
SELECT regexp_matches('foobarbequebazilbarfbonk','(b[^b]+)(b[^b]+)','g')
SELECT regexp_matches('foo','x')
SELECT regexp_matches('abab','b','g')
regexp_split_to_array('the quick  brown','\s+')
regexp_split_to_array('abc','')
regexp_split_to_array('aXbxc','x','i')
regexp_split_to_array('abc','z')
SELECT regexp_split_to_table('the quick brown','\s+')
regexp_count('abcabcabc','b')
regexp_count('abcabcabc','B',2,'i')
regexp_instr('abcabcabc','b',1,2)
regexp_instr('abcabcabc','b')
regexp_instr('abcabcabc','(a)(b)',1,2,1,'i',2)
regexp_like('Hello','hello','i')
regexp_like('Hello','hello')
regexp_substr('abcabc','b.')
regexp_substr('abcabc','b(.)',1,2,'',1)
regexp_substr('abc','x')
'abc' ~ 'a{2,1}'
'abc' ~ '(abc'
'abc' ~ 'a**'
regexp_replace('abc','b','X','q')
regexp_replace('abc','b','X','z')
'ab' ~ '[[.]*[ab]{2}[.]'
'ab' ~ '[b-a'
'ab' ~ '[b-a\'
'ab' ~ '[a-'
'ab' ~ '[[:foo:]'
'ab' ~ '[a-[:foo:]]'
'ab' ~ '[[.foo.]]'
substring('a-b','[[.hyphen.]]'), substring('1+2','[[.left-parenthesis.]-[.comma.]]'), substring('x~','[[=tilde=]]'), substring(E'a\021','[[.DC1.]]')
