/*
 * plan.h - what a statement became: where it runs, what is sent to D1, how parameters are bound, what comes back.
 *
 * A plan is immutable and holds no parameter values: sessions of one thread share it through the plan cache
 * (plan_cache.h); plan_bind() makes the batch members of one execution.
 *
 * Owns     its arena with everything in it; a reference to the snapshot it was made from.
 * Lives    reference counted, not atomic: one worker thread.
 * Not here running it: proxy/execute.h.
 */
#ifndef PGD1_SQL_PLAN_H
#define PGD1_SQL_PLAN_H

#include "d1/d1.h"
#include "pgwire/copy_text.h"
#include "pgwire/types.h"
#include "proxy/catalog/snapshot.h"

struct sequence_values;

/* ---- what kind of statement, and who runs it ---- */
enum plan_kind {
    PLAN_QUERY,  /* gives rows: SELECT, VALUES, TABLE, … RETURNING: columns, statements, local */
    PLAN_CHANGE, /* INSERT, UPDATE, DELETE without rows: tag with count */
    PLAN_DDL,    /* statements, then the snapshot is stale; tag without count */
    PLAN_SET,    /* SET, RESET, SET TIME ZONE, SET TRANSACTION…: utility.set */
    PLAN_SHOW,
    PLAN_TRANSACTION, /* BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, ROLLBACK TO…: utility.transaction */
    PLAN_COPY_FROM,
    PLAN_COPY_TO,
    PLAN_PREPARE,
    PLAN_EXECUTE,
    PLAN_DEALLOCATE,
    PLAN_DECLARE,
    PLAN_FETCH,
    PLAN_CLOSE,
    PLAN_DISCARD,
    PLAN_LISTEN,
    PLAN_UNLISTEN,
    PLAN_NOTIFY,
    PLAN_EXPLAIN,
    PLAN_MIGRATE,         /* utility.migrate */
    PLAN_SET_CONSTRAINTS, /* utility.constraints */
    PLAN_NOTHING,         /* accepted without effect, on the visible list (accepted.def): tag only, notice if set */
};

/* ---- binding ---- */
enum bind_source {
    BIND_PARAM,     /* $index (from 1) */
    BIND_LITERAL,   /* literal token `index` of the statement text (from 0) */
    BIND_CONSTANT,  /* `constant` */
    BIND_NOW,       /* transaction start; type says which form: timestamptz, timestamp, date, time, timetz */
    BIND_STATEMENT, /* when the statement came: one moment, however often it is asked for */
    BIND_CLOCK,     /* clock_timestamp() */
    BIND_UUID,      /* a fresh random UUID */
    BIND_RANDOM,    /* a fresh random double in [0,1) */
    BIND_SESSION, /* a session fact by name in `constant`: "current_user", "session_user", "current_schema", … or a setting */
    BIND_SEQUENCE, /* what `relation` gave last, NULL: nothing has; index -1: lastval(). detail 1: NULL while it is pending (sequence_values.h) */
    BIND_PRELUDE,  /* column `index` of the plan's prelude, worked out by the local engine inside plan_bind() */
    BIND_PRELUDE_ERROR,  /* what raises the error of that column (emit_raise), NULL: it has none */
    BIND_PRELUDE_COLUMN, /* inside the prelude: which of its doubtful columns is computed; NULL: all, -1: none */
    BIND_TEMPORARY,      /* the rows of the session's temporary table `relation` as JSON, an array for each */
    BIND_SKIPPED, /* rows that SKIP LOCKED leaves out, or takes, as JSON: [0,[key, …]] all but these, [1,[key, …]] these (plan_skip) */
    BIND_LOOKUP, /* what statement `index` of the plan's lookup read, behind the last one the rows to write (lookup.h) */
};

/* What is done to the datum before it is bound. One row each in bind_forms.def. */
enum bind_form {
    BIND_AS_IS,
    BIND_NUMBER, /* numeric text -> INTEGER or REAL when exact within 15 digits; else PLAN_RETRY_LOCAL / 22003 for storage */
    BIND_SCALED, /* numeric text * 10^scale as INTEGER, exact; does not fit int64: retry locally. `detail` = scale */
    BIND_GLOB, /* LIKE pattern -> GLOB pattern (escape character in detail, default \) ; over 50 bytes: retry locally */
    BIND_LIKE_LOWER,         /* ILIKE pattern for SQLite's LIKE … ESCAPE '\' ; non-ASCII letters: retry locally */
    BIND_JSON_ARRAY,         /* an array datum as one JSON array, without the brackets of inner dimensions */
    BIND_INTERVAL_MODIFIERS, /* interval -> SQLite date modifiers; detail picks: 0 months, 1 days, 2 seconds */
    BIND_UNIX_S,
    BIND_UNIX_MS,
    BIND_UNIX_US,  /* timestamp/date text -> number for columns stored so */
    BIND_HEX,      /* BLOB -> hex text (transports without native values) */
    BIND_TEXT,     /* INTEGER -> decimal text (transports without native values) */
    BIND_ASCII,    /* text as it is; not ASCII: retry locally */
    BIND_UNFOLDED, /* ASCII text -> JSON array of all texts that SQLite's lower() (detail 0) or upper() (1) leaves and
                      PostgreSQL's makes this text of; NULL -> [null]; not ASCII, or too many: retry locally */
    BIND_STORE,    /* numeric of a COLUMN_NUMBER column: rounded by typmod, then INTEGER or REAL */
    BIND_JSON_KEY, /* text or integer -> one step of an SQLite JSON path: ."key", [2], [#-1]; what cannot be quoted: retry locally */
    BIND_JSON_PATH, /* text[] -> steps of a path; digits (key or index?): retry locally */
    BIND_NOT_NAN,   /* a float; NaN, which is text: retry locally */
    BIND_LIMIT,     /* LIMIT: NULL -> -1, negative: 2201W */
    BIND_OFFSET,    /* OFFSET: NULL -> 0, negative: 2201X */
    BIND_ZONED, /* timestamp or date -> the instant it is in the session's time zone, to be compared with texts of timestamptz */
    BIND_FORM_NR
};

struct bind {
    enum bind_source source;
    enum bind_form form;
    int index; /* parameter or literal number */
    int detail;
    oid_t type; /* the datum's type: literals are decoded as this (22P02 at the literal's position) */
    int32_t typmod;
    bool typmod_explicit;
    bool negated; /* a minus sign stands before the literal token */
    bool
        not_null; /* NULL here is 23502 for column `column` of `relation` (rowid columns, facts: SQLite invents values) */
    int32_t range_low, range_high; /* for int2/int4 arithmetic folded at bind; unused: both 0 */
    struct value constant;
    const struct relation *relation;
    const struct column *column;
    /* the column that takes the bound value as it is, in the one row or in every row that is written; NULL: not known.
     * For the DETAIL of violated keys. */
    const struct relation *written_to;
    const struct column *written;
};

/* An INSERT of one row of values without ON CONFLICT, as the parts of one that takes many such rows in ?1, a JSON array with an
 * array of its first parameters for each: INSERT INTO table(columns) SELECT cells FROM json_each(?1). A block's buffer folds with it. */
struct plan_fold {
    struct str table, columns, cells;
    size_t width;  /* parameters of a row */
    bool *is_blob; /* of each: bytes, which the cells read from hex digits */
};

/* One D1 statement of a plan. */
enum statement_role {
    STATEMENT_MAIN,   /* its rows or its change count are the answer */
    STATEMENT_HELPER, /* before or after: rows ignored */
    STATEMENT_FETCH,  /* feeds input `fetch` of the local part */
};

struct plan_statement {
    struct str sql;
    struct bind *binds;
    size_t n_binds;
    bool
        binds_as_json; /* more than 100 binds: all go as one JSON array in ?1 and the text reads them with json_extract */
    size_t json_row_width; /* with binds_as_json: ?1 is an array of rows, arrays of so many values; 0: one flat array */
    enum statement_role role;
    bool gives_rows;
    bool counts_changes;          /* its sqlite3_changes() is part of the tag's count (several members: summed) */
    size_t n_columns;             /* result columns c0…cN-1 */
    bool has_own_names;           /* a text of the client's: its columns are called what they are, not c0…cN-1 */
    const struct plan_fold *fold; /* NULL: it must be sent by itself */
};

/* How a result cell is to be read. */
enum cell_form {
    CELL_NATURAL, /* storage form of the column's type; number/text tolerance as type_encode has it */
    CELL_NUMBER, /* INTEGER/REAL of a numeric: printed with `detail` digits after the point, -1: the shortest exact text */
    CELL_SCALED, /* INTEGER times 10^-detail */
    CELL_UNIX_S,
    CELL_UNIX_MS,
    CELL_UNIX_US,
    CELL_HEX,    /* TEXT of hex digits -> BLOB */
    CELL_ANY,    /* whatever class it has; in a text column its text: decimal, float8's, bytea's */
    CELL_JSON,   /* the same from JavaScript: whole numbers of 2^53 and above have lost digits, 22003 */
    CELL_TAGGED, /* the same, and it travels as tagged_cell.h has it */
};

struct plan_column {
    struct str name;
    oid_t type;       /* what RowDescription says */
    oid_t codec_type; /* built-in type of the codec: text for an enum, the base of a domain */
    int32_t typmod;
    oid_t table_oid;
    int16_t column_number;
    int32_t
        codec_typmod; /* what the codec is told: PostgreSQL forgets the width of max() of a char(n), its blanks stay */
    enum cell_form form;
    int detail;
    struct str source; /* "table.column" for error messages, may be empty */
};

/* The part that runs in the local engine (here, or D1 then finish). */
struct plan_local {
    struct str sql; /* over inputs f0, f1… (fetched rows, columns c0…) and the catalogue's relations */
    struct bind *binds;
    size_t n_binds;
    size_t n_inputs;    /* STATEMENT_FETCH statements feed them in order */
    bool needs_catalog; /* reads pg_catalog or information_schema, asks functions of the schema, or names a relation */
    size_t max_rows_hint;
};

/* What a write reads first, because only the local engine can compute its values or find its rows (lookup.h). */
struct plan_lookup {
    struct plan_statement *statements; /* each gives one text of rows of n_columns cells: an input of `local` */
    size_t n_statements;
    struct plan_local local; /* gives one text: the rows to write */
};

/* The one row that the statement changes, locks or reads (row_key.h). */
struct plan_row {
    const struct relation *relation; /* of the plan's snapshot */
    oid_t key;                       /* the constraint whose columns … */
    struct bind *binds;              /* … equal these */
    size_t n_binds;
    bool locks;  /* it changes the row, or locks it … */
    bool shares; /* … FOR SHARE */
    bool nowait;
    bool
        is_alone; /* of its table it neither sees nor changes anything but this row, and of the row nothing that is unique … */
    bool removes; /* … but that it is there: DELETE */
};

/* What the one row of an INSERT of values has in a key of its table. */
struct plan_key {
    oid_t oid; /* of the constraint, or of the unique index */
    struct bind *binds;
    size_t n_binds;
};

/* An INSERT of one row of values that sees nothing of its table but whether a row has one of its keys (row_key.h). */
struct plan_new_row {
    const struct relation *relation; /* of the plan's snapshot */
    struct plan_key *keys;           /* all of them, without those that have a NULL here */
    size_t n_keys;
    oid_t counted; /* the key of one column whose value is left to SQLite, which counts it; 0: none is */
};

/* A SELECT … SKIP LOCKED of one table with a key, anywhere in the statement. Which rows it is to give is bound (BIND_SKIPPED). */
struct plan_skip {
    const struct relation *relation; /* of the plan's snapshot */
    const struct constraint *key;    /* its primary key */
    bool shares;                     /* FOR SHARE */
    struct plan *
        rows; /* that SELECT alone: its last columns are the key's, as many as it has; a reference. NULL: it cannot be asked alone */
};

enum sequence_step {
    SEQUENCE_NEXT,         /* nextval: D1 keeps the value that was given last */
    SEQUENCE_SET,          /* setval: the same, but lastval() does not follow */
    SEQUENCE_PER_ROW,      /* nextval for each row that is written, of the statement's count */
    SEQUENCE_PER_PROPOSED, /* … and for those that ON CONFLICT leaves out */
    SEQUENCE_UNTOLD,       /* perhaps nextval: D1 does not tell whether, or which */
    SEQUENCE_DISTURBED,    /* no nextval, but D1's count changes */
    SEQUENCE_DROPPED,      /* one that is made later under its name is another */
};

/* A sequence that the plan moves on, for currval() and lastval() (sequence_values.h). */
struct plan_sequence {
    const struct relation *sequence;
    const struct relation *table; /* that counts its rowids itself; NULL: a row of _pgd1_sequence */
    enum sequence_step use;
};

/* Where statements like this one are counted (proxy/statistics.h): a place in the worker's table, for a user and a database. */
struct plan_statistics {
    uint32_t slot, generation; /* generation 0: not looked for yet */
    oid_t user, database;
};

/* What a value for a parameter must be, because of the parameter's domain, or all of them for ON CONFLICT … WHERE to mean its index (input.h). */
struct plan_input {
    int param;                      /* from 1; 0: all of them, and no domain */
    const struct user_type *domain; /* of the plan's snapshot */
    struct str check;               /* the constraint's name */
    struct plan_local
        *local; /* gives false where the value violates it, of param 0 not true; NULL: the domain does not allow NULL */
};

enum plan_place { PLACE_HERE, PLACE_D1, PLACE_D1_THEN_FINISH };

/* Whose tables a plan reads and writes. */
enum plan_tables {
    TABLES_PERMANENT, /* D1's, or none */
    TABLES_TEMPORARY, /* only the session's own: it runs in its database (proxy/txn/temporary.h) */
    TABLES_BOTH,      /* it runs at D1, and takes the temporary tables' rows along (BIND_TEMPORARY) */
};

/* A NOTICE or WARNING, e.g. `table "x" does not exist, skipping`. */
struct plan_notice {
    enum sqlstate code;
    bool is_warning;
    struct str message, detail; /* detail may be empty */
};

/* What only the session knows, looked at before the statement runs. */
struct plan_premise {
    const char *not_in_block; /* "VACUUM": 25001 inside a transaction; NULL: it may run anywhere */
    struct str *roles;
    size_t n_roles;      /* 42704 unless all of them are there */
    struct str database; /* 0A000 unless it is the session's (REINDEX); empty: any */
};

struct plan {
    int references;
    struct arena *arena;
    const struct snapshot *snapshot; /* a reference is held */
    enum plan_kind kind;
    const char *tag; /* "SELECT", "INSERT 0", "UPDATE", "CREATE TABLE", "BEGIN"… */
    bool tag_has_count;
    enum plan_place place;
    enum d1_access access;
    enum plan_tables tables;
    struct plan
        *gather; /* TABLES_TEMPORARY: its rows are read first, into TEMPORARY_GATHERED (a reference); NULL: none */
    const struct relation *gathered; /* … or as this permanent table, all of whose rows they are */
    bool locks_rows;                 /* SELECT … FOR UPDATE, FOR SHARE */
    bool volatile_values;            /* uses BIND_UUID, BIND_RANDOM, nextval…: values to pin in transactions */
    bool is_raw; /* SQLite's SQL, sent as it is (proxy/raw.h): without Describe columns are typed by their cells */
    bool is_unwrappable; /* … whose rows D1 gives in no other form: PRAGMA, EXPLAIN, RETURNING */
    bool adds_row;       /* INSERT of one row without ON CONFLICT: what it wrote is that row's */
    bool has_subqueries; /* anywhere in it */
    bool may_go_local;   /* a guard in its SQL may ask for the local engine: no row is shown before D1 is done */
    bool may_fail_late;  /* behind D1: `local` computes what may fail (may_fail.h), or a column's range is looked at */
    bool cacheable;
    bool asks_sequences;    /* currval(), lastval(): BIND_SEQUENCE */
    uint64_t settings_mark; /* plan_settings_mark() of those it was made under; 0: any */
    bool only_in_block;     /* PLAN_NOTHING: 25P01 outside a transaction block */
    oid_t *param_types;
    size_t n_params;
    struct plan_input *inputs; /* looked at when values for the parameters come */
    size_t n_inputs;
    struct plan_column *columns;
    size_t n_columns;
    struct plan_statement *statements;
    size_t n_statements;
    struct plan_local *local;     /* NULL when place is D1 */
    struct plan_row *row;         /* NULL: none is named */
    struct plan_new_row *new_row; /* NULL: it is no such INSERT */
    struct plan_skip *skip;       /* NULL: no row is left out for being locked */
    struct migrate_command
        *migrate; /* a MIGRATE command whose rows the query reads, run before it (proxy/migrate/call.h); NULL: none */
    struct plan_lookup *lookup; /* NULL: the statements need nothing read before */
    struct plan_local
        *prelude; /* one row of constants that D1 cannot compute (now() - interval…): plan_bind() runs it; NULL: none */
    bool is_forced_local;     /* made with force_local: it cannot be planned again */
    bool prelude_is_doubtful; /* some of its columns may never be needed: their errors are bound (BIND_PRELUDE_ERROR) */
    struct plan_notice *notices; /* to send before the statement runs */
    size_t n_notices;
    struct plan_premise *premise; /* NULL: none */
    /* literal tokens of the text the plan was made from: what BIND_LITERAL binds unless bind_input says otherwise (plan_cache.h) */
    struct str *literals;
    int *literal_offsets; /* in bytes: a text of many statements is not counted for each of them */
    bool *is_structural;
    size_t n_literals;
    const struct relation **reads;
    size_t n_reads; /* footprint: tables read and written, through views, keys, triggers */
    const struct relation **writes;
    size_t n_writes;
    struct plan_sequence *sequences;
    size_t n_sequences;
    struct plan_statistics statistics; /* a note of whoever runs it, no part of what it means */
    union {
        struct plan_set *set;
        struct plan_show *show;
        struct plan_transaction *transaction;
        struct plan_copy *copy;
        struct plan_prepare *prepare; /* PREPARE, EXECUTE, DEALLOCATE */
        struct plan_cursor *cursor;   /* DECLARE, FETCH, MOVE, CLOSE */
        struct plan_channel *channel; /* LISTEN, UNLISTEN, NOTIFY */
        struct plan_discard *discard;
        struct plan_explain *explain;
        struct plan_constraints *constraints;
        struct migrate_command *migrate; /* proxy/migrate/command.h */
    } utility;
};

struct plan_set {
    enum { SET_VALUE, SET_DEFAULT, SET_RESET_ALL, SET_TRANSACTION, SET_SESSION_CHARACTERISTICS } action;
    bool is_local;
    struct str name;                      /* lower case; "timezone" for SET TIME ZONE */
    struct str value;                     /* list elements joined by ", " as PostgreSQL shows them */
    struct plan_transaction *transaction; /* SET TRANSACTION modes */
};
struct plan_show {
    struct str name;
    bool all;
};
enum transaction_command {
    TRANSACTION_BEGIN,
    TRANSACTION_COMMIT,
    TRANSACTION_ROLLBACK,
    TRANSACTION_SAVEPOINT,
    TRANSACTION_RELEASE,
    TRANSACTION_ROLLBACK_TO
};
struct plan_transaction {
    enum transaction_command command;
    bool chain;
    struct str savepoint;
    struct str isolation;      /* "read committed"…, empty: not given */
    int read_only, deferrable; /* -1 not given, 0, 1 */
};
struct plan_copy {
    const struct relation *relation; /* COPY FROM; COPY TO of a table too */
    const struct column **columns;
    size_t n_columns;   /* in the order of the data */
    struct plan *query; /* COPY TO: the SELECT whose rows are written (a reference) */
    enum copy_format format;
    struct str null_text, delimiter, quote, escape;
    bool header, header_match, freeze;
    bool *force_quote, *force_not_null, *force_null; /* n_columns flags */
    bool from_stdin_or_to_stdout;                    /* files and programs are refused before */
    struct bulk_target *bulk;                        /* COPY FROM: how rows become statements (bulk.h) */
};
struct plan_prepare {
    struct str name;
    bool all;
    oid_t *types;
    size_t n_types;
    struct str query_text;
    int query_position; /* characters of the whole string before it, for the places of errors */
    void *query_node;
    struct plan_argument {
        oid_t type;   /* unknown: it takes the parameter's */
        int position; /* 1-based, of its text */
    } * arguments;
    size_t n_arguments;
    struct plan *arguments_plan; /* EXECUTE: SELECT of its argument expressions, place here */
};
enum fetch_direction { FETCH_FORWARD, FETCH_BACKWARD, FETCH_ABSOLUTE, FETCH_RELATIVE };
struct plan_cursor {
    struct str name;
    bool all, scroll, no_scroll, hold, binary, is_move;
    enum fetch_direction direction;
    int64_t count; /* INT64_MAX: ALL */
    struct plan *query;
};
struct plan_channel {
    struct str name, payload;
    bool all;
};
enum discard_target { DISCARD_ALL_STATE, DISCARD_PLANS_ONLY, DISCARD_SEQUENCES_ONLY, DISCARD_TEMP_ONLY };
struct plan_discard {
    enum discard_target what;
};
struct plan_explain {
    struct plan *query;
    bool analyze, verbose, costs, timing, summary;
    enum { EXPLAIN_TEXT, EXPLAIN_JSON } format;
};

struct plan_constraints { /* SET CONSTRAINTS */
    bool all, deferred;
    oid_t *constraints; /* those it names that can be deferred; all: every one */
    size_t n_constraints;
};

struct plan *plan_ref(struct plan *p);
void plan_unref(struct plan *p); /* accepts NULL */
/* Whether a client is told of columns and sent rows, which for a SELECT without columns are empty. */
bool plan_gives_rows(const struct plan *p);

/* ---- making plans ---- */
struct sql_settings { /* what alters the meaning of a text; part of the cache key */
    const struct str *search_path;
    size_t n_search_path; /* resolved names, without pg_catalog */
    struct str role;
    struct str database; /* the name that names of three parts begin with; not part of the key. Empty: any */
    bool standard_conforming_strings;
    bool raw_sqlite;        /* pgd1.dialect = sqlite */
    bool creates_temporary; /* the path begins with pg_temp: what has no schema of its own comes to be there */
    bool no_views;          /* restrict_nonsystem_relation_kind: views of users are not to be read */
    bool without_params;    /* $1 is an error */
    bool force_local;       /* a pushed-down guard failed: plan again with everything doubtful finished locally */
    bool in_row_order;      /* COPY of a table: rows by their rowids, as inserted; no index gives them */
    bool takes_rows;        /* the rows of temporary tables travel with the statement to D1 */
    struct d1_traits traits;
    const struct type_settings *types;
    const struct sequence_values *sequences; /* the session's; not part of the key: a plan that looked is not cached */
    size_t max_statement_bytes;              /* of PostgreSQL text accepted */
};

/* One statement of a string, parsed but not analyzed. */
struct sql_statement {
    void *raw;       /* PgQuery__RawStmt */
    struct str text; /* its slice of the string */
    size_t offset;   /* of text in the string, bytes; error positions count from the start of the whole string */
    bool is_empty;
    bool is_raw;     /* SQLite's: raw is NULL, and sql_plan() is not for it (proxy/raw.h) */
    bool is_migrate; /* MIGRATE: likewise (proxy/migration.h) */
};
struct sql_list {
    struct sql_statement *statements;
    size_t n;
};

/* What every text of a client must be, whoever reads it: 54000 too long, 22021 not UTF-8. */
bool sql_check_text(struct str text, size_t max_bytes, struct err *err);
/* Parses a whole string; 42601 with position, 54001 when too deep, 22021 bad UTF-8. Raw trees live in arena. */
bool sql_parse(struct str text, size_t max_bytes, struct arena *arena, struct sql_list *ret, struct err *err);
/* Analyzes and plans one statement. param_types: as declared by Parse (0: to be inferred). The text must outlive the call only.
 * Gives one reference. Errors: PostgreSQL's SQLSTATEs with positions, 0A000 with the construct named. */
bool sql_plan(const struct sql_statement *statement, const struct snapshot *snapshot,
              const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types, struct plan **ret,
              struct err *err);

/* ---- running plans ---- */
/* All rows of a temporary table, as JSON, as they were when the statement came (BIND_TEMPORARY). */
struct taken_rows {
    const struct taken_rows *next;
    oid_t relation;
    struct str json;
};

struct bind_input {
    const struct value *params;
    size_t n_params; /* datum form, of plan->param_types */
    const struct str *literals;
    size_t
        n_literals; /* contents of the text's literal tokens, when the plan came from the cache; NULL: the plan's own */
    const int *literal_offsets; /* their byte offsets in the text, for positions */
    struct str text;            /* that text; empty: nobody knows it, and it is taken for ASCII */
    const struct type_settings *types;
    int64_t now_us, statement_us;
    int64_t (*clock_us)(void *ctx);
    void *clock_ctx;
    bool (*session_value)(void *ctx, struct str name, struct arena *arena, struct value *ret);
    void (*notice)(void *ctx, const struct err *notice); /* of preludes; NULL: nobody listens */
    void *session_ctx;
    const struct sequence_values *sequences; /* NULL: none was used */
    const struct taken_rows *taken;
    struct str skipped; /* BIND_SKIPPED; empty: all rows */
    struct d1_traits traits;
    struct local_engine *engine;     /* runs preludes (local.h) */
    const struct snapshot *snapshot; /* for preludes that ask the catalogue; may be NULL */
};
/* The plan's statements with values bound, in arena, n_statements of them (one to one with plan->statements).
 * ret_retry_local: set when a value cannot be pushed down (a pattern of more than 50 bytes…): plan again with force_local. */
bool plan_bind(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct d1_statement **ret,
               bool *ret_retry_local, struct err *err);
/* The values that the plan's row is known by: plan->row->n_binds. */
bool plan_bind_row(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct value **ret,
                   struct err *err);
/* The values of a key of its new row. */
bool plan_bind_key(const struct plan *plan, const struct plan_key *key, const struct bind_input *input,
                   struct arena *arena, struct value **ret, struct err *err);
/* The same for the local part: values for its binds. */
bool plan_bind_local(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct value **ret,
                     struct err *err);
/* A result cell of the plan's column -> storage form of its type (numbers, scaled integers, hex, unix times undone). */
bool plan_cell(const struct plan_column *column, const struct value *cell, struct arena *arena, struct value *ret,
               struct err *err);

#endif
