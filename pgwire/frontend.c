/* frontend.c - see frontend.h. Each decoder reads like its message in 55.7. */
#include "pgwire/frontend.h"

bool query_read(struct str body, struct query_msg *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct query_msg m = { .sql = rd_cstr(&r) };
    if (!rd_done(&r))
        return rd_error(&r, err);
    *ret = m;
    return true;
}

bool parse_read(struct str body, struct parse_msg *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct parse_msg m = { .name = rd_cstr(&r), .sql = { 0 } };
    m.sql = rd_cstr(&r);
    m.n_types = rd_u16(&r);
    m.types = (const unsigned char *)rd_take(&r, 4 * m.n_types).p;
    if (!rd_done(&r))
        return rd_error(&r, err);
    *ret = m;
    return true;
}

oid_t parse_type(const struct parse_msg *m, size_t i)
{
    return be_get32(m->types + 4 * i);
}

static struct format_list read_formats(struct rd *r)
{
    struct format_list list = { .n = rd_u16(r) };
    list.codes = (const unsigned char *)rd_take(r, 2 * list.n).p;
    return list;
}

static bool check_formats(const struct format_list *list, struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        uint16_t code = be_get16(list->codes + 2 * i);
        if (code > WIRE_BINARY)
            return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "unsupported format code: %d", (int16_t)code);
    }
    return true;
}

enum wire_format format_list_at(const struct format_list *list, size_t i)
{
    if (list->n == 0)
        return WIRE_TEXT;
    return (enum wire_format)be_get16(list->codes + (list->n == 1 ? 0 : 2 * i));
}

/* n cells, each checked to lie within the message. */
static struct str read_cells(struct rd *r, size_t n)
{
    const unsigned char *start = r->p;
    for (size_t i = 0; i < n && !r->bad; i++)
        rd_cell(r);
    return r->bad ? (struct str){ 0 } : (struct str){ (const char *)start, (size_t)(r->p - start) };
}

bool bind_read(struct str body, struct bind_msg *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct bind_msg m = { .portal = rd_cstr(&r), .statement = { 0 } };
    m.statement = rd_cstr(&r);
    m.formats = read_formats(&r);
    m.n_params = rd_u16(&r);
    m.params = read_cells(&r, m.n_params);
    m.results = read_formats(&r);
    if (!rd_done(&r))
        return rd_error(&r, err);
    if (m.formats.n > 1 && m.formats.n != m.n_params)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "bind message has %zu parameter formats but %zu parameters",
                       m.formats.n, m.n_params);
    if (!check_formats(&m.formats, err) || !check_formats(&m.results, err))
        return false;
    *ret = m;
    return true;
}

static bool target_read(struct str body, const char *what, struct target_msg *ret, struct err *err)
{
    struct rd r = rd_from(body);
    uint8_t kind = rd_u8(&r);
    struct target_msg m = { .is_portal = kind == 'P', .name = rd_cstr(&r) };
    if (!rd_done(&r))
        return rd_error(&r, err);
    if (kind != 'P' && kind != 'S')
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid %s message subtype %d", what, kind);
    *ret = m;
    return true;
}

bool describe_read(struct str body, struct target_msg *ret, struct err *err)
{
    return target_read(body, "DESCRIBE", ret, err);
}

bool close_read(struct str body, struct target_msg *ret, struct err *err)
{
    return target_read(body, "CLOSE", ret, err);
}

bool execute_read(struct str body, struct execute_msg *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct execute_msg m = { .portal = rd_cstr(&r), .max_rows = 0 };
    m.max_rows = rd_i32(&r);
    if (!rd_done(&r))
        return rd_error(&r, err);
    *ret = m;
    return true;
}

bool function_call_read(struct str body, struct function_call_msg *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct function_call_msg m = { .function = rd_u32(&r) };
    m.formats = read_formats(&r);
    m.n_args = rd_u16(&r);
    m.args = read_cells(&r, m.n_args);
    uint16_t result = rd_u16(&r);
    if (!rd_done(&r))
        return rd_error(&r, err);
    if (m.formats.n > 1 && m.formats.n != m.n_args)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION,
                       "function call message contains %zu argument formats but %zu arguments", m.formats.n, m.n_args);
    if (!check_formats(&m.formats, err))
        return false;
    if (result > WIRE_BINARY)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "unsupported format code: %d", (int16_t)result);
    m.result = (enum wire_format)result;
    *ret = m;
    return true;
}

bool password_read(struct str body, struct str *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct str password = rd_cstr(&r);
    if (!rd_done(&r))
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid password packet size");
    *ret = password;
    return true;
}

bool sasl_initial_read(struct str body, struct sasl_initial_msg *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct sasl_initial_msg m = { .mechanism = rd_cstr(&r), .has_data = false };
    m.data = rd_cell(&r);
    m.has_data = m.data.p != NULL;
    if (!rd_done(&r))
        return rd_error(&r, err);
    *ret = m;
    return true;
}

bool sasl_response_read(struct str body, struct str *ret, struct err *err)
{
    (void)err; /* every content is well formed here; what it says is scram.h's */
    *ret = body;
    return true;
}

bool copy_data_read(struct str body, struct str *ret, struct err *err)
{
    (void)err; /* the same: copy_text.h, copy_binary.h */
    *ret = body;
    return true;
}

bool copy_fail_read(struct str body, struct str *ret, struct err *err)
{
    struct rd r = rd_from(body);
    struct str reason = rd_cstr(&r);
    if (!rd_done(&r))
        return rd_error(&r, err);
    *ret = reason;
    return true;
}

bool empty_read(struct str body, struct err *err)
{
    struct rd r = rd_from(body);
    return rd_done(&r) || rd_error(&r, err);
}
