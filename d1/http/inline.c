/* inline.c - see inline.h. */
#include "d1/http/inline.h"

#include <math.h>
#include "d1/http/json_write.h"
#include "d1/scan.h"

bool inline_wants(const struct value *parameter, enum inline_carries carries)
{
    if (parameter->class == VALUE_REAL)
        return carries == INLINE_TEXT_ONLY || !isfinite(parameter->real);
    return parameter->class == VALUE_NULL && carries == INLINE_TEXT_ONLY;
}

static void literal(const struct value *v, struct buf *out)
{
    if (v->class == VALUE_NULL || isnan(v->real))
        buf_add_str(out, STR("(NULL)"));
    else if (isinf(v->real))
        buf_add_str(out, v->real > 0 ? STR("(9e999)") : STR("(-9e999)"));
    else
        buf_printf(out, "(%.16e)", v->real); /* 17 digits: every double comes back */
}

/* The number that parameter `index` has among those which are sent. */
static size_t number_of(const struct d1_statement *s, size_t index, enum inline_carries carries)
{
    size_t n = 1;
    for (size_t i = 0; i < index; i++)
        n += !inline_wants(&s->params[i], carries);
    return n;
}

/* t is the word behind a question mark: "?12" or, glued to what follows, "?12AND". Answers the digits' length. */
static size_t parameter_index(struct str t, size_t *ret_index)
{
    size_t n = 0, v = 0;
    while (n < t.n && n < 6 && t.p[n] >= '0' && t.p[n] <= '9')
        v = v * 10 + (size_t)(t.p[n++] - '0');
    *ret_index = v - 1; /* of "?0": out of every range */
    return n;
}

void inline_sql(const struct d1_statement *s, enum inline_carries carries, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < s->n_params && !any; i++)
        any = inline_wants(&s->params[i], carries);
    if (!any) {
        buf_add_str(out, s->sql);
        return;
    }
    struct str rest = s->sql;
    const char *copied = s->sql.p;
    struct scan_token t;
    bool is_mark = false;
    while (scan_next(&rest, &t)) {
        size_t index, digits = is_mark && t.text.p[-1] == '?' ? parameter_index(t.text, &index) : 0;
        is_mark = str_eq(t.text, STR("?"));
        if (!digits || index >= s->n_params)
            continue;
        buf_add(out, copied, (size_t)(t.text.p - 1 - copied));
        if (inline_wants(&s->params[index], carries))
            literal(&s->params[index], out);
        else
            buf_printf(out, "?%zu", number_of(s, index, carries));
        copied = t.text.p + digits;
    }
    buf_add(out, copied, (size_t)(s->sql.p + s->sql.n - copied));
}

void inline_write(const struct d1_statement *s, enum inline_carries carries, struct buf *scratch, struct buf *out)
{
    buf_reset(scratch);
    inline_sql(s, carries, scratch);
    out->failed = out->failed || scratch->failed;
    buf_add_str(out, STR("{\"sql\":"));
    json_write_string(out, buf_str(scratch));
    buf_add_str(out, STR(",\"params\":["));
    bool is_first = true;
    for (size_t i = 0; i < s->n_params; i++) {
        if (inline_wants(&s->params[i], carries))
            continue;
        if (!is_first)
            buf_add_char(out, ',');
        json_write_parameter(out, &s->params[i]);
        is_first = false;
    }
    buf_add_char(out, ']');
}
