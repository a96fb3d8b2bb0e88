-- names of encodings: those PostgreSQL knows, in any case and with any punctuation, and those it does not
SELECT pg_char_to_encoding('latin-1'), pg_char_to_encoding('ISO 8859-1'), pg_char_to_encoding('Win1252'), pg_char_to_encoding('utf_8'), pg_char_to_encoding('SQL_ASCII'), pg_char_to_encoding('Zed'), pg_char_to_encoding('eucjis2004eucjis2004');
SELECT n, pg_encoding_to_char(n) FROM generate_series(-1, 44) AS n ORDER BY n;
SELECT convert('\xe9', 'latin1', 'utf8'), convert_from('\xe9', 'ISO-8859-1'), length('\xe9'::bytea, 'LATIN1');
SELECT convert('a', 'Zed', 'Zed');
SELECT convert('\xff', 'utf8', 'Zed');
SELECT convert_from('a', 'Zed');
SELECT convert_to('a', 'Zed');
SELECT length('a'::bytea, 'Zed');
SET client_encoding TO 'Zed';
SET client_encoding TO 'Unicode';
SHOW client_encoding;
