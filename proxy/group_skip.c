/*
 * group_skip.c - SELECT … FOR UPDATE SKIP LOCKED: rows that other transactions of this process have locked are left out.
 *
 *   autocommit, or a block in one batch   one request: the keys of locked rows go along, and are left out
 *   an open block                         a step before the statement asks for the keys of its rows, without the locked ones; they are
 *                                         locked here; then the statement is sent for these rows and no others. At COMMIT it is checked
 *                                         for these too, so that new rows that would come first are no conflict
 *
 * Between asking and locking nobody else may ask for rows of the table: the turn, a lock of its own. Statements of autocommit share it.
 * Left out are rows locked by the table's primary key: by UPDATE, DELETE and SELECT FOR UPDATE that name their row so (group_rows.c), and by
 * SKIP LOCKED. More than ROWS_MAX rows of one transaction are not locked, nor those of other proxies: there the checks at COMMIT decide.
 *
 * Not here which statements can do so (sql/row_key.h), the SQL (emit_select.c).
 */
#include "proxy/group_private.h"

struct skip_claim {
    struct step *asks; /* NULL: nobody asks before */
    struct step *main;
    size_t n_columns; /* of a key */
    struct value **keys;
    size_t n, size;
    bool is_taken; /* the rows are ours, and the statement is bound to them */
    struct arena *arena;
    struct row_taker taker;
};

/* ---- which rows there are ---- */

static void begin_keys(void *ctx)
{
    ((struct skip_claim *)ctx)->n = 0;
}

static bool grow(struct skip_claim *c)
{
    size_t size = c->size ? 2 * c->size : 8;
    struct value **keys = ARENA_ARRAY(c->arena, struct value *, size);
    if (!keys)
        return false;
    if (c->n)
        memcpy(keys, c->keys, c->n * sizeof(*keys));
    c->keys = keys;
    c->size = size;
    return true;
}

static bool take_key(void *ctx, const struct value *cells, size_t n)
{
    struct skip_claim *c = ctx;
    struct value *key = ARENA_ARRAY(c->arena, struct value, c->n_columns);
    if (n < c->n_columns || !key || (c->n == c->size && !grow(c)))
        return false;
    memcpy(key, cells + n - c->n_columns, c->n_columns * sizeof(*key));
    for (size_t i = 0; i < c->n_columns; i++)
        if (key[i].class == VALUE_TEXT || key[i].class == VALUE_BLOB) {
            key[i].bytes = arena_str(c->arena, key[i].bytes);
            if (!key[i].bytes.p)
                return false;
        }
    c->keys[c->n++] = key;
    return true;
}

static bool ask_before(struct group *g, struct skip_claim *c, struct err *err)
{
    struct execution x = c->main->x;
    struct d1_statement *statements;
    bool again;
    x.plan = x.plan->skip->rows;
    if (!execute_bind(g->session, &x, g->arena, &statements, &again, err))
        return again;
    c->asks = again ? NULL : group_add_asking(g, c->main, x.plan, statements, &c->taker, err);
    if (c->asks)
        c->asks->claim = c;
    return again || c->asks;
}

bool group_claim(struct group *g, struct step *step, struct err *err)
{
    const struct plan_skip *skip = step->x.plan->skip;
    struct skip_claim *c = g->session->gucs.live.row_locks ? ARENA_NEW(g->arena, struct skip_claim) : NULL;
    if (!c)
        return !g->session->gucs.live.row_locks || err_oom(err);
    *c = (struct skip_claim){ .main = step, .n_columns = skip->key->n_columns, .arena = g->arena };
    c->taker = (struct row_taker){ begin_keys, take_key, c };
    step->claim = c;
    return g->session->transaction.state != TXN_OPEN || !skip->rows || ask_before(g, c, err);
}

/* ---- whose turn it is ---- */

void group_give_turn(struct group *g)
{
    if (g->has_skip_turn && g->session)
        advisory_give_back(&g->worker->app->advisory, &g->session->presence, g->skip_turn,
                           g->shares_skip_turn ? ADVISORY_SHARE : ADVISORY_EXCLUSIVE, ADVISORY_OF_TRANSACTION);
    g->has_skip_turn = false;
}

static enum rows take_turn(struct group *g, const struct relation *r, bool shares, struct err *err)
{
    uint64_t hash = str_hash(r->sqlite_name);
    struct advisory_key key = { (uint32_t)(hash >> 32), (uint32_t)hash, ADVISORY_SKIP };
    if (g->has_skip_turn && memcmp(&g->skip_turn, &key, sizeof(key)) == 0)
        return ROWS_HAVE;
    group_give_turn(g);
    enum rows rows =
        group_take_lock(g, r, key, (struct str){ 0 }, shares ? ADVISORY_SHARE : ADVISORY_EXCLUSIVE, false, err);
    if (rows != ROWS_HAVE)
        return rows;
    g->skip_turn = key;
    g->has_skip_turn = true;
    g->shares_skip_turn = shares;
    return ROWS_HAVE;
}

/* ---- which rows the statement may have ---- */

static enum rows bind_rows(struct group *g, struct step *step, struct str skipped, struct err *err)
{
    bool again;
    if (!skipped.p) {
        err_oom(err);
        return ROWS_FAILED;
    }
    step->x.skipped = skipped;
    if (!execute_bind(g->session, &step->x, g->arena, &step->statements, &again, err) || again) {
        err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be bound again");
        return ROWS_FAILED;
    }
    step->n_statements = step->x.plan->n_statements;
    step->ids = NULL;
    return group_add_key_checks(g, step, err) ? ROWS_HAVE : ROWS_FAILED;
}

/* The words of locks, without the constraint: [key], [key]… */
struct words_list {
    struct buf text;
    size_t n;
    /* those that are left out */
    struct str database, prefix;
    uint32_t own;
    bool shares;
};

static void add_words(struct words_list *list, struct str words)
{
    const char *colon = memchr(words.p, ':', words.n);
    size_t skip = colon ? (size_t)(colon - words.p) + 1 : 0;
    if (list->n++)
        buf_add_str(&list->text, STR(","));
    buf_add(&list->text, words.p + skip, words.n - skip);
}

static struct str json_of(struct words_list *list, const char *head, struct arena *arena)
{
    struct str ret = list->text.failed
                         ? (struct str){ 0 }
                         : arena_printf(arena, "%s[%.*s]]", head, (int)list->text.n, list->text.n ? list->text.p : "");
    buf_fini(&list->text);
    return ret;
}

static bool at_lock(void *ctx, const struct advisory_entry *e)
{
    struct words_list *list = ctx;
    if (e->granted && e->key.kind == ADVISORY_ROW && e->pid != list->own && str_eq(e->database, list->database) &&
        str_starts(e->words, list->prefix) && (!list->shares || e->mode == ADVISORY_EXCLUSIVE))
        add_words(list, e->words);
    return true;
}

/* All rows but those that others have locked. */
static struct str not_locked(struct group *g, const struct plan_skip *skip)
{
    const struct presence *own = &g->session->presence;
    struct words_list list = { .database = own->database,
                               .prefix = arena_printf(g->arena, "%u:", skip->key->oid),
                               .own = own->pid,
                               .shares = skip->shares };
    if (!list.prefix.p)
        return list.prefix;
    buf_init(&list.text, 16 << 20);
    advisory_each(&g->worker->app->advisory, at_lock, &list);
    return json_of(&list, "[0,", g->arena);
}

/* Locks what was asked for. A row that was locked meanwhile, by its key, is left out too. */
static struct str locked_now(struct group *g, const struct plan_skip *skip, const struct skip_claim *c)
{
    struct session *s = g->session;
    struct words_list list = { 0 };
    struct err err;
    buf_init(&list.text, 16 << 20);
    for (size_t i = 0; i < c->n; i++) {
        struct advisory_key key = group_row_lock(skip->relation, skip->key->oid, c->keys[i], c->n_columns);
        struct str words = group_row_words(skip->relation, skip->key, c->keys[i], g->arena);
        list.text.failed |= !words.p;
        err_init(&err, g->arena);
        if (!words.p || (s->n_row_locks < ROWS_MAX &&
                         group_take_lock(g, skip->relation, key, words,
                                         skip->shares ? ADVISORY_SHARE : ADVISORY_EXCLUSIVE, true, &err) != ROWS_HAVE))
            continue;
        add_words(&list, words);
    }
    return json_of(&list, "[1,", g->arena);
}

enum rows group_skip_rows(struct group *g, struct step *step, struct err *err)
{
    struct skip_claim *c = step->claim;
    const struct plan_skip *skip = c->main->x.plan->skip;
    if (!skip || c->is_taken || skip->key->n_columns != c->n_columns)
        return ROWS_HAVE;
    if (step == c->main && c->asks && group_has_answered(g, c->asks)) {
        enum rows rows = bind_rows(g, step, locked_now(g, skip, c), err);
        group_give_turn(g);
        c->is_taken = true;
        return rows;
    }
    enum rows rows = take_turn(g, skip->relation, step == c->main, err);
    return rows == ROWS_HAVE ? bind_rows(g, step, not_locked(g, skip), err) : rows;
}
