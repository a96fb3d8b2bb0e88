/*
 * golden.c - one small file per rule: a statement, and what it becomes. See README.md beside it.
 *
 *   golden [--update] FILE…      checks (or rewrites) golden files
 *   golden --run SCRIPT          runs a script of PostgreSQL statements, prints rows as psql -At does (for comparing
 * by hand)
 *   golden --explain             the plan of the statements on standard input
 */
#include <errno.h>
#include "tests/golden/engine.h"
#include "pgwire/types.h"

static struct str read_file(const char *path, struct arena *arena)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    struct buf b;
    char part[4096];
    size_t n;
    if (!f) {
        fprintf(stderr, "golden: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    buf_init(&b, 64 << 20);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        buf_add(&b, part, n);
    if (f != stdin)
        fclose(f);
    struct str text = arena_str(arena, buf_str(&b));
    buf_fini(&b);
    return text;
}

/* ---- printing a plan ---- */

static void print_binds(struct buf *out, const struct bind *binds, size_t n)
{
    static const char *const sources[] = { "$",      "literal ",  "constant", "now",      "statement", "clock",
                                           "uuid",   "random",    "session ", "sequence", "prelude ",  "error ",
                                           "column", "temporary", "skipped",  "lookup " };
    static const char *const forms[] = { "",          " number",   " scaled",  " glob",    " like", " array",
                                         " interval", " unix_s",   " unix_ms", " unix_us", " hex",  " text",
                                         " ascii",    " unfolded", " store",   " key",     " path", " not_nan",
                                         " limit",    " offset",   " zoned" };
    for (size_t i = 0; i < n && i < 200; i++) {
        const struct bind *b = &binds[i];
        const struct type_info *t = type_find(b->type);
        buf_printf(out, "?%zu = %s", i + 1, sources[b->source]);
        if (b->source == BIND_PARAM || b->source == BIND_LITERAL || b->source == BIND_PRELUDE ||
            b->source == BIND_PRELUDE_ERROR || b->source == BIND_LOOKUP)
            buf_printf(out, "%d", b->index);
        if (b->source == BIND_SESSION)
            buf_add_str(out, b->constant.bytes);
        buf_printf(out, " %s%s", t ? t->name : "?", forms[b->form]);
        if (b->form == BIND_SCALED)
            buf_printf(out, " %d", b->detail);
        if (b->typmod >= 0)
            buf_printf(out, " typmod %d", (int)b->typmod);
        if (b->not_null)
            buf_printf(out, " not null");
        if (b->negated)
            buf_printf(out, " negated");
        buf_add_char(out, '\n');
    }
}

static void print_local(struct buf *out, const char *title, const struct plan_local *l)
{
    buf_printf(out, "---- %s\n%.*s\n", title, STR_FMT(l->sql));
    print_binds(out, l->binds, l->n_binds);
}

static void print_plan(struct buf *out, const struct plan *plan, struct arena *arena)
{
    static const char *const places[] = { "here", "D1", "D1, then here" };
    static const char *const cells[] = { "", " number", " scaled", " unix_s", " unix_ms", " unix_us", " hex" };
    buf_printf(out, "---- place\n%s\n", places[plan->place]);
    for (size_t i = 0; plan->lookup && i < plan->lookup->n_statements; i++) {
        buf_printf(out, "---- lookup\n%.*s\n", STR_FMT(plan->lookup->statements[i].sql));
        print_binds(out, plan->lookup->statements[i].binds, plan->lookup->statements[i].n_binds);
    }
    if (plan->lookup)
        print_local(out, "lookup here", &plan->lookup->local);
    if (plan->prelude)
        print_local(out, "prelude", plan->prelude);
    for (size_t i = 0; i < plan->n_statements; i++) {
        const struct plan_statement *s = &plan->statements[i];
        buf_printf(out, "---- sqlite%s\n%.*s\n", s->binds_as_json ? " (parameters as JSON)" : "", STR_FMT(s->sql));
        if (s->json_row_width)
            buf_printf(out, "%zu rows\n", s->n_binds / s->json_row_width);
        else
            print_binds(out, s->binds, s->n_binds);
    }
    if (plan->local)
        print_local(out, "local", plan->local);
    if (plan->n_columns)
        buf_printf(out, "---- columns\n");
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *c = &plan->columns[i];
        buf_printf(out, "%.*s %.*s%s", STR_FMT(c->name), STR_FMT(type_format(c->codec_type, c->typmod, arena)),
                   cells[c->form]);
        if (c->form == CELL_NUMBER || c->form == CELL_SCALED)
            buf_printf(out, " %d", c->detail);
        buf_add_char(out, '\n');
    }
}

static void print_error(struct buf *out, const struct err *err)
{
    buf_printf(out, "---- error\n%s: %.*s\n", sqlstate_code(err->code), STR_FMT(err->message));
    if (err->position)
        buf_printf(out, "at %d\n", err->position);
    if (err->hint.n)
        buf_printf(out, "hint: %.*s\n", STR_FMT(err->hint));
}

/* ---- scripts ---- */

/* The next statement of a script: up to a semicolon at the end of a line. Lines starting with -- are skipped. */
static bool next_statement(struct str *rest, struct str *ret)
{
    for (;;) {
        *rest = str_trim(*rest);
        if (rest->n < 2 || rest->p[0] != '-' || rest->p[1] != '-')
            break;
        const char *end = memchr(rest->p, '\n', rest->n);
        size_t skip = end ? (size_t)(end - rest->p) : rest->n;
        *rest = (struct str){ rest->p + skip, rest->n - skip };
    }
    if (!rest->n)
        return false;
    for (size_t i = 0; i < rest->n; i++) {
        if (rest->p[i] == ';' && (i + 1 == rest->n || rest->p[i + 1] == '\n')) {
            *ret = (struct str){ rest->p, i };
            *rest = (struct str){ rest->p + i + 1, rest->n - i - 1 };
            return true;
        }
    }
    *ret = *rest;
    rest->n = 0;
    return true;
}

static bool load(struct engine *e, struct str script, bool print, struct arena *arena)
{
    struct str statement;
    bool ok = true;
    while (next_statement(&script, &statement)) {
        struct engine_result r = { 0 };
        struct plan *plan = NULL;
        struct err err;
        err_init(&err, arena);
        buf_init(&r.rows, 64 << 20);
        if (print)
            printf(">> %.*s\n", STR_FMT(statement));
        if (engine_run(e, statement, NULL, 0, &r, &plan, &err)) {
            if (print && plan->n_columns)
                printf("%.*s", STR_FMT(buf_str(&r.rows)));
            else if (print && plan->tag_has_count)
                printf("%s %lld\n", plan->tag, (long long)r.changes);
        } else {
            printf("ERROR: %s: %.*s\n", sqlstate_code(err.code), STR_FMT(err.message));
            if (err.detail.n && err.code == SQLSTATE_INTERNAL_ERROR)
                printf("   %.*s\n", STR_FMT(err.detail));
            ok = false;
        }
        fflush(stdout);
        plan_unref(plan);
        buf_fini(&r.rows);
    }
    return ok;
}

/* ---- golden files ---- */

struct golden {
    struct str comment, sql; /* comment: the leading lines that start with -- */
    struct engine_options options;
    struct str params; /* texts of a run, separated by |; empty: not run with parameters */
    bool run;
};

static struct str line_of(struct str *rest)
{
    const char *end = memchr(rest->p, '\n', rest->n);
    size_t n = end ? (size_t)(end - rest->p) + 1 : rest->n;
    struct str line = { rest->p, n };
    *rest = (struct str){ rest->p + n, rest->n - n };
    return line;
}

static void read_directive(struct golden *g, struct str line)
{
    line = str_trim((struct str){ line.p + 2, line.n - 2 });
    if (str_is(line, "run"))
        g->run = true;
    else if (str_is(line, "transport: text"))
        g->options.native_values = false;
    else if (str_is(line, "force local"))
        g->options.force_local = true;
    else if (str_starts(line, STR("zone: ")))
        g->options.time_zone = (struct str){ line.p + 6, line.n - 6 };
    else if (str_starts(line, STR("params: ")))
        g->params = (struct str){ line.p + 8, line.n - 8 };
}

static void parse_golden(struct str text, struct golden *ret)
{
    struct str rest = text;
    *ret = (struct golden){ .comment = { text.p, 0 }, .options = { .native_values = true } };
    while (rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-' && !str_starts(rest, STR("---- "))) {
        struct str line = line_of(&rest);
        ret->comment.n += line.n;
        read_directive(ret, line);
    }
    ret->sql = (struct str){ rest.p, 0 };
    while (rest.n && !str_starts(rest, STR("---- ")))
        ret->sql.n += line_of(&rest).n;
}

static size_t split_params(struct str list, struct str *ret, size_t max)
{
    size_t n = 0;
    while (list.n && n < max) {
        const char *comma = memchr(list.p, '|', list.n);
        size_t length = comma ? (size_t)(comma - list.p) : list.n;
        struct str one = str_trim((struct str){ list.p, length });
        ret[n++] = str_is(one, "NULL") ? (struct str){ 0 } : one;
        length += comma != NULL;
        list = (struct str){ list.p + length, list.n - length };
    }
    return n;
}

static void render(const struct golden *g, struct str schema, struct buf *out, struct arena *arena)
{
    struct err err;
    struct plan *plan = NULL;
    struct str sql = str_trim(g->sql), params[16];
    if (sql.n && sql.p[sql.n - 1] == ';')
        sql.n--;
    err_init(&err, arena);
    buf_add_str(out, g->comment);
    buf_printf(out, "%.*s;\n", STR_FMT(sql));
    struct engine *e = engine_new(&g->options, &err);
    bool ok = e != NULL;
    if (ok && !load(e, schema, false, arena))
        ok = err_set(&err, SQLSTATE_INTERNAL_ERROR, "the schema does not load");
    ok = ok && engine_plan(e, sql, NULL, 0, &plan, &err) && engine_check(e, plan, &err);
    if (plan)
        print_plan(out, plan, arena);
    plan_unref(plan);
    if (ok && g->run) {
        struct engine_result r = { 0 };
        buf_init(&r.rows, 1 << 20);
        ok = engine_run(e, sql, params, split_params(g->params, params, 16), &r, &plan, &err);
        if (ok)
            buf_printf(out, "---- result\n%.*s%s%lld\n", STR_FMT(buf_str(&r.rows)), r.n_rows ? "rows " : "changes ",
                       r.n_rows ? (long long)r.n_rows : (long long)r.changes);
        plan_unref(plan);
        buf_fini(&r.rows);
    }
    if (!ok)
        print_error(out, &err);
    engine_free(e);
}

static int check_file(const char *path, struct str schema, bool update)
{
    AUTO(arena) arena = arena_new(256 << 20);
    struct str have = read_file(path, arena);
    struct golden g;
    struct buf out;
    buf_init(&out, 16 << 20);
    parse_golden(have, &g);
    render(&g, schema, &out, arena);
    bool same = str_eq(have, buf_str(&out));
    if (!same && update) {
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(out.p, 1, out.n, f) != out.n || fclose(f) != 0) {
            fprintf(stderr, "golden: %s: %s\n", path, strerror(errno));
            exit(2);
        }
        printf("updated %s\n", path);
        same = true;
    } else if (!same) {
        printf("not ok %s\n--- expected\n%.*s--- now\n%.*s", path, STR_FMT(have), STR_FMT(buf_str(&out)));
    }
    buf_fini(&out);
    return same ? 0 : 1;
}

int main(int argc, char **argv)
{
    AUTO(arena) arena = arena_new(1 << 30);
    bool update = false, run = false, explain = false, text = false, force = false;
    int failed = 0, checked = 0;
    const char *schema_path = getenv("GOLDEN_SCHEMA");
    if (!schema_path)
        schema_path = GOLDEN_FOLDER "/schema.sql";
    struct str schema = read_file(schema_path, arena);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--update") == 0) {
            update = true;
        } else if (strcmp(argv[i], "--run") == 0) {
            run = true;
        } else if (strcmp(argv[i], "--explain") == 0) {
            explain = true;
        } else if (strcmp(argv[i], "--text") == 0) {
            text = true;
        } else if (strcmp(argv[i], "--force") == 0) {
            force = true;
        } else if (run || explain) {
            struct err err;
            err_init(&err, arena);
            struct engine_options options = { .native_values = !text, .force_local = force };
            struct engine *e = engine_new(&options, &err);
            struct str script = read_file(argv[i], arena), statement;
            if (!e || (explain && !load(e, schema, false, arena)))
                return 2;
            if (run)
                failed += !load(e, script, true, arena);
            while (explain && next_statement(&script, &statement)) {
                struct buf out;
                struct plan *plan = NULL;
                err_init(&err, arena);
                buf_init(&out, 16 << 20);
                if (engine_plan(e, statement, NULL, 0, &plan, &err))
                    print_plan(&out, plan, arena);
                if (!plan || !engine_check(e, plan, &err))
                    print_error(&out, &err);
                printf(">> %.*s\n%.*s\n", STR_FMT(statement), STR_FMT(buf_str(&out)));
                plan_unref(plan);
                buf_fini(&out);
            }
            engine_free(e);
        } else {
            failed += check_file(argv[i], schema, update);
            checked++;
        }
    }
    if (checked)
        printf("%d passed, %d failed\n", checked - failed, failed);
    return failed ? 1 : 0;
}
