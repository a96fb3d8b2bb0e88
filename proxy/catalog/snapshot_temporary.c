/* snapshot_temporary.c - a database's schema and a session's temporary one as one; see snapshot.h. */
#include <stdlib.h>
#include "proxy/catalog/snapshot_internal.h"

enum { JOINED_MAX_BYTES = 64 << 20 };

static bool add_side(struct snapshot_reader *r, struct str kind, struct str schema, struct str name, struct str detail)
{
    struct value cells[] = { value_text(kind), value_text(schema), value_text(name), value_text(detail) };
    return snapshot_reader_row(r, READ_SIDE, cells, sizeof(cells) / sizeof(cells[0]));
}

bool snapshot_reader_types(struct snapshot_reader *r, const struct snapshot *base)
{
    bool ok = add_side(r, STR("schema"), STR(SNAPSHOT_TEMPORARY), STR(""), STR("{}"));
    for (size_t i = 0; ok && i < base->n_side; i++) {
        const struct snapshot_side *row = &base->side[i];
        if (str_is(row->kind, "schema") || str_is(row->kind, "type"))
            ok = add_side(r, row->kind, row->schema, row->name, row->detail);
    }
    return ok;
}

/* Each schema gave its OIDs for itself: two that meet, once in thousands of millions, must not be taken for one. */
static bool all_differ(const struct snapshot_box *box, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (box->by_oid[i].oid == box->by_oid[i - 1].oid)
            return false;
    return true;
}

static bool join(struct snapshot_box *box, const struct snapshot *base, const struct snapshot *temporary)
{
    struct snapshot *s = &box->snapshot;
    struct arena *arena = s->arena;
    size_t n = base->n_relations + temporary->n_relations;
    struct relation *all = ARENA_ARRAY(arena, struct relation, n);
    box->by_oid = ARENA_ARRAY(arena, struct oid_row, n);
    if (!all || !box->by_oid)
        return false;
    memcpy(all, base->relations, base->n_relations * sizeof(*all));
    for (size_t i = 0; i < temporary->n_relations; i++) {
        all[base->n_relations + i] = temporary->relations[i];
        all[base->n_relations + i].is_temporary = true;
    }
    qsort(all, n, sizeof(*all), snapshot_name_order);
    for (size_t i = 0; i < n; i++)
        box->by_oid[i] = (struct oid_row){ .oid = all[i].oid, .relation = &all[i] };
    qsort(box->by_oid, n, sizeof(*box->by_oid), snapshot_oid_order);
    s->relations = all;
    s->n_relations = n;
    s->schemas = temporary->schemas;
    s->n_schemas = temporary->n_schemas;
    s->schema_comments = temporary->schema_comments;
    return true;
}

struct snapshot *snapshot_join(const struct snapshot *base, const struct snapshot *temporary, struct err *err)
{
    struct arena *arena = arena_new(JOINED_MAX_BYTES);
    struct snapshot_box *box = arena ? ARENA_NEW(arena, struct snapshot_box) : NULL;
    if (box) {
        box->snapshot = *base;
        box->snapshot.arena = arena;
        uint64_t versions[] = { base->version, temporary->version };
        box->snapshot.version = str_hash_more(STR_HASH_START, (struct str){ (const char *)versions, sizeof(versions) });
        atomic_init(&box->references, 1);
    }
    bool ok = box && join(box, base, temporary);
    if (ok && all_differ(box, box->snapshot.n_relations)) {
        box->parts[0] = snapshot_ref(base);
        box->parts[1] = snapshot_ref(temporary);
        return &box->snapshot;
    }
    if (ok)
        err_set(err, SQLSTATE_INTERNAL_ERROR, "two relations have the same OID: use another name");
    else
        err_oom(err);
    arena_free(arena);
    return NULL;
}

struct snapshot *snapshot_for_temporary(const struct snapshot *s, struct arena *arena)
{
    struct snapshot_box *box = ARENA_NEW(arena, struct snapshot_box);
    if (!box)
        return NULL;
    box->snapshot = *s;
    box->snapshot.has_side_catalog = box->snapshot.has_sequence_table = true;
    box->by_oid = ((const struct snapshot_box *)s)->by_oid;
    atomic_init(&box->references, 1);
    return &box->snapshot;
}
