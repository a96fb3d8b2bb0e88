/* snapshot.c - life and look-ups of a snapshot; see snapshot.h. */
#include "proxy/catalog/extension.h"
#include "proxy/catalog/snapshot_internal.h"

#include "pgwire/jsonb.h"
#include "pgwire/types.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/system.h"

/* The box begins with its snapshot: both have one address. */
static struct snapshot_box *box_of(const struct snapshot *s)
{
    return (struct snapshot_box *)s;
}

struct snapshot *snapshot_ref(const struct snapshot *s)
{
    struct snapshot_box *box = box_of(s);
    atomic_fetch_add_explicit(&box->references, 1, memory_order_relaxed);
    return &box->snapshot;
}

void snapshot_unref(struct snapshot *s)
{
    while (s && atomic_fetch_sub_explicit(&box_of(s)->references, 1, memory_order_acq_rel) == 1) {
        struct snapshot *parts[] = { box_of(s)->parts[0], box_of(s)->parts[1] };
        arena_free(s->arena);
        snapshot_unref(parts[1]);
        s = parts[0]; /* renewed schemas are long chains */
    }
}

int snapshot_name_order(const void *a, const void *b)
{
    const struct relation *left = a, *right = b;
    int order = str_cmp(left->schema, right->schema);
    return order ? order : str_cmp(left->name, right->name);
}

int snapshot_oid_order(const void *a, const void *b)
{
    const struct oid_row *left = a, *right = b;
    return left->oid < right->oid ? -1 : left->oid > right->oid;
}

struct snapshot *snapshot_with(const struct snapshot *s, const struct relation *which, const struct relation *now,
                               struct arena *arena)
{
    struct snapshot_box *box = ARENA_NEW(arena, struct snapshot_box);
    struct relation *all = ARENA_ARRAY(arena, struct relation, s->n_relations);
    struct oid_row *by_oid = ARENA_ARRAY(arena, struct oid_row, s->n_relations);
    if (!box || !all || !by_oid)
        return NULL;
    memcpy(all, s->relations, s->n_relations * sizeof(*all));
    all[which - s->relations] = *now;
    qsort(all, s->n_relations, sizeof(*all), snapshot_name_order);
    for (size_t i = 0; i < s->n_relations; i++)
        by_oid[i] = (struct oid_row){ .oid = all[i].oid, .relation = &all[i] };
    qsort(by_oid, s->n_relations, sizeof(*by_oid), snapshot_oid_order);
    box->snapshot = *s;
    box->snapshot.relations = all;
    box->by_oid = by_oid;
    atomic_init(&box->references, 1);
    return &box->snapshot;
}

static bool is_system_schema(struct str schema)
{
    return str_is(schema, "pg_catalog") || str_is(schema, "information_schema") || str_is(schema, "pgd1");
}

static const struct relation *user_relation(const struct snapshot *s, struct str schema, struct str name)
{
    size_t low = 0, high = s->n_relations;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct relation *relation = &s->relations[middle];
        int order = str_cmp(schema, relation->schema);
        if (order == 0)
            order = str_cmp(name, relation->name);
        if (order == 0)
            return relation;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool path_has(const struct str *path, size_t n_path, const char *schema)
{
    for (size_t i = 0; i < n_path; i++)
        if (str_is(path[i], schema))
            return true;
    return false;
}

/* The views of pg_stat_statements stand in pg_catalog (system.h); where it was created they are found too. */
static const struct relation *extension_relation(const struct snapshot *s, struct str schema, struct str name)
{
    if (!str_is(name, "pg_stat_statements") && !str_is(name, "pg_stat_statements_info"))
        return NULL;
    const struct snapshot_side *row = extension_created(s, STR("pg_stat_statements"));
    return row && str_eq(row->schema, schema) ? system_relation(STR("pg_catalog"), name) : NULL;
}

const struct relation *snapshot_relation(const struct snapshot *s, const struct str *path, size_t n_path,
                                         struct str schema, struct str name)
{
    if (str_is(schema, "pgd1") && str_is(name, "sequence_values"))
        return system_sequence_values();
    if (str_is(schema, "pg_temp"))
        schema = STR(SNAPSHOT_TEMPORARY);
    const struct relation *command = str_is(schema, "pgd1") ? system_migration_relation(name) : NULL;
    if (command)
        return command;
    if (schema.n && !is_system_schema(schema)) {
        const struct relation *found = user_relation(s, schema, name);
        return found ? found : extension_relation(s, schema, name);
    }
    if (schema.n)
        return system_relation(schema, name);
    const struct relation *found = NULL;
    if (n_path && str_is(path[0], SNAPSHOT_TEMPORARY)) /* before the catalogue itself */
        found = user_relation(s, path[0], name);
    if (!found && !path_has(path, n_path, "pg_catalog"))
        found = system_relation(STR("pg_catalog"), name);
    for (size_t i = 0; i < n_path && !found; i++)
        found = is_system_schema(path[i]) ? system_relation(path[i], name) : user_relation(s, path[i], name);
    return found;
}

const struct relation *snapshot_relation_of_rows(const struct snapshot *s, oid_t row_type)
{
    for (size_t i = 0; row_type && i < s->n_relations; i++)
        if (s->relations[i].row_type == row_type)
            return &s->relations[i];
    return NULL;
}

const struct relation *snapshot_relation_by_oid(const struct snapshot *s, oid_t oid)
{
    const struct oid_row *rows = box_of(s)->by_oid;
    size_t low = 0, high = s->n_relations;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].oid == oid)
            return rows[middle].relation;
        if (rows[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return system_relation_by_oid(oid);
}

const struct column *relation_column(const struct relation *r, struct str name)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (str_eq(r->columns[i].name, name))
            return &r->columns[i];
    return NULL;
}

const struct column *relation_column_by_number(const struct relation *r, int16_t number)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].number == number)
            return &r->columns[i];
    return NULL;
}

static oid_t user_type_named(const struct snapshot *s, struct str schema, struct str name)
{
    for (size_t i = 0; i < s->n_types; i++) {
        const struct user_type *type = &s->types[i];
        if (!str_eq(type->schema, schema))
            continue;
        if (str_eq(type->name, name))
            return type->oid;
        if (name.n > 1 && name.p[0] == '_' && str_eq(type->name, (struct str){ name.p + 1, name.n - 1 }))
            return type->array;
    }
    return 0;
}

oid_t snapshot_type(const struct snapshot *s, const struct str *path, size_t n_path, struct str schema, struct str name)
{
    if (schema.n == 0 || str_is(schema, "pg_catalog")) {
        const struct pg_type *type = pg_type_by_name(name);
        if (type)
            return type->oid;
    }
    if (schema.n)
        return user_type_named(s, schema, name);
    oid_t found = 0;
    for (size_t i = 0; i < n_path && !found; i++)
        found = user_type_named(s, path[i], name);
    return found;
}

const struct user_type *snapshot_user_type(const struct snapshot *s, oid_t oid)
{
    for (size_t i = 0; i < s->n_types; i++)
        if (s->types[i].oid == oid || s->types[i].array == oid)
            return &s->types[i];
    return NULL;
}

oid_t snapshot_base_type(const struct snapshot *s, oid_t type, int32_t *typmod_in_out)
{
    const struct user_type *user;
    while (type >= 16384 && (user = snapshot_user_type(s, type)) != NULL) {
        if (type == user->array) {
            int32_t typmod = user->base_typmod;
            oid_t element = user->kind == 'e' ? TYPE_OID_text : snapshot_base_type(s, user->base, &typmod);
            const struct pg_type *row = pg_type_by_oid(element);
            return row ? row->array : 0;
        }
        if (user->kind == 'e')
            return TYPE_OID_text;
        if (typmod_in_out)
            *typmod_in_out = user->base_typmod;
        type = user->base;
    }
    return type;
}

const struct user_type *snapshot_ruling_domain(const struct snapshot *s, oid_t type, unsigned rules)
{
    const struct user_type *u;
    while (type >= 16384 && (u = snapshot_user_type(s, type)) != NULL && u->kind == 'd' && type == u->oid) {
        unsigned has = (u->default_text.n ? DOMAIN_DEFAULT : 0) | (u->not_null ? DOMAIN_NOT_NULL : 0) |
                       (u->n_checks ? DOMAIN_CHECK : 0);
        if (has & rules)
            return u;
        type = u->base;
    }
    return NULL;
}

const struct user_type *snapshot_ruled_element(const struct snapshot *s, oid_t type)
{
    const struct user_type *u;
    while (type >= 16384 && (u = snapshot_user_type(s, type)) != NULL && u->kind == 'd') {
        int32_t typmod = -1;
        snapshot_base_type(s, u->oid, &typmod);
        if (type == u->array && (typmod >= 0 || snapshot_ruling_domain(s, u->oid, DOMAIN_CONSTRAINT)))
            return u;
        type = u->base;
    }
    return NULL;
}

static bool check_label(const struct user_type *u, struct str text, struct err *err)
{
    for (size_t i = 0; i < u->n_labels; i++)
        if (str_eq(u->labels[i], text))
            return true;
    return err_set(err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input value for enum %.*s: \"%.*s\"",
                   STR_FMT(u->name), STR_FMT(text));
}

static bool check_labels(const struct user_type *u, const struct json_value *v, struct err *err)
{
    if (v->kind == JSON_STRING)
        return check_label(u, v->text, err);
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->array.n; i++)
        if (!check_labels(u, &v->array.items[i], err))
            return false;
    return true;
}

const struct relation *snapshot_owned_sequence(const struct snapshot *s, const struct relation *r,
                                               const struct column *c)
{
    if (c->sequence.n)
        return snapshot_relation(s, NULL, 0, r->schema, c->sequence);
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *sequence = &s->relations[i];
        if (sequence->kind == RELATION_SEQUENCE && str_eq(sequence->schema, r->schema) &&
            str_eq(sequence->seq_owner_table, r->name) && str_eq(sequence->seq_owner_column, c->name))
            return sequence;
    }
    return NULL;
}

bool constraint_refers_to(const struct constraint *key, const struct relation *parent)
{
    return key->kind == 'f' && str_eq(key->foreign_table, parent->name) && str_eq(key->foreign_schema, parent->schema);
}

const struct constraint *relation_key_to(const struct relation *child, const struct relation *parent)
{
    for (size_t i = 0; i < child->n_constraints; i++)
        if (constraint_refers_to(&child->constraints[i], parent))
            return &child->constraints[i];
    return NULL;
}

bool relation_refers_to(const struct relation *child, const struct relation *parent)
{
    return relation_key_to(child, parent) != NULL;
}

bool snapshot_decode(const struct snapshot *s, oid_t type, enum wire_format format, struct str bytes,
                     const struct type_settings *settings, struct arena *arena, struct value *ret, struct err *err)
{
    struct json_value tree;
    const struct user_type *u = NULL;
    int32_t typmod = -1; /* of a domain: its input applies it, as that of a value would be by a cast */
    oid_t base = snapshot_base_type(s, type, &typmod);
    if (!type_decode(base, format, bytes, settings, arena, ret, err) ||
        !type_apply_typmod(base, typmod, false, arena, ret, err))
        return false;
    while (type >= 16384 && (u = snapshot_user_type(s, type)) != NULL && u->kind != 'e') {
        bool array = type == u->array;
        type = array ? snapshot_array_type(s, u->base) : u->base;
    }
    if (type < 16384 || !u || ret->class != VALUE_TEXT)
        return true;
    if (type == u->oid)
        return check_label(u, ret->bytes, err);
    return json_parse(ret->bytes, arena, &tree, err) && check_labels(u, &tree, err);
}

oid_t snapshot_element_type(const struct snapshot *s, oid_t array)
{
    const struct pg_type *row = pg_type_by_oid(array);
    if (row)
        return row->element;
    const struct user_type *user = array >= 16384 ? snapshot_user_type(s, array) : NULL;
    return user && user->array == array ? user->oid : 0;
}

oid_t snapshot_array_type(const struct snapshot *s, oid_t element)
{
    const struct pg_type *row = pg_type_by_oid(element);
    if (row)
        return row->array;
    const struct user_type *user = element >= 16384 ? snapshot_user_type(s, element) : NULL;
    return user && user->oid == element ? user->array : 0;
}

static const struct str public_path[] = { STR_INIT("public") };

static struct name_path given(const struct name_path *path)
{
    return path && path->names ? *path : (struct name_path){ public_path, 1 };
}

struct str snapshot_format_type_on(const struct snapshot *s, const struct name_path *path, oid_t type, int32_t typmod,
                                   struct arena *arena)
{
    const struct user_type *user = type >= 16384 ? snapshot_user_type(s, type) : NULL;
    struct name_path p = given(path);
    if (!user)
        return type_format(type, typmod, arena);
    bool bare =
        name_path_has(&p, user->schema) && snapshot_type(s, p.names, p.n, (struct str){ 0 }, user->name) == user->oid;
    struct str name = name_qualified(bare ? STR("") : user->schema, user->name, arena);
    return type == user->array ? arena_printf(arena, "%.*s[]", STR_FMT(name)) : name;
}

struct str snapshot_format_type(const struct snapshot *s, oid_t type, int32_t typmod, struct arena *arena)
{
    return snapshot_format_type_on(s, NULL, type, typmod, arena);
}

struct str snapshot_shown_schema(const struct snapshot *s, const struct name_path *path, const struct relation *r)
{
    struct name_path p = given(path);
    bool bare = name_path_has(&p, r->schema) && snapshot_relation(s, p.names, p.n, (struct str){ 0 }, r->name) == r;
    return bare || (r->is_system && str_is(r->schema, "pg_catalog")) ? STR("") : r->schema;
}

oid_t snapshot_hash_oid(const char *kind, struct str schema, struct str name, int number)
{
    enum { FIRST = 16384 };
    uint64_t hash = str_hash_more(STR_HASH_START, str_from(kind));
    hash = str_hash_more(hash, STR("\x1f"));
    hash = str_hash_more(hash, schema);
    hash = str_hash_more(hash, STR("\x1f"));
    hash = str_hash_more(hash, name);
    unsigned char bytes[2] = { (unsigned char)(number >> 8), (unsigned char)number };
    hash = str_hash_more(hash, (struct str){ (const char *)bytes, sizeof(bytes) });
    return (oid_t)(FIRST + (hash ^ (hash >> 32)) % ((UINT64_C(1) << 31) - FIRST));
}
