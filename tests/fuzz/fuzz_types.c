/* LINK pgd1_pgwire pgd1_base */
/*
 * One value of one type from any bytes. The first line names the type and what the rest is: t text and b binary as a client
 * sends them, c the text of a cell in the database. What is decoded encodes in both formats, and what was encoded decodes to
 * the same storage form; other settings may only change how it looks.
 */
#include "pgwire/datetime.h"
#include "pgwire/types.h"
#include "tests/fuzz/fuzz.h"

#define MUST(x) ((x) ? (void)0 : abort())
enum { ARENA_CAP = 1 << 26, OUT_CAP = 1 << 26 };

struct run {
    const struct type_info *type;
    struct arena *arena;
    struct err err;
    struct buf out;
};

static bool encode(struct run *r, const struct value *v, enum wire_format format, const struct type_settings *settings)
{
    buf_reset(&r->out);
    err_clear(&r->err);
    return type_encode(r->type->oid, -1, format, v, settings, r->arena, &r->out, &r->err);
}

static bool same(const struct value *a, const struct value *b)
{
    if (a->class != b->class)
        return false;
    if (a->class == VALUE_INTEGER)
        return a->integer == b->integer;
    if (a->class == VALUE_REAL)
        return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
    return str_eq(a->bytes, b->bytes);
}

/* A timetz of a zone invented as POSIX text, 100 hours off or more: "-105" reads as one hour and five minutes. */
static bool is_far_zone(struct run *r, const struct value *v)
{
    struct timetz time;
    if (r->type->element == TYPE_OID_timetz)
        return true;
    return r->type->oid == TYPE_OID_timetz && timetz_from_storage(v->bytes, &time, &r->err) &&
           abs(time.offset) >= 100 * 3600;
}

/* What PostgreSQL itself does not read back: the same within 100 hours, and its shortest interval as text. */
static bool is_unreadable(const struct run *r, struct str sent, enum wire_format format)
{
    return (format == WIRE_TEXT && str_find(sent, STR("-2562047788:00:54.775808")) >= 0) ||
           r->err.code == SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT_VALUE || r->err.code == SQLSTATE_OUT_OF_MEMORY;
}

/* Encoded and decoded again it is the same value; types without a binary form say so. */
static void must_survive(struct run *r, const struct value *v, enum wire_format format)
{
    struct value again;
    if (!encode(r, v, format, type_settings_default())) {
        MUST(r->err.code == SQLSTATE_UNDEFINED_FUNCTION || r->err.code == SQLSTATE_OUT_OF_MEMORY);
        return;
    }
    struct str sent = arena_str(r->arena, buf_str(&r->out));
    if (!sent.p)
        return;
    /* PostgreSQL sends an empty vector that it does not take back. */
    bool is_vector = r->type->oid == TYPE_OID_int2vector || r->type->oid == TYPE_OID_oidvector;
    bool one_way = format == WIRE_BINARY && is_vector && str_is(v->bytes, "[]");
    if (one_way)
        return;
    bool ok = type_decode(r->type->oid, format, sent, type_settings_default(), r->arena, &again, &r->err);
    MUST(ok ? same(v, &again) || is_far_zone(r, v) : is_unreadable(r, sent, format));
}

static void with_other_settings(struct run *r, const struct value *v)
{
    struct type_settings s = *type_settings_default();
    s.zone = zone_find(STR("America/St_Johns"));
    s.extra_float_digits = -3;
    s.bytea_output = BYTEA_OUTPUT_ESCAPE;
    MUST(s.zone);
    for (int style = 0; style < 4; style++) {
        s.date_style = (enum date_style)style;
        s.interval_style = (enum interval_style)style;
        s.date_order = (enum date_order)(style % 3);
        MUST(encode(r, v, WIRE_TEXT, &s) || r->err.code == SQLSTATE_OUT_OF_MEMORY);
    }
}

static void run_value(struct run *r, char kind, struct str bytes)
{
    struct value v;
    if (kind == 'c') {
        v = value_text(bytes);
        if (str_is_utf8(bytes, NULL) && encode(r, &v, WIRE_TEXT, type_settings_default()))
            MUST(encode(r, &v, WIRE_BINARY, type_settings_default()) || r->err.code == SQLSTATE_UNDEFINED_FUNCTION ||
                 r->err.code == SQLSTATE_OUT_OF_MEMORY);
        return;
    }
    enum wire_format format = kind == 'b' ? WIRE_BINARY : WIRE_TEXT;
    if (!type_decode(r->type->oid, format, bytes, type_settings_default(), r->arena, &v, &r->err)) {
        MUST(err_is_set(&r->err));
        return;
    }
    must_survive(r, &v, WIRE_TEXT);
    must_survive(r, &v, WIRE_BINARY);
    with_other_settings(r, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str in = { (const char *)data, size };
    ptrdiff_t line = str_find(in, STR("\n"));
    struct run r = { 0 };
    if (line < 2 || in.p[line - 2] != ' ')
        return 0;
    r.type = type_find_name((struct str){ in.p, (size_t)line - 2 });
    if (!r.type)
        return 0;
    r.arena = arena_new(ARENA_CAP);
    MUST(r.arena);
    err_init(&r.err, r.arena);
    buf_init(&r.out, OUT_CAP);
    run_value(&r, in.p[line - 1], (struct str){ in.p + line + 1, size - (size_t)line - 1 });
    buf_fini(&r.out);
    arena_free(r.arena);
    return 0;
}
