/* generate_postgres_table.c - tables in PostgreSQL's words: CREATE TABLE, one ALTER TABLE a table, keys that had to wait. */
#include "proxy/migrate/generate_postgres.h"

/* ---- columns ---- */

/* "serial" and its kin; NULL: the default does not come from a sequence of the usual name. */
static const char *serial_name(struct generating *g, const struct relation *r, const struct column *column)
{
    static const struct {
        oid_t type;
        const char *name;
    } serials[] = { { TYPE_OID_int2, "smallserial" }, { TYPE_OID_int4, "serial" }, { TYPE_OID_int8, "bigserial" } };
    struct str usual = name_make(r->name, column->name, STR("seq"), g->arena);
    for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++)
        if (serials[i].type == column->type && column->sequence.n && !column->identity &&
            str_eq(column->sequence, usual))
            return serials[i].name;
    return NULL;
}

static struct str identity_text(struct generating *g, const struct snapshot *s, const struct relation *r,
                                const struct column *column)
{
    const struct relation *sequence = snapshot_owned_sequence(s, r, column);
    struct str options = STR("");
    if (sequence && (sequence->seq_start != 1 || sequence->seq_increment != 1))
        options = generate_printf(g, " (START WITH %lld INCREMENT BY %lld)", (long long)sequence->seq_start,
                                  (long long)sequence->seq_increment);
    return generate_printf(g, "GENERATED %s AS IDENTITY%.*s", column->identity == 'a' ? "ALWAYS" : "BY DEFAULT",
                           STR_FMT(options));
}

static struct str type_text(struct generating *g, const struct column *column)
{
    return migrate_define_column_type(g->wanted, column, g->arena);
}

static struct str column_text(struct generating *g, const struct relation *r, const struct column *column)
{
    const char *serial = serial_name(g, r, column);
    struct str value = STR("");
    if (column->generated)
        value = generate_printf(g, " GENERATED ALWAYS AS (%.*s) STORED", STR_FMT(column->default_text));
    else if (column->identity)
        value = generate_printf(g, " %.*s", STR_FMT(identity_text(g, g->wanted, r, column)));
    else if (column->default_text.n && !serial)
        value = generate_printf(g, " DEFAULT %.*s", STR_FMT(column->default_text));
    return generate_printf(g, "%.*s %.*s%.*s%s", STR_FMT(name_quote(column->name, g->arena)),
                           STR_FMT(serial ? str_from(serial) : type_text(g, column)), STR_FMT(value),
                           column->not_null ? " NOT NULL" : "");
}

/* ---- constraints ---- */

static struct str constraint_text(struct generating *g, const struct relation *r, const struct constraint *k)
{
    return generate_printf(g, "CONSTRAINT %.*s %.*s", STR_FMT(name_quote(k->name, g->arena)),
                           STR_FMT(migrate_define_constraint(g->wanted, r, k, g->arena)));
}

static bool is_target(const struct constraint *k, const struct relation *r)
{
    return k->kind == 'f' && str_eq(k->foreign_table, r->name) && str_eq(k->foreign_schema, r->schema);
}

static bool is_altered(const struct generating *g, const struct relation *wanted)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        if (d->wanted == wanted && d->is && d->facet != MIGRATE_FACET_COMMENT &&
            (d->kind == MIGRATE_KIND_COLUMN || d->kind == MIGRATE_KIND_CONSTRAINT || d->kind == MIGRATE_KIND_INDEX))
            return true;
    }
    return false;
}

/* A foreign key waits for the table it needs: made: those that are there by then. */
static bool must_wait(const struct generating *g, const struct relation *r, const struct constraint *k,
                      const bool *made)
{
    for (size_t i = 0; i < g->wanted->n_relations && k->kind == 'f'; i++) {
        const struct relation *target = &g->wanted->relations[i];
        if (!is_target(k, target) || target == r)
            continue;
        if (generate_is_new(g, target))
            return made && !made[i];
        return is_altered(g, target);
    }
    return false;
}

/* ---- CREATE TABLE ---- */

static void create_table(struct generating *g, const struct relation *r, const bool *made)
{
    struct str name = generate_name(g, r->schema, r->name), body = STR("");
    for (size_t i = 0; i < r->n_columns; i++)
        body = generate_printf(g, "%.*s%s\n    %.*s", STR_FMT(body), i ? "," : "",
                               STR_FMT(column_text(g, r, &r->columns[i])));
    for (size_t i = 0; i < r->n_constraints; i++)
        if (!must_wait(g, r, &r->constraints[i], made))
            body = generate_printf(g, "%.*s%s\n    %.*s", STR_FMT(body), body.n ? "," : "",
                                   STR_FMT(constraint_text(g, r, &r->constraints[i])));
    generate_one(g, STR(""), generate_printf(g, "create table %.*s", STR_FMT(name)),
                 generate_printf(g, "CREATE %sTABLE %.*s (%.*s\n)", r->is_unlogged ? "UNLOGGED " : "", STR_FMT(name),
                                 STR_FMT(body)));
}

static bool is_to_make(const struct generating *g, const struct relation *r)
{
    return r->kind == RELATION_TABLE && generate_is_new(g, r) && !migrate_is_internal(r->sqlite_name, STR(""));
}

static size_t next_to_make(const struct generating *g, const bool *made)
{
    size_t any = g->wanted->n_relations;
    for (size_t i = 0; i < g->wanted->n_relations; i++) {
        const struct relation *r = &g->wanted->relations[i];
        bool waits = false;
        if (made[i] || !is_to_make(g, r))
            continue;
        for (size_t k = 0; k < g->wanted->n_relations; k++)
            waits |= k != i && !made[k] && is_to_make(g, &g->wanted->relations[k]) &&
                     relation_refers_to(r, &g->wanted->relations[k]);
        if (!waits)
            return i;
        any = any < g->wanted->n_relations ? any : i;
    }
    return any;
}

/* Keys of a new table that close a circle, or that need what another ALTER makes. */
static void note_waiting(struct generating *g, const struct relation *r, const bool *made)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (must_wait(g, r, &r->constraints[i], made))
            g->waiting[g->n_waiting++] = (struct waiting_key){ r, &r->constraints[i] };
}

void generate_create_tables(struct generating *g)
{
    bool *made = ARENA_ARRAY(g->arena, bool, g->wanted->n_relations);
    g->failed |= !made;
    for (size_t i; made && (i = next_to_make(g, made)) < g->wanted->n_relations;) {
        create_table(g, &g->wanted->relations[i], made);
        note_waiting(g, &g->wanted->relations[i], made);
        made[i] = true;
    }
}

/* ---- ALTER TABLE ---- */

/* Whether a constraint of the table has the new name: t_check becomes t_check1, and the other way round. */
static bool is_taken(const struct migrate_difference *d)
{
    const struct constraint *to = d->wanted_part;
    for (size_t i = 0; i < d->is->n_constraints; i++)
        if (str_eq(d->is->constraints[i].name, to->name))
            return true;
    return false;
}

static bool is_renamed(const struct migrate_difference *d)
{
    return d->kind == MIGRATE_KIND_CONSTRAINT && d->change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_NAME;
}

static bool is_replaced(const struct migrate_difference *d)
{
    return d->kind == MIGRATE_KIND_CONSTRAINT &&
           (d->change != MIGRATE_CHANGED || d->facet == MIGRATE_FACET_DEFINITION || (is_renamed(d) && is_taken(d)));
}

bool generate_changes_columns(const struct generating *g, const struct relation *is)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        if (d->kind == MIGRATE_KIND_COLUMN && d->is == is &&
            (d->change == MIGRATE_UNDECLARED ||
             (d->change == MIGRATE_CHANGED && (d->facet == MIGRATE_FACET_TYPE || d->facet == MIGRATE_FACET_GENERATED))))
            return true;
    }
    return false;
}

/* The commands of one ALTER TABLE, and what they are in words. */
struct altering {
    struct generating *g;
    struct str commands, words, loss;
};

static void add_command(struct altering *a, struct str loss, struct str words, struct str command)
{
    a->commands =
        generate_printf(a->g, "%.*s%s\n    %.*s", STR_FMT(a->commands), a->commands.n ? "," : "", STR_FMT(command));
    a->words = generate_printf(a->g, "%.*s%s%.*s", STR_FMT(a->words), a->words.n ? ", " : "", STR_FMT(words));
    if (loss.n)
        a->loss = generate_printf(a->g, "%.*s%s%.*s", STR_FMT(a->loss), a->loss.n ? "; " : "", STR_FMT(loss));
}

static void alter_identity(struct altering *a, const struct migrate_difference *d, struct str name, struct str words)
{
    const struct column *from = d->is_part, *to = d->wanted_part;
    struct generating *g = a->g;
    if (!to->identity)
        add_command(a, STR(""), words, generate_printf(g, "ALTER COLUMN %.*s DROP IDENTITY", STR_FMT(name)));
    else if (from->identity)
        add_command(a, STR(""), words,
                    generate_printf(g, "ALTER COLUMN %.*s SET GENERATED %s", STR_FMT(name),
                                    to->identity == 'a' ? "ALWAYS" : "BY DEFAULT"));
    else
        add_command(a, STR(""), words,
                    generate_printf(g, "ALTER COLUMN %.*s ADD %.*s", STR_FMT(name),
                                    STR_FMT(identity_text(g, g->wanted, d->wanted, to))));
}

static void alter_generated(struct altering *a, const struct migrate_difference *d, struct str name, struct str words)
{
    const struct column *to = d->wanted_part;
    struct generating *g = a->g;
    if (!to->generated) {
        add_command(a, STR(""), words, generate_printf(g, "ALTER COLUMN %.*s DROP EXPRESSION", STR_FMT(name)));
        return;
    }
    add_command(a, generate_loss(g, d), words, generate_printf(g, "DROP COLUMN %.*s", STR_FMT(name)));
    add_command(a, STR(""), generate_printf(g, "add it again"),
                generate_printf(g, "ADD COLUMN %.*s", STR_FMT(column_text(g, d->wanted, to))));
}

static bool is_narrowed(struct generating *g, const struct migrate_difference *d)
{
    return d->kind == MIGRATE_KIND_COLUMN && d->change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_TYPE &&
           generate_loss(g, d).n;
}

static bool is_narrowed_column(struct generating *g, const struct migrate_difference *of)
{
    for (size_t i = 0; i < g->differences->n; i++)
        if (g->differences->list[i].is_part == of->is_part && is_narrowed(g, &g->differences->list[i]))
            return true;
    return false;
}

/* A type whose values must be converted is a statement of its own: neither default nor cast follows by itself. */
static void narrow_column(struct generating *g, const struct migrate_difference *d)
{
    const struct column *from = d->is_part, *to = d->wanted_part;
    struct str table = generate_name(g, d->schema, d->name), name = name_quote(d->part, g->arena);
    struct str type = type_text(g, to),
               start = generate_printf(g, "ALTER TABLE %.*s ALTER COLUMN %.*s", STR_FMT(table), STR_FMT(name));
    struct migrate_step *step =
        generate_step(g, generate_loss(g, d), "change the type of column %.*s of %.*s", STR_FMT(name), STR_FMT(table));
    bool has_default = from->default_text.n && !from->generated && !from->identity;
    if (has_default)
        generate_statement(g, step, generate_printf(g, "%.*s DROP DEFAULT", STR_FMT(start)));
    generate_statement(g, step,
                       generate_printf(g, "%.*s TYPE %.*s USING %.*s::%.*s", STR_FMT(start), STR_FMT(type),
                                       STR_FMT(name), STR_FMT(type)));
    if (to->default_text.n && !to->generated && !to->identity)
        generate_statement(g, step,
                           generate_printf(g, "%.*s SET DEFAULT %.*s", STR_FMT(start), STR_FMT(to->default_text)));
}

static void alter_column(struct altering *a, const struct migrate_difference *d)
{
    struct generating *g = a->g;
    const struct column *to = d->wanted_part;
    struct str name = name_quote(d->part, g->arena);
    if (d->change == MIGRATE_UNDECLARED)
        add_command(a, generate_loss(g, d), generate_printf(g, "drop column %.*s", STR_FMT(name)),
                    generate_printf(g, "DROP COLUMN %.*s", STR_FMT(name)));
    else if (d->change == MIGRATE_ABSENT)
        add_command(a, generate_loss(g, d), generate_printf(g, "add column %.*s", STR_FMT(name)),
                    generate_printf(g, "ADD COLUMN %.*s", STR_FMT(column_text(g, d->wanted, to))));
    else if (d->facet == MIGRATE_FACET_TYPE && !is_narrowed(g, d))
        add_command(a, STR(""), generate_printf(g, "change the type of column %.*s", STR_FMT(name)),
                    generate_printf(g, "ALTER COLUMN %.*s TYPE %.*s", STR_FMT(name), STR_FMT(type_text(g, to))));
    else if (d->facet == MIGRATE_FACET_GENERATED)
        alter_generated(a, d, name, generate_printf(g, "change how column %.*s is generated", STR_FMT(name)));
    else if (d->facet == MIGRATE_FACET_IDENTITY)
        alter_identity(a, d, name, generate_printf(g, "change the identity of column %.*s", STR_FMT(name)));
    else if (d->facet == MIGRATE_FACET_NOT_NULL)
        add_command(a, generate_loss(g, d), generate_printf(g, "change whether column %.*s may be NULL", STR_FMT(name)),
                    generate_printf(g, "ALTER COLUMN %.*s %s NOT NULL", STR_FMT(name), to->not_null ? "SET" : "DROP"));
    else if (d->facet == MIGRATE_FACET_DEFAULT && !is_narrowed_column(g, d) && !to->generated &&
             !((const struct column *)d->is_part)->generated)
        add_command(a, STR(""), generate_printf(g, "change the default of column %.*s", STR_FMT(name)),
                    to->default_text.n ? generate_printf(g, "ALTER COLUMN %.*s SET DEFAULT %.*s", STR_FMT(name),
                                                         STR_FMT(to->default_text))
                                       : generate_printf(g, "ALTER COLUMN %.*s DROP DEFAULT", STR_FMT(name)));
}

static void drop_constraints(struct altering *a, const struct relation *is)
{
    for (size_t i = 0; i < a->g->differences->n; i++) {
        const struct migrate_difference *d = &a->g->differences->list[i];
        const struct constraint *k = d->is_part;
        if (d->is == is && is_replaced(d) && k)
            add_command(a, STR(""), generate_printf(a->g, "drop constraint %.*s", STR_FMT(k->name)),
                        generate_printf(a->g, "DROP CONSTRAINT %.*s", STR_FMT(name_quote(k->name, a->g->arena))));
    }
}

/* Keys that must wait are added later. */
static void add_constraints(struct altering *a, const struct relation *is)
{
    struct generating *g = a->g;
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        const struct constraint *k = d->wanted_part;
        if (d->is != is || !is_replaced(d) || !k)
            continue;
        if (must_wait(g, d->wanted, k, NULL))
            g->waiting[g->n_waiting++] = (struct waiting_key){ d->wanted, k };
        else
            add_command(a, STR(""), generate_printf(g, "add constraint %.*s", STR_FMT(k->name)),
                        generate_printf(g, "ADD %.*s", STR_FMT(constraint_text(g, d->wanted, k))));
    }
}

static void end_altering(struct altering *a, const struct relation *is)
{
    struct str name = generate_name(a->g, is->schema, is->name);
    if (a->commands.n)
        generate_one(a->g, a->loss, generate_printf(a->g, "alter table %.*s: %.*s", STR_FMT(name), STR_FMT(a->words)),
                     generate_printf(a->g, "ALTER TABLE %.*s%.*s", STR_FMT(name), STR_FMT(a->commands)));
    *a = (struct altering){ .g = a->g };
}

/* Drops come first: a column takes its constraints along, and a type need not fit what goes. */
static void alter_table(struct generating *g, const struct relation *is)
{
    struct altering a = { .g = g };
    bool narrows = false;
    drop_constraints(&a, is);
    for (size_t i = 0; i < g->differences->n; i++)
        narrows |= g->differences->list[i].is == is && is_narrowed(g, &g->differences->list[i]);
    if (narrows)
        end_altering(&a, is);
    for (size_t i = 0; i < g->differences->n; i++)
        if (g->differences->list[i].is == is && is_narrowed(g, &g->differences->list[i]))
            narrow_column(g, &g->differences->list[i]);
    for (size_t i = 0; i < g->differences->n; i++)
        if (g->differences->list[i].is == is && g->differences->list[i].kind == MIGRATE_KIND_COLUMN)
            alter_column(&a, &g->differences->list[i]);
    add_constraints(&a, is);
    end_altering(&a, is);
}

static void rename_constraints(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        const struct constraint *from = d->is_part, *to = d->wanted_part;
        if (!is_renamed(d) || is_taken(d))
            continue;
        struct str table = generate_name(g, d->schema, d->name);
        generate_one(
            g, STR(""), generate_printf(g, "rename constraint %.*s of %.*s", STR_FMT(from->name), STR_FMT(table)),
            generate_printf(g, "ALTER TABLE %.*s RENAME CONSTRAINT %.*s TO %.*s", STR_FMT(table),
                            STR_FMT(name_quote(from->name, g->arena)), STR_FMT(name_quote(to->name, g->arena))));
    }
}

void generate_alter_tables(struct generating *g)
{
    rename_constraints(g);
    for (size_t i = 0; i < g->is->n_relations; i++)
        if (g->is->relations[i].kind == RELATION_TABLE)
            alter_table(g, &g->is->relations[i]);
}

void generate_add_foreign_keys(struct generating *g)
{
    for (size_t i = 0; i < g->n_waiting; i++) {
        const struct waiting_key *w = &g->waiting[i];
        struct str table = generate_name(g, w->table->schema, w->table->name);
        generate_one(g, STR(""),
                     generate_printf(g, "add constraint %.*s to %.*s", STR_FMT(w->key->name), STR_FMT(table)),
                     generate_printf(g, "ALTER TABLE %.*s ADD %.*s", STR_FMT(table),
                                     STR_FMT(constraint_text(g, w->table, w->key))));
    }
}
