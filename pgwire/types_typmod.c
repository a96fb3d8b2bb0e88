/* types_typmod.c - type modifiers: from the numbers of a declaration, onto a value, and in the name of a type. */
#include "pgwire/datetime.h"
#include "pgwire/numeric.h"
#include "pgwire/types_internal.h"

enum {
    HEADER = 4, /* PostgreSQL adds its length word to the typmods of varchar, char and numeric */
    MAX_CHARACTERS = 10485760,
    MAX_SECOND_DIGITS = 6,
    BIT_OID = 1560, /* bit and varbit have no codec here: their length is let through to who refuses the type */
    VARBIT_OID = 1562,
    INTERVAL_FULL_RANGE = 0x7FFF,
    INTERVAL_FULL_PRECISION = 0xFFFF,
};

/* ---- from a declaration */

static bool invalid(struct err *err, const char *what)
{
    return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", what);
}

static bool length_in(const char *name, const int32_t *m, size_t n, int32_t *ret, struct err *err)
{
    if (n != 1)
        return invalid(err, "invalid type modifier");
    if (m[0] < 1)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "length for type %s must be at least 1", name);
    if (m[0] > MAX_CHARACTERS)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "length for type %s cannot exceed %d", name,
                       (int)MAX_CHARACTERS);
    *ret = m[0] + HEADER;
    return true;
}

static bool numeric_in(const int32_t *m, size_t n, int32_t *ret, struct err *err)
{
    int32_t scale = n == 2 ? m[1] : 0;
    if (n < 1 || n > 2)
        return invalid(err, "invalid NUMERIC type modifier");
    if (m[0] < 1 || m[0] > NUMERIC_MAX_PRECISION)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "NUMERIC precision %d must be between 1 and %d", m[0],
                       (int)NUMERIC_MAX_PRECISION);
    if (scale < -1000 || scale > 1000)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "NUMERIC scale %d must be between -1000 and 1000", scale);
    *ret = (m[0] << 16 | (scale & 0x7FF)) + HEADER;
    return true;
}

/* More digits than six are reduced to six, as PostgreSQL does with a warning. */
static bool precision_in(const char *name, const char *suffix, int32_t precision, int32_t *ret, struct err *err)
{
    if (precision < 0)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "%s(%d)%s precision must not be negative", name,
                       precision, suffix);
    *ret = precision > MAX_SECOND_DIGITS ? MAX_SECOND_DIGITS : precision;
    return true;
}

/* The first number is the mask of fields as PostgreSQL's grammar gives it. */
static bool interval_in(const int32_t *m, size_t n, int32_t *ret, struct err *err)
{
    int32_t precision = INTERVAL_FULL_PRECISION;
    if (n < 1 || n > 2 || (m[0] & ~INTERVAL_FULL_RANGE))
        return invalid(err, "invalid INTERVAL type modifier");
    if (n == 1 && m[0] == INTERVAL_FULL_RANGE) {
        *ret = -1;
        return true;
    }
    if (n == 2 && !precision_in("INTERVAL", "", m[1], &precision, err))
        return false;
    *ret = m[0] << 16 | precision;
    return true;
}

bool type_typmod_in(oid_t oid, const int32_t *m, size_t n, int32_t *ret, struct err *err)
{
    const struct type_info *type = type_find(oid);
    oid_t base = type && type->element ? type->element : oid;
    bool one = n == 1;
    switch (base) {
    case TYPE_OID_varchar:
        return length_in("varchar", m, n, ret, err);
    case TYPE_OID_bpchar:
        return length_in("char", m, n, ret, err);
    case TYPE_OID_numeric:
        return numeric_in(m, n, ret, err);
    case TYPE_OID_interval:
        return interval_in(m, n, ret, err);
    case TYPE_OID_time:
        return one ? precision_in("TIME", "", m[0], ret, err) : invalid(err, "invalid type modifier");
    case TYPE_OID_timetz:
        return one ? precision_in("TIME", " WITH TIME ZONE", m[0], ret, err) : invalid(err, "invalid type modifier");
    case TYPE_OID_timestamp:
        return one ? precision_in("TIMESTAMP", "", m[0], ret, err) : invalid(err, "invalid type modifier");
    case TYPE_OID_timestamptz:
        return one ? precision_in("TIMESTAMP", " WITH TIME ZONE", m[0], ret, err)
                   : invalid(err, "invalid type modifier");
    case BIT_OID:
    case VARBIT_OID:
        *ret = -1;
        return true;
    default:
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "type modifier is not allowed for type \"%s\"",
                       type ? type->name : "???");
    }
}

/* ---- onto a value */

static bool only_blanks(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ')
            return false;
    return true;
}

static bool cut_text(const struct type_io *io, bool is_explicit, const char *name, struct value *v)
{
    size_t limit = (size_t)(io->typmod - HEADER);
    if (v->bytes.n <= limit)
        return true;
    size_t keep = str_offset_of(v->bytes, limit);
    if (!is_explicit && !only_blanks((struct str){ v->bytes.p + keep, v->bytes.n - keep }))
        return err_set(io->err, SQLSTATE_STRING_DATA_RIGHT_TRUNCATION, "value too long for type %s(%zu)", name, limit);
    v->bytes.n = keep;
    return true;
}

static bool apply_bpchar(const struct type_io *io, bool is_explicit, struct value *v)
{
    if (!cut_text(io, is_explicit, "character", v))
        return false;
    while (v->bytes.n && v->bytes.p[v->bytes.n - 1] == ' ')
        v->bytes.n--;
    return true;
}

static bool apply_numeric(const struct type_io *io, struct value *v)
{
    AUTO_NUMERIC(n);
    if (v->class == VALUE_INTEGER)
        numeric_from_int64(&n, v->integer);
    else if (v->class == VALUE_REAL)
        numeric_from_double(&n, v->real, 15);
    else if (v->class != VALUE_TEXT)
        return io_bad_cell(io, v);
    else if (!numeric_parse(&n, v->bytes, io->err))
        return false;
    if (!numeric_apply_typmod(&n, io->typmod, io->err))
        return false;
    struct str text = numeric_print(&n, io->arena);
    *v = value_text(text);
    return text.p ? true : err_oom(io->err);
}

static bool apply_time(const struct type_io *io, struct value *v)
{
    int64_t time;
    if (!time_from_storage(v->bytes, &time, io->err))
        return false;
    return time_to_storage(time_round(time, io->typmod), io->arena, &v->bytes, io->err);
}

static bool apply_timetz(const struct type_io *io, struct value *v)
{
    struct timetz time;
    if (!timetz_from_storage(v->bytes, &time, io->err))
        return false;
    time.us = time_round(time.us, io->typmod);
    return timetz_to_storage(&time, io->arena, &v->bytes, io->err);
}

/* Of timestamptz too: the storage form is the same. */
static bool apply_timestamp(const struct type_io *io, struct value *v)
{
    int64_t t;
    return timestamptz_from_storage(v->bytes, &t, io->err) && timestamp_round(t, io->typmod, &t, io->err) &&
           timestamp_to_storage(t, io->arena, &v->bytes, io->err);
}

static bool apply_interval(const struct type_io *io, struct value *v)
{
    struct interval i;
    return interval_from_storage(v->bytes, &i, io->err) && interval_apply_typmod(&i, io->typmod, io->err) &&
           interval_to_storage(&i, io->arena, &v->bytes, io->err);
}

static bool apply(const struct type_io *io, bool is_explicit, struct value *v)
{
    oid_t oid = io->type->oid;
    if (oid == TYPE_OID_numeric)
        return apply_numeric(io, v);
    if (v->class != VALUE_TEXT)
        return io_bad_cell(io, v);
    switch (oid) {
    case TYPE_OID_varchar:
        return cut_text(io, is_explicit, "character varying", v);
    case TYPE_OID_bpchar:
        return apply_bpchar(io, is_explicit, v);
    case TYPE_OID_time:
        return apply_time(io, v);
    case TYPE_OID_timetz:
        return apply_timetz(io, v);
    case TYPE_OID_timestamp:
    case TYPE_OID_timestamptz:
        return apply_timestamp(io, v);
    default:
        return apply_interval(io, v);
    }
}

static bool has_typmod(oid_t oid)
{
    static const oid_t oids[] = { TYPE_OID_varchar, TYPE_OID_bpchar,    TYPE_OID_numeric,     TYPE_OID_time,
                                  TYPE_OID_timetz,  TYPE_OID_timestamp, TYPE_OID_timestamptz, TYPE_OID_interval };
    for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++)
        if (oids[i] == oid)
            return true;
    return false;
}

bool type_apply_typmod(oid_t oid, int32_t typmod, bool is_explicit, struct arena *arena, struct value *value,
                       struct err *err)
{
    const struct type_info *type = type_find(oid);
    if (typmod < 0 || value->class == VALUE_NULL || !type || !has_typmod(type->element ? type->element : oid))
        return true;
    const struct type_io io = { type, typmod, type_settings_default(), arena, err };
    if (!type->element)
        return apply(&io, is_explicit, value);
    return value->class == VALUE_TEXT ? array_map(&io, value->bytes, is_explicit, apply, value)
                                      : io_bad_cell(&io, value);
}

/* ---- in the name */

static const struct {
    oid_t oid;
    const char *name;
} sql_names[] = {
    { TYPE_OID_bool, "boolean" },
    { TYPE_OID_char, "\"char\"" },
    { TYPE_OID_int8, "bigint" },
    { TYPE_OID_int2, "smallint" },
    { TYPE_OID_int4, "integer" },
    { TYPE_OID_float4, "real" },
    { TYPE_OID_float8, "double precision" },
    { TYPE_OID_varchar, "character varying" },
    { TYPE_OID_varbit, "bit varying" },
    { TYPE_OID_any, "\"any\"" },
};

static const char *sql_name(const struct type_info *type)
{
    for (size_t i = 0; i < sizeof(sql_names) / sizeof(sql_names[0]); i++)
        if (sql_names[i].oid == type->oid)
            return sql_names[i].name;
    return type->name;
}

/* " year to month" of a field mask, "" for all fields */
static const char *interval_fields(int mask)
{
    enum { MONTH = 1 << 1, YEAR = 1 << 2, DAY = 1 << 3, HOUR = 1 << 10, MINUTE = 1 << 11, SECOND = 1 << 12 };
    static const struct {
        int mask;
        const char *name;
    } rows[] = {
        { YEAR, " year" },
        { MONTH, " month" },
        { DAY, " day" },
        { HOUR, " hour" },
        { MINUTE, " minute" },
        { SECOND, " second" },
        { YEAR | MONTH, " year to month" },
        { DAY | HOUR, " day to hour" },
        { DAY | HOUR | MINUTE, " day to minute" },
        { DAY | HOUR | MINUTE | SECOND, " day to second" },
        { HOUR | MINUTE, " hour to minute" },
        { HOUR | MINUTE | SECOND, " hour to second" },
        { MINUTE | SECOND, " minute to second" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].mask == mask)
            return rows[i].name;
    return "";
}

/* "(3)" or nothing; the text of a name and its modifier around which "with time zone" stands. */
static struct str with_precision(const char *name, int32_t typmod, const char *suffix, struct arena *arena)
{
    if (typmod < 0)
        return arena_printf(arena, "%s%s", name, suffix);
    return arena_printf(arena, "%s(%d)%s", name, typmod, suffix);
}

static struct str interval_name(int32_t typmod, struct arena *arena)
{
    if (typmod < 0)
        return STR("interval");
    const char *fields = interval_fields(typmod >> 16 & INTERVAL_FULL_RANGE);
    int precision = typmod & INTERVAL_FULL_PRECISION;
    if (precision == INTERVAL_FULL_PRECISION)
        return arena_printf(arena, "interval%s", fields);
    return arena_printf(arena, "interval%s(%d)", fields, precision);
}

static struct str bpchar_name(int32_t typmod, struct arena *arena)
{
    if (typmod < 0)
        return STR("bpchar");
    return typmod > HEADER ? arena_printf(arena, "character(%d)", typmod - HEADER) : STR("character");
}

static struct str bit_name(int32_t typmod, struct arena *arena)
{
    if (typmod < 0)
        return STR("\"bit\"");
    return arena_printf(arena, "bit(%d)", typmod);
}

static struct str format_base(const struct type_info *type, int32_t typmod, struct arena *arena)
{
    switch (type->oid) {
    case TYPE_OID_bpchar:
        return bpchar_name(typmod, arena);
    case TYPE_OID_bit:
        return bit_name(typmod, arena);
    case TYPE_OID_varchar:
        return with_precision("character varying", typmod > HEADER ? typmod - HEADER : -1, "", arena);
    case TYPE_OID_numeric:
        if (typmod < HEADER)
            return STR("numeric");
        return arena_printf(arena, "numeric(%d,%d)", numeric_typmod_precision(typmod), numeric_typmod_scale(typmod));
    case TYPE_OID_interval:
        return interval_name(typmod, arena);
    case TYPE_OID_time:
        return with_precision("time", typmod, " without time zone", arena);
    case TYPE_OID_timetz:
        return with_precision("time", typmod, " with time zone", arena);
    case TYPE_OID_timestamp:
        return with_precision("timestamp", typmod, " without time zone", arena);
    case TYPE_OID_timestamptz:
        return with_precision("timestamp", typmod, " with time zone", arena);
    default:
        return with_precision(sql_name(type), typmod, "", arena);
    }
}

struct str type_format(oid_t oid, int32_t typmod, struct arena *arena)
{
    const struct type_info *type = type_find(oid);
    if (oid == 0)
        return STR("-");
    if (!type)
        return STR("???");
    const struct type_info *element = type->element ? type_find(type->element) : NULL;
    struct str name = format_base(element ? element : type, typmod, arena);
    return element && name.p ? arena_printf(arena, "%.*s[]", STR_FMT(name)) : name;
}
