/* errors.c - D1's error texts (workerd: dbErrorMessage()); see errors.h. */
#include "d1/embedded/errors.h"

/* RAISE() and json_extract() texts carry up to one SQLite string, quotes doubled. */
enum { TEXT_CAP = 16 << 20 };

static const char *code_name(int code)
{
    switch (code) {
#define CODE(name)                                                                                                     \
    case name:                                                                                                         \
        return #name;
#define EXTENDED(name)
#include "d1/embedded/sqlite_codes.def"
#undef CODE
#undef EXTENDED
    }
    return NULL;
}

static const char *extended_name(int code)
{
    switch (code) {
#define CODE(name)
#define EXTENDED(name)                                                                                                 \
    case name:                                                                                                         \
        return #name;
#include "d1/embedded/sqlite_codes.def"
#undef CODE
#undef EXTENDED
    }
    return NULL;
}

void emb_failure_init(struct emb_failure *f)
{
    *f = (struct emb_failure){ 0 };
    buf_init(&f->text, TEXT_CAP);
}

void emb_failure_fini(struct emb_failure *f)
{
    buf_fini(&f->text);
}

void emb_failure_clear(struct emb_failure *f)
{
    f->kind = D1_OK;
    f->may_have_run = false;
    buf_reset(&f->text);
}

void emb_failure_set(struct emb_failure *f, enum d1_error_kind kind, const char *text)
{
    if (f->kind != D1_OK)
        return;
    f->kind = kind;
    buf_add_str(&f->text, str_from(text));
}

void emb_failure_no_memory(struct emb_failure *f)
{
    emb_failure_set(f, D1_ERROR_INTERNAL, "out of memory");
}

void emb_failure_sqlite(struct emb_failure *f, sqlite3 *db, int code)
{
    if (f->kind != D1_OK)
        return;
    f->kind = D1_ERROR_SQL;
    int primary = code & 0xff, extended = sqlite3_extended_errcode(db), offset = sqlite3_error_offset(db);
    buf_add_str(&f->text, str_from(sqlite3_errmsg(db)));
    if (offset != -1)
        buf_printf(&f->text, " at offset %d", offset);
    if (code_name(primary))
        buf_printf(&f->text, ": %s", code_name(primary));
    else
        buf_printf(&f->text, ": SQLITE_UNKNOWN_ERROR_CODE(%d)", primary);
    if (extended != primary && extended_name(extended))
        buf_printf(&f->text, " (extended: %s)", extended_name(extended));
}

void emb_failure_give(const struct emb_failure *f, struct d1_request *r)
{
    r->error = (struct d1_error){ .kind = f->kind, .may_have_run = f->may_have_run };
    if (f->kind == D1_OK)
        return;
    if (!f->text.failed)
        r->error.message = f->text.n ? arena_str(r->arena, buf_str(&f->text)) : STR("");
    if (r->error.message.p)
        return;
    r->error.message = STR("out of memory");
    r->error.kind = f->may_have_run ? f->kind : D1_ERROR_INTERNAL;
}
