/*
 * types.h - the types of PostgreSQL on the wire and in storage: bytes <-> struct value.
 *
 * Every type has one storage form, what its value is in SQLite and inside a plan ("datum form"):
 *   bool                      INTEGER 0/1
 *   int2 int4 int8 oid xid    INTEGER (regclass, regtype… too: the OID)
 *   float4 float8             REAL (±Infinity kept; NaN is TEXT 'NaN')
 *   numeric                   TEXT, canonical: PostgreSQL's own output ("-12.50", "NaN", "Infinity"); the encoder also takes INTEGER
 *                             and REAL cells (columns of numeric(p<=15,s)) and prints them with the scale of the typmod
 *   text varchar char(n) name citext "char" xml-free text types, enum, unknown     TEXT; char(n) without its padding
 *   bytea                     BLOB
 *   date time timestamp       TEXT 'YYYY-MM-DD', 'HH:MM:SS[.ffffff]', 'YYYY-MM-DD HH:MM:SS[.ffffff]', trailing zeros of the
 *                             fraction dropped; 'infinity', '-infinity'. BC and years above 9999: 22008
 *   timestamptz               TEXT, the same, in UTC, without suffix
 *   timetz interval           TEXT as PostgreSQL prints them with IntervalStyle postgres ('1 mon 2 days 03:04:05.5', '10:00:00+02')
 *   uuid                      TEXT, lower case, with hyphens
 *   json                      TEXT verbatim;  jsonb  TEXT as PostgreSQL prints jsonb (keys by length then bytes, last duplicate wins, ", " and ": ")
 *   inet cidr macaddr macaddr8  TEXT as PostgreSQL prints them
 *   arrays                    TEXT, JSON array of the elements' storage forms: numbers for INTEGER and finite REAL, strings for the rest,
 *                             bytea as hex string, null for NULL; nested arrays for more dimensions; lower bounds other
 *                             than 1: 0A000
 *   int2vector oidvector      as arrays
 *   tsvector tsquery          TEXT as PostgreSQL prints them; tsquery with the parentheses that tell `a & (b & c)` from `(a & b) & c`
 *   void                      TEXT ''
 *   "char"                    TEXT of one character, a byte above 127 as \ooo (what PostgreSQL shows)
 *   xid8                      INTEGER; above int8: 0A000
 *
 * Owns     nothing: decoded texts live in the caller's arena, encoded bytes in the caller's buf.
 * Fails    22P02, 22003, 22007, 22008, 22001, 22P03 (binary), 22021 (encoding) with PostgreSQL's wording.
 * Not here SQL-level casts and arithmetic (proxy/sql/functions); which column has which type (proxy/catalog).
 */
#ifndef PGD1_PGWIRE_TYPES_H
#define PGD1_PGWIRE_TYPES_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"
#include "proxy/base/value.h"

typedef uint32_t oid_t;

/* OIDs of the built-in types by name: TYPE_OID_int4 == 23 … and of their arrays: TYPE_OID__int4. One row each in types.def. */
enum type_oid {
#define TYPE(name, oid, array_oid, storage, length) TYPE_OID_##name = oid, TYPE_OID__##name = array_oid,
#define TYPE_NO_ARRAY(name, oid, storage, length) TYPE_OID_##name = oid,
#include "pgwire/types.def"
#undef TYPE
#undef TYPE_NO_ARRAY
};

enum type_storage { STORAGE_INTEGER, STORAGE_REAL, STORAGE_NUMERIC, STORAGE_TEXT, STORAGE_BLOB };

struct type_info {
    const char *name;          /* PostgreSQL's internal name: "int4", "_int4" */
    oid_t oid, array, element; /* array: OID of the array type or 0; element: for arrays, else 0 */
    enum type_storage storage;
    int16_t length; /* pg_type.typlen */
};

/* The row of a built-in type, NULL when unknown: user types (enum, domain) are resolved by the catalogue first. */
const struct type_info *type_find(oid_t oid);
const struct type_info *type_find_name(struct str name); /* internal name */

enum wire_format { WIRE_TEXT = 0, WIRE_BINARY = 1 };
enum date_order { DATE_ORDER_MDY, DATE_ORDER_DMY, DATE_ORDER_YMD };
enum date_style { DATE_STYLE_ISO, DATE_STYLE_SQL, DATE_STYLE_POSTGRES, DATE_STYLE_GERMAN };
enum interval_style {
    INTERVAL_STYLE_POSTGRES,
    INTERVAL_STYLE_POSTGRES_VERBOSE,
    INTERVAL_STYLE_SQL_STANDARD,
    INTERVAL_STYLE_ISO_8601
};
enum bytea_output { BYTEA_OUTPUT_HEX, BYTEA_OUTPUT_ESCAPE };

/* The session settings that input and output depend on, and the time of the transaction ('now', 'today'). */
struct type_settings {
    const struct zone *zone; /* timezone.h; never NULL */
    enum date_style date_style;
    enum date_order date_order;
    enum interval_style interval_style;
    enum bytea_output bytea_output;
    int extra_float_digits; /* 1 and above: shortest exact text */
    int64_t now_us;         /* transaction start, µs since 1970 UTC */
};

/* UTC, ISO MDY, postgres, hex, 1: what a fresh session has. */
const struct type_settings *type_settings_default(void);

/* One value as the client sent it -> storage form, length coercion of typmod not applied (see type_apply_typmod).
 * bytes are not NUL-terminated. Gives TEXT/BLOB in arena. type: built-in, or array of built-in; TYPE_OID_unknown as text. */
bool type_decode(oid_t type, enum wire_format format, struct str bytes, const struct type_settings *settings,
                 struct arena *arena, struct value *ret, struct err *err);
/* Storage form -> bytes appended to out (no length word). A cell whose class does not fit the type is converted when exact,
 * else 22P02 "invalid input syntax for type …". NULL must not be given. typmod: -1 or PostgreSQL's. */
bool type_encode(oid_t type, int32_t typmod, enum wire_format format, const struct value *value,
                 const struct type_settings *settings, struct arena *arena, struct buf *out, struct err *err);
/* What PostgreSQL's length coercion does to a value of a column: varchar(n), char(n), numeric(p,s), timestamp(p)…
 * is_explicit: a cast truncates text silently; an assignment raises 22001 unless only blanks are cut. */
bool type_apply_typmod(oid_t type, int32_t typmod, bool is_explicit, struct arena *arena, struct value *value,
                       struct err *err);
/* typmod of PostgreSQL from the integers of a type modifier list: varchar(10) -> 14, numeric(10,2) -> 655366… 22023 on nonsense. */
bool type_typmod_in(oid_t type, const int32_t *modifiers, size_t n, int32_t *ret, struct err *err);
/* format_type(): "character varying(255)", "timestamp(0) without time zone", "integer[]". Built-in types only. */
struct str type_format(oid_t type, int32_t typmod, struct arena *arena);

#endif
