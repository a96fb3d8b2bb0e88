"""Cases of tests/embedded_cases that D1's engine answers otherwise, each with its reason. One that no longer differs fails the suite."""

JAVASCRIPT = "the binding knows only doubles: an integer arrives as REAL"
JSON = "JSON has no infinity: pgd1 writes it into the SQL text"
OBJECTS = "batch() answers objects: equal names collapse and numbers as names are sorted; pgd1 names its columns c0, c1, …"
READS = "the binding knows no reads; pgd1's embedded database refuses what was said to be one"
EMPTY = "the gateway refuses empty statements before D1 sees them"
DROPPED = "D1 leaves the entry out of its answer, which the gateway refuses; pgd1 never sends one"
ENDS = "workerd's own D1 takes comments and semicolons off the end, Miniflare's does not; production is unknown and pgd1 sends neither"
DOCUMENTED = "workerd allows 8 MiB; Cloudflare's documentation says 2,000,000 bytes, and production is expected to hold to it"
LEAK = "workerd keeps the setting on the connection; embedded puts it back, as the documentation says"
COMMIT = "the engine fails only at the end of the batch, with another text; pgd1 checks deferred keys before that"

KNOWN = {
    "batches: a read that writes is refused": READS,
    "batches: a read that creates is refused": READS,
    "batches: a read with a write in second place is refused": READS,
    "denials: a refused function in a default": "D1 refuses it already at CREATE TABLE",
    "errors: a double-quoted word is a name": "D1 takes an unknown \"name\" as a text; embedded is stricter, so that mistakes show",
    "errors: a deferred FOREIGN KEY broken at the end of the batch": COMMIT,
    "errors: defer_foreign_keys broken at the end": COMMIT,
    "errors: RAISE(ROLLBACK)": COMMIT,
    "errors: INSERT OR ROLLBACK": COMMIT,
    "limits: named parameters count by position": OBJECTS,
    "limits: 100 result columns": OBJECTS,
    "limits: an IN list of 20,000 constants": "the limit of virtual machine operations was raised in 2026; production is unknown",
    "limits: a string of more than 2,000,000 bytes": DOCUMENTED,
    "limits: a blob of more than 2,000,000 bytes": DOCUMENTED,
    "limits: a row of more than 2,000,000 bytes": DOCUMENTED,
    "limits: recursive triggers end at depth 10": "SQLite 3.53.4 words it otherwise than 3.53.2",
    "pragmas: PRAGMA recursive_triggers does not outlive the batch": LEAK,
    "pragmas: PRAGMA reverse_unordered_selects does not outlive the batch": LEAK,
    "pragmas: PRAGMA ignore_check_constraints does not outlive the batch": LEAK,
    "pragmas: PRAGMA legacy_alter_table does not outlive the batch": LEAK,
    "pragmas: PRAGMA case_sensitive_like does not outlive the batch": LEAK,
    "pragmas: a PRAGMA name in other case is refused": "D1 does not look at the case of a PRAGMA's name; embedded is stricter",
    "pragmas: the schema by pragma functions joined": OBJECTS,
    "texts: empty is no statement": EMPTY,
    "texts: blanks is no statement": EMPTY,
    "texts: empty is dropped from a batch": EMPTY,
    "texts: blanks is dropped from a batch": EMPTY,
    "texts: a line comment is dropped from a batch": DROPPED,
    "texts: line comments is dropped from a batch": DROPPED,
    "texts: a semicolon is no statement either": ENDS,
    "texts: a block comment is no statement either": ENDS,
    "texts: a line comment after blanks on the same line as a block comment is no statement either": ENDS,
    "texts: two semicolons: no statement": ENDS,
    "texts: a comment after the semicolon: no statement": ENDS,
    "texts: a block comment after the semicolon: no statement": ENDS,
    "values: a parameter: integer": JAVASCRIPT,
    "values: a parameter: smallest integer": JAVASCRIPT,
    "values: a parameter: largest integer": JAVASCRIPT,
    "values: a parameter: 2^53+1": JAVASCRIPT,
    "values: affinity of columns": JAVASCRIPT,
    "values: a parameter: infinity": JSON,
    "values: a parameter: minus infinity": JSON,
    "values: literals of every class": OBJECTS,
    "values: a wide row": OBJECTS,
}
