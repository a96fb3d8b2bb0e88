-- what is looked at is there to be matched, too
SELECT 'a' ~ '(?=a)b?a', 'a' ~ '(?=a)a', 'a' ~ '(?=a)b*a', 'a' ~ '(?=a)(?:|b)a', 'ca' ~ 'c(?=a)b?a', 'a' ~ '(?=a)b??a', 'a' ~* '(?=A)b?a', 'b' ~ '(?=a)b?a';
SELECT regexp_match('ba', '(?=a)(b){0,2}a'), regexp_match('ba', '(?=a)(b)?a'), regexp_match('ca', '(?=a)(b)*a'), regexp_match('a', '(?=a)(b|)a');
SELECT regexp_match(E'ba', E'(?:(?=a)((?:[ab]c[ab]){1,1}?b|(c)){0,2}a)'), regexp_match('ba', '(?:(?=a)((c.)??b){0,2}a)');
SELECT regexp_replace('ba ca', '(?=a)(b)?a', '<\1>', 'g'), regexp_split_to_array('xay', '(?=a)b?a'), regexp_count('aaba', '(?=a)b?a');
SELECT 'Password1' ~ '^(?=.*[0-9])(?=.*[a-z]).{8,}$', 'x1' ~ '(?=.*\d)y?x\d', 'abc' ~ '(?=ab)c?abc', 'ab' ~ '(?=ab)(?=a)x?ab', 'a a' ~ '\mb?a$';
