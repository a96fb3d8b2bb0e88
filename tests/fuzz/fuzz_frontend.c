/* LINK pgd1_pgwire pgd1_base */
/* The body of a client's message from any bytes, after its tag ('i': SASLInitialResponse). What reads writes back. */
#include "pgwire/frontend.h"
#include "tests/fuzz/fuzz.h"

#define MUST(x) ((x) ? (void)0 : abort())

static void write_formats(struct buf *b, const struct format_list *list)
{
    wr_u16(b, (uint16_t)list->n);
    for (size_t i = 0; i < list->n; i++) {
        MUST(list->n != 1 || format_list_at(list, i) == format_list_at(list, 1000));
        wr_u16(b, list->n == 1 ? (uint16_t)format_list_at(list, 0) : (uint16_t)format_list_at(list, i));
    }
}

static void write_cells(struct buf *b, size_t n, struct str cells)
{
    struct rd at = rd_from(cells);
    wr_u16(b, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        struct str cell = bind_param(&at);
        if (cell.p)
            wr_cell(b, cell);
        else
            wr_cell_null(b);
    }
    MUST(rd_done(&at));
}

static bool parse_again(struct str body, struct buf *b, struct err *e)
{
    struct parse_msg m;
    if (!parse_read(body, &m, e))
        return false;
    wr_cstr(b, m.name);
    wr_cstr(b, m.sql);
    wr_u16(b, (uint16_t)m.n_types);
    for (size_t i = 0; i < m.n_types; i++)
        wr_u32(b, parse_type(&m, i));
    return true;
}

static bool bind_again(struct str body, struct buf *b, struct err *e)
{
    struct bind_msg m;
    if (!bind_read(body, &m, e))
        return false;
    MUST(m.formats.n <= 1 || m.formats.n == m.n_params);
    wr_cstr(b, m.portal);
    wr_cstr(b, m.statement);
    write_formats(b, &m.formats);
    write_cells(b, m.n_params, m.params);
    write_formats(b, &m.results);
    return true;
}

static bool target_again(char tag, struct str body, struct buf *b, struct err *e)
{
    struct target_msg m;
    if (!(tag == 'D' ? describe_read(body, &m, e) : close_read(body, &m, e)))
        return false;
    wr_u8(b, m.is_portal ? 'P' : 'S');
    wr_cstr(b, m.name);
    return true;
}

static bool execute_again(struct str body, struct buf *b, struct err *e)
{
    struct execute_msg m;
    if (!execute_read(body, &m, e))
        return false;
    wr_cstr(b, m.portal);
    wr_u32(b, (uint32_t)m.max_rows);
    return true;
}

static bool function_call_again(struct str body, struct buf *b, struct err *e)
{
    struct function_call_msg m;
    if (!function_call_read(body, &m, e))
        return false;
    wr_u32(b, m.function);
    write_formats(b, &m.formats);
    write_cells(b, m.n_args, m.args);
    wr_u16(b, (uint16_t)m.result);
    return true;
}

static bool sasl_again(struct str body, struct buf *b, struct err *e)
{
    struct sasl_initial_msg m;
    if (!sasl_initial_read(body, &m, e))
        return false;
    wr_cstr(b, m.mechanism);
    if (m.has_data)
        wr_cell(b, m.data);
    else
        wr_cell_null(b);
    return true;
}

static bool string_again(char tag, struct str body, struct buf *b, struct err *e)
{
    struct str s;
    struct query_msg q;
    bool good = tag == 'Q'   ? query_read(body, &q, e)
                : tag == 'f' ? copy_fail_read(body, &s, e)
                             : password_read(body, &s, e);
    if (good)
        wr_cstr(b, tag == 'Q' ? q.sql : s);
    return good;
}

static bool again(char tag, struct str body, struct buf *b, struct err *e)
{
    switch (tag) {
    case 'P':
        return parse_again(body, b, e);
    case 'B':
        return bind_again(body, b, e);
    case 'D':
    case 'C':
        return target_again(tag, body, b, e);
    case 'E':
        return execute_again(body, b, e);
    case 'F':
        return function_call_again(body, b, e);
    case 'i':
        return sasl_again(body, b, e);
    case 'Q':
    case 'f':
    case 'p':
        return string_again(tag, body, b, e);
    default:
        return empty_read(body, e);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    AUTO(arena) arena = arena_new(1 << 16);
    struct str body = { (const char *)data + 1, size - 1 };
    struct err e;
    struct buf b;
    err_init(&e, arena);
    buf_init(&b, size + 64);
    bool good = again((char)data[0], body, &b, &e);
    MUST(good != err_is_set(&e));
    if (good)
        MUST(!b.failed && str_eq(buf_str(&b), body));
    buf_fini(&b);
    return 0;
}
