/* copy_from.c - COPY … FROM STDIN; see copy.h. */
#include "pgwire/copy_binary.h"
#include "pgwire/frontend.h"
#include "proxy/base/fault.h"
#include "proxy/copy.h"
#include "proxy/execute_temporary.h"
#include "proxy/group.h"
#include "proxy/sql/bulk.h"

enum { LINE_MAX_BYTES = 128 << 20 };

struct copy_from {
    struct plan *plan; /* a reference */
    struct execution x;
    struct copy_options options;
    struct copy_target target;
    struct bulk *bulk;
    struct arena *arena; /* values of one row */
    struct value *values;
    size_t n_columns;
    union {
        struct copy_in text;
        struct copy_binary_in binary;
    } reader;
    bool is_binary, has_reader, is_ended;
};

static void reader_fini(struct copy_from *c)
{
    if (!c->has_reader)
        return;
    if (c->is_binary)
        copy_binary_in_fini(&c->reader.binary);
    else
        copy_in_fini(&c->reader.text);
    c->has_reader = false;
}

static void copy_free(struct worker *w, struct copy_from *c)
{
    reader_fini(c);
    bulk_free(c->bulk);
    plan_unref(c->plan);
    worker_arena_give(w, c->arena);
    free(c);
}

void copy_from_drop(struct session *s)
{
    if (s->copy)
        copy_free(s->worker, s->copy);
    s->copy = NULL;
}

static bool open_reader(struct copy_from *c, size_t max_line, struct err *err)
{
    c->is_binary = c->options.format == COPY_BINARY;
    c->has_reader = c->is_binary ? copy_binary_in_init(&c->reader.binary, &c->target, max_line, err)
                                 : copy_in_init(&c->reader.text, &c->options, &c->target, max_line, err);
    return c->has_reader;
}

static bool name_columns(struct session *s, struct copy_from *c, const struct plan_copy *p, struct err *err)
{
    struct str *names = ARENA_ARRAY(s->group->arena, struct str, p->n_columns);
    c->values = ARENA_ARRAY(s->group->arena, struct value, p->n_columns);
    if (!names || !c->values)
        return err_oom(err);
    for (size_t i = 0; i < p->n_columns; i++)
        names[i] = p->columns[i]->name;
    c->n_columns = p->n_columns;
    c->target = (struct copy_target){ .relation = p->relation->name, .columns = names, .n_columns = p->n_columns };
    return true;
}

static struct copy_from *make(struct session *s, const struct execution *x, struct err *err)
{
    const struct plan_copy *p = x->plan->utility.copy;
    struct copy_from *c = fault_calloc(1, sizeof(*c));
    if (!c) {
        err_oom(err);
        return NULL;
    }
    c->plan = plan_ref(x->plan);
    c->x = *x;
    c->options = (struct copy_options){ .format = p->format,
                                        .header = p->header_match ? COPY_HEADER_MATCH
                                                  : p->header     ? COPY_HEADER_LINE
                                                                  : COPY_HEADER_NONE,
                                        .delimiter = p->delimiter,
                                        .null_text = p->null_text,
                                        .quote = p->quote,
                                        .escape = p->escape,
                                        .force_not_null = p->force_not_null,
                                        .force_null = p->force_null };
    c->arena = worker_arena_take(s->worker);
    c->bulk = bulk_new(p->bulk);
    if (c->arena && c->bulk && name_columns(s, c, p, err) && open_reader(c, LINE_MAX_BYTES, err))
        return c;
    err_oom(err);
    copy_free(s->worker, c);
    return NULL;
}

enum outcome copy_from_start(struct session *s, struct execution *x, struct err *err)
{
    enum outcome outcome = OUTCOME_DONE;
    if (group_is_waiting(s->group)) /* the client waits for CopyInResponse: what comes before it must be answered */
        outcome = group_answer(s->group, END_IMPLICIT);
    if (outcome != OUTCOME_DONE)
        return outcome;
    s->copy = make(s, x, err);
    if (!s->copy)
        return OUTCOME_FAILED;
    backend_copy_in(session_out(s), s->copy->is_binary ? WIRE_BINARY : WIRE_TEXT, s->copy->n_columns);
    session_move(s, SESSION_COPY_IN);
    session_flush(s);
    return OUTCOME_COPY_IN;
}

/* ---- rows ---- */

static struct str position(const struct copy_from *c, struct arena *arena)
{
    uint64_t line = c->is_binary ? c->reader.binary.row_number : c->reader.text.line_number;
    return arena_printf(arena, "COPY %.*s, line %llu", STR_FMT(c->target.relation), (unsigned long long)line);
}

static bool field_failed(struct copy_from *c, size_t i, struct str field, struct err *err)
{
    struct str at = position(c, err->arena);
    if (c->is_binary || !field.p)
        err->context = arena_printf(err->arena, "%.*s, column %.*s", STR_FMT(at), STR_FMT(c->target.columns[i]));
    else
        copy_in_context(&c->reader.text, i, err);
    return false;
}

static bool decode(struct session *s, struct copy_from *c, const struct copy_row *row, struct err *err)
{
    const struct plan_copy *p = c->plan->utility.copy;
    for (size_t i = 0; i < row->n; i++) {
        if (!row->fields[i].p)
            c->values[i] = value_null();
        else if (!snapshot_decode(c->plan->snapshot, p->columns[i]->type, c->is_binary ? WIRE_BINARY : WIRE_TEXT,
                                  row->fields[i], &s->gucs.live.types, c->arena, &c->values[i], err))
            return field_failed(c, i, row->fields[i], err);
    }
    return true;
}

static bool take_row(struct session *s, struct copy_from *c, const struct copy_row *row, struct err *err)
{
    arena_reset(c->arena);
    if (!decode(s, c, row, err))
        return false;
    if (!bulk_add_row(c->bulk, c->values, c->arena, err)) {
        if (!err->context.n)
            err->context = position(c, err->arena);
        return false;
    }
    if (bulk_bytes(c->bulk) <= s->serving->config->max_result_bytes)
        return true;
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "COPY of more than %zu bytes", s->serving->config->max_result_bytes);
    return err_hint(err, "Cut the data into several COPY statements, or raise max_result_bytes.");
}

static enum copy_result next_row(struct copy_from *c, struct copy_row *row, struct err *err)
{
    return c->is_binary ? copy_binary_in_next(&c->reader.binary, row, err) : copy_in_next(&c->reader.text, row, err);
}

/* A row with too few fields: a bad value in one of them is found first. */
static bool row_failed(struct session *s, struct copy_from *c, const struct copy_row *row, struct err *err)
{
    struct err value = { .arena = err->arena };
    if (!decode(s, c, row, &value))
        *err = value;
    return false;
}

static bool take_rows(struct session *s, struct copy_from *c, struct err *err)
{
    for (;;) {
        struct copy_row row = { 0 };
        switch (next_row(c, &row, err)) {
        case COPY_ROW:
            if (!take_row(s, c, &row, err))
                return false;
            break;
        case COPY_MORE:
            return true;
        case COPY_END:
            c->is_ended = true;
            return true;
        case COPY_ERROR:
            return row_failed(s, c, &row, err);
        }
    }
}

static bool take_chunk(struct session *s, struct str body, struct err *err)
{
    struct copy_from *c = s->copy;
    struct str data;
    if (!copy_data_read(body, &data, err))
        return false;
    if (c->is_ended)
        return true; /* behind "\." */
    if (c->is_binary)
        copy_binary_in_give(&c->reader.binary, data);
    else
        copy_in_give(&c->reader.text, data);
    return take_rows(s, c, err);
}

/* ---- the end ---- */

/* The rows as a step; the bulk lives as long as the group. */
static bool add_step(struct session *s, struct copy_from *c, struct err *err)
{
    struct group *g = s->group;
    struct bind_input input;
    struct d1_statement *statements;
    size_t n;
    execute_input(s, &c->x, &input);
    if (!bulk_statements(c->bulk, &input, g->arena, &statements, &n, err))
        return false;
    metric_add(&s->worker->metrics, METRIC_copy_rows, bulk_rows(c->bulk));
    if (n == 0) {
        execute_tag(c->plan, 0, session_out(s));
        return true;
    }
    c->x.copy_count = bulk_rows(c->bulk);
    if (c->plan->tables == TABLES_TEMPORARY)
        return execute_temporary_copy(s, &c->x, statements, n, err);
    struct step *step = group_add(g, &c->x, statements, n, err);
    if (!step)
        return false;
    step->bulk = c->bulk;
    c->bulk = NULL;
    return true;
}

static enum outcome finish(struct session *s, struct err *err)
{
    struct copy_from *c = s->copy;
    if (!c->is_ended) {
        if (c->is_binary)
            copy_binary_in_last(&c->reader.binary);
        else
            copy_in_last(&c->reader.text);
        if (!take_rows(s, c, err))
            return OUTCOME_FAILED;
    }
    bool ok = add_step(s, c, err);
    copy_from_drop(s);
    session_move(s, SESSION_READY);
    if (!ok)
        return OUTCOME_FAILED;
    if (s->wake) { /* a simple query: its string goes on */
        void (*wake)(struct session *) = s->wake;
        s->wake = NULL;
        wake(s);
    }
    return OUTCOME_DONE;
}

static enum outcome client_failed(struct str body, struct err *err)
{
    struct str reason;
    if (copy_fail_read(body, &reason, err))
        err_set(err, SQLSTATE_QUERY_CANCELED, "COPY from stdin failed: %.*s", STR_FMT(reason));
    return OUTCOME_FAILED;
}

enum outcome copy_from_message(struct session *s, const struct frame *f, struct err *err)
{
    switch (f->msg) {
    case MSG_copy_data:
        return take_chunk(s, f->body, err) ? OUTCOME_DONE : OUTCOME_FAILED;
    case MSG_copy_done:
        return finish(s, err);
    case MSG_copy_fail:
        return client_failed(f->body, err);
    case MSG_flush:
    case MSG_sync: /* ignored here: a client may send them before it knows of the COPY (55.2.6) */
        return OUTCOME_DONE;
    default:
        err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "unexpected message type 0x%02X during COPY from stdin",
                (unsigned)f->tag);
        return OUTCOME_FAILED;
    }
}
