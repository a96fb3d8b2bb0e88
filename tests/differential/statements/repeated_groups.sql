-- What a repeated group that may be empty matched is Perl's answer, not PostgreSQL's: it is refused, matching itself is not.
-- pgd1: 0A000
SELECT regexp_match('aab', '(a*)*');
-- pgd1: 0A000
SELECT substring('aab' from '(a?)+b');
-- pgd1: 0A000
SELECT regexp_replace('aab', '(a*)*b', '[\1]');
-- pgd1: 0A000
SELECT * FROM regexp_matches('aab', '(?:(a)?|b)*', 'g');
-- pgd1: 0A000
SELECT 'aaba' ~ '(a*)*b\1';
SELECT 'aab' ~ '(a*)*b', regexp_count('aab', '(a*)*b'), regexp_replace('aab', '(a*)*b', '[\&]'), regexp_split_to_array('aab', '(a?)+b');
SELECT regexp_match('aab', '(a)*b'), regexp_match('aab', '(?:a*)*b'), regexp_instr('xaab', '(a*)*b');
