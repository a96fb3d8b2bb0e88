/*
 * migration_generate.c - GENERATE: a migration file that leads from what the files give to what is declared; see migration_private.h.
 *
 *   all files replayed, the declared schema replayed -> their difference -> steps -> a text
 *     -> all files and that text replayed: what comes out must be what is declared -> the file is written
 *
 * The database is not asked: files alone tell what there is.
 */
#include "proxy/migration_private.h"

#include "proxy/migrate/generate.h"

struct migration_generation {
    struct migration_replay now, declared, proof;
    struct replay_file *files; /* the folder's, and room for one more */
    struct migrate_file schema, made;
    struct migrate_text schema_text, made_text;
    struct migrate_differences differences;
    struct migrate_steps steps;
};

/* ---- reading ---- */

bool migration_read_declared(struct migration *m, struct migrate_file *ret, struct migrate_text *text)
{
    struct str name = m->command->from.p ? m->command->from : STR("schema.sql");
    *ret = (struct migrate_file){ .name = name, .number = -1 };
    return migrate_folder_read_beside(m->database.migrations_dir, name, m->arena, &ret->text, m->err) &&
           migrate_text_read(ret, migration_dialect(m), m->arena, text, m->err);
}

static bool read_files(struct migration *m, struct migration_generation *g)
{
    if (!migrate_folder_read(m->database.migrations_dir, m->arena, &m->folder, m->err) ||
        !migrate_folder_check(&m->folder, m->err) || !migration_read_declared(m, &g->schema, &g->schema_text))
        return false;
    struct migrate_text *texts = ARENA_ARRAY(m->arena, struct migrate_text, m->folder.n);
    struct replay_file *declared = ARENA_NEW(m->arena, struct replay_file);
    g->files = ARENA_ARRAY(m->arena, struct replay_file, m->folder.n + 1);
    if (!texts || !g->files || !declared)
        return err_oom(m->err);
    for (size_t i = 0; i < m->folder.n; i++) {
        g->files[i] = (struct replay_file){ .file = &m->folder.files[i], .text = &texts[i] };
        if (!migrate_text_read(&m->folder.files[i], migration_dialect(m), m->arena, &texts[i], m->err))
            return false;
    }
    *declared = (struct replay_file){ .file = &g->schema, .text = &g->schema_text };
    g->now.files = g->proof.files = g->files;
    g->now.n = m->folder.n;
    g->declared.files = declared;
    g->declared.n = 1;
    return true;
}

static bool begin(struct migration *m)
{
    struct migration_generation *g = ARENA_NEW(m->arena, struct migration_generation);
    if (!g)
        return err_oom(m->err);
    if (!read_files(m, g))
        return false;
    m->generation = g;
    return true;
}

/* ---- what is lost ---- */

bool migration_check_loss(struct migration *m, const struct migrate_differences *differences,
                          const struct migrate_steps *steps)
{
    const char *verb = migrate_command_help(m->command->verb)->verb;
    struct str list = STR("");
    for (size_t i = 0; i < steps->n; i++)
        if (steps->list[i].loss.n)
            list =
                arena_printf(m->arena, "%.*s%s%.*s.", STR_FMT(list), list.n ? "\n" : "", STR_FMT(steps->list[i].loss));
    if (!list.n || m->command->allow_data_loss)
        return list.p || err_oom(m->err);
    err_set(m->err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "MIGRATE %s would lose data, or stop at it", verb);
    err_detail(m->err, "%.*s", STR_FMT(list));
    err_hint(m->err, "%sSay MIGRATE %s … ALLOW DATA LOSS when it is meant.",
             migrate_generate_may_rename(differences)
                 ? "A rename is not guessed: write it as a migration of its own (ALTER TABLE … RENAME …). "
                 : "",
             verb);
    return false;
}

/* ---- the file ---- */

static bool make_text(struct migration *m, struct migration_generation *g)
{
    struct str wrangler = str_from(m->database.migrations_table);
    if (!migrate_difference(g->now.schema, g->declared.schema, wrangler, m->arena, &g->differences, m->err) ||
        !migrate_generate(migration_dialect(m), g->now.schema, g->declared.schema, &g->differences, m->arena, &g->steps,
                          m->err) ||
        !migration_check_loss(m, &g->differences, &g->steps))
        return false;
    g->made =
        (struct migrate_file){ .name = arena_printf(m->arena, "%.*s.sql", STR_FMT(m->command->name)), .number = -1 };
    g->made.text = migrate_generate_text(migration_dialect(m), &g->steps, g->schema.name, m->arena);
    if (!g->made.name.p || !g->made.text.p)
        return err_oom(m->err);
    g->files[m->folder.n] = (struct replay_file){ .file = &g->made, .text = &g->made_text };
    g->proof.n = m->folder.n + 1;
    return migrate_text_read(&g->made, migration_dialect(m), m->arena, &g->made_text, m->err);
}

bool migration_check_proof(struct migration *m, const struct snapshot *made, const struct snapshot *declared)
{
    enum { SHOWN = 10 };
    struct migrate_differences rest;
    struct str list = STR("");
    if (!migrate_difference(made, declared, str_from(m->database.migrations_table), m->arena, &rest, m->err))
        return false;
    for (size_t i = 0; i < rest.n && i < SHOWN; i++) {
        const struct migrate_difference *d = &rest.list[i];
        list = arena_printf(m->arena, "%.*s%s%.*s%s%.*s: %.*s", STR_FMT(list), i ? "\n" : "", STR_FMT(d->name),
                            d->part.n ? "." : "", STR_FMT(d->part), STR_FMT(d->text));
    }
    if (!rest.n)
        return true;
    err_unsupported(m->err, "a generated migration to this schema");
    err_detail(m->err, "Behind it there would still be:\n%.*s", STR_FMT(list));
    return err_hint(m->err, "Write this part as a migration by hand (MIGRATE CREATE), then generate the rest.");
}

bool migration_tell_steps(struct migration *m, struct str name, const struct migrate_steps *steps)
{
    for (size_t i = 0; i < steps->n; i++) {
        struct value cells[] = { value_text(name), value_text(steps->list[i].what),
                                 migration_text(steps->list[i].loss) };
        if (!migration_row(m, cells, sizeof(cells) / sizeof(cells[0])))
            return false;
    }
    return true;
}

static bool write_file(struct migration *m, struct migration_generation *g)
{
    struct migrate_file file;
    return migrate_folder_create(m->database.migrations_dir, m->command->name, g->made.text,
                                 session_wall_us(m->session), m->arena, &file, m->err) &&
           migration_tell_steps(m, file.name, &g->steps);
}

bool migration_tell_nothing(struct migration *m, const char *what, struct str name)
{
    struct err notice = { .code = SQLSTATE_SUCCESSFUL_COMPLETION };
    notice.message = arena_printf(m->arena, "the schema of \"%.*s\" is %s: nothing is to be done", STR_FMT(name), what);
    if (!notice.message.p)
        return err_oom(m->err);
    session_notice(m->session, SEVERITY_NOTICE, &notice);
    return true;
}

enum outcome migration_generate(struct migration *m)
{
    if (!m->generation && !begin(m))
        return OUTCOME_FAILED;
    struct migration_generation *g = m->generation;
    enum outcome outcome = migration_replay(m, &g->now);
    if (outcome == OUTCOME_DONE)
        outcome = migration_replay(m, &g->declared);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!g->made.text.p && !make_text(m, g))
        return OUTCOME_FAILED;
    if (!g->steps.n && !g->differences.n)
        return migration_tell_nothing(m, "what the migrations lead to", g->schema.name) ? OUTCOME_DONE : OUTCOME_FAILED;
    outcome = migration_replay(m, &g->proof);
    if (outcome != OUTCOME_DONE)
        return outcome;
    return migration_check_proof(m, g->proof.schema, g->declared.schema) && write_file(m, g) ? OUTCOME_DONE
                                                                                             : OUTCOME_FAILED;
}
