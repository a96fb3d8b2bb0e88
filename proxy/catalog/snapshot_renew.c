/* snapshot_renew.c - see snapshot_renew.h. */
#include "proxy/catalog/snapshot_renew.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include "proxy/base/fault.h"
#include "proxy/base/map.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/snapshot_internal.h"
#include "proxy/catalog/sqlite_ddl.h"

enum { WORDS_MAX_BYTES = 64 << 20, TURN_MAX_BYTES = 64 << 20, RENEWED_MAX_BYTES = 64 << 20, RENEWALS_MIN = 64 };

/* Relations in whose texts, or whose indexes' and triggers', a word stands: some no longer. */
struct mention {
    struct str word, relation;
    bool is_view;
    struct mention *next;
};

struct snapshot_renewer {
    struct arena *arena; /* of the words */
    struct map words;    /* in lower case -> struct mention */
    size_t n_renewals, most;
    /* one change */
    struct arena *turn;
    const struct snapshot *before;
    const struct snapshot_change *change;
    struct map touched; /* names of relations in lower case -> the name */
    uint64_t shapes;    /* a bit for each of their lengths and ends: most others are told apart by these */
    struct str *queue;  /* of those, whose mentions are looked for */
    size_t n_queue, room;
};

/* ---- who mentions whom ---- */

static struct str lower(struct str text, struct arena *arena)
{
    struct str copy = arena_str(arena, text);
    char *bytes = (char *)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] - 'A' + 'a');
    return copy;
}

static bool note_word(struct snapshot_renewer *r, struct str word, const struct snapshot_object *object)
{
    struct str key = lower(word, r->turn);
    struct mention *newest = key.p ? map_get(&r->words, key) : NULL;
    if (newest && str_eq(newest->relation, object->table))
        return true;
    struct mention *m = ARENA_NEW(r->arena, struct mention);
    if (!key.p || !m)
        return false;
    *m = (struct mention){ newest ? newest->word : arena_str(r->arena, key), arena_str(r->arena, object->table),
                           str_is(object->type, "view"), newest };
    return m->word.p && m->relation.p && map_set(&r->words, m->word, m);
}

/* SQLite takes a string for a name where a name must stand. */
static bool note_words(struct snapshot_renewer *r, const struct snapshot_object *objects, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = 0;
        struct sqlite_token t;
        while ((t = sqlite_token_next(objects[i].sql, &at)).kind != SQLITE_TOKEN_END)
            if ((t.kind == SQLITE_TOKEN_WORD || t.kind == SQLITE_TOKEN_QUOTED || t.kind == SQLITE_TOKEN_STRING) &&
                !note_word(r, sqlite_token_value(t, r->turn), &objects[i]))
                return false;
    }
    return true;
}

struct snapshot_renewer *snapshot_renewer_new(const struct snapshot *start)
{
    struct snapshot_renewer *r = fault_calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    map_init(&r->words);
    map_init(&r->touched);
    r->arena = arena_new(WORDS_MAX_BYTES);
    r->turn = arena_new(TURN_MAX_BYTES);
    r->most = start->n_objects + RENEWALS_MIN;
    if (r->arena && r->turn && note_words(r, start->objects, start->n_objects))
        return r;
    snapshot_renewer_free(r);
    return NULL;
}

void snapshot_renewer_free(struct snapshot_renewer *r)
{
    if (!r)
        return;
    map_fini(&r->words);
    map_fini(&r->touched);
    arena_free(r->arena);
    arena_free(r->turn);
    free(r);
}

/* ---- what the change touches ---- */

static uint64_t shape_of(struct str name)
{
    unsigned end = name.n ? (unsigned char)name.p[name.n - 1] | 0x20U : 0;
    return UINT64_C(1) << ((name.n * 7 + end) & 63);
}

static bool is_touched(const struct snapshot_renewer *r, struct str relation)
{
    if (!(r->shapes & shape_of(relation)))
        return false;
    struct str key = lower(relation, r->turn);
    return key.p && map_get(&r->touched, key);
}

static bool seek(struct snapshot_renewer *r, struct str key)
{
    for (size_t i = 0; i < r->n_queue; i++)
        if (str_eq(r->queue[i], key))
            return true;
    if (r->n_queue == r->room) {
        r->room = 2 * r->room + 16;
        struct str *more = ARENA_ARRAY(r->turn, struct str, r->room);
        if (!more)
            return false;
        if (r->n_queue)
            memcpy(more, r->queue, r->n_queue * sizeof(*more));
        r->queue = more;
    }
    r->queue[r->n_queue++] = key;
    return true;
}

/* seeks: what mentions it is touched as well. */
static bool touch(struct snapshot_renewer *r, struct str relation, bool seeks)
{
    struct str *name = ARENA_NEW(r->turn, struct str);
    struct str key = lower(relation, r->turn);
    if (!name || !key.p)
        return false;
    *name = arena_str(r->turn, relation);
    bool known = map_get(&r->touched, key) != NULL;
    if (known && !seeks)
        return true;
    if (!name->p || !map_set(&r->touched, key, name))
        return false;
    r->shapes |= shape_of(key);
    return !seeks || seek(r, key);
}
static struct str sqlite_name(struct snapshot_renewer *r, struct str schema, struct str name)
{
    return str_is(schema, "public") ? name : arena_printf(r->turn, "%.*s.%.*s", STR_FMT(schema), STR_FMT(name));
}

/* The relation that has the index; NULL: none had it. */
static const struct relation *owner_of_index(const struct snapshot *s, const struct snapshot_side *row)
{
    for (size_t i = 0; i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_indexes; k++)
            if (str_eq(s->relations[i].indexes[k].name, row->name) &&
                str_eq(s->relations[i].indexes[k].schema, row->schema))
                return &s->relations[i];
    return NULL;
}

static bool is_kind(const struct snapshot_side *row, const char *a, const char *b)
{
    return str_is(row->kind, a) || str_is(row->kind, b);
}

/* False: the whole schema must be read. */
static bool touch_side(struct snapshot_renewer *r, const struct snapshot_side *row)
{
    struct str table, child;
    if (is_kind(row, "table", "view"))
        return touch(r, sqlite_name(r, row->schema, row->name), true);
    if (is_kind(row, "column", "constraint"))
        return name_child_split(row->name, r->turn, &table, &child) &&
               touch(r, sqlite_name(r, row->schema, table), true);
    if (str_is(row->kind, "index")) { /* of a new one the table was told */
        const struct relation *owner = owner_of_index(r->before, row);
        return !owner || touch(r, owner->sqlite_name, true);
    }
    return str_is(row->kind, "sequence");
}

static bool touch_mentions(struct snapshot_renewer *r)
{
    for (size_t i = 0; i < r->n_queue; i++)
        for (const struct mention *m = map_get(&r->words, r->queue[i]); m; m = m->next)
            if (!touch(r, m->relation, m->is_view))
                return false;
    return true;
}

/* pgd1's own tables: once the schema before had them, nothing about them matters. */
static bool is_known_own(const struct snapshot *before, struct str name)
{
    return (before->has_side_catalog || !str_eq_nocase(name, STR("_pgd1_catalog"))) &&
           (before->has_sequence_table || !str_eq_nocase(name, STR("_pgd1_sequence")));
}

static bool names_to_read(struct snapshot_renewer *r, struct value *ret)
{
    cJSON *names = cJSON_CreateArray();
    size_t at = 0;
    struct str key;
    void *name;
    bool ok = names != NULL;
    while (ok && map_next(&r->touched, &at, &key, &name)) {
        char *text = arena_cstr(r->turn, *(struct str *)name);
        cJSON *item = text ? cJSON_CreateString(text) : NULL;
        ok = item && cJSON_AddItemToArray(names, item);
        if (!ok)
            cJSON_Delete(item);
    }
    char *json = ok ? cJSON_PrintUnformatted(names) : NULL;
    *ret = value_text(json ? arena_str(r->turn, str_from(json)) : (struct str){ 0 });
    cJSON_free(json);
    cJSON_Delete(names);
    return ret->bytes.p != NULL;
}

bool snapshot_renewer_begin(struct snapshot_renewer *r, const struct snapshot *before,
                            const struct snapshot_change *change, struct value *ret_param)
{
    map_fini(&r->touched);
    arena_reset(r->turn);
    r->before = before;
    r->change = change;
    r->queue = NULL;
    r->n_queue = r->room = 0;
    r->shapes = 0;
    if (++r->n_renewals > r->most)
        return false;
    for (size_t i = 0; i < change->n_relations; i++)
        if (!is_known_own(before, change->relations[i]) || !touch(r, change->relations[i], true))
            return false;
    for (size_t i = 0; i < change->n_side; i++)
        if (!touch_side(r, &change->side[i]))
            return false;
    return touch_mentions(r) && names_to_read(r, ret_param);
}

/* ---- the side catalogue ---- */

static int side_order(const struct snapshot_side *a, const struct snapshot_side *b)
{
    int order = str_cmp(a->kind, b->kind);
    if (!order)
        order = str_cmp(a->schema, b->schema);
    return order ? order : str_cmp(a->name, b->name);
}

/* The rows as they are now: those before, and the written ones in their place. */
static bool merge_side(const struct snapshot_renewer *r, struct snapshot *now)
{
    const struct snapshot *before = r->before;
    const struct snapshot_change *change = r->change;
    size_t i = 0, k = 0;
    now->side = ARENA_ARRAY(now->arena, struct snapshot_side, before->n_side + change->n_side);
    now->n_side = 0;
    while (now->side && (i < before->n_side || k < change->n_side)) {
        int order = i == before->n_side ? 1 : k == change->n_side ? -1 : side_order(&before->side[i], &change->side[k]);
        if (order < 0) {
            now->side[now->n_side++] = before->side[i++];
            continue;
        }
        i += order == 0;
        if (change->side[k].detail.p)
            now->side[now->n_side++] = change->side[k];
        k++;
    }
    return now->side != NULL;
}

static size_t side_from(const struct snapshot *s, const struct snapshot_side *key)
{
    size_t low = 0, high = s->n_side;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (side_order(&s->side[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The written rows live on with what was read. */
static bool keep_written(const struct snapshot_renewer *r, struct snapshot *now, struct arena *arena)
{
    for (size_t i = 0; i < r->change->n_side; i++) {
        const struct snapshot_side *from = &r->change->side[i];
        if (!from->detail.p)
            continue;
        struct snapshot_side *to = &now->side[side_from(now, from)];
        *to = (struct snapshot_side){ arena_str(arena, from->kind), arena_str(arena, from->schema),
                                      arena_str(arena, from->name), arena_str(arena, from->detail) };
        if (!to->kind.p || !to->schema.p || !to->name.p || !to->detail.p)
            return false;
    }
    return true;
}

static bool read_side_row(struct snapshot_reader *rows, const struct snapshot_side *row)
{
    struct value cells[] = { value_text(row->kind), value_text(row->schema), value_text(row->name),
                             value_text(row->detail) };
    return snapshot_reader_row(rows, READ_SIDE, cells, sizeof(cells) / sizeof(cells[0]));
}

/* Rows of a kind whose name is this, or begins so, are read again. */
static bool read_side(struct snapshot_reader *rows, const struct snapshot *s, const char *kind, struct str schema,
                      struct str name, bool is_prefix)
{
    const struct snapshot_side key = { .kind = str_from(kind), .schema = schema, .name = name };
    for (size_t i = side_from(s, &key); i < s->n_side; i++) {
        const struct snapshot_side *row = &s->side[i];
        if (!str_eq(row->kind, key.kind) || !str_eq(row->schema, schema) ||
            !(is_prefix ? str_starts(row->name, name) : str_eq(row->name, name)))
            break;
        if (!read_side_row(rows, row))
            return false;
    }
    return true;
}

/* Every row of a kind, in all schemas. */
static bool read_kind(struct snapshot_reader *rows, const struct snapshot *s, const char *kind)
{
    const struct snapshot_side key = { .kind = str_from(kind) };
    bool ok = true;
    for (size_t i = side_from(s, &key); ok && i < s->n_side && str_eq(s->side[i].kind, key.kind); i++)
        ok = read_side_row(rows, &s->side[i]);
    return ok;
}

static bool read_side_of_relation(struct snapshot_renewer *r, struct snapshot_reader *rows, const struct snapshot *now,
                                  struct str relation)
{
    struct str schema, name;
    snapshot_split(r->before, relation, &schema, &name);
    struct str prefix = name_child_prefix(name, r->turn);
    return prefix.p && read_side(rows, now, "table", schema, name, false) &&
           read_side(rows, now, "view", schema, name, false) && read_side(rows, now, "column", schema, prefix, true) &&
           read_side(rows, now, "constraint", schema, prefix, true);
}

/* Those of indexes that were there before, and of those that are there now. */
static bool read_side_of_indexes(struct snapshot_renewer *r, struct snapshot_reader *rows, const struct snapshot *now,
                                 const bool *kept)
{
    const struct snapshot *before = r->before;
    const struct read_rows *objects = &rows->read[READ_OBJECTS];
    struct str schema, name;
    bool ok = true;
    for (size_t i = 0; ok && i < before->n_relations; i++) {
        const struct relation *relation = &before->relations[i];
        for (size_t k = 0; ok && !kept[i] && k < relation->n_indexes; k++)
            ok = read_side(rows, now, "index", relation->indexes[k].schema, relation->indexes[k].name, false);
    }
    for (size_t i = 0; ok && i < objects->n; i++) {
        if (!str_is(read_text(&objects->rows[i], 0), "index"))
            continue;
        snapshot_split(before, read_text(&objects->rows[i], 2), &schema, &name);
        struct str in = schema;
        snapshot_split(before, read_text(&objects->rows[i], 1), &schema, &name);
        ok = read_side(rows, now, "index", in, name, false) &&
             read_side(rows, now, "index", in, read_text(&objects->rows[i], 1), false);
    }
    for (size_t i = 0; ok && i < r->change->n_side; i++)
        if (str_is(r->change->side[i].kind, "index"))
            ok = read_side(rows, now, "index", r->change->side[i].schema, r->change->side[i].name, false);
    return ok;
}

/* ---- what goes ---- */

static bool is_written(const struct snapshot_renewer *r, const struct relation *sequence)
{
    for (size_t i = 0; i < r->change->n_side; i++)
        if (str_is(r->change->side[i].kind, "sequence") && str_eq(r->change->side[i].schema, sequence->schema) &&
            str_eq(r->change->side[i].name, sequence->name))
            return true;
    return false;
}

/* A sequence goes with its table, which may be what makes it. */
static bool is_gone(struct snapshot_renewer *r, const struct relation *relation)
{
    if (relation->kind != RELATION_SEQUENCE)
        return is_touched(r, relation->sqlite_name);
    return is_written(r, relation) ||
           (relation->seq_owner_table.n && is_touched(r, sqlite_name(r, relation->schema, relation->seq_owner_table)));
}

/* The relations that stay as they were, into the rows' reader; and the rows of sequences that do not. */
static bool keep_relations(struct snapshot_renewer *r, struct snapshot_reader *rows, const struct snapshot *now,
                           bool *kept)
{
    const struct snapshot *before = r->before;
    struct relation *others = ARENA_ARRAY(rows->arena, struct relation, before->n_relations);
    bool ok = others != NULL;
    for (size_t i = 0; ok && i < before->n_relations; i++) {
        const struct relation *relation = &before->relations[i];
        kept[i] = !is_gone(r, relation);
        if (kept[i])
            others[rows->n_others++] = *relation;
        else if (relation->kind == RELATION_SEQUENCE && !is_written(r, relation))
            ok = read_side(rows, now, "sequence", relation->schema, relation->name, false);
    }
    for (size_t i = 0; ok && i < r->change->n_side; i++)
        if (str_is(r->change->side[i].kind, "sequence"))
            ok = read_side(rows, now, "sequence", r->change->side[i].schema, r->change->side[i].name, false);
    rows->others = others;
    return ok;
}

static bool read_sides(struct snapshot_renewer *r, struct snapshot_reader *rows, const struct snapshot *now,
                       const bool *kept)
{
    size_t at = 0;
    struct str key;
    void *name;
    bool ok = read_kind(rows, now, "schema") && read_kind(rows, now, "type");
    while (ok && map_next(&r->touched, &at, &key, &name))
        ok = read_side_of_relation(r, rows, now, *(struct str *)name);
    return ok && read_side_of_indexes(r, rows, now, kept);
}

/* ---- the parts together ---- */

static int object_order(const struct snapshot_object *a, const struct snapshot_object *b)
{
    int order = str_cmp(a->name, b->name);
    return order ? order : str_cmp(a->type, b->type);
}

static bool merge_objects(struct snapshot_renewer *r, const struct snapshot *part, struct snapshot *now)
{
    const struct snapshot *before = r->before;
    size_t i = 0, k = 0;
    now->objects = ARENA_ARRAY(now->arena, struct snapshot_object, before->n_objects + part->n_objects);
    now->n_objects = 0;
    while (now->objects && (i < before->n_objects || k < part->n_objects)) {
        if (i < before->n_objects && is_touched(r, before->objects[i].table))
            i++;
        else if (k == part->n_objects ||
                 (i < before->n_objects && object_order(&before->objects[i], &part->objects[k]) < 0))
            now->objects[now->n_objects++] = before->objects[i++];
        else
            now->objects[now->n_objects++] = part->objects[k++];
    }
    return now->objects != NULL;
}

/* Where each relation of the two schemas has gone. */
struct moves {
    const struct relation **before, **part; /* NULL: it went */
};

static bool merge_relations(struct snapshot_renewer *r, const struct snapshot *part, const bool *kept,
                            struct snapshot *now, struct moves *m)
{
    const struct snapshot *before = r->before;
    size_t i = 0, k = 0, n = before->n_relations + part->n_relations;
    m->before = ARENA_ARRAY(r->turn, const struct relation *, before->n_relations);
    m->part = ARENA_ARRAY(r->turn, const struct relation *, part->n_relations);
    now->relations = ARENA_ARRAY(now->arena, struct relation, n);
    now->n_relations = 0;
    if (!m->before || !m->part || !now->relations)
        return false;
    while (i < before->n_relations || k < part->n_relations) {
        if (i < before->n_relations && !kept[i]) {
            i++;
            continue;
        }
        struct relation *to = &now->relations[now->n_relations++];
        bool old = k == part->n_relations ||
                   (i < before->n_relations && snapshot_name_order(&before->relations[i], &part->relations[k]) < 0);
        *to = old ? before->relations[i] : part->relations[k];
        *(old ? &m->before[i++] : &m->part[k++]) = to;
    }
    return true;
}

static const struct relation *moved(const struct snapshot_box *from, const struct relation **to, size_t i)
{
    return i < from->snapshot.n_relations ? to[from->by_oid[i].relation - from->snapshot.relations] : NULL;
}

static bool merge_oids(struct snapshot_box *box, const struct snapshot_box *before, const struct snapshot_box *part,
                       const struct moves *m)
{
    size_t i = 0, k = 0, n = 0;
    box->by_oid = ARENA_ARRAY(box->snapshot.arena, struct oid_row, box->snapshot.n_relations);
    while (box->by_oid && (i < before->snapshot.n_relations || k < part->snapshot.n_relations)) {
        const struct relation *old = moved(before, m->before, i), *new = moved(part, m->part, k);
        if (!old && i < before->snapshot.n_relations) {
            i++;
            continue;
        }
        bool takes_old = old && (!new || old->oid < new->oid);
        box->by_oid[n] = (struct oid_row){ takes_old ? old->oid : new->oid, takes_old ? old : new };
        n++;
        i += takes_old;
        k += !takes_old;
    }
    return box->by_oid != NULL;
}

/* ---- OIDs ---- */

struct oids {
    oid_t *slots; /* a power of two of them; 0: free */
    size_t size;
};

static oid_t *slot_of(const struct oids *o, oid_t oid)
{
    size_t i = (oid * 2654435761U) & (o->size - 1);
    while (o->slots[i] && o->slots[i] != oid)
        i = (i + 1) & (o->size - 1);
    return &o->slots[i];
}

/* Calls each with the OIDs of the relation and what is in it, until that says true. */
static bool any_oid(const struct relation *r, const struct oids *o, bool (*each)(const struct oids *o, oid_t oid))
{
    bool found = each(o, r->oid) || each(o, r->row_type);
    for (size_t i = 0; !found && i < r->n_indexes; i++)
        found = each(o, r->indexes[i].oid);
    for (size_t i = 0; !found && i < r->n_constraints; i++)
        found = each(o, r->constraints[i].oid);
    return found;
}

static bool put_oid(const struct oids *o, oid_t oid)
{
    *slot_of(o, oid) = oid;
    return false;
}

static bool has_oid(const struct oids *o, oid_t oid)
{
    return oid && *slot_of(o, oid) == oid;
}

/* What was read gave its OIDs for itself: one that another object has already is moved on only where all are given. */
static bool oids_differ(struct snapshot_renewer *r, const struct snapshot *part, const struct snapshot_reader *rows)
{
    size_t n = 8;
    struct oids o = { .size = 16 };
    for (size_t i = 0; i < part->n_relations; i++)
        n += 2 + part->relations[i].n_indexes + part->relations[i].n_constraints;
    while (o.size < 2 * n)
        o.size *= 2;
    o.slots = ARENA_ARRAY(r->turn, oid_t, o.size);
    for (size_t i = 0; o.slots && i < part->n_relations; i++)
        any_oid(&part->relations[i], &o, put_oid);
    for (size_t i = 0; o.slots && i < rows->n_others; i++)
        if (any_oid(&rows->others[i], &o, has_oid))
            return false;
    return o.slots != NULL;
}

/* ---- a schema ---- */

static const struct snapshot_box *box_of(const struct snapshot *s)
{
    return (const struct snapshot_box *)s;
}

static uint64_t version_behind(const struct snapshot_renewer *r, const struct snapshot *part)
{
    uint64_t versions[] = { r->before->version, part->version };
    uint64_t version = str_hash_more(STR_HASH_START, (struct str){ (const char *)versions, sizeof(versions) });
    for (size_t i = 0; i < r->change->n_relations; i++)
        version = str_hash_more(version, r->change->relations[i]);
    for (size_t i = 0; i < r->change->n_side; i++)
        version = str_hash_more(str_hash_more(version, r->change->side[i].kind), r->change->side[i].name);
    return version;
}

static bool join_parts(struct snapshot_renewer *r, struct snapshot_box *box, const struct snapshot *part,
                       const bool *kept)
{
    struct moves moves;
    return merge_objects(r, part, &box->snapshot) && merge_relations(r, part, kept, &box->snapshot, &moves) &&
           merge_oids(box, box_of(r->before), box_of(part), &moves);
}

static struct snapshot *renew(struct snapshot_renewer *r, struct snapshot_box *box, struct snapshot_reader *rows)
{
    struct snapshot *now = &box->snapshot;
    struct err err;
    bool *kept = ARENA_ARRAY(r->turn, bool, r->before->n_relations);
    err_init(&err, r->turn);
    if (!kept || !merge_side(r, now) || !keep_relations(r, rows, now, kept) || !read_sides(r, rows, now, kept))
        return NULL;
    struct snapshot *part = snapshot_reader_finish(rows, &err);
    if (!part)
        return NULL;
    struct snapshot_box *part_box = (struct snapshot_box *)part;
    const struct snapshot_box *before = box_of(r->before);
    part_box->parts[0] = snapshot_ref(before->is_renewed ? before->parts[0] : r->before);
    now->version = version_behind(r, part);
    if (oids_differ(r, part, rows) && keep_written(r, now, part->arena) && join_parts(r, box, part, kept) &&
        note_words(r, part->objects, part->n_objects)) {
        box->parts[0] = part;
        box->is_renewed = true;
        return now;
    }
    snapshot_unref(part);
    return NULL;
}

struct snapshot *snapshot_renewer_finish(struct snapshot_renewer *r, struct snapshot_reader *rows)
{
    struct arena *arena = rows->failed ? NULL : arena_new(RENEWED_MAX_BYTES);
    struct snapshot_box *box = arena ? ARENA_NEW(arena, struct snapshot_box) : NULL;
    struct snapshot *now = NULL;
    if (box) {
        box->snapshot = *r->before;
        box->snapshot.arena = arena;
        atomic_init(&box->references, 1);
        now = renew(r, box, rows);
    }
    if (!now)
        arena_free(arena);
    return now;
}
