/*
 * emit_view.c - views that read no table, so that they are never old.
 *
 * SQLite looks whether its schema is the newest when a statement begins that reads a table of it. A view of CTEs and table functions alone
 * can dissolve into its query, and no such table is left: a connection that knows the view from before goes on with what it was. So a
 * query of such a view reads D1's schema too. Not here the text of the view itself, which is its maker's.
 */
#include "d1/scan.h"
#include "proxy/sql/emit_internal.h"

enum { VIEWS_DEEP = 8 };

/* A word, or what stands between quotes; strings are no names. */
static struct str name_of(const struct scan_token *t)
{
    if (t->kind == SCAN_WORD)
        return t->text;
    bool is_name = t->kind == SCAN_QUOTED && t->text.n > 2 && t->text.p[0] != '\'';
    return is_name ? (struct str){ t->text.p + 1, t->text.n - 2 } : (struct str){ 0 };
}

static const struct relation *relation_named(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; name.n && i < s->n_relations; i++)
        if (s->relations[i].kind != RELATION_SEQUENCE && str_eq_nocase(name, s->relations[i].sqlite_name))
            return &s->relations[i];
    return NULL;
}

/* One made elsewhere, by the names in its text: a column that is called like a table passes for one. */
static bool names_table(const struct snapshot *s, const struct relation *view, int deep)
{
    struct str rest = view->sqlite_sql;
    struct scan_token t;
    while (scan_next(&rest, &t)) {
        const struct relation *r = relation_named(s, name_of(&t));
        if (r && r != view && (r->kind != RELATION_VIEW || deep == VIEWS_DEEP || names_table(s, r, deep + 1)))
            return true;
    }
    return false;
}

struct view_search {
    struct emitter *e;
    int deep;
};

/* By its query. What cannot be known is taken for no. */
static bool reads_table(const struct relation *view, void *ctx)
{
    struct view_search *s = ctx;
    const struct emit_shared *shared = s->e->shared;
    struct err ignored;
    struct analyze_context a = { .snapshot = shared->snapshot,
                                 .settings = shared->settings,
                                 .arena = s->e->arena,
                                 .is_stored = true,
                                 .err = &ignored };
    if (!view->view_text.n)
        return names_table(shared->snapshot, view, 0);
    if (s->deep == VIEWS_DEEP)
        return false;
    err_init(&ignored, s->e->arena);
    const struct query *query = analyze_view(&a, view);
    s->deep++;
    bool reads = query && query_reads_table(query, reads_table, s);
    s->deep--;
    return reads;
}

struct str emit_view_source(struct emitter *e, const struct relation *view)
{
    struct str name = emit_identifier(view->sqlite_name, e->arena);
    struct view_search search = { .e = e };
    if (e->inline_constants || reads_table(view, &search))
        return name;
    return text_of(e, "(SELECT * FROM %.*s WHERE EXISTS (SELECT 1 FROM sqlite_schema))", STR_FMT(name));
}
