-- What a repeated group remembers that may match the empty text; only a reference to it is refused.
SELECT regexp_match('aab', '(a*)*'), regexp_match('aab', '(a*)+b'), regexp_match('b', '(a*){2,3}b'), regexp_match('aab', '(a*?)*b'), regexp_match('b', '(a?)??b');
SELECT substring('aab' from '(a?)+b');
SELECT regexp_replace('aab', '(a*)*b', '[\1]');
SELECT * FROM regexp_matches('aab', '(?:(a)?|b)*', 'g');
-- pgd1: 0A000
SELECT 'aaba' ~ '(a*)*b\1';
SELECT 'aab' ~ '(a*)*b', regexp_count('aab', '(a*)*b'), regexp_replace('aab', '(a*)*b', '[\&]'), regexp_split_to_array('aab', '(a?)+b');
SELECT regexp_match('aab', '(a)*b'), regexp_match('aab', '(?:a*)*b'), regexp_instr('xaab', '(a*)*b');
-- pgd1: 0A000
SELECT regexp_match('cccccbaa', '(\w.\w{1,1}\w??)\1{0,2}?');
SELECT regexp_match('cccccbaa', '(\w.)\1'), regexp_match('abcabc', '^(.+?)\1$'), regexp_match('xaxaxa', '(xa){0}x(a)x\2'), regexp_replace('aabbcd', '(.)\1', '<\1>', 'g');
