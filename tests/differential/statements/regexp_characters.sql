-- characters by their numbers: those that are none of Unicode's are in no text
SELECT 'a' ~ '\x110000', 'a' ~ '[^\x110000]', 'a' ~ '[b\x110000]', 'a' ~ '[b-\x110000]', 'a' ~ '\x7ffffffe', 'a' ~ 'a\x110000*', 'a' ~ 'a|\x110000', 'a' ~* '\xff00ff';
SELECT 'a' ~ '\xd800', 'a' ~ '[\ud800]', 'a' ~ '[^\xd800-\xdfff]', 'a' ~ '\U00110000', 'a' ~ '[\x110000-\x110005]', 'a' ~ '[^\x110000-\x110005]';
SELECT 'a' ~ '[\ud7ff-\ue000]', U&'\e000' ~ '[\ud800-\ue000]', U&'\d7ff' ~ '[\ud7ff-\ud900]', U&'\e000' ~ '[\ud7ff-\ud900]', U&'\+10ffff' ~ '[b-\x110000]';
SELECT regexp_replace('abc', '\x110000?', 'x', 'g'), regexp_match('abc', '(\x110000)|(b)'), regexp_split_to_array('abc', '[\x110000]?');
SELECT 'A' ~ '\xfff00000041', 'aa' ~ '(a)\4294967297';
SELECT 'a' ~ '\x7fffffff';
SELECT 'a' ~ '\xdeadbeef';
SELECT 'a' ~ '[\x110005-\x110000]';
