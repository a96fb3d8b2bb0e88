-- details are compared
-- json_to_record and its kin: what must be an array, and where
SELECT * FROM json_to_record('{"k": [[1], 2]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": [[1], {"a": 1}]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": [[1], null]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": [[[1]], [2]]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": [[[1], 2], [[2], [3]]]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": [[1], [2, 3]]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": [1, [2]]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": [[], 2]}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": {"a": 1}}') AS r(k int[]);
SELECT * FROM json_to_record('{"k": 5}') AS r(k int[]);
SELECT * FROM jsonb_to_record('{"k": [[1], [2], 3]}') AS r(k text[]);
SELECT * FROM jsonb_to_record('{"k": [[[1], [2]], [[3], 4]]}') AS r(k int[]);
SELECT * FROM json_to_recordset('[{"k": [[1], [2]]}, {"k": [[1], 7]}]') AS r(k int[]);
SELECT * FROM jsonb_to_recordset('[{"k": [[1], [2]]}, {"k": [[1], 7]}]') AS r(k int[]);
