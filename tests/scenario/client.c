/* client.c - see client.h. */
#include "client.h"

#include "pgwire/startup.h"
#include "pgwire/wire.h"

static bool next_text(struct words *w, struct str *ret)
{
    struct word word;
    if (!word_peek(w, &word) || (!word.quoted && str_is(word.text, ",")))
        return false;
    word_next(w, &word);
    *ret = word.text;
    return true;
}

static bool parse(struct words *w, struct buf *out)
{
    struct str name, sql, oid;
    if (!next_text(w, &name) || !next_text(w, &sql))
        return false;
    wr_cstr(out, name);
    wr_cstr(out, sql);
    size_t at = out->n;
    uint16_t n = 0;
    wr_u16(out, 0);
    for (int64_t v; next_text(w, &oid) && str_to_int64(oid, &v); n++)
        wr_u32(out, (uint32_t)v);
    be_put16(out->p + at, n);
    return true;
}

static bool bind(struct words *w, struct buf *out)
{
    struct str portal, statement, value;
    struct word word;
    if (!next_text(w, &portal) || !next_text(w, &statement))
        return false;
    wr_cstr(out, portal);
    wr_cstr(out, statement);
    wr_u16(out, 0);
    size_t at = out->n;
    uint16_t n = 0;
    wr_u16(out, 0);
    for (; word_peek(w, &word) && (word.quoted || !str_is(word.text, ",")); n++) {
        next_text(w, &value);
        if (!word.quoted && str_is(value, "NULL"))
            wr_cell_null(out);
        else
            wr_cell(out, value);
    }
    be_put16(out->p + at, n);
    wr_u16(out, 0);
    return true;
}

static bool target(struct words *w, struct buf *out)
{
    struct str kind, name;
    if (!next_text(w, &kind) || !next_text(w, &name))
        return false;
    wr_u8(out, (uint8_t)kind.p[0]);
    wr_cstr(out, name);
    return true;
}

static bool execute(struct words *w, struct buf *out)
{
    struct str portal, max = STR("0");
    int64_t n = 0;
    if (!next_text(w, &portal))
        return false;
    next_text(w, &max);
    str_to_int64(max, &n);
    wr_cstr(out, portal);
    wr_u32(out, (uint32_t)n);
    return true;
}

static bool one_text(struct words *w, struct buf *out, bool ends)
{
    struct str text;
    if (!next_text(w, &text))
        return false;
    buf_add_str(out, text);
    if (ends)
        wr_u8(out, 0);
    return true;
}

static bool body(struct words *w, char tag, struct buf *out)
{
    switch (tag) {
    case 'Q':
    case 'f':
        return one_text(w, out, true);
    case 'd':
        return one_text(w, out, false);
    case 'P':
        return parse(w, out);
    case 'B':
        return bind(w, out);
    case 'D':
    case 'C':
        return target(w, out);
    case 'E':
        return execute(w, out);
    case 'H':
    case 'S':
    case 'X':
    case 'c':
        return true;
    default:
        return false;
    }
}

bool client_messages(struct words *w, struct buf *out, const char **why)
{
    struct word word;
    while (word_next(w, &word)) {
        if (str_is(word.text, ","))
            continue;
        if (str_is(word.text, "raw")) {
            if (!one_text(w, out, false))
                return *why = "raw needs bytes", false;
            continue;
        }
        size_t mark = wr_begin(out, word.text.p[0]);
        if (word.text.n != 1 || !body(w, word.text.p[0], out))
            return *why = "not a message, or words are missing", false;
        wr_end(out, mark);
    }
    return true;
}

void client_startup(struct buf *out, struct str user, struct str database, struct str options)
{
    struct str pairs[] = { STR("user"), user, STR("database"), database, STR("options"), options };
    startup_write_session(out, PROTOCOL(3, 0), pairs, options.n ? 6 : 4);
}

/* ---- what came ---- */

static struct str quote(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, 4 * s.n + 3);
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c == '\n' || c == '\t') {
            out[n++] = '\\';
            out[n++] = c == '\n' ? 'n' : 't';
        } else if (c < 32) {
            n += (size_t)snprintf(out + n, 5, "\\x%02x", c);
        } else
            out[n++] = (char)c;
    }
    out[n++] = '"';
    return (struct str){ out, n };
}

static struct str row(struct arena *a, struct rd *r)
{
    struct str out = STR("D");
    for (uint16_t n = rd_u16(r); n > 0; n--) {
        struct str cell = rd_cell(r);
        struct str shown = cell.p ? quote(a, cell) : STR("NULL");
        out = arena_printf(a, "%.*s %.*s", STR_FMT(out), STR_FMT(shown));
    }
    return out;
}

static struct str columns(struct arena *a, struct rd *r)
{
    struct str out = STR("T");
    for (uint16_t n = rd_u16(r); n > 0; n--) {
        struct str name = rd_cstr(r);
        rd_take(r, 6);
        uint32_t type = rd_u32(r);
        rd_take(r, 8);
        out = arena_printf(a, "%.*s %.*s:%u", STR_FMT(out), STR_FMT(name), type);
    }
    return out;
}

static struct str report(struct arena *a, char tag, struct rd *r)
{
    struct str code = { 0 }, message = { 0 }, detail = { 0 };
    for (char field; (field = (char)rd_u8(r)) != 0;) {
        struct str text = rd_cstr(r);
        if (field == 'C')
            code = text;
        if (field == 'M')
            message = text;
        if (field == 'D')
            detail = text;
    }
    struct str shown = quote(a, message), more = detail.p ? quote(a, detail) : detail;
    return arena_printf(a, "%c %.*s %.*s%s%.*s", tag, STR_FMT(code), STR_FMT(shown), more.p ? " " : "", STR_FMT(more));
}

static struct str types(struct arena *a, struct rd *r)
{
    struct str out = STR("t");
    for (uint16_t n = rd_u16(r); n > 0; n--)
        out = arena_printf(a, "%.*s %u", STR_FMT(out), rd_u32(r));
    return out;
}

static struct str notification(struct arena *a, struct rd *r)
{
    rd_u32(r);
    struct str channel = rd_cstr(r), payload = rd_cstr(r), shown = quote(a, payload);
    return arena_printf(a, "A %.*s %.*s", STR_FMT(channel), STR_FMT(shown));
}

static struct str describe(struct arena *a, char tag, struct str bytes)
{
    struct rd r = rd_from(bytes);
    struct str name, shown;
    switch (tag) {
    case 'D':
        return row(a, &r);
    case 'T':
        return columns(a, &r);
    case 'E':
    case 'N':
        return report(a, tag, &r);
    case 't':
        return types(a, &r);
    case 'A':
        return notification(a, &r);
    case 'C':
        shown = quote(a, rd_cstr(&r));
        return arena_printf(a, "C %.*s", STR_FMT(shown));
    case 'S':
        name = rd_cstr(&r);
        shown = quote(a, rd_cstr(&r));
        return arena_printf(a, "S %.*s %.*s", STR_FMT(name), STR_FMT(shown));
    case 'd':
        shown = quote(a, bytes);
        return arena_printf(a, "d %.*s", STR_FMT(shown));
    case 'Z':
        return arena_printf(a, "Z %c", bytes.p[0]);
    case 'R':
        return arena_printf(a, "R %u", rd_u32(&r));
    default:
        return arena_printf(a, "%c", tag);
    }
}

bool client_describe(struct str *bytes, bool with_status, struct arena *arena, struct str *ret)
{
    for (;;) {
        if (bytes->n < 5)
            return false;
        size_t size = be_get32(bytes->p + 1) + (size_t)1;
        if (bytes->n < size)
            return false;
        char tag = bytes->p[0];
        *ret = describe(arena, tag, (struct str){ bytes->p + 5, size - 5 });
        *bytes = (struct str){ bytes->p + size, bytes->n - size };
        if (with_status || (tag != 'S' && tag != 'K' && tag != 'R'))
            return true;
    }
}
