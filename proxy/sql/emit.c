/* emit.c - what every printer needs: binds, names, errors; the entry points; see emit_internal.h. */
#include "d1/scan.h"
#include "proxy/sql/may_fail.h"
#include "proxy/sql/place.h"

#include <stdarg.h>

void emitter_init(struct emitter *e, struct emit_shared *shared, enum emit_target target)
{
    *e = (struct emitter){ .shared = shared,
                           .arena = shared->arena,
                           .err = shared->err,
                           .target = target,
                           .native = target == TARGET_LOCAL || shared->settings->traits.native_values };
}

struct emit_mark emit_mark(const struct emitter *e)
{
    const struct emit_shared *s = e->shared;
    return (struct emit_mark){ .names = s->n_names,
                               .binds = e->n_binds,
                               .prelude = s->n_prelude,
                               .prelude_binds = s->prelude ? s->prelude->n_binds : 0,
                               .fetches = s->n_fetches,
                               .reads = s->n_reads,
                               .needs_catalog = s->needs_catalog };
}

void emit_rollback(struct emitter *e, struct emit_mark mark)
{
    struct emit_shared *s = e->shared;
    e->n_binds = mark.binds;
    s->n_names = mark.names;
    s->n_prelude = mark.prelude;
    if (s->prelude)
        s->prelude->n_binds = mark.prelude_binds;
    s->n_fetches = mark.fetches;
    s->n_reads = mark.reads;
    s->needs_catalog = mark.needs_catalog;
}

bool blocked(struct emitter *e, int location, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    e->shared->blocked_what = arena_vprintf(e->arena, format, args);
    va_end(args);
    e->shared->blocked_location = location;
    return false;
}

bool refused(struct emitter *e, int location, enum sqlstate code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(e->arena, format, args);
    va_end(args);
    err_set(e->err, code, "%.*s", STR_FMT(text));
    return location >= 0 ? err_at(e->err, location + 1) : false;
}

bool refuse_blocked(struct emitter *e)
{
    struct emit_shared *s = e->shared;
    if (err_is_set(e->err))
        return false;
    err_unsupported(e->err, "%.*s", STR_FMT(s->blocked_what));
    return s->blocked_location >= 0 ? err_at(e->err, s->blocked_location + 1) : false;
}

struct str text_of(struct emitter *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(e->arena, format, args);
    va_end(args);
    if (!text.p)
        err_oom(e->err);
    return text;
}

bool grow(struct emitter *e, void **array, size_t n, size_t *size, size_t element)
{
    if (n < *size)
        return true;
    size_t wanted = *size ? *size * 2 : 8;
    void *p = arena_array(e->arena, wanted, element);
    if (!p)
        return err_oom(e->err);
    if (n)
        memcpy(p, *array, n * element);
    *array = p;
    *size = wanted;
    return true;
}

oid_t base_type(const struct emitter *e, oid_t type)
{
    int32_t typmod = -1;
    return e->shared->snapshot ? snapshot_base_type(e->shared->snapshot, type, &typmod) : type;
}

bool is_utc(const struct emitter *e)
{
    const struct type_settings *t = e->shared->settings->types;
    return !t || t->zone == zone_utc();
}

/* ---- names ---- */

struct str emit_identifier(struct str name, struct arena *arena)
{
    size_t quotes = 0;
    for (size_t i = 0; i < name.n; i++)
        quotes += name.p[i] == '"';
    char *p = arena_alloc(arena, name.n + quotes + 3);
    if (!p)
        return (struct str){ 0 };
    size_t n = 0;
    p[n++] = '"';
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            p[n++] = '"';
        p[n++] = name.p[i];
    }
    p[n++] = '"';
    return (struct str){ p, n };
}

struct str emit_text_literal(struct str text, struct arena *arena)
{
    size_t quotes = 0;
    for (size_t i = 0; i < text.n; i++)
        quotes += text.p[i] == '\'';
    char *p = arena_alloc(arena, text.n + quotes + 3);
    if (!p)
        return (struct str){ 0 };
    size_t n = 0;
    p[n++] = '\'';
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            p[n++] = '\'';
        p[n++] = text.p[i];
    }
    p[n++] = '\'';
    return (struct str){ p, n };
}

static bool name_is_used(const struct emit_shared *s, struct str name)
{
    for (size_t i = 0; i < s->n_names; i++)
        if (str_eq_nocase(s->names[i], name))
            return true;
    return false;
}

struct str unique_name(struct emitter *e, struct str wanted)
{
    struct emit_shared *s = e->shared;
    struct str name = wanted;
    for (int i = 1; name_is_used(s, name); i++)
        if (!(name = text_of(e, "%.*s_%d", STR_FMT(wanted), i)).p)
            return name;
    if (!grow(e, (void **)&s->names, s->n_names, &s->size_names, sizeof(*s->names)))
        return (struct str){ 0 };
    s->names[s->n_names++] = name;
    struct str quoted = emit_identifier(name, e->arena);
    if (!quoted.p)
        err_oom(e->err);
    return quoted;
}

/* ---- errors raised by SQL text ---- */

struct str emit_raise(struct emitter *e, const char *code, struct str message)
{
    struct str text = text_of(e, "!%s:%.*s", code, STR_FMT(message));
    struct str quoted = text.p ? emit_text_literal(text, e->arena) : (struct str){ 0 };
    if (!quoted.p)
        return quoted;
    return text_of(e, "json_extract('{}',%.*s)", STR_FMT(quoted));
}

struct str emit_raise_local(struct emitter *e)
{
    if (e->no_guards)
        return STR("NULL");
    if (e->refuse_local)
        return emit_raise(e, "0A000", STR("D1 cannot work out the expression of a unique index for this value"));
    e->shared->plan->may_go_local = true;
    return text_of(e, "json_extract('{}','!local')");
}

bool has_guard(const struct fragment *f)
{
    return f->checks || str_find(f->sql, STR("json_extract('{}',")) >= 0;
}

/* ---- footprint ---- */

void add_read(struct emitter *e, const struct relation *r)
{
    struct emit_shared *s = e->shared;
    for (size_t i = 0; i < s->n_reads; i++)
        if (s->reads[i] == r)
            return;
    if (grow(e, (void **)&s->reads, s->n_reads, &s->size_reads, sizeof(*s->reads)))
        s->reads[s->n_reads++] = r;
}

/* ---- binds ---- */

void mark_structural(struct emitter *e, const struct expr *constant)
{
    struct literal_set *set = e->shared->structural;
    int literal = constant->kind == EXPR_CONST ? constant->constant.literal : -1;
    if (set && literal >= 0 && (size_t)literal < set->n)
        set->is_structural[literal] = true;
}

static bool same_bind(const struct bind *a, const struct bind *b)
{
    if (a->source == BIND_UUID || a->source == BIND_RANDOM || a->source == BIND_CLOCK)
        return false;
    return a->source == b->source && a->form == b->form && a->index == b->index && a->detail == b->detail &&
           a->type == b->type && a->typmod == b->typmod && a->typmod_explicit == b->typmod_explicit &&
           a->not_null == b->not_null && a->column == b->column && a->relation == b->relation &&
           a->negated == b->negated && value_same(&a->constant, &b->constant);
}

/* What the bound value is on arrival. */
static enum type_storage bind_storage(const struct emitter *e, const struct bind *b)
{
    switch (b->form) {
    case BIND_NUMBER:
    case BIND_STORE:
        return STORAGE_NUMERIC;
    case BIND_SCALED:
    case BIND_UNIX_S:
    case BIND_UNIX_MS:
    case BIND_UNIX_US:
        return STORAGE_INTEGER;
    case BIND_AS_IS:
    case BIND_NOT_NAN:
        break;
    default:
        return STORAGE_TEXT;
    }
    const struct type_info *t = type_find(base_type(e, b->type));
    if (!t || t->storage == STORAGE_NUMERIC)
        return STORAGE_TEXT;
    return t->storage;
}

static struct str placeholder(struct emitter *e, const struct bind *b, size_t number)
{
    enum type_storage storage = bind_storage(e, b);
    if (e->native)
        return text_of(e, "?%zu", number);
    switch (storage) {
    case STORAGE_INTEGER:
        return text_of(e, "CAST(?%zu AS INTEGER)", number);
    case STORAGE_REAL:
        return b->form == BIND_NOT_NAN
                   ? text_of(e, "CAST(?%zu AS REAL)", number)
                   : text_of(e, "CASE ?%zu WHEN 'NaN' THEN ?%zu ELSE CAST(?%zu AS REAL) END", number, number, number);
    case STORAGE_NUMERIC:
        return text_of(e, "CAST(?%zu AS NUMERIC)", number);
    case STORAGE_BLOB:
        return text_of(e, "unhex(?%zu)", number);
    case STORAGE_TEXT:
        break;
    }
    return text_of(e, "?%zu", number);
}

enum { DEDUPE_LIMIT = 256 }; /* looking for an equal one among thousands would take longer than it saves */

static bool bind_list(struct emitter *e, char mark, const struct bind *binds, size_t n, struct str *ret)
{
    size_t first = e->n_binds + 1;
    for (size_t i = 0; i < n; i++) {
        if (!grow(e, (void **)&e->binds, e->n_binds, &e->size_binds, sizeof(*e->binds)))
            return false;
        e->binds[e->n_binds++] = binds[i];
    }
    *ret = text_of(e, "{%c%zu,%zu}", mark, first, n);
    return ret->p != NULL;
}

bool emit_bind_list(struct emitter *e, const struct bind *binds, size_t n, struct str *ret)
{
    return bind_list(e, '#', binds, n, ret);
}

/* A column of rows in one list, as the value that its placeholders would give. */
static struct str listed_column(struct emitter *e, enum type_storage storage, size_t width, size_t at)
{
    struct str cell = text_of(e, "max(iif(k%%%zu=%zu,value,NULL))", width, at);
    if (storage == STORAGE_BLOB)
        return text_of(e, "unhex(%.*s)", STR_FMT(cell));
    return storage == STORAGE_REAL
               ? text_of(e, "iif(%.*s='NaN','NaN',CAST(%.*s AS REAL))", STR_FMT(cell), STR_FMT(cell))
               : cell;
}

bool emit_bind_rows(struct emitter *e, const struct bind *binds, size_t width, size_t n_rows, struct str *ret)
{
    struct str list, columns = STR("");
    for (size_t i = 0; i < width; i++) {
        enum type_storage storage = bind_storage(e, &binds[i]);
        for (size_t r = 1; r < n_rows; r++)
            if (bind_storage(e, &binds[r * width + i]) != storage)
                return blocked(e, -1, "rows of values of several forms");
        struct str column = listed_column(e, storage, width, i);
        columns = text_of(e, "%.*s%s%.*s AS column%zu", STR_FMT(columns), i ? "," : "", STR_FMT(column), i + 1);
    }
    if (!columns.p || !bind_list(e, '@', binds, n_rows * width, &list))
        return false;
    *ret = text_of(e, "SELECT %.*s FROM (%.*s) GROUP BY k/%zu", STR_FMT(columns), STR_FMT(list), width);
    return ret->p != NULL;
}

bool emit_bind(struct emitter *e, const struct bind *bind, struct fragment *ret)
{
    size_t at = 0, look = e->n_binds < DEDUPE_LIMIT ? e->n_binds : DEDUPE_LIMIT;
    while (at < look && !same_bind(&e->binds[at], bind))
        at++;
    if (at == look) {
        at = e->n_binds;
        if (!grow(e, (void **)&e->binds, e->n_binds, &e->size_binds, sizeof(*e->binds)))
            return false;
        e->binds[e->n_binds++] = *bind;
    }
    *ret = (struct fragment){ .sql = placeholder(e, &e->binds[at], at + 1), .simple = true };
    return ret->sql.p != NULL;
}

struct bind bind_of_expr(const struct expr *x)
{
    struct bind b = { .type = x->type, .typmod = -1 };
    if (x->kind == EXPR_PARAM) {
        b.source = BIND_PARAM;
        b.index = x->param.number;
        return b;
    }
    b.source = x->constant.literal >= 0 ? BIND_LITERAL : BIND_CONSTANT;
    b.index = x->constant.literal;
    b.negated = x->constant.negated;
    b.constant = x->constant.is_null ? value_null() : x->constant.value;
    return b;
}

/* Its error is raised by D1, where the value is needed after all. */
static bool raise_when_reached(struct emitter *e, int column, struct fragment *f)
{
    struct bind b = { .source = BIND_PRELUDE_ERROR, .index = column, .type = TYPE_OID_text, .typmod = -1 };
    struct fragment error;
    if (!emit_bind(e, &b, &error))
        return false;
    f->sql = text_of(e, "CASE WHEN %.*s IS NULL THEN %.*s ELSE json_extract('{}',%.*s) END", STR_FMT(error.sql),
                     STR_FMT(f->sql), STR_FMT(error.sql));
    f->simple = false;
    f->is_doubtful = true;
    return f->sql.p != NULL;
}

/* Nothing is computed of an arm of CASE that a NULL drops. */
static bool drop_with_arm(struct emitter *e, struct emitter *prelude, struct fragment *f)
{
    for (const struct decider *g = e->deciders; g && f->sql.p; g = g->outer) {
        struct fragment constant;
        if (!emit_value(prelude, g->constant, &constant))
            return false;
        f->sql = text_of(e, "CASE WHEN %.*s IS NOT NULL THEN %.*s END", STR_FMT(constant.sql), STR_FMT(f->sql));
    }
    return f->sql.p != NULL;
}

bool emit_prelude(struct emitter *e, const struct expr *x, enum bind_form form, int detail, struct fragment *ret)
{
    struct emit_shared *s = e->shared;
    if (e->no_prelude || e->inline_constants || e->target != TARGET_D1 || asks_own_number(e, x))
        return false;
    if (is_volatile_expr(x) && is_for_each_row(e))
        return blocked(e, x->location, "another value each time it is evaluated");
    bool is_doubtful = e->conditional && (e->excluded || !folding_is_constant(x)) && expr_may_fail(x);
    if (is_doubtful && e->eager)
        return blocked(e, x->location, "a constant that may fail, in a part that may not be reached");
    if (!s->prelude) {
        if (!(s->prelude = ARENA_NEW(e->arena, struct emitter)))
            return err_oom(e->err);
        emitter_init(s->prelude, s, TARGET_LOCAL);
    }
    struct emit_mark mark = emit_mark(s->prelude);
    struct fragment f;
    s->prelude->depth = e->depth;
    if (!emit_value(s->prelude, x, &f) || (expr_may_fail(x) && !drop_with_arm(e, s->prelude, &f))) {
        emit_rollback(s->prelude, mark);
        return false;
    }
    if (f.is_volatile || is_volatile_expr(x))
        s->has_volatile = true;
    size_t at = 0;
    while (at < s->n_prelude && (s->has_volatile || !str_eq(s->prelude_columns[at].sql, f.sql)))
        at++;
    if (at == s->n_prelude) {
        if (!grow(e, (void **)&s->prelude_columns, s->n_prelude, &s->size_prelude, sizeof(*s->prelude_columns)))
            return false;
        s->prelude_columns[s->n_prelude++] = (struct prelude_column){ f.sql, is_doubtful };
    }
    s->prelude_columns[at].is_doubtful &= is_doubtful;
    struct bind b = { .source = BIND_PRELUDE,
                      .form = form,
                      .detail = detail,
                      .index = (int)at,
                      .type = base_type(e, x->type),
                      .typmod = -1 };
    return emit_bind(e, &b, ret) && (!is_doubtful || raise_when_reached(e, (int)at, ret));
}

/* Where the placeholder ends that starts at `?`; *ret_number its number. */
static size_t placeholder_at(struct str sql, size_t at, size_t *ret_number)
{
    size_t n = 0;
    for (at++; at < sql.n && sql.p[at] >= '0' && sql.p[at] <= '9'; at++)
        n = n * 10 + (size_t)(sql.p[at] - '0');
    *ret_number = n;
    return at;
}

struct bind *emit_bare_bind(struct emitter *e, const struct fragment *f)
{
    ptrdiff_t mark = str_find(f->sql, STR("?"));
    size_t number = 0;
    if (mark < 0)
        return NULL;
    placeholder_at(f->sql, (size_t)mark, &number);
    if (number < 1 || number > e->n_binds)
        return NULL;
    struct bind *bind = &e->binds[number - 1];
    return str_eq(f->sql, placeholder(e, bind, number)) ? bind : NULL;
}

bool emit_pure_bind(struct emitter *e, const struct fragment *f, struct bind *ret)
{
    if (str_is(f->sql, "NULL")) {
        *ret = (struct bind){
            .source = BIND_CONSTANT, .index = -1, .typmod = -1, .type = TYPE_OID_text, .constant = value_null()
        };
        return true;
    }
    int64_t v;
    if (str_to_int64(f->sql, &v)) {
        *ret = (struct bind){
            .source = BIND_CONSTANT, .index = -1, .typmod = -1, .type = TYPE_OID_int8, .constant = value_integer(v)
        };
        return true;
    }
    struct str number = { f->sql.p + 1, f->sql.n ? f->sql.n - 1 : 0 };
    if (f->sql.n < 2 || f->sql.p[0] != '?' || !str_to_int64(number, &v) || v < 1 || (size_t)v > e->n_binds)
        return false;
    *ret = e->binds[v - 1];
    return true;
}

static size_t skip_quoted(struct str sql, size_t at)
{
    char quote = sql.p[at++];
    while (at < sql.n && sql.p[at] != quote)
        at++;
    return at < sql.n ? at + 1 : at; /* a doubled quote starts the next piece */
}

/* New numbers in order of appearance. */
static void number_placeholders(struct str sql, size_t *map, size_t n_binds, size_t *ret_n)
{
    size_t n = 0, number;
    for (size_t i = 0; i < sql.n;) {
        if (sql.p[i] == '\'' || sql.p[i] == '"') {
            i = skip_quoted(sql, i);
        } else if (sql.p[i] == '?') {
            i = placeholder_at(sql, i, &number);
            if (number >= 1 && number <= n_binds && !map[number - 1])
                map[number - 1] = ++n;
        } else if (sql.p[i] == '{' && (sql.p[i + 1] == '#' || sql.p[i + 1] == '@')) {
            size_t count;
            i = placeholder_at(sql, i + 1, &number);
            i = placeholder_at(sql, i, &count) + 1;
            for (size_t k = 0; k < count && number + k <= n_binds; k++)
                map[number + k - 1] = ++n; /* nobody else refers to them */
        } else {
            i++;
        }
    }
    *ret_n = n;
}

static void add_columns(struct buf *out, const struct fetch *f)
{
    buf_printf(out, "c0");
    for (size_t i = 1; i < f->n_columns; i++)
        buf_printf(out, ",c%zu", i);
}

/* A value of a JSON array; bytes are hex digits there. */
static void add_json_cell(struct buf *out, const char *array, size_t at, bool is_blob)
{
    buf_printf(out, is_blob ? "unhex(json_extract(%s,'$[%zu]'))" : "json_extract(%s,'$[%zu]')", array, at);
}

bool finish_cells(struct emitter *e, struct str *sql, size_t *ret_n, bool **ret_is_blob)
{
    size_t *map = ARENA_ARRAY(e->arena, size_t, e->n_binds), n = 0, number;
    bool *is_blob = ARENA_ARRAY(e->arena, bool, e->n_binds), plain = true;
    if (!map || !is_blob)
        return err_oom(e->err);
    number_placeholders(*sql, map, e->n_binds, &n);
    for (size_t i = 0; i < e->n_binds; i++)
        if (map[i])
            is_blob[map[i] - 1] = e->native && bind_storage(e, &e->binds[i]) == STORAGE_BLOB;
    struct buf out;
    buf_init(&out, sql->n * 20 + 4096);
    for (size_t i = 0, end; i < sql->n; i = end) {
        bool quoted = sql->p[i] == '\'' || sql->p[i] == '"';
        end = quoted ? skip_quoted(*sql, i) : i + 1;
        plain &= quoted || sql->p[i] != '{';
        if (sql->p[i] == '?' && !quoted) {
            end = placeholder_at(*sql, i, &number);
            add_json_cell(&out, "value", map[number - 1] - 1, is_blob[map[number - 1] - 1]);
        } else
            buf_add(&out, sql->p + i, end - i);
    }
    *sql = out.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&out));
    buf_fini(&out);
    *ret_n = plain ? n : 0; /* lists of binds and inputs have forms of their own */
    *ret_is_blob = is_blob;
    return sql->p || err_oom(e->err);
}

/* {#3,500}: five hundred members of the array, from bind 3; {@3,500}: each with its number, from 0. Where the mark ends. */
static size_t add_list(struct buf *out, struct str sql, size_t at, const size_t *map)
{
    size_t number, count, end = placeholder_at(sql, at + 1, &number);
    end = placeholder_at(sql, end, &count) + 1;
    size_t first = map[number - 1] - 1;
    if (sql.p[at + 1] == '@')
        buf_printf(out, "SELECT key - %zu AS k, value FROM json_each(?1) WHERE key BETWEEN %zu AND %zu", first, first,
                   first + count - 1);
    else
        buf_printf(out, "SELECT value FROM json_each(?1) WHERE key BETWEEN %zu AND %zu", first, first + count - 1);
    return end;
}

bool finish_binds(struct emitter *e, size_t max_params, struct str *sql, struct bind **ret, size_t *ret_n,
                  bool *ret_as_json)
{
    size_t *map = ARENA_ARRAY(e->arena, size_t, e->n_binds), n = 0;
    struct bind *binds = ARENA_ARRAY(e->arena, struct bind, e->n_binds);
    if (!map || !binds)
        return err_oom(e->err);
    number_placeholders(*sql, map, e->n_binds, &n);
    for (size_t i = 0; i < e->n_binds; i++)
        if (map[i])
            binds[map[i] - 1] = e->binds[i];
    bool as_json = max_params && n > max_params;
    struct buf out;
    buf_init(&out, sql->n * 20 + 4096); /* "?9" may become "unhex(json_extract(?1,'$[1999]'))" */
    for (size_t i = 0, end; i < sql->n; i = end) {
        size_t number = 0;
        if (sql->p[i] == '\'' || sql->p[i] == '"') {
            end = skip_quoted(*sql, i);
        } else if (sql->p[i] == '?') {
            end = placeholder_at(*sql, i, &number);
            bool blob = as_json && e->native && bind_storage(e, &binds[map[number - 1] - 1]) == STORAGE_BLOB;
            if (as_json)
                add_json_cell(&out, "?1", map[number - 1] - 1, blob);
            else
                buf_printf(&out, "?%zu", map[number - 1]);
            continue;
        } else if (sql->p[i] == '{' && (sql->p[i + 1] == '#' || sql->p[i + 1] == '@')) {
            end = add_list(&out, *sql, i, map);
            continue;
        } else if (sql->p[i] ==
                   '{') { /* f{2}: an input of the local part by the number of its fetch; {=2}: its columns */
            bool columns = sql->p[i + 1] == '=';
            end = placeholder_at(*sql, i + columns, &number) + 1;
            if (columns)
                add_columns(&out, e->shared->fetches[number % EMIT_MAX_FETCHES]);
            else
                buf_printf(&out, "%d", e->shared->input_order[number % EMIT_MAX_FETCHES]);
            continue;
        } else {
            end = i + 1;
        }
        buf_add(&out, sql->p + i, end - i);
    }
    struct str text = out.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&out));
    buf_fini(&out);
    if (!text.p)
        return err_oom(e->err);
    *sql = text;
    *ret = binds;
    *ret_n = n;
    *ret_as_json = as_json;
    return true;
}

/* ---- entry points ---- */

static void note_read(const struct bind *binds, size_t n, bool *read)
{
    for (size_t i = 0; i < n; i++)
        if (binds[i].source == BIND_LITERAL)
            read[binds[i].index] = true;
}

/* A literal that no bind reads went into the text, or shaped it. */
static void note_literals(struct emit_shared *s)
{
    struct literal_set *set = s->structural;
    const struct plan *plan = s->plan;
    if (!set)
        return;
    bool *read = ARENA_ARRAY(s->arena, bool, set->n + 1);
    const struct plan_lookup *lookup = plan->lookup;
    for (size_t i = 0; read && i < plan->n_statements; i++)
        note_read(plan->statements[i].binds, plan->statements[i].n_binds, read);
    for (size_t i = 0; read && lookup && i < lookup->n_statements; i++)
        note_read(lookup->statements[i].binds, lookup->statements[i].n_binds, read);
    const struct plan_local *locals[] = { plan->local, plan->prelude, lookup ? &lookup->local : NULL };
    for (size_t i = 0; read && i < sizeof(locals) / sizeof(*locals); i++)
        if (locals[i])
            note_read(locals[i]->binds, locals[i]->n_binds, read);
    for (size_t i = 0; i < set->n; i++)
        if (!read || !read[i])
            set->is_structural[i] = true;
}

/* No view of temporary tables is permanent, and the other way round. */
static bool add_view_reads(struct emit_shared *s, struct emitter *e)
{
    bool view[2] = { false, false };
    for (size_t i = 0; i < s->n_reads; i++)
        view[s->reads[i]->is_temporary] |= s->reads[i]->kind != RELATION_TABLE;
    for (size_t i = 0; (view[0] || view[1]) && i < s->snapshot->n_relations; i++) {
        const struct relation *r = &s->snapshot->relations[i];
        if (r->kind == RELATION_TABLE && view[r->is_temporary])
            add_read(e, r);
    }
    return !err_is_set(s->err);
}

bool emit_query(struct query *query, const struct sql_settings *settings, struct plan *plan,
                struct literal_set *structural, struct err *err)
{
    static const char *const tags[] = { "SELECT", "INSERT 0", "UPDATE", "DELETE", "MERGE" };
    struct emit_shared s = { .plan = plan,
                             .settings = settings,
                             .snapshot = plan->snapshot,
                             .structural = structural,
                             .arena = plan->arena,
                             .err = err };
    struct emitter e;
    emitter_init(&e, &s, TARGET_D1);
    bool change = query->command != COMMAND_SELECT;
    plan->kind = change && !query->n_returning ? PLAN_CHANGE : PLAN_QUERY;
    plan->is_forced_local = settings->force_local;
    plan->tag = tags[query->command];
    plan->tag_has_count = true;
    plan->access = D1_READ;
    plan->cacheable = true;
    if (!rewrite_unread(query, plan->arena, err) || !rewrite_setval(query, plan->arena, err) ||
        !changing_collect(&s, query) || !(change ? emit_change(&s, query) : place_select(&s, query)) ||
        !place_prelude(&s) || !add_view_reads(&s, &e))
        return false;
    plan->reads = s.reads;
    plan->n_reads = s.n_reads;
    plan->volatile_values = s.has_volatile;
    plan->cacheable = !s.looked_at_session;
    plan->may_fail_late |= plan->local && query_may_fail(query);
    note_literals(&s);
    return true;
}

static bool ddl_shared(struct emit_shared *s, struct plan *plan, const struct sql_settings *settings,
                       struct arena *arena, struct err *err)
{
    *s = (struct emit_shared){
        .plan = plan, .settings = settings, .snapshot = plan->snapshot, .arena = arena, .err = err
    };
    return true;
}

enum ddl_doubt { DOUBT_GUARDED, DOUBT_NULL, DOUBT_REFUSED }; /* what stands where only the local engine is right */

struct ddl_target {
    enum ddl_doubt doubt;
    const struct column *column; /* whose cell it becomes; NULL: a value of its type */
    bool in_schema;              /* SQLite takes no subquery there */
};

static bool has_subquery(struct str sql)
{
    struct scan_token t;
    while (scan_next(&sql, &t))
        if (t.kind == SCAN_WORD && str_eq_nocase(t.text, STR("SELECT")))
            return true;
    return false;
}

static bool ddl_expression(const struct expr *expr, const struct query *scope, const struct sql_settings *settings,
                           const struct snapshot *snapshot, struct ddl_target target, struct arena *arena,
                           struct str *ret, struct err *err)
{
    struct plan plan = { .snapshot = snapshot };
    struct emit_shared s;
    struct emitter e;
    struct fragment f;
    ddl_shared(&s, &plan, settings, arena, err);
    emitter_init(&e, &s, TARGET_D1);
    e.inline_constants = e.raw_cells = true;
    e.no_prelude = true;
    e.no_guards = target.doubt == DOUBT_NULL;
    e.refuse_local = target.doubt == DOUBT_REFUSED;
    if (scope) {
        if (!(e.level = level_new(&e, scope)))
            return false;
        for (size_t i = 0; i < scope->n_rtable; i++)
            if (scope->rtable[i].kind == RTE_RELATION &&
                !relation_columns(&e, scope->rtable[i].relation, &scope->rtable[i], STR(""), &e.level->rtes[i].columns))
                return false;
    }
    /* What is stored: numbers for a column of numeric(p<=15,s), PostgreSQL's text for any other numeric. */
    struct column number = { .type = TYPE_OID_numeric, .storage = COLUMN_NUMBER };
    bool is_number = expr->kind == EXPR_TYPMOD && is_numeric(&e, expr->type) && typmod_precision(expr->typmod) <= 15;
    if (target.column) {
        number = *target.column;
        is_number = is_numeric(&e, number.type);
        e.value_only = is_number && number.storage == COLUMN_NUMBER;
    }
    if (!emit_expr(&e, expr, &f) || !(is_number ? numeric_storage(&e, &number, &f) : settle(&e, &f)) ||
        (f.form != FORM_NATURAL && target.column && !is_number && !make_natural(&e, number.type, &f)) ||
        (f.form == FORM_SCALED && !make_natural(&e, expr->type, &f)) ||
        (target.in_schema && has_subquery(f.sql) &&
         !blocked(&e, expr->location, "an expression like this in a schema")))
        return refuse_blocked(&e), err_hint(err, "D1 itself works out what a schema says. Work such a value out in the "
                                                 "statements that write or read the table.");
    *ret = f.sql;
    return true;
}

bool emit_ddl_expression(const struct expr *expr, const struct query *scope, const struct sql_settings *settings,
                         const struct snapshot *snapshot, struct arena *arena, struct str *ret, struct err *err)
{
    return ddl_expression(expr, scope, settings, snapshot, (struct ddl_target){ .in_schema = true }, arena, ret, err);
}

bool emit_ddl_index_expression(const struct expr *expr, const struct query *scope, const struct sql_settings *settings,
                               const struct snapshot *snapshot, struct arena *arena, struct str *ret, struct err *err)
{
    return ddl_expression(expr, scope, settings, snapshot,
                          (struct ddl_target){ .doubt = DOUBT_NULL, .in_schema = true }, arena, ret, err);
}

bool emit_ddl_index_guard(const struct expr *expr, const struct query *scope, const struct sql_settings *settings,
                          const struct snapshot *snapshot, struct arena *arena, struct str *ret, struct err *err)
{
    return ddl_expression(expr, scope, settings, snapshot, (struct ddl_target){ .doubt = DOUBT_REFUSED }, arena, ret,
                          err);
}

bool emit_ddl_cell(const struct expr *expr, const struct query *scope, const struct column *column,
                   const struct sql_settings *settings, const struct snapshot *snapshot, struct arena *arena,
                   struct str *ret, struct err *err)
{
    return ddl_expression(expr, scope, settings, snapshot, (struct ddl_target){ .column = column }, arena, ret, err);
}

static bool is_plain_column(const struct query *q, const struct expr *x)
{
    return q->set_operation == SETOP_NONE && x->kind == EXPR_VAR && x->var.levels_up == 0 && x->var.rte >= 0 &&
           q->rtable[x->var.rte].kind == RTE_RELATION;
}

/* Who reads a view or a table made of the query knows only its columns' types: a plain column keeps the cells of its
 * table, everything
 * else leaves in the storage form of its type. */
static bool natural_outputs(struct emitter *e, const struct query *query, const struct select_output *out,
                            struct str *ret)
{
    struct str list = STR("");
    bool changed = false;
    for (size_t i = 0, at = 0; i < query->n_targets; i++) {
        if (query->targets[i].junk)
            continue;
        struct fragment f = out->columns[at];
        f.sql = text_of(e, "c%zu", at);
        f.simple = true;
        if (f.form != FORM_NATURAL && !is_plain_column(query, query->targets[i].expr)) {
            changed = true;
            if (!make_natural(e, query->targets[i].expr->type, &f))
                return false;
        }
        list = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(list), at ? ", " : "", STR_FMT(f.sql), at);
        at++;
    }
    if (changed)
        *ret = text_of(e, "SELECT %.*s FROM (%.*s)", STR_FMT(list), STR_FMT(*ret));
    return ret->p != NULL && list.p != NULL;
}

/* filled: the statement that takes the binds; NULL: there must be none. */
static bool ddl_query(struct query *query, const struct sql_settings *settings, const struct snapshot *snapshot,
                      struct arena *arena, struct plan_statement *filled, struct str *ret, struct err *err)
{
    struct plan plan = { .snapshot = snapshot };
    struct emit_shared s;
    struct emitter e;
    struct select_output out;
    ddl_shared(&s, &plan, settings, arena, err);
    emitter_init(&e, &s, TARGET_D1);
    e.inline_constants = true;
    e.binds_session = filled != NULL;
    e.no_prelude = true;
    if (!emit_select(&e, query, false, ret, &out))
        return refuse_blocked(&e);
    for (size_t i = 0; i < s.n_reads; i++)
        if (s.reads[i]->is_temporary) {
            err_unsupported(err, "a view, or CREATE TABLE AS, of temporary table \"%.*s\"", STR_FMT(s.reads[i]->name));
            return err_hint(err, "CREATE TABLE first, then INSERT … SELECT.");
        }
    if (!natural_outputs(&e, query, &out, ret))
        return refuse_blocked(&e);
    return !filled || finish_binds(&e, 0, ret, &filled->binds, &filled->n_binds, &filled->binds_as_json);
}

bool emit_ddl_query(struct query *query, const struct sql_settings *settings, const struct snapshot *snapshot,
                    struct arena *arena, struct str *ret, struct err *err)
{
    return ddl_query(query, settings, snapshot, arena, NULL, ret, err);
}

bool emit_filling_query(struct query *query, const struct sql_settings *settings, const struct snapshot *snapshot,
                        struct arena *arena, struct plan_statement *ret, struct err *err)
{
    return ddl_query(query, settings, snapshot, arena, ret, &ret->sql, err);
}
