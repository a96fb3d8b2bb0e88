/*
 * migration_validate.c - VALIDATE: what is wrong with the files, the schema they lead to, and D1's; see migration_private.h.
 *
 *   folder, journal, D1's schema -> applied migrations replayed and compared -> all of them replayed, when some are not applied
 *     -> keys that do not hold at the end
 */
#include "proxy/migration_private.h"

struct validation {
    struct migration_replay all;
    struct migration_replay *last; /* the one that went furthest: of all, or of what is applied */
    bool texts_told;
};

/* A row: kind, file, line, column, object, message, SQLSTATE. */
struct finding {
    const char *kind;
    struct str file, object, message;
    int line, column;
    enum sqlstate code; /* SQLSTATE_SUCCESSFUL_COMPLETION: none */
};

static struct value place(int number)
{
    return number ? value_integer(number) : value_null();
}

static bool tell(struct migration *m, const struct finding *f)
{
    struct value cells[] = {
        value_text(str_from(f->kind)),
        migration_text(f->file),
        place(f->line),
        place(f->column),
        migration_text(f->object),
        migration_text(f->message),
        f->code == SQLSTATE_SUCCESSFUL_COMPLETION ? value_null() : value_text(str_from(sqlstate_code(f->code))),
    };
    return (f->message.p || err_oom(m->err)) && migration_row(m, cells, sizeof(cells) / sizeof(cells[0]));
}

/* An error of a file, its place before the message or not. */
static bool tell_error(struct migration *m, const struct migrate_file *file, const struct err *err)
{
    struct finding f = { .kind = "error", .message = err->message, .code = err->code };
    if (file) {
        f.file = file->name;
        f.message = migrate_text_place(file, err->message, &f.line, &f.column);
    }
    if (err->hint.n)
        f.message = arena_printf(m->arena, "%.*s HINT: %.*s", STR_FMT(f.message), STR_FMT(err->hint));
    return tell(m, &f);
}

/* ---- files ---- */

static bool tell_state(struct migration *m, const struct migrate_entry *e)
{
    struct finding f = { .kind = migrate_state_name(e->state), .file = e->name };
    if (e->state == MIGRATE_MODIFIED)
        f.message = STR("its text has changed since it was applied");
    else if (e->state == MIGRATE_MISSING)
        f.message = STR("it is applied, and there is no such file");
    else
        return true;
    return tell(m, &f);
}

static bool is_to_run(const struct migration *m, const struct migrate_file *file)
{
    for (size_t i = 0; i < m->journal.n; i++)
        if (m->journal.entries[i].file == file)
            return m->journal.entries[i].state == MIGRATE_PENDING || m->journal.entries[i].state == MIGRATE_FAILED;
    return true;
}

/* The texts of all files; those before the first one that cannot be read are replayed. */
static bool tell_texts(struct migration *m, struct validation *v)
{
    struct replay_file *files = ARENA_ARRAY(m->arena, struct replay_file, m->folder.n);
    bool readable = true;
    if (!files)
        return err_oom(m->err);
    for (size_t i = 0; i < m->folder.n; i++) {
        struct migrate_text *text = ARENA_NEW(m->arena, struct migrate_text);
        if (!text)
            return err_oom(m->err);
        if (migrate_text_read(&m->folder.files[i], migration_dialect(m), m->arena, text, m->err)) {
            if (readable)
                files[v->all.n++] = (struct replay_file){ .file = &m->folder.files[i],
                                                          .text = text,
                                                          .checks_drops = is_to_run(m, &m->folder.files[i]) };
            continue;
        }
        readable = false;
        if (m->err->code == SQLSTATE_OUT_OF_MEMORY || !tell_error(m, &m->folder.files[i], m->err))
            return false;
        err_clear(m->err);
    }
    v->all.files = files;
    return true;
}

static bool tell_files(struct migration *m, struct validation *v)
{
    for (size_t i = 0; i < m->journal.n; i++)
        if (!tell_state(m, &m->journal.entries[i]))
            return false;
    if (!migrate_folder_check(&m->folder, m->err)) {
        if (m->err->code == SQLSTATE_OUT_OF_MEMORY || !tell_error(m, NULL, m->err))
            return false;
        err_clear(m->err);
    }
    v->texts_told = true;
    return tell_texts(m, v);
}

/* ---- schemas ---- */

static bool tell_drift(struct migration *m)
{
    const struct comparison *c = m->comparison;
    struct finding none = { .kind = "drift" };
    if (c->why) {
        none.message = migration_not_compared(m);
        return tell(m, &none);
    }
    for (size_t i = 0; i < c->differences.n; i++) {
        struct finding f = { .kind = "drift",
                             .object = migration_object(m, &c->differences.list[i]),
                             .message = c->differences.list[i].text };
        if (!f.object.p || !tell(m, &f))
            return f.object.p ? false : err_oom(m->err);
    }
    return true;
}

/* Whether replaying what is applied was replaying all. */
static bool is_all_applied(const struct migration *m, const struct validation *v)
{
    const struct migration_replay *applied = &m->comparison->replay;
    if (m->comparison->why || applied->n != v->all.n)
        return false;
    for (size_t i = 0; i < applied->n; i++)
        if (applied->files[i].file != v->all.files[i].file || applied->files[i].n_chunks < v->all.files[i].text->n_up)
            return false;
    return true;
}

static enum outcome replay_all(struct migration *m, struct validation *v)
{
    v->last = is_all_applied(m, v) ? &m->comparison->replay : &v->all;
    if (v->last != &v->all)
        return OUTCOME_DONE;
    enum outcome outcome = migration_replay(m, &v->all);
    if (outcome != OUTCOME_FAILED || !v->all.failure || m->err->code == SQLSTATE_OUT_OF_MEMORY)
        return outcome;
    err_clear(m->err);
    struct err placed = *v->all.failure;
    struct migrate_statement at = { .line = v->all.failed_line, .column = v->all.failed_column };
    placed.arena = m->arena;
    if (at.line)
        migrate_text_fail(v->all.failed_file, &at, &placed);
    return tell_error(m, v->all.failed_file, &placed) ? OUTCOME_DONE : OUTCOME_FAILED;
}

/* ---- keys ---- */

static bool tell_broken(void *ctx, const struct replay_broken_key *key)
{
    struct migration *m = ctx;
    struct finding f = { .kind = "foreign key",
                         .object = arena_printf(m->arena, "table %.*s", STR_FMT(key->table)),
                         .code = key->rows ? SQLSTATE_FOREIGN_KEY_VIOLATION : SQLSTATE_UNDEFINED_TABLE };
    f.message = key->rows
                    ? arena_printf(m->arena, "%llu of its rows have no row in table \"%.*s\"",
                                   (unsigned long long)key->rows, STR_FMT(key->parent))
                    : arena_printf(m->arena, "it refers to table \"%.*s\", which does not exist", STR_FMT(key->parent));
    return tell(m, &f);
}

static bool tell_keys(struct migration *m, const struct migration_replay *r)
{
    if (!r->schema)
        return true; /* it has failed, and that was told */
    if (replay_broken_keys(r->replay, tell_broken, m, m->err))
        return true;
    if (m->err->code != SQLSTATE_INVALID_FOREIGN_KEY)
        return false;
    struct finding f = { .kind = "foreign key", .message = m->err->message, .code = m->err->code };
    err_clear(m->err);
    return tell(m, &f);
}

enum outcome migration_validate(struct migration *m)
{
    enum outcome outcome = migration_compare(m);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!m->validation)
        m->validation = ARENA_NEW(m->arena, struct validation);
    struct validation *v = m->validation;
    if (!v)
        return err_oom(m->err), OUTCOME_FAILED;
    if (!v->texts_told && !tell_files(m, v))
        return OUTCOME_FAILED;
    outcome = replay_all(m, v);
    if (outcome != OUTCOME_DONE)
        return outcome;
    return tell_keys(m, v->last) && tell_drift(m) ? OUTCOME_DONE : OUTCOME_FAILED;
}
