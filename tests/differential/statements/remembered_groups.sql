-- Which of several ways to match the groups of a regular expression remember: PostgreSQL's, from the left part on, not Perl's first.
SELECT regexp_match('abcd', '^(a|ab)(c|bcd)(d*)$'), regexp_match('xyz', '(x|xy|xyz)(.*)'), regexp_match('abcd', '(a|ab)(c|bcd)(d*)');
SELECT regexp_replace('foobar', '(fo|foo)(.*)', '[\1][\2]'), regexp_replace('foobar foobar', '(fo|foo)(.)', '[\1][\2]', 'g');
SELECT regexp_match('llmmmfff', '^(l*)(.*)(f*)$'), regexp_match('llmmmfff', '^(l*){1,1}(.*)(f*)$'), regexp_match('llmmmfff', '^(l*){1,1}?(.*)(f*)$');
SELECT * FROM regexp_matches('llmmmfff', '^(l*){1,1}?(.*){1,1}?(f*)$');
SELECT * FROM regexp_matches('llmmmfff', '^(l*?){1,1}(.*)(f*)$');
SELECT * FROM regexp_matches('llmmmfff', '^(l*?){1,1}?(.*){1,1}?(f*)$');
-- rounds of a loop: the last one is remembered, and nothing of those before
SELECT regexp_match('ab', '((a)|b)+'), regexp_match('ab', '((a)|b)*'), regexp_match('abab', '(?:(a)|(b))*$'), regexp_match('aaab', '(a|aa)*(a?b)');
SELECT regexp_match('aaaa', '(a|aa){2}'), regexp_match('aaaa', '(a|aa){2,3}$'), regexp_match('aaaaa', '(a|aa){0,3}$'), regexp_match('aaaaa', '^(aa??){0,4}$'), regexp_match('abcab', '(abc|ab|c)*?$');
-- a group around a group, and groups that never are
SELECT regexp_match('abab', '((a|ab)(bab|ab))'), regexp_match('aab', '((a*))(a?)b'), regexp_match('c', '(a){0}(c)'), regexp_match('', '(|(?=a)b){0}(c+?|d){0,2}'), regexp_match('bb', '(?:a*?){0}b*');
-- what stands behind the match is looked at
SELECT regexp_match('abc abd', '(a|ab)(\w*)\y', ''), regexp_match('abcd', '(a|ab)(c|bc)(?=d)'), regexp_match('abcd', '(a|ab)\Y(.??)\Y'), regexp_match(E'ab\nab', '(a|ab)(b?)$', 'n');
SELECT regexp_match('foo bar', '(fo|foo)(.*?)\M'), regexp_match('aéb', '(a|aé)(é?b?)'), regexp_match('AÉB', '(a|aé)(É?b?)', 'i');
-- every function with groups
SELECT substring('foobar' from '(fo|foo).*'), regexp_substr('xxfoobar', '(fo|foo)(.*)', 1, 1, '', 1), regexp_substr('xxfoobar', '(fo|foo)(.*)', 1, 1, '', 2);
SELECT regexp_instr('xxfoobar', '(fo|foo)(.*)', 1, 1, 0, '', 2), regexp_instr('xxfoobar', '(fo|foo)(.*)', 1, 1, 1, '', 1), regexp_split_to_array('foobarfob', '(fo|foo)');
SELECT * FROM regexp_matches('foobar fobar', '(fo|foo)(\w*)', 'g');
SELECT regexp_match(repeat('ab', 300) || 'c', '^((?:a|ab)*)(b?c|.*)$') = ARRAY[repeat('ab', 300), 'c'], length((regexp_match(repeat('a', 500), '(a|aa)*(.*)'))[1]), regexp_match(repeat('a', 300) || 'b', '^(.*?)(a*?)(aa|b|ab)$') = ARRAY['', repeat('a', 299), 'ab'];
-- the parts of SUBSTRING SIMILAR
SELECT substring('abcdefg' SIMILAR 'a*#"%#"g*' ESCAPE '#'), substring('abcdefg' SIMILAR 'a#"%#"g' ESCAPE '#'), substring('abcdefg' SIMILAR '#"(b_d|%)#"%' ESCAPE '#'), substring('abcdefg' SIMILAR 'a%#"%#"%g' ESCAPE '#');
SELECT substring('abcdefg' SIMILAR 'a*#"%#"g*#"x' ESCAPE '#');
SELECT 'abc' SIMILAR TO 'a#"b#"c#"' ESCAPE '#';
SELECT substring('abcdefg' SIMILAR 'a#"%g' ESCAPE '#'), substring('abcdefg' SIMILAR 'a|b#"%#"g' ESCAPE '#'), substring('abcdefg' SIMILAR '#"%' ESCAPE '#');
-- one pattern with other flags and other texts from row to row
SELECT t, f, regexp_match(t, '(b|ab|AB)(.*)', f), regexp_replace(t, '(a|ab)', '[\1]', f), regexp_count(t, 'b(.)', 1, f) FROM (VALUES ('aab', 'i'), ('ABab', ''), ('ABab', 'i'), ('abAB', 'q'), ('abAB', '')) v(t, f) ORDER BY t, f;
SELECT p, regexp_match('abcab', p), regexp_split_to_array('abcab', p), 'abcab' ~ p FROM (VALUES ('(a|ab)(c|bcd)?'), ('b(c?)'), ('(a|ab)(c|bcd)?')) v(p) ORDER BY p;
