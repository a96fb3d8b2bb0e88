/* prepared.c - see prepared.h. */
#include "proxy/prepared.h"

#include "proxy/base/fault.h"
#include "proxy/group.h"

static char *put(char **at, struct str s)
{
    char *p = *at;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    *at += s.n + 1;
    return p;
}

static struct prepared *make(struct str name, struct str text, const oid_t *types, size_t n_types)
{
    size_t head = sizeof(struct prepared) + n_types * sizeof(oid_t);
    struct prepared *p = fault_malloc(head + name.n + text.n + 2);
    if (!p)
        return NULL;
    oid_t *own = (oid_t *)(p + 1);
    char *at = (char *)p + head;
    *p = (struct prepared){ .references = 1, .types = own, .n_types = n_types };
    if (n_types)
        memcpy(own, types, n_types * sizeof(oid_t));
    p->name = (struct str){ put(&at, name), name.n };
    p->text = (struct str){ put(&at, text), text.n };
    return p;
}

static bool check_new(struct session *s, struct str name, struct err *err)
{
    if (map_get(&s->prepared, name))
        return err_set(err, SQLSTATE_DUPLICATE_PSTATEMENT, "prepared statement \"%.*s\" already exists", STR_FMT(name));
    if (s->prepared.n >= s->serving->config->max_prepared_statements) {
        err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many prepared statements");
        return err_hint(err, "The limit is max_prepared_statements.");
    }
    return true;
}

bool prepared_add(struct session *s, struct str name, struct str text, size_t index, const oid_t *types, size_t n_types,
                  struct plan *plan, bool from_sql, struct err *err)
{
    if (name.n && !check_new(s, name, err))
        return false;
    struct prepared *p = make(name, text, types, n_types);
    if (!p)
        return err_oom(err);
    p->index = index;
    p->plan = plan ? plan_ref(plan) : NULL;
    p->from_sql = from_sql;
    p->made_us = session_wall_us(s);
    p->settings_seen = s->gucs.generation;
    p->cycle = s->cycle;
    p->seq = s->group ? s->group->seq : 0;
    if (name.n == 0) {
        prepared_unref(s->worker, s->unnamed);
        s->unnamed = p;
    } else if (!map_set(&s->prepared, p->name, p)) {
        plan_unref(p->plan);
        free(p);
        return err_oom(err);
    }
    metric_add(&s->worker->metrics, METRIC_prepared_statements, 1);
    return true;
}

struct prepared *prepared_find(struct session *s, struct str name, struct err *err)
{
    struct prepared *p = name.n ? map_get(&s->prepared, name) : s->unnamed;
    if (!p && err && name.n)
        err_set(err, SQLSTATE_INVALID_SQL_STATEMENT_NAME, "prepared statement \"%.*s\" does not exist", STR_FMT(name));
    else if (!p && err)
        err_set(err, SQLSTATE_INVALID_SQL_STATEMENT_NAME, "unnamed prepared statement does not exist");
    return p;
}

struct prepared *prepared_ref(struct prepared *p)
{
    p->references++;
    return p;
}

void prepared_unref(struct worker *w, struct prepared *p)
{
    if (!p || --p->references)
        return;
    metric_sub(&w->metrics, METRIC_prepared_statements, 1);
    plan_unref(p->plan);
    free(p);
}

void prepared_remove(struct session *s, struct str name)
{
    struct prepared *p = name.n ? map_remove(&s->prepared, name) : s->unnamed;
    if (name.n == 0)
        s->unnamed = NULL;
    prepared_unref(s->worker, p);
}

void prepared_remove_all(struct session *s, bool unnamed_too)
{
    struct str key;
    void *p;
    for (size_t at = 0; map_next(&s->prepared, &at, &key, &p);)
        prepared_unref(s->worker, p);
    map_fini(&s->prepared);
    map_init(&s->prepared);
    if (unnamed_too)
        prepared_remove(s, (struct str){ 0 });
}

void prepared_undo(struct session *s, uint32_t seq)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&s->prepared, &at, &key, &value);) {
        struct prepared *p = value;
        if (p->cycle == s->cycle && p->seq >= seq) {
            prepared_remove(s, p->name);
            at = 0; /* the table has changed */
        }
    }
}
