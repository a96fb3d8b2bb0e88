/*
 * snapshot.h - one database's schema as PostgreSQL sees it, read in one batch from D1 and then constant.
 *
 * Built from D1's own schema (sqlite_schema, pragma_table_xinfo, pragma_foreign_key_list, pragma_index_list…) and the side
 * catalogue _pgd1_catalog, where it exists: what the declared types cannot carry (PostgreSQL text of defaults, checks and
 * views, serial columns of int4, enums, domains, sequences, comments, constraint names…).
 *
 * Owns     its arena with everything in it. Immutable after it is built; reference counted (atomic), shared by threads.
 * Lives    as long as a session, plan or portal holds a reference.
 * Fails    snapshot_read gives an err (what D1's transport said, or XX001 when the side catalogue is broken).
 * Not here the built-in types and functions (facts.h); answering catalogue queries (system.h); freshness policy (proxy/database.h).
 */
#ifndef PGD1_CATALOG_SNAPSHOT_H
#define PGD1_CATALOG_SNAPSHOT_H

#include "pgwire/types.h"
#include "d1/d1.h"
#include "proxy/base/err.h"
#include "proxy/catalog/facts.h"

/* How a column's cells are stored; the form of each is in pgwire/types.h unless said here. */
enum column_storage {
    COLUMN_NATURAL, /* the type's own storage form */
    COLUMN_NUMBER,  /* numeric(p<=15,s) in a NUMERIC column: INTEGER or REAL cells */
    COLUMN_UNIX_S,  /* date/timestamp(tz) as INTEGER or REAL seconds, ms, µs since 1970 */
    COLUMN_UNIX_MS,
    COLUMN_UNIX_US,
    COLUMN_DATETIME, /* timestamp(tz) as SQLite's other tools write it: with T, Z, +00:00, a fraction of zeros, without a time */
    COLUMN_LOOSE, /* date, time, uuid or char(n) that others may have written in another form: what reads a cell has to look */
};

struct column {
    struct str name; /* PostgreSQL's and SQLite's name: always the same */
    int16_t number;  /* attnum, from 1 */
    oid_t type;
    int32_t typmod; /* -1: none */
    enum column_storage storage;
    bool not_null;
    bool is_rowid;      /* INTEGER PRIMARY KEY: the rowid itself. SQLite would invent a value for NULL */
    bool has_collation; /* declared COLLATE NOCASE or RTRIM elsewhere: what pgd1 prints says BINARY */
    oid_t collation;    /* what PostgreSQL's COLLATE said, 0: its type's own (collation.h) */
    bool
        takes_null; /* part of a primary key, or of a domain NOT NULL, and D1 lets it be NULL: pgd1 never writes that */
    bool is_strict_text; /* TEXT affinity (facts: storing digits in other affinities turns them into numbers) */
    bool is_doubtful; /* boolean, and D1's table takes more than 0, 1 and NULL there: what reads a cell has to look */
    char identity;    /* attidentity: 'a', 'd' or 0 */
    char generated;   /* attgenerated: 's' or 0 */
    struct str
        default_text; /* PostgreSQL expression text as pg_get_expr prints it, empty: none. Generated columns: their expression */
    struct str sqlite_default; /* D1's own DEFAULT as it stands in its schema, empty: none */
    bool
        default_is_foreign; /* default_text is only for show (D1's own words): INSERT leaves the column out and D1 fills it */
    struct str sequence;    /* serial/identity: name of the owned sequence, else empty */
    bool sequence_is_rowid; /* that sequence is SQLite's AUTOINCREMENT */
};

struct constraint {
    oid_t oid;
    struct str name;
    char kind; /* contype: p u f c */
    int16_t *columns;
    size_t n_columns; /* attnums */
    /* foreign keys */
    struct str foreign_schema, foreign_table;
    int16_t *foreign_columns;  /* n_columns entries */
    char on_update, on_delete; /* confupdtype, confdeltype: a r c n d */
    bool match_full;           /* confmatchtype f; of one column, where it means the same as s */
    bool deferrable, deferred;
    bool not_valid; /* checks too: the rows that were there when it came were not looked at yet (VALIDATE CONSTRAINT) */
    /* checks */
    struct str expression;  /* PostgreSQL's text, without CHECK ( ) */
    struct str sqlite_name; /* what SQLite's error text says where it is not the name */
    struct str comment;
};

struct index_column {
    int16_t column; /* attnum, 0: expression */
    struct str expression;
    struct str sqlite;          /* D1's text of the expression, empty for columns */
    struct str label;           /* what PostgreSQL calls the index's column of an expression: "lower", "expr" */
    oid_t type;                 /* of an expression */
    struct str opclass;         /* an operator class that is not the type's own, or empty */
    oid_t collation;            /* what COLLATE said behind the column or expression, 0: their own */
    oid_t expression_collation; /* of an expression, 0: its type's own */
    bool descending, nulls_first;
};

struct index {
    oid_t oid;
    struct str schema, name;
    bool unique, primary;
    struct index_column *columns;
    size_t n_columns;
    int16_t *included; /* numbers of the INCLUDE columns */
    size_t n_included;
    bool is_hash;         /* what it was asked to be: PostgreSQL shows it */
    struct str predicate; /* PostgreSQL's text of a partial index, or empty */
    struct str
        guard; /* D1's text of further terms, which refuse what D1 cannot decide; PostgreSQL knows nothing of them */
    struct str comment;
    struct str sqlite_name; /* "sqlite_autoindex_t_1" for constraints' own */
};

enum relation_kind {
    RELATION_TABLE = 'r',
    RELATION_VIEW = 'v',
    RELATION_SEQUENCE = 'S',
    RELATION_VIRTUAL = 'f' /* fts5 and other virtual tables */
};

struct relation {
    oid_t
        oid; /* stable: derived from schema, name and kind; >= 16384 for user objects, PostgreSQL's own for system relations */
    oid_t row_type; /* pg_class.reltype */
    struct str schema, name;
    struct str
        sqlite_name; /* how D1 knows it: name in schema public, "schema.name" elsewhere. System relations: their name in the local engine */
    enum relation_kind kind;
    bool is_system; /* pg_catalog, information_schema, pgd1: answered here, never by D1 */
    bool
        is_temporary; /* the session's own, in schema SNAPSHOT_TEMPORARY: D1 knows nothing of it (proxy/txn/temporary.h) */
    bool without_rowid;
    bool is_unlogged; /* of a table or sequence: what CREATE said. A sequence goes with the table that owns it */
    bool has_user_triggers;
    struct column *columns;
    size_t n_columns;
    struct constraint *constraints;
    size_t n_constraints;
    struct index *indexes;
    size_t n_indexes;
    struct str view_text; /* PostgreSQL's query text of a view; empty for views made elsewhere */
    struct str *options;  /* of a view: pg_class.reloptions, "name=value" each */
    size_t n_options;
    char check_option;     /* among them: 'l' local, 'c' cascaded, 0 none */
    struct str sqlite_sql; /* D1's own CREATE text */
    struct str comment;
    struct str *column_comments; /* n_columns entries or NULL */
    /* sequences (kind S): rows of the side catalogue; values live in D1 (_pgd1_sequence) or in sqlite_sequence */
    int64_t seq_start, seq_increment, seq_min, seq_max;
    bool seq_cycle;
    oid_t seq_type;
    struct str seq_owner_table, seq_owner_column;
};

struct user_type {
    oid_t oid, array;
    struct str schema, name;
    char kind; /* 'e' enum, 'd' domain */
    struct str *labels;
    size_t n_labels; /* enum, in order */
    oid_t base;
    int32_t base_typmod; /* domain */
    oid_t collation;     /* domain: what COLLATE said, 0: its base's */
    bool not_null;
    struct str default_text;
    struct str *checks, *check_names;
    size_t n_checks; /* domain: expression texts over VALUE */
    struct str comment;
};

/* D1's own schema as it was read, to build it again elsewhere (proxy/txn/shadow.h). */
struct snapshot_object {
    struct str type, name, table; /* "table", "view", "index", "trigger"; what it is of */
    struct str sql;               /* empty: made by SQLite itself */
};
struct snapshot_side { /* a row of the side catalogue */
    struct str kind, schema, name, detail;
};

struct snapshot {
    struct arena *arena;
    uint64_t version; /* hash of everything read: equal schema, equal version, on every proxy */
    struct str *schemas;
    size_t n_schemas;            /* user schemas, "public" first */
    struct str *schema_comments; /* n_schemas entries */
    struct relation *relations;
    size_t n_relations; /* user relations by schema, name */
    struct user_type *types;
    size_t n_types;
    bool has_side_catalog, has_sequence_table;
    bool has_deferrable_keys;
    struct snapshot_object *objects;
    size_t n_objects;
    struct snapshot_side *side;
    size_t n_side;
};

/* The statements that read a schema: one read batch. They stay valid for the program's life. */
const struct d1_statement *snapshot_statements(size_t *ret_n);

/* Collects the rows of that batch: call snapshot_reader_row for each (its on_row), then _finish after success.
 * One reader serves one request. _free at any time. */
struct snapshot_reader *snapshot_reader_new(void);
bool snapshot_reader_row(struct snapshot_reader *r, size_t statement, const struct value *cells, size_t n_cells);
/* A database without the side catalogue answers "no such table: _pgd1_catalog" for the whole batch: then read again with false. */
const struct d1_statement *snapshot_statements_for(bool with_side_catalog, size_t *ret_n);
struct snapshot *snapshot_reader_finish(struct snapshot_reader *r, struct err *err); /* one reference, or NULL */
void snapshot_reader_free(struct snapshot_reader *r);

/* The same schema with one relation as `now` says, while a change is planned: lives in the arena, takes no references. NULL: no memory. */
struct snapshot *snapshot_with(const struct snapshot *s, const struct relation *which, const struct relation *now,
                               struct arena *arena);
struct snapshot *snapshot_ref(const struct snapshot *s);
void snapshot_unref(struct snapshot *s); /* accepts NULL */

/* The schema of temporary tables. No session sees another's, so each calls its own by the same name; "pg_temp" means it too. */
#define SNAPSHOT_TEMPORARY "pg_temp_3"
/* What a session's temporary schema is to be read with, beside its own rows: the user types and schemas that its columns may name,
 * and itself. False: no memory. */
bool snapshot_reader_types(struct snapshot_reader *r, const struct snapshot *base);
/* The relations of both as one schema: one reference, or NULL with err. It keeps references to both. */
struct snapshot *snapshot_join(const struct snapshot *base, const struct snapshot *temporary, struct err *err);
/* The same schema with the side tables that a session's temporary database always has, while a change of it is planned: lives in the
 * arena, takes no references. NULL: no memory. */
struct snapshot *snapshot_for_temporary(const struct snapshot *s, struct arena *arena);

/* schema empty: search `path` (n_path names; pg_catalog is searched first as PostgreSQL does). Finds system relations too. NULL: none. */
const struct relation *snapshot_relation(const struct snapshot *s, const struct str *path, size_t n_path,
                                         struct str schema, struct str name);
const struct relation *snapshot_relation_by_oid(const struct snapshot *s, oid_t oid);
/* The user's relation whose rows are of this type; NULL: none. */
const struct relation *snapshot_relation_of_rows(const struct snapshot *s, oid_t row_type);
const struct column *relation_column(const struct relation *r, struct str name);
const struct column *relation_column_by_number(const struct relation *r, int16_t number);
/* A type by name: built-in first, then user types along the path. Gives its OID, 0: none. */
oid_t snapshot_type(const struct snapshot *s, const struct str *path, size_t n_path, struct str schema,
                    struct str name);
const struct user_type *snapshot_user_type(const struct snapshot *s, oid_t oid); /* also for the array's OID */
/* enum -> text (25), domain -> its base, their arrays likewise, built-in -> itself. What the codecs and SQLite know. */
oid_t snapshot_base_type(const struct snapshot *s, oid_t type, int32_t *typmod_in_out);
/*
 * The nearest domain, of those that the type is made of, that has one of the rules itself; NULL: none, or an array. A domain over a
 * domain keeps the rules of both (CREATE DOMAIN).
 */
enum domain_rule {
    DOMAIN_DEFAULT = 1,
    DOMAIN_NOT_NULL = 2,
    DOMAIN_CHECK = 4,
    DOMAIN_CONSTRAINT = DOMAIN_NOT_NULL | DOMAIN_CHECK
};
const struct user_type *snapshot_ruling_domain(const struct snapshot *s, oid_t type, unsigned rules);
/* The domain with a constraint or a length that the elements of an array type are of; NULL: there is none. */
const struct user_type *snapshot_ruled_element(const struct snapshot *s, oid_t type);
/* type_decode() for any type: enums and domains, and arrays of them, as their base types. An enum's labels are looked at: 22P02. A domain's length
 * is applied as an assignment applies it (22001, 22003 when it does not fit); its constraints are not looked at. */
bool snapshot_decode(const struct snapshot *s, oid_t type, enum wire_format format, struct str bytes,
                     const struct type_settings *settings, struct arena *arena, struct value *ret, struct err *err);
/* 16384 and above, below 2^31, the same for the same words everywhere: for things that have no OID field here (defaults, row types' arrays). */
oid_t snapshot_hash_oid(const char *kind, struct str schema, struct str name, int number);
/* Element type of an array type, built-in or user; 0 when not an array. And the other way round. */
oid_t snapshot_element_type(const struct snapshot *s, oid_t array);
oid_t snapshot_array_type(const struct snapshot *s, oid_t element);
/* format_type() for any type: `integer`, `character varying(10)`, `audit_kind`, `other.audit_kind[]`. */
struct str snapshot_format_type(const struct snapshot *s, oid_t type, int32_t typmod, struct arena *arena);
/* The same as a search path other than public shows it (names.h). */
struct name_path;
struct str snapshot_format_type_on(const struct snapshot *s, const struct name_path *path, oid_t type, int32_t typmod,
                                   struct arena *arena);
/* The schema to write before a relation's name: empty where the bare name finds it. */
struct str snapshot_shown_schema(const struct snapshot *s, const struct name_path *path, const struct relation *r);

/* The sequence that goes with a column: of serial, identity, or by OWNED BY. NULL: none. */
const struct relation *snapshot_owned_sequence(const struct snapshot *s, const struct relation *r,
                                               const struct column *c);
/* It is a foreign key on that table. */
bool constraint_refers_to(const struct constraint *key, const struct relation *parent);
/* The first foreign key of child that refers to parent, NULL: none does. */
const struct constraint *relation_key_to(const struct relation *child, const struct relation *parent);
bool relation_refers_to(const struct relation *child, const struct relation *parent);

#endif
