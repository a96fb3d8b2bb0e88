/* system_triggers.c - rows of pg_trigger and their texts: the triggers behind foreign keys, and those that SQLite runs. */
#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_trigger.h"
#include "proxy/catalog/system_rows.h"

/* --- four for each foreign key --- */

struct key_trigger {
    const struct relation *on, *other;
    oid_t index;
    const struct constraint *constraint;
    char side; /* a: on the referenced table, c: on the referencing one */
    const char *function;
    int type; /* TRIGGER_TYPE_ROW and the event */
    bool can_wait;
    int number;
};

static oid_t trigger_oid(const struct key_trigger *t)
{
    return snapshot_hash_oid("key trigger", t->constraint->name, t->on->name,
                             (int)((t->constraint->oid & 0xffffff) * 4) + t->number);
}

static void trigger_row(struct system_rows *rows, const struct key_trigger *t)
{
    size_t n = 0;
    const struct pg_proc *function = pg_procs_by_name(str_from(t->function), &n);
    oid_t oid = trigger_oid(t);
    row_begin_cells(rows);
    row_set_int(rows, "oid", oid);
    row_set_int(rows, "tgrelid", t->on->oid);
    row_set_int(rows, "tgparentid", 0);
    row_set_text(rows, "tgname", arena_printf(rows->arena, "RI_ConstraintTrigger_%c_%u", t->side, oid));
    row_set_int(rows, "tgfoid", n ? function->oid : 0);
    row_set_int(rows, "tgtype", t->type);
    row_set_cstr(rows, "tgenabled", "O");
    row_set_bool(rows, "tgisinternal", true);
    row_set_int(rows, "tgconstrrelid", t->other->oid);
    row_set_int(rows, "tgconstrindid", t->index);
    row_set_int(rows, "tgconstraint", t->constraint->oid);
    row_set_bool(rows, "tgdeferrable", t->can_wait && t->constraint->deferrable);
    row_set_bool(rows, "tginitdeferred", t->can_wait && t->constraint->deferred);
    row_set_int(rows, "tgnargs", 0);
    row_set_cstr(rows, "tgattr", "[]");
    row_set(rows, "tgargs", value_blob(STR("")));
    row_end_cells(rows);
}

static const char *action_function(char action, bool update)
{
    static const struct {
        char action;
        const char *on_delete, *on_update;
    } list[] = {
        { 'a', "RI_FKey_noaction_del", "RI_FKey_noaction_upd" },
        { 'c', "RI_FKey_cascade_del", "RI_FKey_cascade_upd" },
        { 'd', "RI_FKey_setdefault_del", "RI_FKey_setdefault_upd" },
        { 'n', "RI_FKey_setnull_del", "RI_FKey_setnull_upd" },
        { 'r', "RI_FKey_restrict_del", "RI_FKey_restrict_upd" },
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        if (list[i].action == action)
            return update ? list[i].on_update : list[i].on_delete;
    return list[0].on_delete;
}

enum {
    TRIGGER_ROW = 1,
    TRIGGER_BEFORE = 2,
    TRIGGER_INSTEAD = 64,
    TRIGGER_INSERT = 4,
    TRIGGER_DELETE = 8,
    TRIGGER_UPDATE = 16,
    KEY_TRIGGERS = 4
};

/* False: the referenced table is not there. */
static bool key_triggers(const struct snapshot *s, const struct relation *r, const struct constraint *c,
                         struct key_trigger *ret)
{
    const struct relation *f = system_foreign_table(s, c);
    if (!f)
        return false;
    oid_t index = system_constraint_index(r, f, c);
    const char *on_delete = action_function(c->on_delete, false), *on_update = action_function(c->on_update, true);
    ret[0] =
        (struct key_trigger){ f, r, index, c, 'a', on_delete, TRIGGER_ROW | TRIGGER_DELETE, c->on_delete == 'a', 0 };
    ret[1] =
        (struct key_trigger){ f, r, index, c, 'a', on_update, TRIGGER_ROW | TRIGGER_UPDATE, c->on_update == 'a', 1 };
    ret[2] = (struct key_trigger){ r, f, index, c, 'c', "RI_FKey_check_ins", TRIGGER_ROW | TRIGGER_INSERT, true, 2 };
    ret[3] = (struct key_trigger){ r, f, index, c, 'c', "RI_FKey_check_upd", TRIGGER_ROW | TRIGGER_UPDATE, true, 3 };
    return true;
}

/* Calls visit for every trigger until it answers false. */
static void each_trigger(const struct snapshot *s, bool (*visit)(void *ctx, const struct key_trigger *t), void *ctx)
{
    struct key_trigger list[KEY_TRIGGERS];
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++) {
            const struct constraint *c = &s->relations[i].constraints[k];
            if (c->kind != 'f' || !key_triggers(s, &s->relations[i], c, list))
                continue;
            for (size_t t = 0; t < KEY_TRIGGERS; t++)
                if (!visit(ctx, &list[t]))
                    return;
        }
}

/* --- those that SQLite runs: made elsewhere, they have a body instead of a function --- */

struct own_trigger {
    const struct relation *on;
    struct str name;
    struct sqlite_trigger text;
};

static oid_t own_oid(const struct own_trigger *t)
{
    return snapshot_hash_oid("trigger", t->on->schema, t->name, 0);
}

static const struct relation *relation_of_sqlite(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; i < s->n_relations; i++)
        if (s->relations[i].kind != RELATION_SEQUENCE && str_eq_nocase(s->relations[i].sqlite_name, name))
            return &s->relations[i];
    return NULL;
}

/* Calls visit for each until it answers false. */
static void each_own(const struct snapshot *s, struct arena *arena,
                     bool (*visit)(void *ctx, const struct own_trigger *t), void *ctx)
{
    for (size_t i = 0; s && i < s->n_objects; i++) {
        struct own_trigger t = { .name = s->objects[i].name };
        if (!str_is(s->objects[i].type, "trigger") || !sqlite_parse_trigger(s->objects[i].sql, arena, &t.text))
            continue;
        t.on = relation_of_sqlite(s, t.text.table);
        if (t.on && !visit(ctx, &t))
            return;
    }
}

static struct str column_numbers(struct system_rows *rows, const struct own_trigger *t)
{
    struct str list = STR("");
    for (size_t i = 0; i < t->text.n_columns; i++) {
        const struct column *c = relation_column(t->on, t->text.columns[i]);
        if (c)
            list = arena_printf(rows->arena, "%.*s%s%d", STR_FMT(list), list.n ? "," : "", c->number);
    }
    return arena_printf(rows->arena, "[%.*s]", STR_FMT(list));
}

static int own_type(const struct sqlite_trigger *t)
{
    static const int timings[] = {
        [SQLITE_BEFORE] = TRIGGER_BEFORE, [SQLITE_AFTER] = 0, [SQLITE_INSTEAD_OF] = TRIGGER_INSTEAD
    };
    static const int events[] = { [SQLITE_INSERT_EVENT] = TRIGGER_INSERT,
                                  [SQLITE_DELETE_EVENT] = TRIGGER_DELETE,
                                  [SQLITE_UPDATE_EVENT] = TRIGGER_UPDATE };
    return TRIGGER_ROW | timings[t->timing] | events[t->event];
}

static bool add_own(void *ctx, const struct own_trigger *t)
{
    struct system_rows *rows = ctx;
    row_begin_cells(rows);
    row_set_int(rows, "oid", own_oid(t));
    row_set_int(rows, "tgrelid", t->on->oid);
    row_set_int(rows, "tgparentid", 0);
    row_set_text(rows, "tgname", t->name);
    row_set_int(rows, "tgfoid", 0);
    row_set_int(rows, "tgtype", own_type(&t->text));
    row_set_cstr(rows, "tgenabled", "O");
    row_set_bool(rows, "tgisinternal", false);
    row_set_int(rows, "tgconstrrelid", 0);
    row_set_int(rows, "tgconstrindid", 0);
    row_set_int(rows, "tgconstraint", 0);
    row_set_bool(rows, "tgdeferrable", false);
    row_set_bool(rows, "tginitdeferred", false);
    row_set_int(rows, "tgnargs", 0);
    row_set_text(rows, "tgattr", column_numbers(rows, t));
    row_set(rows, "tgargs", value_blob(STR("")));
    if (t->text.condition.n)
        row_set_text(rows, "tgqual", t->text.condition);
    row_end_cells(rows);
    return true;
}

static bool add_trigger(void *ctx, const struct key_trigger *t)
{
    trigger_row(ctx, t);
    return true;
}

void provide_pg_trigger(struct system_rows *rows, const struct system_source *source)
{
    each_trigger(source->snapshot, add_trigger, rows);
    each_own(source->snapshot, rows->arena, add_own, rows);
}

struct trigger_text {
    oid_t oid;
    bool pretty;
    struct arena *arena;
    struct str found;
};

static struct str shown_table(const struct relation *r, bool bare, struct arena *arena)
{
    return bare && str_is(r->schema, "public") ? name_quote(r->name, arena) : name_qualified(r->schema, r->name, arena);
}

static bool print_trigger(void *ctx, const struct key_trigger *t)
{
    struct trigger_text *text = ctx;
    bool deferrable = t->can_wait && t->constraint->deferrable, deferred = t->can_wait && t->constraint->deferred;
    if (trigger_oid(t) != text->oid)
        return true;
    text->found = arena_printf(
        text->arena,
        "CREATE CONSTRAINT TRIGGER \"RI_ConstraintTrigger_%c_%u\" AFTER %s ON %.*s FROM %.*s %sDEFERRABLE INITIALLY %s "
        "FOR EACH ROW EXECUTE FUNCTION \"%s\"()",
        t->side, text->oid,
        t->type & TRIGGER_INSERT   ? "INSERT"
        : t->type & TRIGGER_DELETE ? "DELETE"
                                   : "UPDATE",
        STR_FMT(shown_table(t->on, text->pretty, text->arena)), STR_FMT(shown_table(t->other, true, text->arena)),
        deferrable ? "" : "NOT ", deferred ? "DEFERRED" : "IMMEDIATE", t->function);
    return false;
}

/* PostgreSQL's head, and SQLite's own words for the rest: there is no function to name. */
static bool print_own(void *ctx, const struct own_trigger *t)
{
    static const char *const timings[] = {
        [SQLITE_BEFORE] = "BEFORE", [SQLITE_AFTER] = "AFTER", [SQLITE_INSTEAD_OF] = "INSTEAD OF"
    };
    static const char *const events[] = {
        [SQLITE_INSERT_EVENT] = "INSERT", [SQLITE_DELETE_EVENT] = "DELETE", [SQLITE_UPDATE_EVENT] = "UPDATE"
    };
    struct trigger_text *text = ctx;
    struct arena *a = text->arena;
    struct str columns = STR(""), condition = STR("");
    if (own_oid(t) != text->oid)
        return true;
    for (size_t i = 0; i < t->text.n_columns; i++)
        columns = arena_printf(a, "%.*s%s%.*s", STR_FMT(columns), i ? ", " : " OF ",
                               STR_FMT(name_quote(t->text.columns[i], a)));
    if (t->text.condition.n)
        condition = arena_printf(a, "WHEN (%.*s) ", STR_FMT(t->text.condition));
    text->found =
        arena_printf(a, "CREATE TRIGGER %.*s %s %s%.*s ON %.*s FOR EACH ROW %.*s%.*s", STR_FMT(name_quote(t->name, a)),
                     timings[t->text.timing], events[t->text.event], STR_FMT(columns),
                     STR_FMT(shown_table(t->on, text->pretty, a)), STR_FMT(condition), STR_FMT(t->text.body));
    return false;
}

struct str system_trigger_text(const struct snapshot *s, oid_t oid, bool pretty, struct arena *arena)
{
    struct trigger_text text = { .oid = oid, .pretty = pretty, .arena = arena };
    each_trigger(s, print_trigger, &text);
    if (!text.found.p)
        each_own(s, arena, print_own, &text);
    return text.found;
}
