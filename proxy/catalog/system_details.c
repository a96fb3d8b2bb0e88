/* system_details.c - rows of pg_index, pg_constraint, pg_attrdef, pg_description, pg_sequence for the user's objects. */
#include "pgwire/types.h"
#include "proxy/base/buf.h"
#include "proxy/catalog/collation.h"
#include "proxy/catalog/system_rows.h"

enum { LIST_MAX = 64 << 10, COLUMNS_MAX = 100 };

/* int2[], int2vector, oidvector, oid[]: JSON arrays in storage form. */
struct list {
    struct buf text;
    bool failed;
};

static void list_start(struct list *l)
{
    *l = (struct list){ 0 };
    buf_init(&l->text, LIST_MAX);
    buf_add_char(&l->text, '[');
}

static void list_add(struct list *l, int64_t n)
{
    buf_printf(&l->text, "%s%lld", l->text.n > 1 ? "," : "", (long long)n);
}

static void list_end(struct system_rows *rows, const char *column, struct list *l)
{
    buf_add_char(&l->text, ']');
    row_set_text(rows, column, arena_str(rows->arena, buf_str(&l->text)));
    rows->failed |= l->text.failed;
    buf_fini(&l->text);
}

static void set_numbers(struct system_rows *rows, const char *column, const int16_t *numbers, size_t n)
{
    struct list l;
    list_start(&l);
    for (size_t i = 0; i < n; i++)
        list_add(&l, numbers[i]);
    list_end(rows, column, &l);
}

/* --- operator classes and operators of types --- */

/* What the operators of a type are declared for: enums, arrays, types that share another's. */
static oid_t operator_type(const struct snapshot *s, oid_t type)
{
    const struct user_type *u = s ? snapshot_user_type(s, type) : NULL;
    if (u && type == u->oid && u->kind == 'd')
        return operator_type(s, u->base);
    if (u && type == u->oid)
        return TYPE_OID_anyenum;
    if (type == TYPE_OID_varchar)
        return TYPE_OID_text;
    if (type == TYPE_OID_cidr)
        return TYPE_OID_inet;
    return s && snapshot_element_type(s, type) ? TYPE_OID_anyarray : type;
}

/* The operator class of that name, else the default one: pg_opclass has method, name, namespace, owner, family, type, default… after its OID. */
static int64_t operator_class(const struct snapshot *s, oid_t type, int64_t method, struct str name)
{
    enum { CLASS_OID, CLASS_METHOD, CLASS_NAME, CLASS_TYPE = 6, CLASS_DEFAULT = 7 };
    struct value **classes;
    size_t n;
    oid_t wanted = operator_type(s, type);
    fixed_rows(system_relation(STR("pg_catalog"), STR("pg_opclass")), &classes, &n);
    for (size_t i = 0; i < n; i++)
        if (classes[i][CLASS_METHOD].integer == method &&
            (name.n ? str_eq(classes[i][CLASS_NAME].bytes, name)
                    : classes[i][CLASS_TYPE].integer == wanted && classes[i][CLASS_DEFAULT].integer))
            return classes[i][CLASS_OID].integer;
    return 0;
}

static int64_t equality(const struct snapshot *s, oid_t left, oid_t right)
{
    size_t n;
    const struct pg_operator *o = pg_operators_by_name(STR("="), &n);
    left = operator_type(s, left);
    right = operator_type(s, right);
    for (size_t i = 0; i < n; i++)
        if (o[i].left == left && o[i].right == right)
            return o[i].oid;
    return 0;
}

/* --- pg_index --- */

static oid_t index_type(const struct relation *r, const struct index_column *x)
{
    const struct column *c = relation_column_by_number(r, x->column);
    return c ? c->type : x->type;
}

oid_t system_index_collation(const struct snapshot *s, const struct relation *r, const struct index_column *x)
{
    const struct column *c = relation_column_by_number(r, x->column);
    return x->collation ? x->collation : collation_of_indexed(s, c, x);
}

static void index_lists(struct system_rows *rows, const struct snapshot *s, const struct relation *r,
                        const struct index *x)
{
    struct list keys, collations, classes, options;
    struct str expressions = { 0 };
    list_start(&keys);
    list_start(&collations);
    list_start(&classes);
    list_start(&options);
    for (size_t i = 0; i < x->n_columns; i++) {
        const struct index_column *k = &x->columns[i];
        list_add(&keys, k->column);
        list_add(&collations, system_index_collation(s, r, k));
        list_add(&classes, operator_class(s, index_type(r, k), x->is_hash ? OID_HASH : OID_BTREE, k->opclass));
        list_add(&options, (k->descending ? 1 : 0) | (k->nulls_first ? 2 : 0)); /* INDOPTION_DESC, _NULLS_FIRST */
        if (!k->column)
            expressions = expressions.n
                              ? arena_printf(rows->arena, "%.*s, %.*s", STR_FMT(expressions), STR_FMT(k->expression))
                              : k->expression;
    }
    for (size_t i = 0; i < x->n_included; i++)
        list_add(&keys, x->included[i]);
    list_end(rows, "indkey", &keys);
    list_end(rows, "indcollation", &collations);
    list_end(rows, "indclass", &classes);
    list_end(rows, "indoption", &options);
    row_set_text(rows, "indexprs", expressions);
}

static void index_row(struct system_rows *rows, const struct snapshot *s, const struct relation *r,
                      const struct index *x)
{
    row_begin_cells(rows);
    row_set_int(rows, "indexrelid", x->oid);
    row_set_int(rows, "indrelid", r->oid);
    row_set_int(rows, "indnatts", (int64_t)(x->n_columns + x->n_included));
    row_set_int(rows, "indnkeyatts", (int64_t)x->n_columns);
    row_set_bool(rows, "indisunique", x->unique);
    row_set_bool(rows, "indnullsnotdistinct", false);
    row_set_bool(rows, "indisprimary", x->primary);
    row_set_bool(rows, "indisexclusion", false);
    row_set_bool(rows, "indimmediate", true);
    row_set_bool(rows, "indisclustered", false);
    row_set_bool(rows, "indisvalid", true);
    row_set_bool(rows, "indcheckxmin", false);
    row_set_bool(rows, "indisready", true);
    row_set_bool(rows, "indislive", true);
    row_set_bool(rows, "indisreplident", false);
    index_lists(rows, s, r, x);
    if (x->predicate.n)
        row_set_text(rows, "indpred", x->predicate);
    row_end_cells(rows);
}

void provide_pg_index(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_indexes; k++)
            index_row(rows, s, &s->relations[i], &s->relations[i].indexes[k]);
}

/* --- pg_constraint --- */

static oid_t index_of(const struct relation *r, const struct constraint *c)
{
    for (size_t i = 0; r && i < r->n_indexes; i++)
        if (str_eq(r->indexes[i].name, c->name))
            return r->indexes[i].oid;
    return 0;
}

oid_t system_constraint_index(const struct relation *r, const struct relation *f, const struct constraint *c)
{
    if (c->kind != 'f')
        return c->kind == 'c' ? 0 : index_of(r, c);
    for (size_t i = 0; f && i < f->n_constraints; i++) {
        const struct constraint *k = &f->constraints[i];
        if ((k->kind == 'p' || k->kind == 'u') && k->n_columns == c->n_columns &&
            memcmp(k->columns, c->foreign_columns, k->n_columns * sizeof(*k->columns)) == 0)
            return index_of(f, k);
    }
    return 0;
}

const struct relation *system_foreign_table(const struct snapshot *s, const struct constraint *c)
{
    static const struct str path[] = { STR_INIT("public") };
    return c->kind == 'f' ? snapshot_relation(s, path, 1, c->foreign_schema, c->foreign_table) : NULL;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c < 0;
}

/* The word or quoted name at *at, moved behind it; {NULL,0}: it is a literal, a type after "::" or a function's name. */
static struct str next_name(struct str text, size_t *at)
{
    size_t start = *at, end = start;
    bool cast = start >= 2 && text.p[start - 1] == ':' && text.p[start - 2] == ':';
    char quote = text.p[start];
    if (quote == '\'' || quote == '"') {
        for (end++; end < text.n && (text.p[end] != quote || (end + 1 < text.n && text.p[end + 1] == quote)); end++)
            end += text.p[end] == quote;
        *at = end + 1;
        return quote == '"' && !cast ? (struct str){ text.p + start + 1, end - start - 1 } : (struct str){ 0 };
    }
    while (end < text.n && is_word(text.p[end]))
        end++;
    *at = end > start ? end : start + 1;
    if (end == start || cast || (end < text.n && text.p[end] == '('))
        return (struct str){ 0 };
    return (struct str){ text.p + start, end - start };
}

size_t system_expression_columns(const struct relation *r, struct str text, int16_t *ret, size_t room)
{
    size_t n = 0;
    for (size_t at = 0; at < text.n && n < room;) {
        struct str name = next_name(text, &at);
        const struct column *c = name.p ? relation_column(r, name) : NULL;
        bool known = !c;
        for (size_t i = 0; i < n && !known; i++)
            known = ret[i] == c->number;
        if (!known)
            ret[n++] = c->number;
    }
    return n;
}

static oid_t type_of_number(const struct relation *r, int16_t number)
{
    const struct column *c = r ? relation_column_by_number(r, number) : NULL;
    return c ? c->type : 0;
}

/* The operators a foreign key compares with: referenced = referencing, both referenced, both referencing. */
static void foreign_key_operators(struct system_rows *rows, const struct snapshot *s, const struct relation *r,
                                  const struct relation *f, const struct constraint *c)
{
    struct list pf, pp, ff;
    list_start(&pf);
    list_start(&pp);
    list_start(&ff);
    for (size_t i = 0; i < c->n_columns; i++) {
        oid_t here = type_of_number(r, c->columns[i]), there = type_of_number(f, c->foreign_columns[i]);
        list_add(&pf, equality(s, there, here));
        list_add(&pp, equality(s, there, there));
        list_add(&ff, equality(s, here, here));
    }
    list_end(rows, "conpfeqop", &pf);
    list_end(rows, "conppeqop", &pp);
    list_end(rows, "conffeqop", &ff);
}

static void constraint_common(struct system_rows *rows, oid_t oid, struct str name, struct str schema, char kind)
{
    row_begin_cells(rows);
    row_set_int(rows, "oid", oid);
    row_set_text(rows, "conname", name);
    row_set_int(rows, "connamespace", system_schema_oid(schema));
    row_set_text(rows, "contype", arena_printf(rows->arena, "%c", kind));
    row_set_bool(rows, "condeferrable", false);
    row_set_bool(rows, "condeferred", false);
    row_set_bool(rows, "convalidated", true);
    row_set_int(rows, "conrelid", 0);
    row_set_int(rows, "contypid", 0);
    row_set_int(rows, "conindid", 0);
    row_set_int(rows, "conparentid", 0);
    row_set_int(rows, "confrelid", 0);
    row_set_cstr(rows, "confupdtype", " ");
    row_set_cstr(rows, "confdeltype", " ");
    row_set_cstr(rows, "confmatchtype", " ");
    row_set_bool(rows, "conislocal", true);
    row_set_int(rows, "coninhcount", 0);
    row_set_bool(rows, "connoinherit", kind != 'c');
}

static void constraint_row(struct system_rows *rows, const struct snapshot *s, const struct relation *r,
                           const struct constraint *c)
{
    const struct relation *f = system_foreign_table(s, c);
    constraint_common(rows, c->oid, c->name, r->schema, c->kind);
    row_set_bool(rows, "condeferrable", c->deferrable);
    row_set_bool(rows, "condeferred", c->deferred);
    row_set_bool(rows, "convalidated", !c->not_valid);
    row_set_int(rows, "conrelid", r->oid);
    row_set_int(rows, "conindid", system_constraint_index(r, f, c));
    if (c->kind == 'f') {
        row_set_int(rows, "confrelid", f ? f->oid : 0);
        row_set_text(rows, "confupdtype", arena_printf(rows->arena, "%c", c->on_update));
        row_set_text(rows, "confdeltype", arena_printf(rows->arena, "%c", c->on_delete));
        row_set_cstr(rows, "confmatchtype", c->match_full ? "f" : "s");
        set_numbers(rows, "confkey", c->foreign_columns, c->n_columns);
        foreign_key_operators(rows, s, r, f, c);
    }
    int16_t checked[COLUMNS_MAX];
    size_t n = c->kind == 'c' ? system_expression_columns(r, c->expression, checked, COLUMNS_MAX) : c->n_columns;
    if (n)
        set_numbers(rows, "conkey", c->kind == 'c' ? checked : c->columns, n);
    if (c->kind == 'c')
        row_set_text(rows, "conbin", c->expression);
    row_end_cells(rows);
}

oid_t system_domain_check(const struct user_type *u, size_t i)
{
    return snapshot_hash_oid("domain check", u->schema, u->check_names[i], (int)(u->oid & 0x7fffffff));
}

void provide_pg_constraint(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++)
            constraint_row(rows, s, &s->relations[i], &s->relations[i].constraints[k]);
    for (size_t i = 0; s && i < s->n_types; i++) {
        const struct user_type *u = &s->types[i];
        for (size_t k = 0; k < u->n_checks; k++) {
            constraint_common(rows, system_domain_check(u, k), u->check_names[k], u->schema, 'c');
            row_set_int(rows, "contypid", u->oid);
            row_set_text(rows, "conbin", u->checks[k]);
            row_end_cells(rows);
        }
    }
}

/* --- pg_attrdef --- */

oid_t system_default_oid(const struct relation *r, const struct column *c)
{
    return snapshot_hash_oid("default", r->schema, r->name, c->number);
}

void provide_pg_attrdef(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        for (size_t k = 0; k < r->n_columns; k++) {
            struct str text = r->columns[k].default_text;
            if (!text.n)
                continue;
            row_begin_cells(rows);
            row_set_int(rows, "oid", system_default_oid(r, &r->columns[k]));
            row_set_int(rows, "adrelid", r->oid);
            row_set_int(rows, "adnum", r->columns[k].number);
            row_set_text(rows, "adbin", text);
            row_end_cells(rows);
        }
    }
}

/* --- pg_description --- */

static void description_row(struct system_rows *rows, oid_t object, oid_t class, int64_t part, struct str text)
{
    if (!text.n)
        return;
    row_begin_cells(rows);
    row_set_int(rows, "objoid", object);
    row_set_int(rows, "classoid", class);
    row_set_int(rows, "objsubid", part);
    row_set_text(rows, "description", text);
    row_end_cells(rows);
}

void provide_pg_description(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        description_row(rows, r->oid, OID_PG_CLASS, 0, r->comment);
        for (size_t k = 0; r->column_comments && k < r->n_columns; k++)
            description_row(rows, r->oid, OID_PG_CLASS, r->columns[k].number, r->column_comments[k]);
        for (size_t k = 0; k < r->n_constraints; k++)
            description_row(rows, r->constraints[k].oid, OID_PG_CONSTRAINT, 0, r->constraints[k].comment);
        for (size_t k = 0; k < r->n_indexes; k++)
            description_row(rows, r->indexes[k].oid, OID_PG_CLASS, 0, r->indexes[k].comment);
    }
    for (size_t i = 0; s && i < s->n_types; i++)
        description_row(rows, s->types[i].oid, OID_PG_TYPE, 0, s->types[i].comment);
    for (size_t i = 0; s && i < s->n_schemas; i++)
        description_row(rows, system_schema_oid(s->schemas[i]), OID_PG_NAMESPACE, 0, s->schema_comments[i]);
}

/* --- pg_sequence --- */

void provide_pg_sequence(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        if (r->kind != RELATION_SEQUENCE)
            continue;
        row_begin_cells(rows);
        row_set_int(rows, "seqrelid", r->oid);
        row_set_int(rows, "seqtypid", r->seq_type);
        row_set_int(rows, "seqstart", r->seq_start);
        row_set_int(rows, "seqincrement", r->seq_increment);
        row_set_int(rows, "seqmax", r->seq_max);
        row_set_int(rows, "seqmin", r->seq_min);
        row_set_int(rows, "seqcache", 1);
        row_set_bool(rows, "seqcycle", r->seq_cycle);
        row_end_cells(rows);
    }
}
