/* bind.c - values of one execution -> parameters of its statements, and result cells back into storage form; see
 * plan.h. */
#include "proxy/sql/bind.h"

#include <math.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include "pgwire/datetime.h"
#include "pgwire/numeric.h"
#include "proxy/catalog/null_violation.h"
#include "proxy/sql/local.h"
#include "proxy/sql/lookup.h"
#include "proxy/sql/path_patterns.h"
#include "proxy/sql/sequence_values.h"

enum { SAFE_DIGITS = 15 };

struct binding {
    const struct plan *plan;
    const struct bind_input *input;
    struct arena *arena;
    struct err *err;
    bool retry_local;
    struct value *prelude, *prelude_errors; /* errors: NULL: it has none */
    size_t n_prelude;
    struct value prelude_column; /* BIND_PRELUDE_COLUMN */
};

typedef bool (*bind_function)(struct binding *b, const struct bind *bind, struct value *v);

static bool retry(struct binding *b)
{
    b->retry_local = true;
    return true;
}

static struct str keep(struct binding *b, struct buf *out)
{
    struct str s = out->failed ? (struct str){ 0 } : arena_str(b->arena, buf_str(out));
    buf_fini(out);
    if (!s.p)
        err_oom(b->err);
    return s;
}

static bool set_text(struct value *v, struct str text)
{
    *v = value_text(text);
    return text.p != NULL;
}

/* ---- forms ---- */

static bool as_is(struct binding *b, const struct bind *bind, struct value *v)
{
    (void)b;
    (void)bind;
    (void)v;
    return true;
}

/* Decimal text as INTEGER or REAL, when 15 digits hold it exactly. */
static bool text_to_number(struct str text, struct value *ret)
{
    char digits[64];
    size_t n = 0, significant = 0;
    bool point = false;
    if (text.n >= sizeof(digits))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '.')
            point = true;
        else if (c >= '0' && c <= '9')
            significant += significant || c != '0';
        else if (c != '-')
            return false;
        digits[n++] = c;
    }
    if (point) {
        while (n && digits[n - 1] == '0') {
            n--;
            significant -= significant > 0;
        }
        if (n && digits[n - 1] == '.') {
            n--;
            point = false;
        }
    }
    digits[n] = 0;
    if (significant > SAFE_DIGITS)
        return false;
    *ret = point ? value_real(strtod(digits, NULL)) : value_integer(strtoll(digits, NULL, 10));
    return true;
}

static bool number(struct binding *b, const struct bind *bind, struct value *v)
{
    (void)bind;
    if (v->class != VALUE_TEXT)
        return true;
    return text_to_number(v->bytes, v) || retry(b);
}

/* The cell of a numeric(p<=15,s) column. */
static bool number_to_store(int32_t typmod, struct arena *arena, struct value *v, struct err *err)
{
    if (!type_apply_typmod(TYPE_OID_numeric, typmod, false, arena, v, err))
        return false;
    if (v->class != VALUE_TEXT || text_to_number(v->bytes, v))
        return true;
    return err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "a column of type %.*s cannot hold %.*s",
                   STR_FMT(type_format(TYPE_OID_numeric, typmod, arena)), STR_FMT(v->bytes));
}

static bool store(struct binding *b, const struct bind *bind, struct value *v)
{
    return number_to_store(bind->typmod >= 0 ? bind->typmod : bind->detail, b->arena, v, b->err);
}

static bool scaled(struct binding *b, const struct bind *bind, struct value *v)
{
    AUTO_NUMERIC(n);
    AUTO_NUMERIC(shown);
    if (v->class == VALUE_INTEGER)
        numeric_from_int64(&n, v->integer);
    else if (!numeric_parse(&n, v->bytes, b->err))
        return false;
    if (n.class != NUMERIC_FINITE || numeric_min_scale(&n) > bind->detail)
        return retry(b);
    numeric_round(&shown, &n, bind->detail);
    if (mpz_sizeinbase(shown.unscaled, 10) > 18 || !mpz_fits_slong_p(shown.unscaled))
        return retry(b);
    int64_t unscaled = mpz_get_si(shown.unscaled);
    *v = value_integer(unscaled);
    return true;
}

/* PostgreSQL's pattern as a GLOB pattern, or as an SQLite LIKE pattern with backslash. */
static bool translate(struct str p, int escape, bool to_glob, struct arena *arena, struct str *ret, struct err *err)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < p.n && out.n <= PATTERN_BYTES + 8; i++) {
        char c = p.p[i];
        bool escaped = escape && c == (char)escape;
        if (escaped && ++i == p.n) {
            buf_fini(&out);
            return err_set(err, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character");
        }
        c = p.p[i];
        if (to_glob) {
            if (!escaped && (c == '%' || c == '_'))
                buf_add_char(&out, c == '%' ? '*' : '?');
            else if (c == '*' || c == '?' || c == '[')
                buf_printf(&out, "[%c]", c);
            else
                buf_add_char(&out, c);
        } else {
            if ((escaped && (c == '%' || c == '_')) || c == '\\')
                buf_add_char(&out, '\\');
            buf_add_char(&out, c);
        }
    }
    *ret = out.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return ret->p || err_oom(err);
}

bool bind_glob_pattern(struct str pattern, int escape, struct arena *arena, struct str *ret, struct err *err)
{
    return translate(pattern, escape, true, arena, ret, err);
}

static bool pattern(struct binding *b, const struct bind *bind, bool to_glob, struct value *v)
{
    struct str text;
    if (!translate(v->bytes, bind->detail & 0xff, to_glob, b->arena, &text, b->err)) {
        /* Nothing is wrong before the end of the pattern is reached: a text that differs earlier, or none. */
        if (b->err->code != SQLSTATE_INVALID_ESCAPE_SEQUENCE)
            return false;
        err_init(b->err, b->arena);
        return retry(b);
    }
    *v = value_text(text);
    return text.n > PATTERN_BYTES ? retry(b) : true;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* detail: the escape character; 0x100 added: the pattern must be ASCII. */
static bool glob(struct binding *b, const struct bind *bind, struct value *v)
{
    if ((bind->detail & 0x100) && !is_ascii(v->bytes))
        return retry(b);
    return pattern(b, bind, true, v);
}

static bool like_lower(struct binding *b, const struct bind *bind, struct value *v)
{
    if (!is_ascii(v->bytes))
        return retry(b);
    return pattern(b, bind, false, v);
}

static bool ascii(struct binding *b, const struct bind *bind, struct value *v)
{
    (void)bind;
    return is_ascii(v->bytes) || retry(b);
}

static void json_string(struct buf *out, struct str s)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            buf_printf(out, "\\u%04x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

/* The letter beyond ASCII that folds to an ASCII one in C.UTF-8: I with dot above and Kelvin, dotless i and long s. */
static struct str unfolded_letter(char c, bool upper)
{
    if (upper)
        return c == 'I' ? STR("\xc4\xb1") : c == 'S' ? STR("\xc5\xbf") : (struct str){ 0 };
    return c == 'i' ? STR("\xc4\xb0") : c == 'k' ? STR("\xe2\x84\xaa") : (struct str){ 0 };
}

enum { MAX_UNFOLDED = 10 }; /* letters with another form: 2^10 texts */

static bool unfolded(struct binding *b, const struct bind *bind, struct value *v)
{
    bool upper = bind->detail;
    unsigned n = 0;
    struct buf out;
    if (v->class == VALUE_NULL)
        return set_text(v, STR("[null]"));
    for (size_t i = 0; i < v->bytes.n; i++)
        n += unfolded_letter(v->bytes.p[i], upper).n > 0;
    if (n > MAX_UNFOLDED || !is_ascii(v->bytes))
        return retry(b);
    struct buf one;
    buf_init(&out, 8 << 20);
    buf_init(&one, 8 << 20);
    for (unsigned pick = 0; pick < 1U << n; pick++) {
        unsigned letter = 0;
        one.n = 0;
        for (size_t i = 0; i < v->bytes.n; i++) {
            struct str other = unfolded_letter(v->bytes.p[i], upper);
            bool is_other = other.n && (pick >> letter++ & 1U);
            buf_add_str(&one, is_other ? other : (struct str){ v->bytes.p + i, 1 });
        }
        buf_add_char(&out, pick ? ',' : '[');
        json_string(&out, buf_str(&one));
    }
    buf_add_char(&out, ']');
    out.failed |= one.failed;
    buf_fini(&one);
    struct str text = keep(b, &out);
    return text.p && set_text(v, text);
}

static bool interval_modifier(struct binding *b, const struct bind *bind, struct value *v)
{
    struct interval i;
    if (!interval_from_storage(v->bytes, &i, b->err))
        return false;
    if (i.us % US_PER_SECOND != 0)
        return retry(b);
    static const char *const units[] = { "months", "days", "seconds" };
    int unit = bind->detail & 3;
    int64_t amount = unit == 0 ? i.months : unit == 1 ? i.days : i.us / US_PER_SECOND;
    if (bind->detail & 4)
        amount = -amount;
    return set_text(v, arena_printf(b->arena, "%+lld %s", (long long)amount, units[unit])) || err_oom(b->err);
}

static bool to_unix(oid_t type, int64_t unit, struct value *v, struct err *err)
{
    int64_t us;
    int32_t days;
    bool finite;
    if (v->class != VALUE_TEXT)
        return true;
    if (type == TYPE_OID_date) {
        if (!date_from_storage(v->bytes, &days, err))
            return false;
        finite = date_is_finite(days);
        us = finite ? days * US_PER_DAY : 0;
    } else {
        if (!timestamp_from_storage(v->bytes, &us, err))
            return false;
        finite = timestamp_is_finite(us);
    }
    if (!finite)
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW,
                       "infinity cannot be stored in a column of seconds since 1970");
    *v = us % unit ? value_real((double)us / (double)unit) : value_integer(us / unit);
    return true;
}

static bool unix_time(struct binding *b, const struct bind *bind, struct value *v)
{
    return to_unix(bind->type,
                   bind->form == BIND_UNIX_S    ? US_PER_SECOND
                   : bind->form == BIND_UNIX_MS ? 1000
                                                : 1,
                   v, b->err);
}

static bool hex_string(struct str bytes, struct arena *arena, struct value *ret, struct err *err)
{
    char *hex = arena_alloc(arena, bytes.n * 2 + 1);
    if (!hex)
        return err_oom(err);
    for (size_t i = 0; i < bytes.n; i++) {
        hex[i * 2] = "0123456789ABCDEF"[(unsigned char)bytes.p[i] >> 4];
        hex[i * 2 + 1] = "0123456789ABCDEF"[(unsigned char)bytes.p[i] & 15];
    }
    *ret = value_text((struct str){ hex, bytes.n * 2 });
    return true;
}

static bool hex_text(struct binding *b, const struct bind *bind, struct value *v)
{
    (void)bind;
    return v->class != VALUE_BLOB || hex_string(v->bytes, b->arena, v, b->err);
}

static bool decimal_text(struct binding *b, const struct bind *bind, struct value *v)
{
    (void)bind;
    if (v->class != VALUE_INTEGER)
        return true;
    return set_text(v, arena_printf(b->arena, "%lld", (long long)v->integer)) || err_oom(b->err);
}

static bool is_plain_key(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if ((unsigned char)key.p[i] < 0x20 || key.p[i] == '"' || key.p[i] == '\\')
            return false;
    return true;
}

static bool json_key(struct binding *b, const struct bind *bind, struct value *v)
{
    (void)bind;
    if (v->class == VALUE_INTEGER)
        return set_text(v, v->integer < 0 ? arena_printf(b->arena, "[#%lld]", (long long)v->integer)
                                          : arena_printf(b->arena, "[%lld]", (long long)v->integer)) ||
               err_oom(b->err);
    if (!is_plain_key(v->bytes))
        return retry(b);
    return set_text(v, arena_printf(b->arena, ".\"%.*s\"", STR_FMT(v->bytes))) || err_oom(b->err);
}

/* ["award","year"] -> ."award"."year"; elements that look like an index, or are escaped, are for the local engine. */
static bool json_path(struct binding *b, const struct bind *bind, struct value *v)
{
    struct str p = v->bytes;
    struct buf out;
    (void)bind;
    buf_init(&out, 1 << 20);
    bool plain = p.n >= 2 && p.p[0] == '[' && p.p[p.n - 1] == ']';
    for (size_t i = 1; plain && i + 1 < p.n;) {
        size_t end = i + 1;
        while (end < p.n && p.p[end] != '"')
            end++;
        struct str key = { p.p + i + 1, end - i - 1 };
        int64_t index;
        plain = p.p[i] == '"' && end < p.n && is_plain_key(key) && !str_to_int64(key, &index);
        buf_printf(&out, ".\"%.*s\"", STR_FMT(key));
        i = end + 1;
        while (i + 1 < p.n && (p.p[i] == ',' || p.p[i] == ' '))
            i++;
    }
    struct str text = keep(b, &out);
    if (!text.p)
        return false;
    *v = value_text(text);
    return plain || retry(b);
}

/* [[1,2],[3,4]] -> [1,2,3,4]. Elements that are JSON themselves are strings, so other brackets are dimensions. */
static bool flat_array(struct binding *b, const struct bind *bind, struct value *v)
{
    struct str s = v->bytes;
    (void)bind;
    if (v->class != VALUE_TEXT || s.n < 2 || s.p[1] != '[')
        return true;
    char *flat = arena_alloc(b->arena, s.n);
    size_t n = 0;
    bool quoted = false;
    if (!flat)
        return err_oom(b->err);
    flat[n++] = '[';
    for (size_t i = 1; i + 1 < s.n; i++) {
        if (quoted && s.p[i] == '\\')
            flat[n++] = s.p[i++];
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && (s.p[i] == '[' || s.p[i] == ']'))
            continue;
        flat[n++] = s.p[i];
    }
    flat[n++] = ']';
    return set_text(v, (struct str){ flat, n });
}

static bool not_nan(struct binding *b, const struct bind *bind, struct value *v)
{
    (void)bind;
    return v->class != VALUE_TEXT || retry(b);
}

/* An instant that no column can hold is a text behind, or before, all that one can: ':' follows '9', '/' is before '0'. */
static bool zoned(struct binding *b, const struct bind *bind, struct value *v)
{
    int64_t us;
    int32_t days;
    struct str text;
    struct err beyond;
    if (bind->type == TYPE_OID_date) {
        if (!date_from_storage(v->bytes, &days, b->err))
            return false;
        if (!date_is_finite(days))
            return true;
        us = days * US_PER_DAY;
    } else if (!timestamp_from_storage(v->bytes, &us, b->err)) {
        return false;
    }
    if (!timestamp_is_finite(us))
        return true;
    err_init(&beyond, b->arena);
    bool ok = timestamp_to_timestamptz(us, b->input->types->zone, &us, &beyond) &&
              timestamp_to_storage(us, b->arena, &text, &beyond);
    if (!ok && beyond.code == SQLSTATE_OUT_OF_MEMORY)
        return err_oom(b->err);
    return set_text(v, ok ? text : us > 0 ? STR(":") : STR("/"));
}

static bool limit(struct binding *b, const struct bind *bind, struct value *v)
{
    bool is_limit = bind->form == BIND_LIMIT;
    if (v->class == VALUE_NULL)
        *v = value_integer(is_limit ? -1 : 0);
    else if (v->class == VALUE_INTEGER && v->integer < 0)
        return err_set(b->err,
                       is_limit ? SQLSTATE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE
                                : SQLSTATE_INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
                       "%s must not be negative", is_limit ? "LIMIT" : "OFFSET");
    return true;
}

static const bind_function forms[BIND_FORM_NR] = {
#define BIND_FORM(form, function) [form] = function,
#include "proxy/sql/bind_forms.def"
#undef BIND_FORM
};

/* ---- sources ---- */

/* Whether a text has a literal of that content there: the plan may have been made from another text, as that of PREPARE. */
static bool stands_at(struct str text, size_t offset, struct str content)
{
    struct str rest = { text.p + offset, text.n - offset }, inside = { rest.p + 1, rest.n ? rest.n - 1 : 0 };
    return str_starts(rest, content) || (rest.n && str_starts(inside, content));
}

static bool literal(struct binding *b, const struct bind *bind, struct value *ret)
{
    const struct bind_input *in = b->input;
    const struct str *texts = in->literals ? in->literals : b->plan->literals;
    size_t n = in->literals ? in->n_literals : b->plan->n_literals;
    if (bind->index < 0 || (size_t)bind->index >= n || !texts) {
        *ret = bind->constant;
        return true;
    }
    struct str text = texts[bind->index];
    if (bind->negated && !(text = arena_printf(b->arena, "-%.*s", STR_FMT(text))).p)
        return err_oom(b->err);
    if (type_decode(bind->type, WIRE_TEXT, text, in->types, b->arena, ret, b->err) &&
        path_patterns_check(bind->type, ret, b->arena, b->err))
        return true;
    const int *offsets = in->literals ? in->literal_offsets : b->plan->literal_offsets;
    if (!offsets)
        return false;
    size_t offset = (size_t)offsets[bind->index];
    if (offset <= in->text.n && (in->literals || stands_at(in->text, offset, texts[bind->index])))
        offset = str_characters((struct str){ in->text.p, offset });
    return err_at(b->err, (int)offset + 1);
}

static bool instant(struct binding *b, oid_t type, int64_t us, struct value *ret)
{
    const struct zone *zone = b->input->types->zone;
    int64_t local = timestamptz_to_timestamp(us, zone);
    struct str text;
    bool ok;
    switch (type) {
    case TYPE_OID_date:
        ok = date_to_storage(timestamp_to_date(local), b->arena, &text, b->err);
        break;
    case TYPE_OID_time:
        ok = time_to_storage(timestamp_to_time(local), b->arena, &text, b->err);
        break;
    case TYPE_OID_timetz: {
        struct timetz t = { timestamp_to_time(local), zone_offset_at(zone, us, NULL) };
        ok = timetz_to_storage(&t, b->arena, &text, b->err);
        break;
    }
    case TYPE_OID_timestamp:
        ok = timestamp_to_storage(local, b->arena, &text, b->err);
        break;
    default:
        ok = timestamp_to_storage(us, b->arena, &text, b->err);
        break;
    }
    if (ok)
        *ret = value_text(text);
    return ok;
}

static bool fresh_uuid(struct binding *b, struct value *ret)
{
    unsigned char r[16];
    if (RAND_bytes(r, sizeof(r)) != 1)
        return err_set(b->err, SQLSTATE_INTERNAL_ERROR, "could not generate random values");
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    return set_text(ret, arena_printf(b->arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                                      r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12],
                                      r[13], r[14], r[15])) ||
           err_oom(b->err);
}

static bool fresh_random(struct binding *b, struct value *ret)
{
    uint64_t bits;
    if (RAND_bytes((unsigned char *)&bits, sizeof(bits)) != 1)
        return err_set(b->err, SQLSTATE_INTERNAL_ERROR, "could not generate random values");
    *ret = value_real((double)(bits >> 11) / 9007199254740992.0);
    return true;
}

static bool sequence(struct binding *b, const struct bind *bind, struct value *ret)
{
    bool again = false;
    if (!sequence_values_bind(b->input->sequences, b->input->snapshot, bind, ret, &again, b->err))
        return false;
    b->retry_local |= again;
    return true;
}

static bool prelude(struct binding *b, const struct bind *bind, struct value *ret);

static bool taken(struct binding *b, const struct relation *r, struct value *ret)
{
    const struct taken_rows *rows = b->input->taken;
    while (rows && rows->relation != r->oid)
        rows = rows->next;
    if (!rows)
        return err_set(b->err, SQLSTATE_INTERNAL_ERROR, "the rows of temporary table \"%.*s\" were not taken along",
                       STR_FMT(r->name));
    *ret = value_text(rows->json);
    return true;
}

static bool source(struct binding *b, const struct bind *bind, struct value *ret)
{
    const struct bind_input *in = b->input;
    switch (bind->source) {
    case BIND_PARAM:
        if (bind->index < 1 || (size_t)bind->index > in->n_params)
            return err_set(b->err, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $%d", bind->index);
        *ret = in->params[bind->index - 1];
        return true;
    case BIND_LITERAL:
        return literal(b, bind, ret);
    case BIND_CONSTANT:
        *ret = bind->constant;
        return true;
    case BIND_NOW:
        return instant(b, bind->type, in->now_us, ret);
    case BIND_STATEMENT:
        return instant(b, bind->type, in->statement_us, ret);
    case BIND_CLOCK:
        return instant(b, bind->type, in->clock_us ? in->clock_us(in->clock_ctx) : in->now_us, ret);
    case BIND_UUID:
        return fresh_uuid(b, ret);
    case BIND_RANDOM:
        return fresh_random(b, ret);
    case BIND_SESSION:
        if (!in->session_value)
            return err_set(b->err, SQLSTATE_INTERNAL_ERROR, "no session to ask for %.*s",
                           STR_FMT(bind->constant.bytes));
        return in->session_value(in->session_ctx, bind->constant.bytes, b->arena, ret) || err_oom(b->err);
    case BIND_SEQUENCE:
        return sequence(b, bind, ret);
    case BIND_PRELUDE:
    case BIND_PRELUDE_ERROR:
        return prelude(b, bind, ret);
    case BIND_PRELUDE_COLUMN:
        *ret = b->prelude_column;
        return true;
    case BIND_TEMPORARY:
        return taken(b, bind->relation, ret);
    case BIND_SKIPPED:
        *ret = value_text(in->skipped.n ? in->skipped : STR("[0,[]]"));
        return true;
    case BIND_LOOKUP: /* lookup_finish() knows it */
        *ret = value_null();
        return true;
    }
    return false;
}

bool column_cell_value(const struct snapshot *snapshot, const struct relation *relation, const struct column *column,
                       oid_t base_type, int32_t typmod, struct arena *arena, struct value *value, struct err *err)
{
    if (value->class == VALUE_NULL)
        return !(column->is_rowid || column->takes_null) || null_violation(snapshot, relation, column, err);
    if (column->storage == COLUMN_NUMBER)
        return number_to_store(typmod, arena, value, err);
    if (typmod >= 0 && !type_apply_typmod(base_type, typmod, false, arena, value, err))
        return false;
    switch (column->storage) {
    case COLUMN_UNIX_S:
        return to_unix(base_type, US_PER_SECOND, value, err);
    case COLUMN_UNIX_MS:
        return to_unix(base_type, 1000, value, err);
    case COLUMN_UNIX_US:
        return to_unix(base_type, 1, value, err);
    case COLUMN_NATURAL:
    case COLUMN_NUMBER:
    case COLUMN_DATETIME:
    case COLUMN_LOOSE:
        break;
    }
    return true;
}

static bool bind_one(struct binding *b, const struct bind *bind, struct value *ret)
{
    if (!source(b, bind, ret))
        return false;
    if (ret->class == VALUE_NULL) {
        if (bind->not_null)
            return null_violation(b->plan->snapshot, bind->relation, bind->column, b->err);
        bool takes_null = bind->form == BIND_LIMIT || bind->form == BIND_OFFSET || bind->form == BIND_UNFOLDED;
        return takes_null ? forms[bind->form](b, bind, ret) : true;
    }
    if (bind->typmod >= 0 && bind->form != BIND_STORE &&
        !type_apply_typmod(bind->type, bind->typmod, bind->typmod_explicit, b->arena, ret, b->err))
        return false;
    return forms[bind->form](b, bind, ret);
}

/* ---- preludes ---- */

static bool prelude_row(void *ctx, const struct value *cells, size_t n)
{
    struct binding *b = ctx;
    b->prelude = ARENA_ARRAY(b->arena, struct value, n);
    if (!b->prelude)
        return err_oom(b->err);
    for (size_t i = 0; i < n; i++)
        if (!value_keep(&cells[i], b->arena, &b->prelude[i]))
            return err_oom(b->err);
    b->n_prelude = n;
    return true;
}

static bool bind_all(struct binding *b, const struct bind *binds, size_t n, struct value **ret)
{
    struct value *values = ARENA_ARRAY(b->arena, struct value, n);
    if (!values)
        return err_oom(b->err);
    for (size_t i = 0; i < n; i++)
        if (!bind_one(b, &binds[i], &values[i]))
            return false;
    *ret = values;
    return true;
}

/* `column`: of those in doubt only this one; NULL: all of them. */
static bool compute_prelude(struct binding *b, struct value column)
{
    const struct plan_local *p = b->plan->prelude;
    const struct bind_input *in = b->input;
    struct value *binds;
    b->prelude = NULL;
    b->prelude_column = column;
    if (!in->engine)
        return err_set(b->err, SQLSTATE_INTERNAL_ERROR, "no local engine for the constants of a statement");
    if (!bind_all(b, p->binds, p->n_binds, &binds))
        return false;
    struct local_run run = { .sql = p->sql,
                             .binds = binds,
                             .n_binds = p->n_binds,
                             .snapshot = in->snapshot ? in->snapshot : b->plan->snapshot,
                             .types = in->types,
                             .now_us = in->now_us,
                             .session_value = in->session_value,
                             .notice = in->notice,
                             .session_ctx = in->session_ctx,
                             .on_row = prelude_row,
                             .ctx = b,
                             .arena = b->arena };
    if (!local_run(in->engine, &run, b->err) || err_is_set(b->err))
        return false;
    return b->prelude ? true : err_set(b->err, SQLSTATE_INTERNAL_ERROR, "the constants of a statement gave no row");
}

/* The text that raises the error in D1, as emit_raise() writes it; the error is forgotten. */
static bool take_error(struct binding *b, struct value *ret)
{
    struct buf out;
    if (b->err->code == SQLSTATE_OUT_OF_MEMORY || b->err->code == SQLSTATE_INTERNAL_ERROR)
        return false;
    buf_init(&out, 1 << 20);
    buf_printf(&out, "!%s:%.*s", sqlstate_code(b->err->code), STR_FMT(b->err->message));
    if (b->err->detail.n)
        buf_printf(&out, "\nDETAIL: %.*s", STR_FMT(b->err->detail));
    if (b->err->hint.n)
        buf_printf(&out, "\nHINT: %.*s", STR_FMT(b->err->hint));
    struct arena *arena = b->err->arena;
    err_init(b->err, arena);
    *ret = value_text(keep(b, &out));
    return ret->bytes.p != NULL;
}

/* One of them fails, perhaps one that is not needed: each of those in doubt alone. */
static bool compute_one_by_one(struct binding *b)
{
    struct value first;
    if (!take_error(b, &first) || !compute_prelude(b, value_integer(-1)))
        return false;
    struct value *values = b->prelude, *errors = ARENA_ARRAY(b->arena, struct value, b->n_prelude);
    size_t n = b->n_prelude;
    if (!errors)
        return err_oom(b->err);
    for (size_t i = 0; i < n; i++) {
        errors[i] = value_null();
        if (compute_prelude(b, value_integer((int64_t)i)))
            values[i] = b->prelude[i];
        else if (!take_error(b, &errors[i]))
            return false;
    }
    b->prelude = values;
    b->prelude_errors = errors;
    return true;
}

static bool run_prelude(struct binding *b)
{
    return compute_prelude(b, value_null()) ||
           (b->plan->prelude_is_doubtful && err_is_set(b->err) && compute_one_by_one(b));
}

static bool prelude(struct binding *b, const struct bind *bind, struct value *ret)
{
    if (!b->prelude && !run_prelude(b))
        return false;
    if (bind->index < 0 || (size_t)bind->index >= b->n_prelude)
        return err_set(b->err, SQLSTATE_INTERNAL_ERROR, "a constant of a statement is missing");
    if (bind->source == BIND_PRELUDE)
        *ret = b->prelude[bind->index];
    else
        *ret = b->prelude_errors ? b->prelude_errors[bind->index] : value_null();
    return true;
}

/* ---- statements ---- */

/* Transports that speak JavaScript: integers and bytes as text, infinities as texts that CAST reads. */
static bool travel(struct binding *b, struct value *v)
{
    static const struct bind none = { 0 };
    switch (v->class) {
    case VALUE_INTEGER:
        return decimal_text(b, &none, v);
    case VALUE_BLOB:
        return hex_text(b, &none, v);
    case VALUE_REAL:
        if (isinf(v->real))
            *v = value_text(v->real > 0 ? STR("9e999") : STR("-9e999"));
        return true;
    case VALUE_NULL:
    case VALUE_TEXT:
        break;
    }
    return true;
}

bool bind_json_value(struct buf *out, const struct value *v, struct arena *arena, struct err *err)
{
    struct value hex;
    switch (v->class) {
    case VALUE_NULL:
        buf_add_str(out, STR("null"));
        break;
    case VALUE_INTEGER:
        buf_printf(out, "%lld", (long long)v->integer);
        break;
    case VALUE_REAL:
        if (isinf(v->real))
            buf_add_str(out, v->real > 0 ? STR("9e999") : STR("-9e999"));
        else
            buf_printf(out, "%.17e", v->real);
        break;
    case VALUE_BLOB:
        if (!hex_string(v->bytes, arena, &hex, err))
            return false;
        json_string(out, hex.bytes);
        break;
    case VALUE_TEXT:
        json_string(out, v->bytes);
        break;
    }
    return true;
}

enum { MAX_JSON_PARAM = 2000000 };

static bool bind_as_json(struct binding *b, const struct plan_statement *s, struct value *values,
                         struct d1_statement *ret)
{
    struct buf out;
    struct value *param = ARENA_NEW(b->arena, struct value);
    if (!param)
        return err_oom(b->err);
    buf_init(&out, 64 << 20);
    buf_add_char(&out, '[');
    for (size_t i = 0; i < s->n_binds; i++) {
        bool first = s->json_row_width && i % s->json_row_width == 0,
             last = s->json_row_width && (i + 1) % s->json_row_width == 0;
        if (i)
            buf_add_char(&out, ',');
        if (first)
            buf_add_char(&out, '[');
        if (!bind_json_value(&out, &values[i], b->arena, b->err)) {
            buf_fini(&out);
            return false;
        }
        if (last)
            buf_add_char(&out, ']');
    }
    buf_add_char(&out, ']');
    if (out.n > MAX_JSON_PARAM) {
        buf_fini(&out);
        err_set(b->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the values of one statement exceed D1's limit of %d bytes",
                MAX_JSON_PARAM);
        return err_hint(b->err, "Insert fewer rows at a time, or use COPY.");
    }
    struct str text = keep(b, &out);
    if (!text.p)
        return false;
    *param = value_text(text);
    *ret = (struct d1_statement){ .sql = s->sql, .params = param, .n_params = 1, .wants_changes = s->counts_changes };
    return true;
}

static bool bind_statement(struct binding *b, const struct plan_statement *s, struct d1_statement *ret)
{
    struct value *values;
    if (!bind_all(b, s->binds, s->n_binds, &values))
        return false;
    if (s->binds_as_json)
        return bind_as_json(b, s, values, ret);
    for (size_t i = 0; i < s->n_binds && !b->input->traits.native_values; i++)
        if (!travel(b, &values[i]))
            return false;
    *ret = (struct d1_statement){
        .sql = s->sql, .params = values, .n_params = s->n_binds, .wants_changes = s->counts_changes
    };
    return true;
}

static bool bind_statements(struct binding *b, const struct plan_statement *list, size_t n, struct d1_statement **ret,
                            bool *ret_retry_local)
{
    struct d1_statement *statements = ARENA_ARRAY(b->arena, struct d1_statement, n);
    if (!statements)
        return err_oom(b->err);
    for (size_t i = 0; i < n && !b->retry_local; i++)
        if (!bind_statement(b, &list[i], &statements[i]))
            return false;
    *ret = statements;
    *ret_retry_local = b->retry_local;
    return true;
}

bool plan_bind(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct d1_statement **ret,
               bool *ret_retry_local, struct err *err)
{
    struct binding b = { .plan = plan, .input = input, .arena = arena, .err = err };
    return bind_statements(&b, plan->statements, plan->n_statements, ret, ret_retry_local);
}

bool lookup_bind(const struct plan *plan, const struct bind_input *input, struct arena *arena,
                 struct d1_statement **ret, bool *ret_retry_local, struct err *err)
{
    struct binding b = { .plan = plan, .input = input, .arena = arena, .err = err };
    return bind_statements(&b, plan->lookup->statements, plan->lookup->n_statements, ret, ret_retry_local);
}

/* currval() of a statement that was prepared before the transaction used the sequence. */
static bool needs_no_other_plan(struct binding *b)
{
    if (!b->retry_local)
        return true;
    err_unsupported(b->err, "currval() or lastval() prepared before this transaction used the sequence");
    return err_hint(b->err, "Prepare it again, or use RETURNING.");
}

bool lookup_bind_local(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct value **ret,
                       struct err *err)
{
    struct binding b = { .plan = plan, .input = input, .arena = arena, .err = err };
    return bind_all(&b, plan->lookup->local.binds, plan->lookup->local.n_binds, ret) && needs_no_other_plan(&b);
}

bool plan_bind_row(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct value **ret,
                   struct err *err)
{
    struct binding b = { .plan = plan, .input = input, .arena = arena, .err = err };
    return bind_all(&b, plan->row->binds, plan->row->n_binds, ret);
}

bool plan_bind_key(const struct plan *plan, const struct plan_key *key, const struct bind_input *input,
                   struct arena *arena, struct value **ret, struct err *err)
{
    struct binding b = { .plan = plan, .input = input, .arena = arena, .err = err };
    return bind_all(&b, key->binds, key->n_binds, ret);
}

bool plan_bind_local(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct value **ret,
                     struct err *err)
{
    struct binding b = { .plan = plan, .input = input, .arena = arena, .err = err };
    return bind_all(&b, plan->local->binds, plan->local->n_binds, ret) && needs_no_other_plan(&b);
}
