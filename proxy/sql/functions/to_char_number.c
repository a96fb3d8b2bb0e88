/*
 * to_char_number.c - numbers by a template: to_char and to_number (PostgreSQL 9.8, table 9.29).
 *
 * The template is read twice: once for what it asks of the whole number (how many digits, which signs), once to write or read.
 * Each type is first printed as PostgreSQL prints it for this purpose: float8 with at most 15 digits, float4 with 6.
 */
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/template.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum sign_place { SIGN_UNPLACED, SIGN_BEFORE, SIGN_BEHIND };

struct number_format {
    int pre, post;              /* digits before and after the point */
    int multi;                  /* digits after V */
    int zero_start, zero_end;   /* positions of the first and the last 0 */
    enum sign_place sign_place; /* of S */
    int digits_before_sign;
    bool decimal, zero, blank, fill, anchored, brackets, minus, plus, roman, shift, exponent;
};

/* ---- what the template asks for */

static bool bad_format(sqlite3_context *c, const char *message)
{
    fail_with(c, SQLSTATE_SYNTAX_ERROR, "%s", message);
    return false;
}

static bool take_digit(sqlite3_context *c, struct number_format *f, bool is_zero)
{
    if (f->brackets)
        return bad_format(c, is_zero ? "\"0\" must be ahead of \"PR\"" : "\"9\" must be ahead of \"PR\"");
    if (!is_zero && f->shift) {
        f->multi++;
        return true;
    }
    if (is_zero && !f->zero && !f->decimal) {
        f->zero = true;
        f->zero_start = f->pre + 1;
    }
    if (f->decimal)
        f->post++;
    else
        f->pre++;
    if (is_zero)
        f->zero_end = f->pre + f->post;
    return true;
}

static bool take_point(sqlite3_context *c, struct number_format *f)
{
    if (f->decimal)
        return bad_format(c, "multiple decimal points");
    if (f->shift)
        return bad_format(c, "cannot use \"V\" and decimal point together");
    f->decimal = true;
    return true;
}

static bool take_anchored_sign(sqlite3_context *c, struct number_format *f)
{
    if (f->anchored)
        return bad_format(c, "cannot use \"S\" twice");
    if (f->plus || f->minus || f->brackets)
        return bad_format(c, "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
    f->anchored = true;
    f->sign_place = f->decimal ? SIGN_BEHIND : SIGN_BEFORE;
    if (!f->decimal)
        f->digits_before_sign = f->pre;
    return true;
}

static bool take_exponent(sqlite3_context *c, struct number_format *f)
{
    if (f->blank || f->fill || f->anchored || f->brackets || f->minus || f->plus || f->roman || f->shift) {
        err_set(errors(c), SQLSTATE_SYNTAX_ERROR, "\"EEEE\" is incompatible with other formats");
        err_detail(errors(c), "\"EEEE\" may only be used together with digit and decimal point patterns.");
        local_fail(c);
        return false;
    }
    f->exponent = true;
    return true;
}

static bool take_word(sqlite3_context *c, enum template_field field, struct number_format *f)
{
    if (f->exponent)
        return bad_format(c, field == FIELD_EXPONENT ? "cannot use \"EEEE\" twice"
                                                     : "\"EEEE\" must be the last pattern used");
    switch (field) {
    case FIELD_NINE:
    case FIELD_ZERO:
        return take_digit(c, f, field == FIELD_ZERO);
    case FIELD_BLANK:
        f->blank = f->blank || (f->pre == 0 && f->post == 0 && !f->zero);
        return true;
    case FIELD_POINT:
    case FIELD_LOCAL_POINT:
        return take_point(c, f);
    case FIELD_FILL_MODE:
        return (f->fill = true);
    case FIELD_ANCHORED_SIGN:
        return take_anchored_sign(c, f);
    case FIELD_MINUS:
        f->minus = true;
        return !f->anchored || bad_format(c, "cannot use \"S\" and \"MI\" together");
    case FIELD_PLUS:
        f->plus = true;
        return !f->anchored || bad_format(c, "cannot use \"S\" and \"PL\" together");
    case FIELD_SIGN:
        f->minus = f->plus = true;
        return !f->anchored || bad_format(c, "cannot use \"S\" and \"SG\" together");
    case FIELD_BRACKETS:
        f->brackets = true;
        return (!f->anchored && !f->plus && !f->minus) ||
               bad_format(c, "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
    case FIELD_ROMAN:
        return (f->roman = true);
    case FIELD_SHIFT:
        f->shift = true;
        return !f->decimal || bad_format(c, "cannot use \"V\" and decimal point together");
    case FIELD_EXPONENT:
        return take_exponent(c, f);
    default:
        return true;
    }
}

static bool read_format(sqlite3_context *c, struct str text, struct template *t, struct number_format *f)
{
    *f = (struct number_format){ 0 };
    if (!template_parse_number(text, scratch(c), t)) {
        local_fail(c);
        return false;
    }
    for (size_t i = 0; i < t->n; i++)
        if (t->nodes[i].kind == NODE_WORD && !take_word(c, t->nodes[i].word->field, f))
            return false;
    return true;
}

/* ---- writing */

struct writer {
    sqlite3_context *c;
    const struct number_format *f;
    struct buf out;
    bool failed;
    const char *number, *p;              /* digits without a sign; the one that is next */
    const char *last_relevant;           /* FM: digits behind it are not shown; NULL: all are */
    int last_position, position, blanks; /* blanks: positions before the first digit */
    int zero_start;
    char sign;
    bool sign_written, in_number, sign_behind;
};

/* FM: the last digit after the point that is not 0, or the point; but no 0 of the template is dropped. */
static const char *relevant_end(const struct number_format *f, const char *number, int blanks)
{
    const char *point = strchr(number, '.'), *end = point;
    if (!point)
        return NULL;
    for (const char *p = point + 1; *p; p++)
        if (*p != '0')
            end = p;
    if (f->zero_end > blanks) {
        int last = (int)strlen(number) - 1, kept = f->zero_end - blanks;
        const char *last_zero = number + (kept < last ? kept : last);
        if (end < last_zero)
            end = last_zero;
    }
    return end;
}

/* "0.1" by 9.9 is " .1": the 0 before the point is a blank. */
static bool hides_zero(const struct writer *w)
{
    return !w->f->zero && w->p == w->number && *w->number == '0' && w->f->post != 0;
}

static bool ends_at_point(const struct writer *w)
{
    return w->last_relevant && *w->last_relevant == '.';
}

static void add_char(struct writer *w, char c)
{
    buf_add_char(&w->out, c);
}

/* FM drops the blanks that stand for brackets. */
static bool shows_brackets(const struct writer *w)
{
    bool dropped = w->sign == '+' && w->f->fill && !w->f->plus && !w->f->minus;
    return w->f->brackets && !dropped;
}

static void write_sign(struct writer *w)
{
    if (w->f->anchored) {
        if (w->sign_behind)
            return;
        add_char(w, w->sign == '-' ? '-' : '+');
    } else if (shows_brackets(w)) {
        add_char(w, w->sign == '+' ? ' ' : '<');
    } else if (w->sign == '-') {
        add_char(w, '-');
    } else if (!w->f->fill) {
        add_char(w, ' ');
    }
    w->sign_written = true;
}

static void write_digit(struct writer *w, bool is_zero_pattern)
{
    if (*w->p == '.') {
        if (!ends_at_point(w) || w->f->fill)
            add_char(w, '.');
    } else if (w->last_relevant && w->p > w->last_relevant && !is_zero_pattern) {
        ;
    } else if (hides_zero(w)) {
        if (!w->f->fill)
            add_char(w, ' ');
        else if (ends_at_point(w))
            add_char(w, '0'); /* FM9.9 of 0 is "0." */
    } else {
        add_char(w, *w->p);
        w->in_number = true;
    }
    w->p += *w->p != 0;
}

/* One 9, 0 or point of the template. */
static void write_position(struct writer *w, bool is_zero_pattern)
{
    const struct number_format *f = w->f;
    bool at_zeros = f->zero && w->zero_start <= w->position;
    w->in_number = false;
    if (!w->sign_written && (w->position >= w->blanks || (f->zero && w->zero_start == w->position)) &&
        (!hides_zero(w) || ends_at_point(w)))
        write_sign(w);
    if (w->position >= w->blanks) {
        write_digit(w, is_zero_pattern);
    } else if (at_zeros) {
        add_char(w, '0');
        w->in_number = true;
    } else if (!f->fill) {
        add_char(w, ' ');
    }
    int end = w->last_position + (w->blanks ? 1 : 0) + (f->decimal ? 1 : 0);
    if (w->last_relevant && w->last_relevant == w->p)
        end = w->position;
    if (w->position + 1 == end) {
        if (w->sign_written && shows_brackets(w))
            add_char(w, w->sign == '+' ? ' ' : '>');
        else if (f->anchored && w->sign_behind)
            add_char(w, w->sign == '-' ? '-' : '+');
    }
    w->position++;
}

static void write_roman(struct writer *w, bool lower)
{
    char text[16];
    size_t n = strnlen(w->number, 15);
    for (size_t i = 0; i < n; i++)
        text[i] = lower && w->number[i] >= 'A' && w->number[i] <= 'Z' ? (char)(w->number[i] - 'A' + 'a') : w->number[i];
    buf_printf(&w->out, "%*.*s", w->f->fill ? 0 : 15, (int)n, text);
}

/* Written when it is what the sign says; else a blank, or nothing with FM. */
static void write_mark(struct writer *w, char mark)
{
    if (w->sign == mark)
        add_char(w, mark);
    else if (!w->f->fill)
        add_char(w, ' ');
}

static void write_ordinal(struct writer *w, bool upper)
{
    struct str digits = str_from(w->number), ordinal;
    if (w->f->roman || *w->number == '#' || w->sign == '-' || w->f->decimal)
        return;
    ordinal = template_ordinal(digits, upper);
    if (!ordinal.p) {
        fail_with(w->c, SQLSTATE_INVALID_TEXT_REPRESENTATION, "\"%s\" is not a number", w->number);
        w->failed = true;
        return;
    }
    buf_add_str(&w->out, ordinal);
}

static void write_word(struct writer *w, const struct template_word *word)
{
    switch (word->field) {
    case FIELD_NINE:
    case FIELD_ZERO:
    case FIELD_POINT:
    case FIELD_LOCAL_POINT:
        if (!w->f->roman)
            write_position(w, word->field == FIELD_ZERO);
        return;
    case FIELD_COMMA:
    case FIELD_GROUP:
        if (w->in_number)
            add_char(w, ',');
        else if (!w->f->fill)
            add_char(w, ' ');
        return;
    case FIELD_CURRENCY:
        add_char(w, ' '); /* the C locale has no symbol */
        return;
    case FIELD_ROMAN:
        write_roman(w, word->name[0] == 'r');
        return;
    case FIELD_ORDINAL:
        write_ordinal(w, word->name[0] == 'T');
        return;
    case FIELD_MINUS:
        write_mark(w, '-');
        return;
    case FIELD_PLUS:
        write_mark(w, '+');
        return;
    case FIELD_SIGN:
        add_char(w, w->sign);
        return;
    default:
        return;
    }
}

/* A number in Roman digits has no other pattern than RN and FM. */
static struct number_format only_roman(const struct number_format *f)
{
    return (struct number_format){ .roman = true, .fill = f->fill };
}

/* number: digits and a point, without a sign; blanks: how many positions of the template are before its first digit. */
static void write_number(sqlite3_context *c, const struct template *t, const struct number_format *given,
                         const char *number, char sign, int blanks)
{
    struct number_format f = given->roman ? only_roman(given) : *given;
    struct writer w = { .c = c,
                        .f = &f,
                        .number = number,
                        .p = number,
                        .sign = sign,
                        .blanks = given->roman ? 0 : blanks,
                        .last_position = f.post + f.pre - 1,
                        .zero_start = f.zero_start - (f.zero_start > 0) };
    if (f.plus || f.minus)
        w.sign_written = !(f.plus && !f.minus);
    else
        w.sign_written = sign == '+' && f.fill && !f.anchored;
    w.sign_behind = f.sign_place == SIGN_BEHIND || (f.sign_place == SIGN_BEFORE && f.pre == f.digits_before_sign);
    if (f.fill && f.decimal)
        w.last_relevant = relevant_end(&f, number, w.blanks);
    if (!w.sign_written && w.blanks == 0)
        w.last_position++;
    buf_init(&w.out, MAX_RESULT);
    for (size_t i = 0; i < t->n && !w.failed; i++) {
        if (t->nodes[i].kind == NODE_WORD)
            write_word(&w, t->nodes[i].word);
        else
            buf_add_str(&w.out, t->nodes[i].character);
    }
    if (w.failed) {
        buf_fini(&w.out);
        return;
    }
    /* A float has fewer digits than the template asks for: PostgreSQL's answer ends where they end. */
    if (!w.out.failed)
        w.out.n = strnlen(w.out.p ? w.out.p : "", w.out.n);
    result_buf(c, &w.out);
}

/* Blanks before the digits; a number with more of them than the template has is shown as "##.#". */
static const char *fit(sqlite3_context *c, const struct number_format *f, const char *number, int *blanks)
{
    size_t digits = strcspn(number, "."), room = (size_t)f->pre + (size_t)f->post + 2;
    *blanks = (int)digits < f->pre ? f->pre - (int)digits : 0;
    if ((int)digits <= f->pre)
        return number;
    char *marks = arena_alloc(scratch(c), room);
    if (!marks) {
        local_fail(c);
        return NULL;
    }
    memset(marks, '#', room - 1);
    marks[f->pre] = '.';
    return marks;
}

static void write_signed(sqlite3_context *c, const struct template *t, const struct number_format *f,
                         const char *number)
{
    int blanks;
    char sign = *number == '-' ? '-' : '+';
    number = fit(c, f, number + (sign == '-'), &blanks);
    if (number)
        write_number(c, t, f, number, sign, blanks);
}

static void roman(sqlite3_context *c, const struct template *t, const struct number_format *f, int64_t v)
{
    static const struct {
        const char *digits;
        int value;
    } rows[] = { { "M", 1000 }, { "CM", 900 }, { "D", 500 }, { "CD", 400 }, { "C", 100 }, { "XC", 90 }, { "L", 50 },
                 { "XL", 40 },  { "X", 10 },   { "IX", 9 },  { "V", 5 },    { "IV", 4 },  { "I", 1 } };
    char text[20] = "###############";
    size_t n = 0;
    if (v >= 1 && v <= 3999) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
            for (; v >= rows[i].value; v -= rows[i].value) {
                memcpy(text + n, rows[i].digits, strlen(rows[i].digits));
                n += strlen(rows[i].digits);
            }
        text[n] = 0;
    }
    write_number(c, t, f, text, 0, 0); /* no sign: SG ends the text, MI and PL are blanks */
}

/* "#.###": what EEEE shows for NaN and infinities. */
static void no_exponent(sqlite3_context *c, const struct number_format *f)
{
    size_t n = (size_t)f->pre + (size_t)f->post + 6;
    char *marks = arena_alloc(scratch(c), n + 1);
    if (!marks) {
        local_fail(c);
        return;
    }
    memset(marks, '#', n);
    marks[0] = ' ';
    marks[f->pre + 1] = '.';
    local_result_text(c, (struct str){ marks, n });
}

/* ---- numeric */

/* d.ddde+XX with so many digits after the point, rounded half away from zero: 9.99 may become "10.0e+00", as in PostgreSQL. */
static bool scientific(sqlite3_context *c, const struct numeric *n, int digits, struct str *ret)
{
    AUTO_NUMERIC(shifted);
    int exponent = 0;
    if (mpz_sgn(n->unscaled) != 0) {
        struct str unscaled = { mpz_get_str(NULL, 10, n->unscaled), 0 };
        exponent = (int)strlen(unscaled.p) - (*unscaled.p == '-') - 1 - n->scale;
        void (*release)(void *, size_t);
        mp_get_memory_functions(NULL, NULL, &release);
        release((void *)(uintptr_t)unscaled.p, strlen(unscaled.p) + 1);
    }
    numeric_copy(&shifted, n);
    /* n / 10^exponent: the digits stay, the point moves */
    if (n->scale + exponent >= 0) {
        shifted.scale = n->scale + exponent;
    } else {
        mpz_t factor;
        mpz_init(factor);
        mpz_ui_pow_ui(factor, 10, (unsigned long)-(n->scale + exponent));
        mpz_mul(shifted.unscaled, shifted.unscaled, factor);
        mpz_clear(factor);
        shifted.scale = 0;
    }
    numeric_round(&shifted, &shifted, digits);
    struct str mantissa = numeric_print(&shifted, scratch(c));
    *ret = mantissa.p
               ? arena_printf(scratch(c), "%s%.*se%+03d", *mantissa.p == '-' ? "" : " ", STR_FMT(mantissa), exponent)
               : mantissa;
    if (!ret->p)
        local_fail(c);
    return ret->p != NULL;
}

static void write_scientific(sqlite3_context *c, const struct number_format *f, const struct numeric *n)
{
    struct str text;
    if (n->class != NUMERIC_FINITE)
        no_exponent(c, f);
    else if (scientific(c, n, f->post, &text))
        local_result_text(c, text);
}

static bool shift_numeric(sqlite3_context *c, struct numeric *n, int digits)
{
    AUTO_NUMERIC(ten);
    AUTO_NUMERIC(exponent);
    numeric_from_int64(&ten, 10);
    numeric_from_int64(&exponent, digits);
    if (numeric_power(&ten, &ten, &exponent, errors(c)) && numeric_multiply(n, n, &ten, errors(c)))
        return true;
    local_fail(c);
    return false;
}

static void write_numeric(sqlite3_context *c, const struct template *t, struct number_format *f, struct numeric *n)
{
    if (f->shift) {
        if (!shift_numeric(c, n, f->multi))
            return;
        f->pre += f->multi;
    }
    numeric_round(n, n, f->post);
    char *text = arena_cstr(scratch(c), numeric_print(n, scratch(c)));
    if (text)
        write_signed(c, t, f, text);
    else
        local_fail(c);
}

/* NULL and an empty template: NULL, ''. */
static bool start(sqlite3_context *c, int n, sqlite3_value **args, struct template *t, struct number_format *f)
{
    if (local_has_null(n, args))
        return false;
    if (local_text(args[1]).n == 0) {
        local_result_text(c, STR(""));
        return false;
    }
    return read_format(c, local_text(args[1]), t, f);
}

static void numeric_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct template t;
    struct number_format f;
    int64_t v;
    AUTO_NUMERIC(x);
    if (!start(c, n, args, &t, &f) || !argument_numeric(c, args[0], &x))
        return;
    if (f.roman && x.class != NUMERIC_FINITE)
        fail_with(c, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot convert %s to integer",
                  x.class == NUMERIC_NAN ? "NaN" : "infinity");
    else if (f.roman && (!numeric_to_int64(&x, &v) || v < INT32_MIN || v > INT32_MAX))
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    else if (f.roman)
        roman(c, &t, &f, v);
    else if (f.exponent)
        write_scientific(c, &f, &x);
    else
        write_numeric(c, &t, &f, &x);
}

/* ---- integers */

static void write_float_exponent(sqlite3_context *c, const struct number_format *f, double v)
{
    if (!isfinite(v)) {
        no_exponent(c, f);
        return;
    }
    struct str text = arena_printf(scratch(c), "%s%.*e", signbit(v) ? "" : " ", f->post, v);
    if (text.p)
        local_result_text(c, text);
    else
        local_fail(c);
}

static bool shift_integer(sqlite3_context *c, int64_t *v, int digits, int64_t low, int64_t high, const char *type)
{
    for (int i = 0; i < digits; i++)
        if (__builtin_mul_overflow(*v, 10, v) || *v < low || *v > high) {
            fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
            return false;
        }
    return true;
}

static void write_integer(sqlite3_context *c, const struct template *t, struct number_format *f, int64_t v)
{
    struct str text = arena_printf(scratch(c), "%lld", (long long)v);
    if (f->post && text.p) {
        char *zeros = arena_alloc(scratch(c), (size_t)f->post + 1);
        if (zeros)
            memset(zeros, '0', (size_t)f->post);
        text = zeros ? arena_printf(scratch(c), "%.*s.%s", STR_FMT(text), zeros) : (struct str){ 0 };
    }
    char *number = text.p ? arena_cstr(scratch(c), text) : NULL;
    if (number)
        write_signed(c, t, f, number);
    else
        local_fail(c);
}

static void integer_to_char(sqlite3_context *c, int n, sqlite3_value **args, bool is_int4)
{
    struct template t;
    struct number_format f;
    AUTO_NUMERIC(x);
    if (!start(c, n, args, &t, &f))
        return;
    if (f.exponent && is_int4) {
        write_float_exponent(c, &f, (double)sqlite3_value_int64(args[0]));
        return;
    }
    int64_t v = sqlite3_value_int64(args[0]), low = is_int4 ? INT32_MIN : INT64_MIN,
            high = is_int4 ? INT32_MAX : INT64_MAX;
    if (f.exponent) {
        numeric_from_int64(&x, v);
        write_scientific(c, &f, &x);
        return;
    }
    if (f.roman) {
        if (v < INT32_MIN || v > INT32_MAX)
            fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        else
            roman(c, &t, &f, v);
        return;
    }
    if (f.shift && !shift_integer(c, &v, f.multi, low, high, is_int4 ? "integer" : "bigint"))
        return;
    if (f.shift)
        f.pre += f.multi;
    write_integer(c, &t, &f, v);
}

static void int4_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    integer_to_char(c, n, args, true);
}

static void int8_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    integer_to_char(c, n, args, false);
}

/* ---- floats */

/* %.*f as PostgreSQL prints it: NaN and Infinity in its own spelling. */
static struct str fixed_text(struct arena *arena, double v, int digits)
{
    if (isnan(v))
        return STR("NaN");
    if (isinf(v))
        return v < 0 ? STR("-Infinity") : STR("Infinity");
    return arena_printf(arena, "%.*f", digits, v);
}

static void write_float(sqlite3_context *c, const struct template *t, struct number_format *f, double v, int max_digits)
{
    struct str whole = fixed_text(scratch(c), fabs(v), 0);
    if ((int)whole.n >= max_digits)
        f->post = 0;
    else if ((int)whole.n + f->post > max_digits)
        f->post = max_digits - (int)whole.n;
    struct str text = fixed_text(scratch(c), v, f->post);
    char *number = whole.p && text.p ? arena_cstr(scratch(c), text) : NULL;
    if (number)
        write_signed(c, t, f, number);
    else
        local_fail(c);
}

static void float_to_char(sqlite3_context *c, int n, sqlite3_value **args, bool is_float4)
{
    struct template t;
    struct number_format f;
    if (!start(c, n, args, &t, &f))
        return;
    double v = argument_double(args[0]);
    if (f.roman) {
        roman(c, &t, &f, isfinite(v) && fabs(v) < 1e9 ? (int64_t)rint(v) : 0);
        return;
    }
    if (f.exponent) {
        write_float_exponent(c, &f, v);
        return;
    }
    if (f.shift) {
        v *= pow(10, f.multi);
        v = is_float4 ? (double)(float)v : v;
        f.pre += f.multi;
    }
    write_float(c, &t, &f, v, is_float4 ? FLT_DIG : DBL_DIG);
}

static void float4_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    float_to_char(c, n, args, true);
}

static void float8_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    float_to_char(c, n, args, false);
}

/* ---- to_number */

struct reader {
    const struct number_format *f;
    struct str rest;
    const char *start;
    char *number, *p; /* the sign or a blank, then digits; where the next one goes */
    int pre, post;    /* digits read */
    bool after_point;
};

static char peek(const struct reader *r, size_t i)
{
    return i < r->rest.n ? r->rest.p[i] : 0;
}

static void advance(struct reader *r, size_t n)
{
    n = n < r->rest.n ? n : r->rest.n;
    r->rest = (struct str){ r->rest.p + n, r->rest.n - n };
}

static size_t width_of(struct str s)
{
    size_t n = s.n ? 1 : 0;
    while (n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void read_first_sign(struct reader *r)
{
    char c = peek(r, 0);
    if (r->f->anchored && r->f->sign_place == SIGN_BEFORE) {
        if (c == '-' || c == '+') {
            *r->number = c;
            advance(r, 1);
        }
        return;
    }
    if (c == '-' || (r->f->brackets && c == '<')) {
        *r->number = '-';
        advance(r, 1);
    } else if (c == '+') {
        *r->number = '+';
        advance(r, 1);
    }
}

/* True when a digit or the point was read; it stays at hand. False in *ret_go_on: the digits after the point are enough. */
static bool read_digit(struct reader *r, bool *ret_go_on)
{
    char c = peek(r, 0);
    *ret_go_on = true;
    if (is_digit(c)) {
        if (r->after_point && r->post == r->f->post) {
            *ret_go_on = false;
            return false;
        }
        *r->p++ = c;
        if (r->after_point)
            r->post++;
        else
            r->pre++;
        return true;
    }
    if (r->f->decimal && !r->after_point && c == '.') {
        *r->p++ = '.';
        r->after_point = true;
        return true;
    }
    return false;
}

/* A sign behind the number: one character further than a digit just read, else where the reader stands. */
static void read_last_sign(struct reader *r, bool was_read)
{
    char c = peek(r, was_read ? 1 : 0);
    if (*r->number != ' ' || r->pre + r->post == 0)
        return;
    if (r->f->anchored && was_read && r->rest.n > 1 && !is_digit(c)) {
        if (c == '-' || c == '+') {
            *r->number = c;
            advance(r, 1);
        }
    } else if (!was_read && !r->f->anchored && (r->f->plus || r->f->minus) && (c == '-' || c == '+')) {
        *r->number = c;
    }
}

/* A 9, a 0 or a point of the template; the character at hand is passed over afterwards. */
static void read_position(struct reader *r, bool is_digit_pattern)
{
    bool go_on;
    if (!r->rest.n)
        return;
    if (peek(r, 0) == ' ')
        advance(r, 1);
    if (!r->rest.n)
        return;
    if (*r->number == ' ' && is_digit_pattern && r->pre + r->post == 0)
        read_first_sign(r);
    if (!r->rest.n)
        return;
    bool was_read = read_digit(r, &go_on);
    if (go_on)
        read_last_sign(r, was_read);
}

/* Up to n characters that cannot be part of a number. */
static void skip_text(struct reader *r, int n)
{
    while (n-- > 0 && r->rest.n && !memchr("0123456789.,+-", peek(r, 0), 14))
        advance(r, width_of(r->rest));
}

static void read_mark(struct reader *r, const char *marks)
{
    if (peek(r, 0) && strchr(marks, peek(r, 0))) {
        *r->number = peek(r, 0);
        advance(r, 1);
    } else {
        skip_text(r, 1);
    }
}

static void read_word(struct reader *r, const struct template_word *word)
{
    switch (word->field) {
    case FIELD_NINE:
    case FIELD_ZERO:
    case FIELD_POINT:
    case FIELD_LOCAL_POINT:
        read_position(r, word->field == FIELD_NINE || word->field == FIELD_ZERO);
        advance(r, width_of(r->rest) ? 1 : 0);
        return;
    case FIELD_COMMA:
    case FIELD_GROUP:
        if (!r->f->fill && peek(r, 0) == ',')
            advance(r, 1);
        return;
    case FIELD_CURRENCY:
        skip_text(r, 1);
        return;
    case FIELD_ORDINAL:
        if (!r->f->decimal)
            skip_text(r, 2);
        return;
    case FIELD_MINUS:
        read_mark(r, "-");
        return;
    case FIELD_PLUS:
        read_mark(r, "+");
        return;
    case FIELD_SIGN:
        read_mark(r, "-+");
        return;
    default:
        return;
    }
}

/* The digits that the template finds in the text, as numeric's input takes them. */
static bool read_text(sqlite3_context *c, const struct template *t, const struct number_format *f, struct str text,
                      struct str *ret, int *ret_scale)
{
    struct reader r = { .f = f, .rest = text, .start = text.p, .number = arena_alloc(scratch(c), t->n * 8 + 2) };
    if (!r.number) {
        local_fail(c);
        return false;
    }
    *r.number = ' ';
    r.p = r.number + 1;
    for (size_t i = 0; i < t->n && r.rest.n; i++) {
        if (t->nodes[i].kind == NODE_WORD)
            read_word(&r, t->nodes[i].word);
        else
            advance(&r, width_of(r.rest));
    }
    if (r.p[-1] == '.')
        r.p--;
    *ret = (struct str){ r.number, (size_t)(r.p - r.number) };
    *ret_scale = r.post;
    return true;
}

static void to_number(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct template t;
    struct number_format f;
    struct str digits;
    int scale;
    AUTO_NUMERIC(x);
    STRICT(n, args);
    if (local_text(args[1]).n == 0 || !read_format(c, local_text(args[1]), &t, &f))
        return;
    if (f.exponent || f.roman) {
        fail_with(c, SQLSTATE_FEATURE_NOT_SUPPORTED, "\"%s\" not supported for input", f.exponent ? "EEEE" : "RN");
        return;
    }
    if (!read_text(c, &t, &f, local_text(args[0]), &digits, &scale))
        return;
    int precision = f.pre + f.multi + scale;
    int32_t typmod = precision > INT16_MAX ? -1 : (precision << 16 | scale) + 4;
    if (!numeric_parse(&x, digits, errors(c)) || !numeric_apply_typmod(&x, typmod, errors(c))) {
        local_fail(c);
        return;
    }
    if (!f.shift || shift_numeric(c, &x, -f.multi))
        result_numeric(c, &x);
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };

static const struct local_function functions[] = {
    { .name = "pg_numeric_to_char", .n_args = 2, .flags = PURE, .call = numeric_to_char },
    { .name = "pg_int4_to_char", .n_args = 2, .flags = PURE, .call = int4_to_char },
    { .name = "pg_int8_to_char", .n_args = 2, .flags = PURE, .call = int8_to_char },
    { .name = "pg_float4_to_char", .n_args = 2, .flags = PURE, .call = float4_to_char },
    { .name = "pg_float8_to_char", .n_args = 2, .flags = PURE, .call = float8_to_char },
    { .name = "pg_numeric_to_number", .n_args = 2, .flags = PURE, .call = to_number },
};

const struct local_family local_family_to_char_number = { .functions = functions,
                                                          .n_functions = sizeof(functions) / sizeof(functions[0]) };
