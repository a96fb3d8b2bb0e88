/*
 * types_array.c - codecs of arrays, int2vector and oidvector: '{…}' or binary <-> a JSON array of the elements' storage forms.
 *
 * Elements pass one by one through the codec of their type. Lower bounds other than 1 have no storage: 0A000.
 */
#include <math.h>

#include "pgwire/jsonb.h"
#include "pgwire/types_internal.h"

enum { MAX_DIMENSIONS = 6, MAX_ELEMENTS = 134217727, FIRST_USER_OID = 10000 };

struct shape {
    int n;
    int64_t dim[MAX_DIMENSIONS];
    bool bounded; /* stated with a lower bound other than 1 */
};

static struct type_io element_io(const struct type_io *io)
{
    struct type_io element = *io;
    element.type = type_find(io->type->element);
    return element;
}

static bool too_many_dimensions(const struct type_io *io, int n)
{
    return err_set(io->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                   "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, (int)MAX_DIMENSIONS);
}

static bool too_large(const struct type_io *io)
{
    return err_set(io->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                   (int)MAX_ELEMENTS);
}

static bool bad_bounds(const struct type_io *io)
{
    err_unsupported(io->err, "an array with a lower bound other than 1");
    return err_hint(io->err, "Arrays are stored as JSON, which counts from the first element.");
}

/* ---- a value as JSON, and back */

static void add_json(const struct value *v, struct arena *arena, struct buf *json)
{
    switch (v->class) {
    case VALUE_NULL:
        buf_add_str(json, STR("null"));
        return;
    case VALUE_INTEGER:
        buf_add_i64_text(json, v->integer);
        return;
    case VALUE_REAL:
        if (!buf_reserve(json, FLOAT_TEXT_MAX))
            return;
        if (isfinite(v->real))
            json->n += float8_print_real(json->p + json->n, v->real);
        else
            buf_add_str(json, v->real < 0 ? STR("\"-Infinity\"") : STR("\"Infinity\""));
        return;
    case VALUE_TEXT:
        json_print_string(v->bytes, json);
        return;
    case VALUE_BLOB: {
        struct str hex = text_blob_hex(arena, v->bytes, "\"");
        if (!hex.p)
            json->failed = true;
        buf_add_str(json, hex);
        buf_add_char(json, '"');
        return;
    }
    }
}

/* A JSON element as the cell that its type's codec expects. */
static bool from_json(const struct type_io *element, const struct json_value *j, struct value *ret)
{
    double real;
    int64_t integer;
    switch (j->kind) {
    case JSON_NULL:
        *ret = value_null();
        return true;
    case JSON_BOOLEAN:
        *ret = value_integer(j->boolean);
        return true;
    case JSON_STRING:
        if (element->type->storage != STORAGE_BLOB) {
            *ret = value_text(j->text);
            return true;
        }
        struct str hex = arena_printf(element->arena, "\\x%.*s", STR_FMT(j->text));
        return hex.p ? codec_bytea.in(element, hex, ret) : err_oom(element->err);
    case JSON_NUMBER:
        if (element->type->storage == STORAGE_NUMERIC)
            *ret = value_text(j->text);
        else if (str_to_int64(j->text, &integer))
            *ret = value_integer(integer);
        else if (float8_parse(element, j->text, &real))
            *ret = value_real(real);
        else
            return false;
        return true;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return err_set(element->err, SQLSTATE_INVALID_TEXT_REPRESENTATION,
                   "invalid input syntax for type %s: a JSON object or a deeper array", element->type->name);
}

/* ---- text in: one pass over the braces that writes JSON */

struct reader {
    const struct type_io *io;
    struct type_io element;
    struct str text;
    size_t at, braces;  /* cursor; where the first brace stands, once it is found */
    struct shape shape; /* n: level at which elements stand, 0 while unknown; dim: -1 while unknown */
    struct buf *json;
    struct buf item;  /* an element without quotes and escapes */
    bool only_checks; /* first pass: the braces are judged before any element is */
};

static bool malformed(const struct reader *r, const char *detail)
{
    struct str shown = { r->text.p + r->braces, r->text.n - r->braces };
    err_set(r->io->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "malformed array literal: \"%.*s\"", STR_FMT(shown));
    return err_detail(r->io->err, "%s", detail);
}

static char peek(const struct reader *r)
{
    return r->at < r->text.n ? r->text.p[r->at] : 0;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->text.n && is_space(peek(r)))
        r->at++;
}

/* The character after a backslash. */
static bool read_escaped(struct reader *r)
{
    if (++r->at >= r->text.n)
        return malformed(r, "Unexpected end of input.");
    buf_add_char(&r->item, r->text.p[r->at++]);
    return true;
}

static bool read_quoted(struct reader *r)
{
    for (r->at++; r->at < r->text.n && peek(r) != '"';) {
        if (peek(r) == '\\') {
            if (!read_escaped(r))
                return false;
            continue;
        }
        buf_add_char(&r->item, r->text.p[r->at++]);
    }
    if (r->at++ >= r->text.n)
        return malformed(r, "Unexpected end of input.");
    skip_space(r);
    char c = peek(r);
    if (c == '\\')
        return malformed(r, "Unexpected \"\\\" character.");
    return c == ',' || c == '}' || c == 0 || c == '{' || malformed(r, "Unexpected array element.");
}

/* Up to the next mark; blanks at the end do not count unless escaped. */
static bool read_plain(struct reader *r, bool *ret_null)
{
    size_t kept = 0;
    bool escaped = false;
    for (;;) {
        char c = peek(r);
        if (r->at >= r->text.n || c == ',' || c == '{' || c == '}')
            break;
        if (c == '"')
            return malformed(r, "Unexpected array element.");
        if (c == '\\') {
            if (!read_escaped(r))
                return false;
            escaped = true;
            kept = r->item.n;
            continue;
        }
        buf_add_char(&r->item, c);
        r->at++;
        if (!is_space(c))
            kept = r->item.n;
    }
    if (!r->item.failed)
        r->item.n = kept;
    *ret_null = !escaped && str_eq_nocase(buf_str(&r->item), STR("null"));
    return true;
}

static bool read_element(struct reader *r)
{
    bool is_null = false;
    struct value v = value_null();
    buf_reset(&r->item);
    if (peek(r) == '"' ? !read_quoted(r) : !read_plain(r, &is_null))
        return false;
    if (peek(r) == '{')
        return malformed(r, "Unexpected \"{\" character.");
    if (r->item.failed)
        return err_oom(r->io->err);
    if (r->only_checks)
        return true;
    if (!is_null) {
        struct str text = arena_str(r->element.arena, buf_str(&r->item));
        if (!text.p)
            return err_oom(r->io->err);
        if (!codec_decode(&r->element, WIRE_TEXT, text, &v))
            return false;
    }
    add_json(&v, r->element.arena, r->json);
    return true;
}

static bool read_level(struct reader *r, int level);

/* One element or one inner array of a level that was entered. */
static bool read_item(struct reader *r, int level)
{
    skip_space(r);
    char c = peek(r);
    if (r->at >= r->text.n)
        return malformed(r, "Unexpected end of input.");
    if (c == ',')
        return malformed(r, "Unexpected \",\" character.");
    if (c == '}')
        return malformed(r, "Unexpected \"}\" character.");
    if (c == '{') {
        if (r->shape.n && r->shape.n == level)
            return malformed(r, "Unexpected \"{\" character.");
        return read_level(r, level + 1);
    }
    if (r->shape.n == 0)
        r->shape.n = level;
    if (r->shape.n != level)
        return malformed(r, c == '\\' ? "Unexpected \"\\\" character." : "Unexpected array element.");
    return read_element(r);
}

/* All inner arrays of one level have the same length. */
static bool settle_level(struct reader *r, int level, int64_t count)
{
    if (r->shape.dim[level - 1] >= 0 && r->shape.dim[level - 1] != count)
        return malformed(r, "Multidimensional arrays must have sub-arrays with matching dimensions.");
    r->shape.dim[level - 1] = count;
    return true;
}

/* Cursor on the brace that opens the level. */
static bool read_level(struct reader *r, int level)
{
    int64_t count = 0;
    if (level > MAX_DIMENSIONS)
        return too_many_dimensions(r->io, level);
    r->at++;
    buf_add_char(r->json, '[');
    skip_space(r);
    bool is_empty = level == 1 && peek(r) == '}';
    while (!is_empty) {
        if (!read_item(r, level))
            return false;
        skip_space(r);
        count++;
        if (peek(r) == '}')
            break;
        if (r->at >= r->text.n)
            return malformed(r, "Unexpected end of input.");
        if (peek(r) != ',')
            return malformed(r, peek(r) == '{'    ? "Unexpected \"{\" character."
                                : peek(r) == '\\' ? "Unexpected \"\\\" character."
                                                  : "Unexpected array element.");
        r->at++;
        buf_add_char(r->json, ',');
    }
    r->at++;
    buf_add_char(r->json, ']');
    return settle_level(r, level, count);
}

/* "1+2" is 1, "-" is 0; what is too long for a bound has no array that fits it. */
static int64_t leading_number(struct str s)
{
    bool negative = s.p[0] == '-';
    int64_t v = 0;
    for (size_t i = negative || s.p[0] == '+'; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        v = v <= MAX_ELEMENTS ? v * 10 + (s.p[i] - '0') : v;
    return negative ? -v : v;
}

/* A bound of "[1:3]": digits and signs as atoi reads them. */
static bool read_bound(struct reader *r, int64_t *ret)
{
    size_t start = r->at;
    while ((peek(r) >= '0' && peek(r) <= '9') || peek(r) == '-' || peek(r) == '+')
        r->at++;
    struct str digits = { r->text.p + start, r->at - start };
    if (digits.n == 0)
        return false;
    *ret = leading_number(digits);
    return true;
}

/* "[2:3][1:2]=" in front; only lower bounds of 1 can be kept. */
static bool read_dimensions(struct reader *r, struct shape *ret)
{
    *ret = (struct shape){ 0 };
    for (ret->n = 0; skip_space(r), peek(r) == '[';) {
        int64_t lower = 1, upper;
        r->at++;
        if (ret->n == MAX_DIMENSIONS)
            return too_many_dimensions(r->io, ret->n + 1);
        if (!read_bound(r, &upper))
            return malformed(r, "\"[\" must introduce explicitly-specified array dimensions.");
        if (peek(r) == ':') {
            r->at++;
            lower = upper;
            if (!read_bound(r, &upper))
                return malformed(r, "Missing array dimension value.");
        }
        if (peek(r) != ']')
            return malformed(r, "Missing \"]\" after array dimensions.");
        r->at++;
        if (upper < lower)
            return err_set(r->io->err, SQLSTATE_ARRAY_ELEMENT_ERROR, "upper bound cannot be less than lower bound");
        ret->bounded |= lower != 1;
        ret->dim[ret->n++] = upper - lower + 1;
    }
    if (ret->n == 0)
        return true;
    if (peek(r) != '=')
        return malformed(r, "Missing \"=\" after array dimensions.");
    r->at++;
    skip_space(r);
    if (peek(r) != '{')
        return malformed(r, "Array contents must start with \"{\".");
    return true;
}

static bool same_shape(struct reader *r, const struct shape *stated)
{
    bool same = stated->n == r->shape.n;
    for (int i = 0; same && i < stated->n; i++)
        same = stated->dim[i] == r->shape.dim[i];
    if (same)
        return true;
    r->braces = 0;
    return malformed(r, "Specified array dimensions do not match array contents.");
}

static bool read_braces(struct reader *r)
{
    r->at = r->braces;
    r->shape.n = 0;
    for (int i = 0; i < MAX_DIMENSIONS; i++)
        r->shape.dim[i] = -1;
    buf_reset(r->json);
    if (!read_level(r, 1))
        return false;
    skip_space(r);
    return r->at == r->text.n || malformed(r, "Junk after closing right brace.");
}

static bool read_array(struct reader *r)
{
    struct shape stated;
    if (!read_dimensions(r, &stated))
        return false;
    if (peek(r) != '{')
        return malformed(r, "Array value must start with \"{\" or dimension information.");
    r->braces = r->at;
    r->only_checks = true;
    if (!read_braces(r) || (stated.n && !same_shape(r, &stated)))
        return false;
    if (stated.bounded)
        return bad_bounds(r->io);
    r->only_checks = false;
    return read_braces(r);
}

/* What was written, into the arena; the buffer is done with. */
static bool keep_json(const struct type_io *io, bool ok, struct buf *json, struct value *ret)
{
    if (ok && !json->failed) {
        struct str kept = arena_str(io->arena, buf_str(json));
        *ret = value_text(kept);
        ok = kept.p != NULL;
    }
    ok = ok && !json->failed;
    buf_fini(json);
    return ok || err_is_set(io->err) ? ok : err_oom(io->err);
}

static bool array_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct buf json;
    struct reader r = { .io = io, .element = element_io(io), .text = text, .json = &json };
    buf_init(&json, SIZE_MAX / 4);
    buf_init(&r.item, SIZE_MAX / 4);
    bool ok = read_array(&r);
    buf_fini(&r.item);
    return keep_json(io, ok, &json, ret);
}

/* ---- stored JSON -> its shape */

static bool not_an_array(const struct type_io *io, struct str stored)
{
    struct str name = type_format(io->type->oid, -1, io->arena);
    return err_set(io->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %.*s: \"%.*s\"",
                   STR_FMT(name), STR_FMT(stored));
}

/* Every branch as deep and as long as the first one. */
static bool check_shape(const struct json_value *v, const struct shape *s, int level)
{
    if (v->kind != JSON_ARRAY)
        return level == s->n;
    if (level == s->n || (int64_t)v->array.n != s->dim[level])
        return false;
    for (size_t i = 0; i < v->array.n; i++)
        if (!check_shape(&v->array.items[i], s, level + 1))
            return false;
    return true;
}

static bool load(const struct type_io *io, struct str stored, struct json_value *ret, struct shape *shape)
{
    struct err ignored;
    err_init(&ignored, io->arena);
    if (!json_parse(stored, io->arena, ret, &ignored) || ret->kind != JSON_ARRAY)
        return not_an_array(io, stored);
    shape->n = 0;
    if (ret->array.n == 0)
        return true;
    for (const struct json_value *v = ret; v->kind == JSON_ARRAY; v = &v->array.items[0]) {
        if (shape->n == MAX_DIMENSIONS || v->array.n == 0)
            return not_an_array(io, stored);
        shape->dim[shape->n++] = (int64_t)v->array.n;
    }
    return check_shape(ret, shape, 0) || not_an_array(io, stored);
}

/* ---- text out */

static bool needs_quotes(struct str s)
{
    if (s.n == 0 || str_eq_nocase(s, STR("null")))
        return true;
    for (size_t i = 0; i < s.n; i++)
        if (is_space(s.p[i]) || memchr("\"\\{},", s.p[i], 5))
            return true;
    return false;
}

static void add_element_text(struct str s, struct buf *out)
{
    if (!needs_quotes(s)) {
        buf_add_str(out, s);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, '"');
}

static bool write_text(const struct type_io *element, const struct json_value *v, struct buf *item, struct buf *out)
{
    struct value cell;
    if (v->kind == JSON_ARRAY) {
        buf_add_char(out, '{');
        for (size_t i = 0; i < v->array.n; i++) {
            if (i)
                buf_add_char(out, ',');
            if (!write_text(element, &v->array.items[i], item, out))
                return false;
        }
        buf_add_char(out, '}');
        return true;
    }
    if (!from_json(element, v, &cell))
        return false;
    if (cell.class == VALUE_NULL) {
        buf_add_str(out, STR("NULL"));
        return true;
    }
    buf_reset(item);
    if (!codec_encode(element, WIRE_TEXT, &cell, item))
        return false;
    add_element_text(buf_str(item), out);
    return true;
}

static bool array_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct json_value tree;
    struct shape shape;
    struct buf item;
    if (!load(io, v->bytes, &tree, &shape))
        return false;
    const struct type_io element = element_io(io);
    buf_init(&item, SIZE_MAX / 4);
    bool ok = write_text(&element, &tree, &item, out);
    buf_fini(&item);
    return ok;
}

/* ---- binary out */

static bool has_null(const struct json_value *v)
{
    if (v->kind != JSON_ARRAY)
        return v->kind == JSON_NULL;
    for (size_t i = 0; i < v->array.n; i++)
        if (has_null(&v->array.items[i]))
            return true;
    return false;
}

static bool write_binary(const struct type_io *element, const struct json_value *v, struct buf *out)
{
    struct value cell;
    if (v->kind == JSON_ARRAY) {
        for (size_t i = 0; i < v->array.n; i++)
            if (!write_binary(element, &v->array.items[i], out))
                return false;
        return true;
    }
    if (!from_json(element, v, &cell))
        return false;
    if (cell.class == VALUE_NULL) {
        wr_u32(out, UINT32_MAX);
        return true;
    }
    size_t length_at = out->n;
    wr_u32(out, 0);
    if (!codec_encode(element, WIRE_BINARY, &cell, out))
        return false;
    store_u32(out->p + length_at, (uint32_t)(out->n - length_at - 4));
    return true;
}

static bool send_from(const struct type_io *io, const struct value *v, uint32_t lower_bound, struct buf *out)
{
    struct json_value tree;
    struct shape shape;
    if (!load(io, v->bytes, &tree, &shape))
        return false;
    const struct type_io element = element_io(io);
    if (lower_bound == 0 && shape.n == 0)
        shape.dim[shape.n++] = 0;
    wr_u32(out, (uint32_t)shape.n);
    wr_u32(out, has_null(&tree));
    wr_u32(out, io->type->element);
    for (int i = 0; i < shape.n; i++) {
        wr_u32(out, (uint32_t)shape.dim[i]);
        wr_u32(out, lower_bound);
    }
    return write_binary(&element, &tree, out);
}

static bool array_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    return send_from(io, v, 1, out);
}

/* ---- binary in */

struct wire_array {
    struct shape shape;
    int64_t count;
    const char *p, *end;
};

static bool wrong_element(const struct type_io *io, oid_t got)
{
    struct str want = type_format(io->type->element, -1, io->arena);
    struct str have = type_find(got) ? type_format(got, -1, io->arena) : STR("???");
    return err_set(io->err, SQLSTATE_DATATYPE_MISMATCH,
                   "binary data has array element type %u (%.*s) instead of expected %u (%.*s)", (unsigned)got,
                   STR_FMT(have), (unsigned)io->type->element, STR_FMT(want));
}

/* The product of untrusted words, before anything is reserved for it. */
static bool count_elements(const struct type_io *io, struct wire_array *w)
{
    w->count = w->shape.n ? 1 : 0;
    for (int i = 0; i < w->shape.n; i++) {
        if (w->shape.dim[i] < 0 || w->shape.dim[i] > MAX_ELEMENTS)
            return too_large(io);
        w->count *= w->shape.dim[i];
        if (w->count > MAX_ELEMENTS)
            return too_large(io);
    }
    return true;
}

static bool read_header(const struct type_io *io, struct str bytes, int32_t lower_bound, struct wire_array *w)
{
    if (bytes.n < 12)
        return io_short(io);
    int32_t n = (int32_t)load_u32(bytes.p);
    uint32_t flags = load_u32(bytes.p + 4);
    oid_t element = load_u32(bytes.p + 8);
    if (n < 0)
        return err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid number of dimensions: %d", n);
    if (n > MAX_DIMENSIONS)
        return too_many_dimensions(io, n);
    if (flags > 1)
        return err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid array flags");
    /* As PostgreSQL: a user's type may have another OID at the other end, a built-in one may not. */
    if (element != io->type->element && element < FIRST_USER_OID)
        return wrong_element(io, element);
    if (bytes.n - 12 < (size_t)n * 8)
        return io_short(io);
    *w = (struct wire_array){ .shape = { .n = n }, .p = bytes.p + 12 + 8 * n, .end = bytes.p + bytes.n };
    for (int i = 0; i < n; i++)
        w->shape.dim[i] = (int32_t)load_u32(bytes.p + 12 + 8 * i);
    if (!count_elements(io, w))
        return false;
    for (int i = 0; i < n && w->count; i++)
        if ((int32_t)load_u32(bytes.p + 16 + 8 * i) != lower_bound)
            return bad_bounds(io);
    return (size_t)(w->end - w->p) / 4 >= (size_t)w->count ||
           err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "insufficient data left in message");
}

static bool read_binary_element(const struct type_io *element, struct wire_array *w, struct value *ret)
{
    if (w->end - w->p < 4)
        return io_short(element);
    int32_t n = (int32_t)load_u32(w->p);
    w->p += 4;
    *ret = value_null();
    if (n == -1)
        return true;
    if (n < 0 || n > w->end - w->p)
        return err_set(element->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "insufficient data left in message");
    struct str bytes = { w->p, (size_t)n };
    w->p += n;
    return codec_decode(element, WIRE_BINARY, bytes, ret);
}

static bool read_binary_level(const struct type_io *element, struct wire_array *w, int level, struct buf *json)
{
    struct value v;
    buf_add_char(json, '[');
    for (int64_t i = 0; i < w->shape.dim[level]; i++) {
        if (i)
            buf_add_char(json, ',');
        if (level + 1 < w->shape.n) {
            if (!read_binary_level(element, w, level + 1, json))
                return false;
            continue;
        }
        if (!read_binary_element(element, w, &v))
            return false;
        add_json(&v, element->arena, json);
    }
    buf_add_char(json, ']');
    return true;
}

static bool receive_from(const struct type_io *io, struct str bytes, int32_t lower_bound, struct value *ret)
{
    struct wire_array w = { 0 };
    struct buf json;
    if (!read_header(io, bytes, lower_bound, &w))
        return false;
    const struct type_io element = element_io(io);
    buf_init(&json, SIZE_MAX / 4);
    bool ok = true;
    if (w.count)
        ok = read_binary_level(&element, &w, 0, &json);
    else
        buf_add_str(&json, STR("[]"));
    if (ok && w.p != w.end)
        ok = io_bad_binary(io);
    return keep_json(io, ok, &json, ret);
}

static bool array_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    return receive_from(io, bytes, 1, ret);
}

const struct type_codec codec_array = { array_in, array_out, array_receive, array_send, false, false };

/* ---- int2vector and oidvector: '1 2 3', in binary an array that starts at 0, of one dimension also when empty */

static struct type_io vector_io(const struct type_io *io, struct type_info *room)
{
    struct type_io array = *io;
    *room = *io->type;
    room->element = io->type->oid == TYPE_OID_int2vector ? TYPE_OID_int2 : TYPE_OID_oid;
    array.type = room;
    return array;
}

/* The number at `at`; int2vector wants a blank behind it, oidvector takes what follows for the next number. */
static bool vector_number(const struct type_io *element, struct str text, size_t at, size_t *ret_end, struct value *ret)
{
    bool is_int2 = element->type->oid == TYPE_OID_int2;
    size_t end = at + (text.p[at] == '-' || text.p[at] == '+');
    while (end < text.n && text.p[end] >= '0' && text.p[end] <= '9')
        end++;
    struct str rest = { text.p + at, text.n - at };
    const char *name = is_int2 ? "smallint" : "oid";
    *ret_end = end;
    if (end == at)
        return io_bad_text(element, name, rest);
    if (!codec_decode(element, WIRE_TEXT, (struct str){ text.p + at, end - at }, ret))
        return false;
    return !is_int2 || end == text.n || text.p[end] == ' ' || io_bad_text(element, name, rest);
}

static bool vector_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct type_info room;
    const struct type_io array = vector_io(io, &room), element = element_io(&array);
    struct buf json;
    bool ok = true;
    buf_init(&json, SIZE_MAX / 4);
    buf_add_char(&json, '[');
    for (size_t i = 0; ok;) {
        struct value v;
        while (i < text.n && is_space(text.p[i]))
            i++;
        if (i == text.n)
            break;
        ok = vector_number(&element, text, i, &i, &v);
        if (ok && json.n > 1)
            buf_add_char(&json, ',');
        if (ok)
            add_json(&v, io->arena, &json);
    }
    buf_add_char(&json, ']');
    return keep_json(io, ok, &json, ret);
}

static bool vector_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct type_info room;
    const struct type_io array = vector_io(io, &room), element = element_io(&array);
    struct json_value tree;
    struct shape shape;
    struct value cell;
    if (!load(&array, v->bytes, &tree, &shape))
        return false;
    for (size_t i = 0; i < tree.array.n; i++) {
        if (i)
            buf_add_char(out, ' ');
        if (!from_json(&element, &tree.array.items[i], &cell) || !codec_encode(&element, WIRE_TEXT, &cell, out))
            return false;
    }
    return true;
}

static bool vector_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct type_info room;
    const struct type_io array = vector_io(io, &room);
    if (!receive_from(&array, bytes, 0, ret))
        return false;
    /* One dimension, not empty, no NULL: PostgreSQL does not even take back the empty one it sends. */
    bool plain = load_u32(bytes.p) == 1 && ret->bytes.n > 2 && !memchr(ret->bytes.p, 'n', ret->bytes.n);
    return plain || err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid %s data", io->type->name);
}

static bool vector_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct type_info room;
    const struct type_io array = vector_io(io, &room);
    return send_from(&array, v, 0, out);
}

const struct type_codec codec_vector = { vector_in, vector_out, vector_receive, vector_send, false, false };

/* ---- length coercion, element by element */

static bool map_level(const struct type_io *element, const struct json_value *v, bool is_explicit,
                      bool (*each)(const struct type_io *element, bool is_explicit, struct value *v), struct buf *json)
{
    struct value cell;
    if (v->kind == JSON_ARRAY) {
        buf_add_char(json, '[');
        for (size_t i = 0; i < v->array.n; i++) {
            if (i)
                buf_add_char(json, ',');
            if (!map_level(element, &v->array.items[i], is_explicit, each, json))
                return false;
        }
        buf_add_char(json, ']');
        return true;
    }
    if (!from_json(element, v, &cell) || (cell.class != VALUE_NULL && !each(element, is_explicit, &cell)))
        return false;
    add_json(&cell, element->arena, json);
    return true;
}

bool array_map(const struct type_io *io, struct str stored, bool is_explicit,
               bool (*each)(const struct type_io *element, bool is_explicit, struct value *v), struct value *ret)
{
    struct json_value tree;
    struct shape shape;
    struct buf json;
    if (!load(io, stored, &tree, &shape))
        return false;
    const struct type_io element = element_io(io);
    buf_init(&json, SIZE_MAX / 4);
    bool ok = map_level(&element, &tree, is_explicit, each, &json);
    return keep_json(io, ok, &json, ret);
}
