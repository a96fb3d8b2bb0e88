/* emit_enum.c - enums, which are stored as their labels and compared by the labels' order; arrays of them; see
 * emit_internal.h. */
#include "proxy/sql/emit_internal.h"
#include "pgwire/jsonb.h"

static const struct user_type *enum_of(struct emitter *e, oid_t type)
{
    const struct user_type *u = e->shared->snapshot ? snapshot_user_type(e->shared->snapshot, type) : NULL;
    return u && u->kind == 'e' && u->oid == type ? u : NULL;
}

/* The labels from `first` to before `end` as a JSON array in a text literal. */
static struct str labels_json(struct emitter *e, const struct user_type *u, size_t first, size_t end)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_add_char(&out, '[');
    for (size_t i = first; i < end; i++) {
        if (i > first)
            buf_add_char(&out, ',');
        json_print_string(u->labels[i], &out);
    }
    buf_add_char(&out, ']');
    struct str text = out.failed ? (struct str){ 0 } : emit_text_literal(buf_str(&out), e->arena);
    buf_fini(&out);
    if (!text.p)
        err_oom(e->err);
    return text;
}

static bool rank_text(struct emitter *e, const struct user_type *u, struct fragment *f)
{
    struct str text = text_of(e, "CASE %.*s", STR_FMT(f->sql));
    for (size_t i = 0; i < u->n_labels && text.p; i++) {
        struct str label = emit_text_literal(u->labels[i], e->arena);
        text = text_of(e, "%.*s WHEN %.*s THEN %zu", STR_FMT(text), STR_FMT(label), i);
    }
    f->sql = text.p ? text_of(e, "%.*s END", STR_FMT(text)) : text;
    f->simple = false;
    return f->sql.p != NULL;
}

bool enum_rank(struct emitter *e, oid_t type, struct fragment *f)
{
    const struct user_type *u = enum_of(e, type);
    if (u)
        return rank_text(e, u, f);
    oid_t element = snapshot_element_type(e->shared->snapshot, type);
    u = element ? enum_of(e, element) : NULL;
    if (!u)
        return true;
    if (e->target == TARGET_D1)
        return blocked(e, -1, "the order of arrays of enums here");
    struct str labels = labels_json(e, u, 0, u->n_labels);
    f->sql = labels.p ? text_of(e, "pg1_ranks(%.*s,%.*s)", STR_FMT(f->sql), STR_FMT(labels)) : labels;
    f->simple = false;
    return f->sql.p != NULL;
}

struct str enum_labels(struct emitter *e, oid_t type)
{
    oid_t element = snapshot_element_type(e->shared->snapshot, type);
    const struct user_type *u = enum_of(e, element ? element : type);
    struct str labels = u ? labels_json(e, u, 0, u->n_labels) : STR("");
    struct str name = u ? emit_text_literal(u->name, e->arena) : labels;
    return u && labels.p && name.p ? text_of(e, "%.*s,%.*s", STR_FMT(name), STR_FMT(labels)) : labels;
}

bool is_enum_array(struct emitter *e, oid_t type)
{
    oid_t element = snapshot_element_type(e->shared->snapshot, type);
    return element && enum_of(e, element);
}

/* ---- calls ---- */

/* The collation stands on the left, where SQLite would take one from inside the operand first. */
static bool compare(struct emitter *e, const struct expr *x, const char *op, const char *collation,
                    struct fragment *ret)
{
    struct fragment a, b;
    if (!emit_value(e, x->args[0], &a) || !emit_value(e, x->args[1], &b) || !enum_rank(e, x->args[0]->type, &a) ||
        !enum_rank(e, x->args[1]->type, &b))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "(%.*s%s %s %.*s)", STR_FMT(a.sql), collation, op, STR_FMT(b.sql)) };
    return ret->sql.p != NULL;
}

static bool end_label(struct emitter *e, const struct user_type *u, bool last, struct fragment *ret)
{
    if (u->n_labels == 0)
        return refused(e, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "enum %.*s contains no values",
                       STR_FMT(u->name));
    *ret =
        (struct fragment){ .sql = emit_text_literal(u->labels[last ? u->n_labels - 1 : 0], e->arena), .simple = true };
    return ret->sql.p || err_oom(e->err);
}

/* enum_range(a, b): NULL is the first or the last label. */
static bool bounded_range(struct emitter *e, const struct expr *x, const struct user_type *u, struct fragment *ret)
{
    struct fragment low, high, all = { .sql = labels_json(e, u, 0, u->n_labels), .simple = true };
    if (!all.sql.p || !emit_value(e, x->args[0], &low) || !emit_value(e, x->args[1], &high) || !rank_text(e, u, &low) ||
        !rank_text(e, u, &high))
        return false;
    *ret = (struct fragment){ .sql = text_of(e,
                                             "(SELECT json_group_array(value) FROM json_each(%.*s) WHERE key >= "
                                             "coalesce(%.*s,0) AND key <= coalesce(%.*s,%zu))",
                                             STR_FMT(all.sql), STR_FMT(low.sql), STR_FMT(high.sql), u->n_labels) };
    return ret->sql.p != NULL;
}

bool emit_enum_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    static const struct {
        const char *source, *op, *collation;
    } rows[] = {
        { "enum_lt", "<", "" },
        { "enum_le", "<=", "" },
        { "enum_gt", ">", "" },
        { "enum_ge", ">=", "" },
        { "array_lt", "<", " COLLATE pg_array" },
        { "array_le", "<=", " COLLATE pg_array" },
        { "array_gt", ">", " COLLATE pg_array" },
        { "array_ge", ">=", " COLLATE pg_array" },
    };
    const char *source = x->call.proc->source;
    const struct user_type *u = x->n_args ? enum_of(e, x->args[0]->type) : NULL;
    if (!u && (x->n_args == 0 || !is_enum_array(e, x->args[0]->type)))
        return true;
    *ret_handled = true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(source, rows[i].source) == 0)
            return compare(e, x, rows[i].op, rows[i].collation, ret);
    if (u && strcmp(source, "enum_first") == 0)
        return end_label(e, u, false, ret);
    if (u && strcmp(source, "enum_last") == 0)
        return end_label(e, u, true, ret);
    if (u && strcmp(source, "enum_range_bounds") == 0)
        return bounded_range(e, x, u, ret);
    if (u && strcmp(source, "enum_range_all") == 0) {
        *ret = (struct fragment){ .sql = labels_json(e, u, 0, u->n_labels), .simple = true };
        return ret->sql.p != NULL;
    }
    *ret_handled = false;
    return true;
}
