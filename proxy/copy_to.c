/* copy_to.c - COPY … TO STDOUT; see copy.h. */
#include "pgwire/copy_binary.h"
#include "proxy/copy.h"
#include "proxy/group.h"

/* What writing rows needs; in the group's arena, but for the buf. */
struct copy_to {
    struct copy_options options;
    struct copy_target target;
    struct str *fields;
    size_t *ends; /* of each field in bytes; SIZE_MAX: NULL */
    struct buf bytes;
    bool
        header_due; /* binary: the header goes out with the first row, as PostgreSQL sends it; clients rely on whole rows */
};

enum { ROW_MAX = 512 << 20 };

static void options_of(const struct plan_copy *c, struct copy_options *o)
{
    *o = (struct copy_options){
        .format = c->format,
        .header = c->header_match ? COPY_HEADER_MATCH
                  : c->header     ? COPY_HEADER_LINE
                                  : COPY_HEADER_NONE,
        .delimiter = c->delimiter,
        .null_text = c->null_text,
        .quote = c->quote,
        .escape = c->escape,
        .force_quote = c->force_quote,
        .force_not_null = c->force_not_null,
        .force_null = c->force_null,
    };
}

static struct copy_to *make(struct emitter *e)
{
    struct arena *arena = e->session->group->arena;
    size_t n = e->plan->n_columns;
    struct copy_to *c = ARENA_NEW(arena, struct copy_to);
    struct str *names = ARENA_ARRAY(arena, struct str, n);
    if (!c || !names || !(c->fields = ARENA_ARRAY(arena, struct str, n)) || !(c->ends = ARENA_ARRAY(arena, size_t, n)))
        return NULL;
    for (size_t i = 0; i < n; i++)
        names[i] = e->plan->columns[i].name;
    options_of(e->copy, &c->options);
    c->target = (struct copy_target){ .columns = names, .n_columns = n };
    buf_init(&c->bytes, ROW_MAX);
    return c;
}

static enum wire_format format_of(const struct emitter *e)
{
    return e->copy->format == COPY_BINARY ? WIRE_BINARY : WIRE_TEXT;
}

void copy_to_begin(struct emitter *e)
{
    e->copy_to = make(e);
    backend_copy_out(e->out, format_of(e), e->plan->n_columns);
    if (!e->copy_to) {
        e->out->failed = true;
        return;
    }
    e->copy_to->header_due = e->copy->format == COPY_BINARY;
    if (e->copy->format == COPY_BINARY || !e->copy->header)
        return;
    size_t mark = backend_copy_data_begin(e->out);
    copy_out_header(&e->copy_to->options, &e->copy_to->target, e->out);
    backend_copy_data_end(e->out, mark);
}

static void binary_header(struct emitter *e)
{
    if (e->copy_to && e->copy_to->header_due)
        copy_binary_out_header(e->out);
    if (e->copy_to)
        e->copy_to->header_due = false;
}

static bool encode(struct emitter *e, size_t i, const struct value *cell)
{
    struct copy_to *c = e->copy_to;
    const struct plan_column *column = &e->plan->columns[i];
    struct arena *scratch = e->session->worker->scratch;
    struct value v = *cell;
    c->ends[i] = SIZE_MAX;
    if (v.class == VALUE_NULL)
        return true;
    if (column->form != CELL_NATURAL && !plan_cell(column, cell, scratch, &v, e->err))
        return false;
    if (!type_encode(column->codec_type, column->codec_typmod, format_of(e), &v, &e->session->gucs.live.types, scratch,
                     &c->bytes, e->err))
        return false;
    c->ends[i] = c->bytes.n;
    return true;
}

bool copy_to_row(struct emitter *e, const struct value *cells, size_t n_cells)
{
    struct copy_to *c = e->copy_to;
    size_t start = 0;
    if (!c)
        return err_oom(e->err);
    buf_reset(&c->bytes);
    buf_reserve(&c->bytes, 1); /* an empty field still has a pointer: NULL means SQL NULL */
    for (size_t i = 0; i < n_cells; i++)
        if (!encode(e, i, &cells[i]))
            return false;
    if (c->bytes.failed)
        return err_oom(e->err);
    for (size_t i = 0; i < n_cells; i++) {
        if (c->ends[i] == SIZE_MAX) {
            c->fields[i] = (struct str){ 0 };
            continue;
        }
        c->fields[i] = (struct str){ c->bytes.p + start, c->ends[i] - start };
        start = c->ends[i];
    }
    size_t mark = backend_copy_data_begin(e->out);
    binary_header(e);
    if (e->copy->format == COPY_BINARY)
        copy_binary_out_row(c->fields, n_cells, e->out);
    else
        copy_out_row(&c->options, c->fields, n_cells, e->out);
    backend_copy_data_end(e->out, mark);
    return !e->out->failed || err_oom(e->err);
}

void copy_to_end(struct emitter *e)
{
    if (e->copy->format == COPY_BINARY) {
        size_t mark = backend_copy_data_begin(e->out);
        binary_header(e);
        copy_binary_out_trailer(e->out);
        backend_copy_data_end(e->out, mark);
    }
    backend_copy_done(e->out);
    emitter_fini(e);
}

void emitter_fini(struct emitter *e)
{
    if (e->copy_to)
        buf_fini(&e->copy_to->bytes);
    e->copy_to = NULL;
}

enum outcome copy_to_start(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_copy *copy = x->plan->utility.copy;
    struct execution run = *x;
    run.plan = copy->query;
    run.copy = copy;
    run.copy_plan = x->plan;
    run.sink = SINK_COPY;
    run.max_rows = 0;
    return execute(s, &run, err);
}
