/* backend.c - see backend.h. Each writer reads like its message in 55.7. */
#include "pgwire/backend.h"

#include "pgwire/frame.h"

/* Codes of the Authentication messages. */
enum { AUTH_OK = 0, AUTH_CLEARTEXT = 3, AUTH_SASL = 10, AUTH_SASL_CONTINUE = 11, AUTH_SASL_FINAL = 12 };

static size_t begin(struct buf *out, enum msg msg)
{
    return wr_begin(out, msg_tag(msg));
}

static void empty(struct buf *out, enum msg msg)
{
    wr_end(out, begin(out, msg));
}

/* --- start-up --- */

static void auth(struct buf *out, uint32_t code, struct str data)
{
    size_t mark = begin(out, MSG_authentication);
    wr_u32(out, code);
    buf_add_str(out, data);
    wr_end(out, mark);
}

void backend_auth_ok(struct buf *out)
{
    auth(out, AUTH_OK, STR(""));
}

void backend_auth_cleartext(struct buf *out)
{
    auth(out, AUTH_CLEARTEXT, STR(""));
}

void backend_auth_sasl(struct buf *out, const struct str *mechanisms, size_t n)
{
    size_t mark = begin(out, MSG_authentication);
    wr_u32(out, AUTH_SASL);
    for (size_t i = 0; i < n; i++)
        wr_cstr(out, mechanisms[i]);
    wr_u8(out, 0);
    wr_end(out, mark);
}

void backend_auth_sasl_continue(struct buf *out, struct str data)
{
    auth(out, AUTH_SASL_CONTINUE, data);
}

void backend_auth_sasl_final(struct buf *out, struct str data)
{
    auth(out, AUTH_SASL_FINAL, data);
}

void backend_key_data(struct buf *out, uint32_t pid, struct str key)
{
    size_t mark = begin(out, MSG_backend_key_data);
    wr_u32(out, pid);
    buf_add_str(out, key);
    wr_end(out, mark);
}

void backend_parameter_status(struct buf *out, struct str name, struct str value)
{
    size_t mark = begin(out, MSG_parameter_status);
    wr_cstr(out, name);
    wr_cstr(out, value);
    wr_end(out, mark);
}

/* The word is the whole version, not only its minor part: that is what PostgreSQL sends and libpq reads. */
void backend_negotiate(struct buf *out, const struct startup *startup)
{
    size_t mark = begin(out, MSG_negotiate_protocol_version);
    wr_u32(out, startup->version);
    size_t count = out->n;
    wr_u32(out, 0);
    uint32_t n = 0;
    struct str name, value;
    for (struct rd at = rd_from(startup->parameters); startup_parameter(&at, &name, &value);) {
        if (!startup_is_protocol_option(name))
            continue;
        wr_cstr(out, name);
        n++;
    }
    if (!out->failed)
        be_put32(out->p + count, n);
    wr_end(out, mark);
}

/* --- query flow --- */

void backend_ready_for_query(struct buf *out, enum transaction_status status)
{
    size_t mark = begin(out, MSG_ready_for_query);
    wr_u8(out, (uint8_t)status);
    wr_end(out, mark);
}

void backend_command_complete(struct buf *out, struct str tag)
{
    size_t mark = begin(out, MSG_command_complete);
    wr_cstr(out, tag);
    wr_end(out, mark);
}

void backend_empty_query(struct buf *out)
{
    empty(out, MSG_empty_query_response);
}

void backend_parse_complete(struct buf *out)
{
    empty(out, MSG_parse_complete);
}

void backend_bind_complete(struct buf *out)
{
    empty(out, MSG_bind_complete);
}

void backend_close_complete(struct buf *out)
{
    empty(out, MSG_close_complete);
}

void backend_no_data(struct buf *out)
{
    empty(out, MSG_no_data);
}

void backend_portal_suspended(struct buf *out)
{
    empty(out, MSG_portal_suspended);
}

/* An int16 count; more than it can hold fails the buf. */
static void write_count(struct buf *out, size_t n)
{
    if (n > UINT16_MAX)
        out->failed = true;
    wr_u16(out, (uint16_t)n);
}

void backend_parameter_description(struct buf *out, const oid_t *types, size_t n)
{
    size_t mark = begin(out, MSG_parameter_description);
    write_count(out, n);
    for (size_t i = 0; i < n && !out->failed; i++)
        wr_u32(out, types[i]);
    wr_end(out, mark);
}

void backend_notification(struct buf *out, uint32_t pid, struct str channel, struct str payload)
{
    size_t mark = begin(out, MSG_notification_response);
    wr_u32(out, pid);
    wr_cstr(out, channel);
    wr_cstr(out, payload);
    wr_end(out, mark);
}

void backend_function_call_response(struct buf *out, struct str value)
{
    size_t mark = begin(out, MSG_function_call_response);
    if (value.p)
        wr_cell(out, value);
    else
        wr_cell_null(out);
    wr_end(out, mark);
}

/* --- errors and notices --- */

static const char *const severities[SEVERITY_NR] = {
    [SEVERITY_DEBUG] = "DEBUG",   [SEVERITY_LOG] = "LOG",         [SEVERITY_INFO] = "INFO",
    [SEVERITY_NOTICE] = "NOTICE", [SEVERITY_WARNING] = "WARNING", [SEVERITY_ERROR] = "ERROR",
    [SEVERITY_FATAL] = "FATAL",   [SEVERITY_PANIC] = "PANIC",
};

const char *severity_name(enum severity severity)
{
    return severities[severity];
}

static void field(struct buf *out, char kind, struct str text)
{
    if (text.n == 0)
        return;
    buf_add_char(out, kind);
    wr_cstr(out, text);
}

static void field_number(struct buf *out, char kind, int number)
{
    if (number <= 0)
        return;
    buf_add_char(out, kind);
    buf_printf(out, "%d", number);
    buf_add_char(out, 0);
}

static void fields_place(struct buf *out, const struct source_place *place)
{
    field(out, 'F', str_from(place->file));
    field_number(out, 'L', place->line);
    field(out, 'R', str_from(place->routine));
}

/* In the order PostgreSQL sends them: some clients show fields as they come. */
void backend_report(struct buf *out, enum severity severity, const struct err *err, const struct source_place *place)
{
    size_t mark = begin(out, severity >= SEVERITY_ERROR ? MSG_error_response : MSG_notice_response);
    field(out, 'S', str_from(severities[severity]));
    field(out, 'V', str_from(severities[severity]));
    field(out, 'C', str_from(sqlstate_code(err->code)));
    /* M is always there, 55.8; an empty one would end the list for a careless reader. */
    field(out, 'M', err->message.n ? err->message : STR("missing error text"));
    field(out, 'D', err->detail);
    field(out, 'H', err->hint);
    field_number(out, 'P', err->position);
    field(out, 'W', err->context);
    field(out, 's', err->schema);
    field(out, 't', err->table);
    field(out, 'c', err->column);
    field(out, 'd', err->datatype);
    field(out, 'n', err->constraint);
    if (place)
        fields_place(out, place);
    else
        field(out, 'R', str_from(err->routine));
    wr_u8(out, 0);
    wr_end(out, mark);
}

/* --- rows --- */

static void describe(struct buf *out, const struct column_description *c)
{
    wr_cstr(out, c->name);
    wr_u32(out, c->table);
    wr_u16(out, (uint16_t)c->attribute);
    wr_u32(out, c->type);
    wr_u16(out, (uint16_t)c->type_length);
    wr_u32(out, (uint32_t)c->typmod);
    wr_u16(out, (uint16_t)c->format);
}

void backend_row_description(struct buf *out, const struct column_description *columns, size_t n)
{
    size_t mark = begin(out, MSG_row_description);
    write_count(out, n);
    for (size_t i = 0; i < n && !out->failed; i++)
        describe(out, &columns[i]);
    wr_end(out, mark);
}

void row_begin(struct row_writer *w, struct buf *out)
{
    *w = (struct row_writer){ .out = out, .start = out->n };
    w->mark = begin(out, MSG_data_row);
    wr_u16(out, 0);
}

void row_cell(struct row_writer *w, struct str bytes)
{
    w->n++;
    wr_cell(w->out, bytes);
}

void row_null(struct row_writer *w)
{
    w->n++;
    wr_cell_null(w->out);
}

void row_cell_begin(struct row_writer *w)
{
    w->n++;
    w->cell = wr_cell_begin(w->out);
}

void row_cell_end(struct row_writer *w)
{
    wr_cell_end(w->out, w->cell);
}

void row_end(struct row_writer *w)
{
    if (w->n > UINT16_MAX)
        w->out->failed = true;
    if (!w->out->failed)
        be_put16(w->out->p + w->mark + 4, (uint16_t)w->n);
    wr_end(w->out, w->mark);
}

void row_abandon(struct row_writer *w)
{
    w->out->n = w->start;
}

/* --- COPY --- */

static void copy_response(struct buf *out, enum msg msg, enum wire_format format, size_t n)
{
    size_t mark = begin(out, msg);
    wr_u8(out, (uint8_t)format);
    write_count(out, n);
    for (size_t i = 0; i < n && !out->failed; i++)
        wr_u16(out, (uint16_t)format);
    wr_end(out, mark);
}

void backend_copy_in(struct buf *out, enum wire_format format, size_t n)
{
    copy_response(out, MSG_copy_in_response, format, n);
}

void backend_copy_out(struct buf *out, enum wire_format format, size_t n)
{
    copy_response(out, MSG_copy_out_response, format, n);
}

size_t backend_copy_data_begin(struct buf *out)
{
    return begin(out, MSG_backend_copy_data);
}

void backend_copy_data_end(struct buf *out, size_t mark)
{
    wr_end(out, mark);
}

void backend_copy_data(struct buf *out, struct str data)
{
    size_t mark = begin(out, MSG_backend_copy_data);
    buf_add_str(out, data);
    wr_end(out, mark);
}

void backend_copy_done(struct buf *out)
{
    empty(out, MSG_backend_copy_done);
}
