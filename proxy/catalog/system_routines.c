/* system_routines.c - rows of pg_proc, pg_operator and pg_cast, from the facts that typing goes by. */
#include "pgwire/types.h"
#include "proxy/base/buf.h"
#include "proxy/catalog/system_rows.h"

enum { LIST_MAX = 64 << 10 };

static void set_char(struct system_rows *rows, const char *column, char c)
{
    row_set_text(rows, column, c ? arena_printf(rows->arena, "%c", c) : STR(""));
}

static void set_list(struct system_rows *rows, const char *column, struct buf *list)
{
    buf_add_char(list, ']');
    row_set_text(rows, column, arena_str(rows->arena, buf_str(list)));
    rows->failed |= list->failed;
    buf_fini(list);
}

/* ---- pg_proc ---- */

/* The next of a comma-separated list; false at its end. */
static bool next_item(struct str *list, struct str *ret)
{
    const char *comma = list->n ? memchr(list->p, ',', list->n) : NULL;
    size_t n = comma ? (size_t)(comma - list->p) : list->n;
    if (!list->p)
        return false;
    *ret = (struct str){ list->p, n };
    *list = comma ? (struct str){ comma + 1, list->n - n - 1 } : (struct str){ 0 };
    return true;
}

static void add_item(struct buf *list, struct str text, bool quoted)
{
    buf_printf(list, "%s%s%.*s%s", list->n > 1 ? "," : "", quoted ? "\"" : "", STR_FMT(text), quoted ? "\"" : "");
}

/* proallargtypes, proargmodes: only where some argument is not plain input. proargnames: where one has a name. */
static void argument_lists(struct system_rows *rows, const struct pg_proc *p)
{
    struct buf types, modes, names;
    struct str item, inputs = p->arg_names ? str_from(p->arg_names) : (struct str){ 0 },
                     outputs = p->out_args ? str_from(p->out_args) : (struct str){ 0 };
    char number[16];
    buf_init(&types, LIST_MAX);
    buf_init(&modes, LIST_MAX);
    buf_init(&names, LIST_MAX);
    buf_add_char(&types, '[');
    buf_add_char(&modes, '[');
    buf_add_char(&names, '[');
    for (size_t i = 0; i < p->n_args; i++) {
        bool variadic = p->variadic && i + 1 == p->n_args;
        snprintf(number, sizeof(number), "%u", (unsigned)p->args[i]);
        add_item(&types, str_from(number), false);
        add_item(&modes, variadic ? STR("v") : STR("i"), true);
        add_item(&names, next_item(&inputs, &item) ? item : STR(""), true);
    }
    while (next_item(&outputs, &item)) {
        ptrdiff_t space = str_find(item, STR(" "));
        add_item(&names, (struct str){ item.p, (size_t)space }, true);
        add_item(&types, (struct str){ item.p + space + 1, item.n - (size_t)space - 1 }, false);
        add_item(&modes, STR("o"), true);
    }
    set_list(rows, "proallargtypes", &types);
    set_list(rows, "proargmodes", &modes);
    set_list(rows, "proargnames", &names);
    if (!p->out_args && !p->variadic) {
        row_set(rows, "proallargtypes", value_null());
        row_set(rows, "proargmodes", value_null());
    }
    if (!p->out_args && !p->arg_names)
        row_set(rows, "proargnames", value_null());
}

/* The texts between \x1f as pg_get_expr() shows the list. */
static struct str defaults_text(struct system_rows *rows, const struct pg_proc *p)
{
    struct buf out;
    if (!p->defaults)
        return (struct str){ 0 };
    buf_init(&out, LIST_MAX);
    for (const char *c = p->defaults; *c; c++) {
        if (*c == '\x1f')
            buf_add_str(&out, STR(", "));
        else
            buf_add_char(&out, *c);
    }
    struct str text = arena_str(rows->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static void proc_texts(struct system_rows *rows, const struct pg_proc *p)
{
    const struct pg_proc_more *more = pg_proc_more(p->oid);
    bool aggregate = p->kind == 'a';
    row_set_cstr(rows, "prosrc", aggregate ? "aggregate_dummy" : more && more->source ? more->source : p->source);
    if (!more)
        return;
    row_set_text(rows, "probin", more->library ? str_from(more->library) : (struct str){ 0 });
    row_set_text(rows, "prosqlbody", more->body ? str_from(more->body) : (struct str){ 0 });
    row_set_text(rows, "proacl", more->acl ? str_from(more->acl) : (struct str){ 0 });
}

static void proc_row(struct system_rows *rows, const struct pg_proc *p)
{
    enum { LANGUAGE_INTERNAL = 12, LANGUAGE_C = 13, LANGUAGE_SQL = 14 };
    struct buf types;
    buf_init(&types, LIST_MAX);
    buf_add_char(&types, '[');
    for (size_t i = 0; i < p->n_args; i++)
        buf_printf(&types, "%s%u", i ? "," : "", (unsigned)p->args[i]);
    row_begin_cells(rows);
    row_set_int(rows, "oid", p->oid);
    row_set_cstr(rows, "proname", p->name);
    row_set_int(rows, "pronamespace", system_schema_oid(str_from(pg_proc_schema(p))));
    row_set_int(rows, "proowner", OID_OWNER);
    row_set_int(rows, "prolang",
                p->language == 'i'   ? LANGUAGE_INTERNAL
                : p->language == 'c' ? LANGUAGE_C
                                     : LANGUAGE_SQL);
    row_set(rows, "procost", value_real(p->cost));
    row_set(rows, "prorows", value_real(p->rows));
    row_set_int(rows, "provariadic", p->variadic);
    row_set_int(rows, "prosupport", p->support);
    set_char(rows, "prokind", p->kind);
    row_set_bool(rows, "prosecdef", false);
    row_set_bool(rows, "proleakproof", p->leakproof);
    row_set_bool(rows, "proisstrict", p->strict);
    row_set_bool(rows, "proretset", p->returns_set);
    set_char(rows, "provolatile", p->volatility);
    set_char(rows, "proparallel", p->parallel);
    row_set_int(rows, "pronargs", p->n_args);
    row_set_int(rows, "pronargdefaults", p->n_defaults);
    row_set_int(rows, "prorettype", p->result);
    set_list(rows, "proargtypes", &types);
    argument_lists(rows, p);
    row_set_text(rows, "proargdefaults", defaults_text(rows, p));
    proc_texts(rows, p);
    row_end_cells(rows);
}

void provide_pg_proc(struct system_rows *rows, const struct system_source *source)
{
    size_t n;
    const struct pg_proc *procs = pg_procs(&n);
    for (size_t i = 0; i < n; i++)
        proc_row(rows, &procs[i]);
    procs = system_pgd1_functions(&n);
    for (size_t i = 0; i < n && shows_pgd1(source); i++)
        proc_row(rows, &procs[i]);
}

/* ---- pg_operator, pg_cast ---- */

void provide_pg_operator(struct system_rows *rows, const struct system_source *source)
{
    size_t n;
    const struct pg_operator *operators = pg_operators(&n);
    (void)source;
    for (size_t i = 0; i < n; i++) {
        const struct pg_operator *o = &operators[i];
        row_begin_cells(rows);
        row_set_int(rows, "oid", o->oid);
        row_set_cstr(rows, "oprname", o->name);
        row_set_int(rows, "oprnamespace", OID_PG_CATALOG);
        row_set_int(rows, "oprowner", OID_OWNER);
        set_char(rows, "oprkind", o->kind);
        row_set_bool(rows, "oprcanmerge", o->can_merge);
        row_set_bool(rows, "oprcanhash", o->can_hash);
        row_set_int(rows, "oprleft", o->left);
        row_set_int(rows, "oprright", o->right);
        row_set_int(rows, "oprresult", o->result);
        row_set_int(rows, "oprcom", o->commutator);
        row_set_int(rows, "oprnegate", o->negator);
        row_set_int(rows, "oprcode", o->proc);
        row_set_int(rows, "oprrest", o->restriction);
        row_set_int(rows, "oprjoin", o->join);
        row_end_cells(rows);
    }
}

void provide_pg_cast(struct system_rows *rows, const struct system_source *source)
{
    size_t n;
    const struct pg_cast *casts = pg_casts(&n);
    (void)source;
    for (size_t i = 0; i < n; i++) {
        row_begin_cells(rows);
        row_set_int(rows, "oid", casts[i].oid);
        row_set_int(rows, "castsource", casts[i].source);
        row_set_int(rows, "casttarget", casts[i].target);
        row_set_int(rows, "castfunc", casts[i].proc);
        set_char(rows, "castcontext", casts[i].context);
        set_char(rows, "castmethod", casts[i].method);
        row_end_cells(rows);
    }
}
