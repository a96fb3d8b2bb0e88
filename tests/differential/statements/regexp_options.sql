-- options of regular expressions that a function does not take
SELECT regexp_like('a','a','g');
SELECT regexp_instr('a','a',1,1,0,'g');
SELECT regexp_substr('a','a',1,1,'g');
SELECT regexp_count('a','a',1,'g');
SELECT regexp_match('a','a','g');
SELECT regexp_like('a','a','z');
SELECT regexp_split_to_array('a','a','g');
SELECT regexp_replace('aa','a','b',1,0,'g');
SELECT regexp_replace('aa','a','b','1');
SELECT regexp_instr('a','a',0);
SELECT regexp_instr('a','a',1,0);
SELECT regexp_instr('a','a',1,1,2);
SELECT regexp_instr('a','a',1,1,0,'i',-1);
SELECT regexp_substr('a','a',0);
SELECT regexp_count('a','a',0);
