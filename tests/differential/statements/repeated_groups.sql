-- What a repeated group remembers that may match the empty text; only a reference to it is refused.
SELECT regexp_match('aab', '(a*)*'), regexp_match('aab', '(a*)+b'), regexp_match('b', '(a*){2,3}b'), regexp_match('aab', '(a*?)*b'), regexp_match('b', '(a?)??b');
SELECT substring('aab' from '(a?)+b');
SELECT regexp_replace('aab', '(a*)*b', '[\1]');
SELECT * FROM regexp_matches('aab', '(?:(a)?|b)*', 'g');
-- pgd1: 0A000
SELECT 'aaba' ~ '(a*)*b\1';
SELECT 'aab' ~ '(a*)*b', regexp_count('aab', '(a*)*b'), regexp_replace('aab', '(a*)*b', '[\&]'), regexp_split_to_array('aab', '(a?)+b');
SELECT regexp_match('aab', '(a)*b'), regexp_match('aab', '(?:a*)*b'), regexp_instr('xaab', '(a*)*b');
