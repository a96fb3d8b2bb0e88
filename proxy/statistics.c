/* statistics.c - see statistics.h. */
#include "proxy/statistics.h"

#include <pg_query.h>
#include "proxy/activity.h"
#include "proxy/catalog/names.h"
#include "proxy/group.h"
#include "proxy/sql/skeleton.h"

/* The statement's own part of the string it came in, without what surrounds it. */
static struct str own_text(const struct session *s, const struct execution *x)
{
    const struct group *g = s->group;
    struct str text = x->source.text;
    if (g->is_simple && g->list.n > 1 && text.p == g->text.p && x->source.index < g->list.n)
        text = g->list.statements[x->source.index].text;
    text = str_trim(text);
    while (text.n && text.p[text.n - 1] == ';')
        text = str_trim((struct str){ text.p, text.n - 1 });
    return text;
}

/* Literals of utility statements stay, and those that shaped the plan. */
static bool is_slot(const struct plan *plan, const struct skeleton *skeleton, size_t i)
{
    bool told = plan->n_literals == skeleton->literals.n && plan->is_structural;
    return plan->kind <= PLAN_CHANGE && !(told && plan->is_structural[i]);
}

/* Key words and names without quotes mean the same in any case. */
static uint64_t hash_of(struct str key, struct arena *arena)
{
    struct str lowered = arena_str(arena, key);
    char *p = (char *)(uintptr_t)lowered.p;
    bool quoted = false;
    for (size_t i = 0; i < lowered.n; i++) {
        quoted ^= p[i] == '"';
        if (!quoted && p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + ('a' - 'A'));
    }
    return str_hash(lowered.p ? lowered : key);
}

static int64_t query_id(const struct plan *plan, struct str text, const struct skeleton *skeleton, struct arena *arena)
{
    uint64_t hash = hash_of(skeleton->key, arena);
    for (size_t i = 0; i < skeleton->literals.n; i++) {
        const struct literal *l = &skeleton->literals.literals[i];
        if (!is_slot(plan, skeleton, i))
            hash = str_hash_more(hash, (struct str){ text.p + l->offset, (size_t)l->length });
    }
    return hash ? (int64_t)hash : 1;
}

/* The text with $n for its literals, numbered behind the parameters it has. */
static struct str normalized(const struct plan *plan, struct str text, const struct skeleton *skeleton, struct buf *out)
{
    size_t copied = 0, number = plan->n_params;
    for (size_t i = 0; i < skeleton->literals.n; i++) {
        const struct literal *l = &skeleton->literals.literals[i];
        if (!is_slot(plan, skeleton, i))
            continue;
        buf_add(out, text.p + copied, (size_t)l->offset - copied);
        buf_printf(out, "$%zu", ++number);
        copied = (size_t)(l->offset + l->length);
    }
    buf_add(out, text.p + copied, text.n - copied);
    return buf_str(out);
}

/* What only PostgreSQL's own scanner reads right. */
static struct str normalized_by_parser(struct session *s, const struct plan *plan, struct str text)
{
    char *copy = plan->is_raw ? NULL : arena_cstr(s->group->arena, text);
    if (!copy)
        return STR("<this text cannot be shown without its values>");
    PgQueryNormalizeResult result = pg_query_normalize(copy);
    struct str ret = arena_str(s->group->arena, str_from(result.normalized_query ? result.normalized_query : ""));
    pg_query_free_normalize_result(result);
    return ret;
}

static struct statement_slot find_or_add(struct session *s, const struct statement_id *id, const struct plan *plan,
                                         struct str text, const struct skeleton *skeleton)
{
    struct statement_table *t = s->worker->statements;
    struct statement_slot slot = statement_table_find(t, id);
    size_t evicted = 0;
    if (slot.generation)
        return slot;
    struct buf out;
    buf_init(&out, s->serving->config->max_message_bytes + 4096);
    struct str shown = skeleton ? normalized(plan, text, skeleton, &out) : text;
    if (!out.failed)
        slot = statement_table_add(t, id, name_clip(shown, STATEMENT_TEXT_BYTES), &evicted);
    buf_fini(&out);
    metric_add(&s->worker->metrics, METRIC_statement_statistics_evicted, evicted);
    return slot;
}

static struct statement_slot slot_for(struct session *s, const struct execution *x, const struct plan *plan)
{
    struct arena *arena = s->group->arena;
    struct str text = own_text(s, x);
    struct skeleton skeleton;
    struct statement_id id = { activity_user_oid(s), activity_database_oid(s), 0 };
    if (skeleton_scan(text, true, arena, &skeleton)) {
        id.query = query_id(plan, text, &skeleton, arena);
        return find_or_add(s, &id, plan, text, &skeleton);
    }
    text = normalized_by_parser(s, plan, text);
    id.query = (int64_t)(str_hash(text) | 1);
    return find_or_add(s, &id, plan, text, NULL);
}

/* Where the plan's statement is counted; found once for a plan, and again when it was evicted. */
static struct statement_slot slot_of(struct session *s, const struct execution *x)
{
    struct plan *plan = (struct plan *)(uintptr_t)(x->copy_plan ? x->copy_plan : x->plan);
    struct plan_statistics *known = &plan->statistics;
    struct statement_slot slot = { known->slot, known->generation };
    if (statement_table_holds(s->worker->statements, slot) && known->user == activity_user_oid(s) &&
        known->database == activity_database_oid(s))
        return slot;
    slot = slot_for(s, x, plan);
    *known = (struct plan_statistics){ slot.at, slot.generation, activity_user_oid(s), activity_database_oid(s) };
    return slot;
}

void statistics_done(struct session *s, const struct execution *x, struct statistics_note cost)
{
    struct statistics_notes *notes = &s->group->statistics;
    if (!s->serving->config->statement_statistics || x->migrates || x->sink == SINK_TAKEN ||
        (x->sink == SINK_STORE && x->portal && x->portal->is_cursor) || !s->presence.pid)
        return;
    cost.slot = slot_of(s, x);
    cost.began_us = x->began_us;
    if (!cost.slot.generation)
        return;
    if (notes->n == STATISTICS_NOTES)
        statistics_flush(s, session_wall_us(s));
    notes->list[notes->n++] = cost;
}

void statistics_flush(struct session *s, int64_t now_us)
{
    struct statistics_notes *notes = s->group ? &s->group->statistics : NULL;
    for (size_t i = 0; notes && i < notes->n; i++) {
        const struct statistics_note *note = &notes->list[i];
        double time = now_us > note->began_us ? (double)(now_us - note->began_us) / 1000 : 0;
        struct statement_numbers numbers = { .calls = 1,
                                             .rows = note->rows,
                                             .total = time,
                                             .least = time,
                                             .most = time,
                                             .mean = time,
                                             .finished_locally = note->finished_locally,
                                             .round_trips = note->round_trips,
                                             .rows_read = note->rows_read,
                                             .rows_written = note->rows_written };
        statement_table_count(s->worker->statements, note->slot, &numbers);
    }
    if (notes)
        notes->n = 0;
}

void statistics_reset(struct app *app, const struct statement_id *which)
{
    for (size_t i = 0; i < app->n_workers; i++)
        statement_table_reset(app->workers[i]->statements, which);
    if (!which->user && !which->database && !which->query)
        atomic_store(&app->statistics_reset_us, clock_wall_us(app->clock));
}
