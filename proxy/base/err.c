/* err.c - see err.h. */
#include "proxy/base/err.h"

void err_init(struct err *e, struct arena *arena)
{
    *e = (struct err){ .arena = arena };
}

void err_clear(struct err *e)
{
    err_init(e, e->arena);
}

bool err_oom(struct err *e)
{
    if (!err_is_set(e)) {
        e->code = SQLSTATE_OUT_OF_MEMORY;
        e->message = STR("out of memory");
    }
    return false;
}

__attribute__((format(printf, 3, 0))) static bool format_into(struct err *e, struct str *to, const char *format,
                                                              va_list args)
{
    struct str text = arena_vprintf(e->arena, format, args);
    *to = text.p ? text : STR("out of memory");
    return false;
}

bool err_set(struct err *e, enum sqlstate code, const char *format, ...)
{
    if (err_is_set(e))
        return false;
    va_list args;
    va_start(args, format);
    e->code = code;
    format_into(e, &e->message, format, args);
    va_end(args);
    return false;
}

bool err_unsupported(struct err *e, const char *format, ...)
{
    if (err_is_set(e))
        return false;
    va_list args;
    va_start(args, format);
    struct str what = arena_vprintf(e->arena, format, args);
    va_end(args);
    return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "%.*s is not supported", STR_FMT(what));
}

bool err_detail(struct err *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(e, &e->detail, format, args);
    va_end(args);
    return false;
}

bool err_hint(struct err *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    format_into(e, &e->hint, format, args);
    va_end(args);
    return false;
}

bool err_at(struct err *e, int position)
{
    if (e->position == 0)
        e->position = position;
    return false;
}

static struct str copied(struct err *to, struct str s)
{
    return s.n ? arena_str(to->arena, s) : (struct str){ 0 };
}

void err_copy(struct err *to, const struct err *from)
{
    struct str *pairs[][2] = {
        { &to->message, (struct str *)&from->message },
        { &to->detail, (struct str *)&from->detail },
        { &to->hint, (struct str *)&from->hint },
        { &to->context, (struct str *)&from->context },
        { &to->schema, (struct str *)&from->schema },
        { &to->table, (struct str *)&from->table },
        { &to->column, (struct str *)&from->column },
        { &to->datatype, (struct str *)&from->datatype },
        { &to->constraint, (struct str *)&from->constraint },
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        *pairs[i][0] = copied(to, *pairs[i][1]);
    to->code = from->code;
    to->position = from->position;
    to->routine = from->routine;
    if (!to->message.p)
        to->message = STR("out of memory");
}
