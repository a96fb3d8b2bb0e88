/* raw_engine.c - see raw_engine.h. */
#include "proxy/raw_engine.h"

#include <stdlib.h>
#include "d1/embedded/rules.h"
#include "proxy/base/fault.h"
#include "proxy/catalog/snapshot_copy.h"
#include "proxy/d1_error.h"

struct raw_engine {
    sqlite3 *db;             /* NULL: no schema yet */
    struct snapshot *loaded; /* its schema: a reference */
    struct emb_rules rules;
    /* the statement that is being compiled */
    const struct snapshot *snapshot;
    struct raw_facts *facts;
    struct arena *arena;
};

struct raw_engine *raw_engine_new(void)
{
    return fault_calloc(1, sizeof(struct raw_engine));
}

static void forget(struct raw_engine *e)
{
    sqlite3_close(e->db);
    snapshot_unref(e->loaded);
    e->db = NULL;
    e->loaded = NULL;
}

void raw_engine_free(struct raw_engine *e)
{
    if (e)
        forget(e);
    free(e);
}

/* ---- what the authorizer sees ---- */

static void touch(struct raw_engine *e, const char *table, unsigned char how)
{
    struct str name = str_from(table ? table : "");
    for (size_t i = 0; i < e->snapshot->n_relations; i++)
        if (str_eq_nocase(e->snapshot->relations[i].sqlite_name, name))
            e->facts->touches[i] |= how;
    if (how == RAW_WRITES && str_starts_nocase(name, STR("_pgd1_")))
        e->facts->writes_own = true;
}

static void destroy(struct raw_engine *e, const char *name)
{
    if (e->facts->destroyed.n || !name)
        return;
    e->facts->destroyed = arena_str(e->arena, str_from(name));
    touch(e, name, RAW_WRITES);
}

static void note(struct raw_engine *e, int action, const char *a, const char *b)
{
    switch (action) {
    case SQLITE_READ:
        touch(e, a, RAW_READS);
        break;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        touch(e, a, RAW_WRITES);
        break;
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_TRIGGER:
        touch(e, b, RAW_WRITES);
        break;
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_VIEW:
    case SQLITE_CREATE_VTABLE:
        touch(e, a, RAW_WRITES);
        break;
    case SQLITE_DROP_TABLE:
    case SQLITE_DROP_VTABLE:
    case SQLITE_DROP_VIEW:
    case SQLITE_DROP_INDEX:
        destroy(e, a);
        break;
    case SQLITE_ALTER_TABLE:
        destroy(e, b);
        break;
    case SQLITE_PRAGMA:
        e->facts->is_pragma = true;
        e->facts->sets_pragma |= b && e->rules.pragma_sets && !str_eq_nocase(str_from(a), STR("defer_foreign_keys"));
        break;
    default:
        break;
    }
}

static int authorize(void *user, int action, const char *a, const char *b, const char *database, const char *trigger)
{
    struct raw_engine *e = user;
    int answer = emb_rules_authorize(&e->rules, action, a, b, database, trigger);
    if (e->facts)
        note(e, action, a, b);
    return answer;
}

/* ---- the schema ---- */

static bool schema_failed(struct raw_engine *e, struct err *err)
{
    err_unsupported(err, "raw SQLite on this schema");
    err_detail(err, "pgd1's own SQLite cannot build it: %s.", e->db ? sqlite3_errmsg(e->db) : "out of memory");
    forget(e);
    return false;
}

static bool same_object(const struct snapshot_object *a, const struct snapshot_object *b)
{
    return str_eq(a->name, b->name) && str_eq(a->type, b->type) && str_eq(a->sql, b->sql);
}

/* What is new since, where nothing that was there has changed: both lists have one order. False: something has, or no memory. */
static bool objects_added(const struct snapshot *before, const struct snapshot *now, struct arena *arena,
                          struct snapshot *ret)
{
    size_t k = 0;
    *ret = (struct snapshot){ .objects = ARENA_ARRAY(arena, struct snapshot_object, now->n_objects) };
    for (size_t i = 0; ret->objects && i < now->n_objects; i++)
        if (k < before->n_objects && same_object(&before->objects[k], &now->objects[i]))
            k++;
        else
            ret->objects[ret->n_objects++] = now->objects[i];
    return ret->objects && k == before->n_objects;
}

/* After DDL that only adds, as migrations do one after another, the rest need not be made again. */
static bool load_added(struct raw_engine *e, const struct snapshot *snapshot, struct arena *arena)
{
    struct snapshot added;
    if (!e->db || !objects_added(e->loaded, snapshot, arena, &added))
        return false;
    e->facts = NULL;
    e->rules = (struct emb_rules){ .trusted = true };
    if (!snapshot_copy(&added, e->db))
        return false;
    snapshot_unref(e->loaded);
    e->loaded = snapshot_ref(snapshot);
    return true;
}

static bool load(struct raw_engine *e, const struct snapshot *snapshot, struct arena *arena, struct err *err)
{
    if (e->db && e->loaded->version == snapshot->version)
        return true;
    if (load_added(e, snapshot, arena))
        return true;
    forget(e);
    e->facts = NULL;
    e->loaded = snapshot_ref(snapshot);
    if (sqlite3_open_v2(":memory:", &e->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        !snapshot_copy(snapshot, e->db) || emb_rules_apply(e->db, &e->rules) != SQLITE_OK ||
        sqlite3_set_authorizer(e->db, authorize, e) != SQLITE_OK)
        return schema_failed(e, err);
    return true;
}

/* ---- compiling ---- */

static bool fail(struct raw_engine *e, struct str statement, const struct snapshot *snapshot, int code, struct err *err)
{
    struct str text = arena_str(err->arena, str_from(sqlite3_errmsg(e->db)));
    int offset = sqlite3_error_offset(e->db);
    struct d1_error error = { .kind = D1_ERROR_SQL, .message = text };
    struct d1_asked asked = { .snapshot = snapshot };
    if (code == SQLITE_NOMEM || !text.p)
        return err_oom(err);
    if (str_is(text, "incomplete input") || str_starts(text, STR("unrecognized token")))
        err_set(err, SQLSTATE_SYNTAX_ERROR, "%.*s", STR_FMT(text));
    else
        d1_error_map(&error, &asked, err);
    if (err->code == SQLSTATE_SYNTAX_ERROR)
        err_hint(err, "pgd1.dialect is sqlite; SET pgd1.dialect = 'postgresql' for PostgreSQL's SQL.");
    if (offset >= 0)
        err->position = 1 + (int)str_characters((struct str){ statement.p, (size_t)offset });
    return false;
}

static struct str text_of(struct arena *arena, const char *text)
{
    return text ? arena_str(arena, str_from(text)) : (struct str){ 0 };
}

static bool describe(sqlite3_stmt *s, struct arena *arena, struct raw_facts *ret)
{
    int n = sqlite3_column_count(s);
    ret->n_columns = (size_t)n;
    ret->columns = ARENA_ARRAY(arena, struct raw_column, ret->n_columns);
    for (int i = 0; ret->columns && i < n; i++) {
        const char *table = sqlite3_column_table_name(s, i), *column = sqlite3_column_origin_name(s, i);
        struct raw_column *c = &ret->columns[i];
        c->name = text_of(arena, sqlite3_column_name(s, i));
        if (!c->name.p)
            return false;
        c->is_table_column = table && column;
        if (!c->is_table_column)
            continue;
        c->declared = text_of(arena, sqlite3_column_decltype(s, i));
        c->source = arena_printf(arena, "%s.%s", table, column);
        if (!c->source.p)
            return false;
    }
    return ret->columns != NULL;
}

/* Keys look into other tables, and the authorizer is told of some of them only. */
static void touch_keys(const struct snapshot *snapshot, unsigned char *touches)
{
    for (size_t i = 0; i < snapshot->n_relations; i++)
        for (size_t k = 0; touches[i] & RAW_WRITES && k < snapshot->n_relations; k++)
            if (relation_refers_to(&snapshot->relations[k], &snapshot->relations[i]) ||
                relation_refers_to(&snapshot->relations[i], &snapshot->relations[k]))
                touches[k] |= RAW_READS;
}

static bool compiled(struct raw_engine *e, sqlite3_stmt *s, struct err *err)
{
    struct raw_facts *facts = e->facts;
    facts->is_read_only = sqlite3_stmt_readonly(s);
    facts->is_explain = sqlite3_stmt_isexplain(s) != 0;
    if (facts->is_explain) /* of a write, too */
        memset(facts->touches, 0, e->snapshot->n_relations);
    touch_keys(e->snapshot, facts->touches);
    return describe(s, e->arena, facts) || err_oom(err);
}

bool raw_compile(struct raw_engine *e, struct str statement, const struct snapshot *snapshot, struct arena *arena,
                 struct raw_facts *ret, struct err *err)
{
    sqlite3_stmt *s = NULL;
    if (!load(e, snapshot, arena, err))
        return false;
    *ret = (struct raw_facts){ .touches = ARENA_ARRAY(arena, unsigned char, snapshot->n_relations) };
    if (!ret->touches)
        return err_oom(err);
    e->snapshot = snapshot;
    e->facts = ret;
    e->arena = arena;
    e->rules = (struct emb_rules){ 0 };
    int code = sqlite3_prepare_v2(e->db, statement.p, (int)statement.n, &s, NULL);
    bool ok = code == SQLITE_OK ? compiled(e, s, err) : fail(e, statement, snapshot, code, err);
    sqlite3_finalize(s);
    e->facts = NULL;
    if (e->rules.pragma_sets) /* it has acted on this connection already */
        forget(e);
    return ok;
}
