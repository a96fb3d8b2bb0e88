/* ddl_object.c - schemas, sequences, enum types, comments: rows of the side catalogue; see ddl_internal.h. */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/names.h"
#include "proxy/sql/emit.h"

/* ---- schemas ---- */
bool ddl_create_schema(struct ddl *d, const PgQuery__CreateSchemaStmt *stmt)
{
    struct str name = str_from(stmt->schemaname ? stmt->schemaname : "");
    d->plan->tag = "CREATE SCHEMA";
    if (!name.n && stmt->authrole && stmt->authrole->rolename && stmt->authrole->rolename[0])
        name = str_from(stmt->authrole->rolename); /* it is called after its owner */
    if (!name.n)
        return ddl_refuse(d, -1, "Name the schema.", "CREATE SCHEMA AUTHORIZATION of the current user");
    if (stmt->n_schema_elts)
        return ddl_refuse(d, -1, "Give each as a statement of its own.", "CREATE SCHEMA with its objects");
    if (str_starts(name, STR("pg_"))) {
        ddl_fail_at(d, -1, SQLSTATE_RESERVED_NAME, "unacceptable schema name \"%.*s\"", STR_FMT(name));
        return err_detail(d->err, "The prefix \"pg_\" is reserved for system schemas.");
    }
    if (ddl_schema_exists(d, name)) {
        if (!stmt->if_not_exists)
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_SCHEMA, "schema \"%.*s\" already exists", STR_FMT(name));
        ddl_notice(d, SQLSTATE_DUPLICATE_SCHEMA, "schema \"%.*s\" already exists, skipping", STR_FMT(name));
        return ddl_nothing(d, "CREATE SCHEMA");
    }
    return ddl_side_put(d, "schema", name, STR(""), cJSON_CreateObject());
}

/* ---- sequences ---- */
static int64_t type_limit(oid_t type)
{
    return type == TYPE_OID_int2 ? INT16_MAX : type == TYPE_OID_int4 ? INT32_MAX : INT64_MAX;
}

static bool option_integer(struct ddl *d, const PgQuery__DefElem *option, int64_t *ret)
{
    const Node *arg = option->arg;
    if (arg && arg->node_case == PG_QUERY__NODE__NODE_INTEGER) {
        *ret = arg->integer->ival;
        return true;
    }
    if (arg && arg->node_case == PG_QUERY__NODE__NODE_FLOAT && str_to_int64(str_from(arg->float_->fval), ret))
        return true;
    return ddl_fail_at(d, option->location, SQLSTATE_INVALID_PARAMETER_VALUE,
                       "invalid value for sequence option \"%s\"", option->defname);
}

static bool option_owner(struct ddl *d, const PgQuery__DefElem *option, struct sequence_options *o)
{
    const PgQuery__List *list = option->arg->list;
    o->has_owner = true;
    if (list->n_items == 1 && str_is(ddl_string(list->items[0]), "none"))
        return true;
    if (list->n_items < 2) {
        ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "invalid OWNED BY option");
        return err_hint(d->err, "Specify OWNED BY table.column or OWNED BY NONE.");
    }
    o->owner_column = ddl_string(list->items[list->n_items - 1]);
    return ddl_names(d, list->items, list->n_items - 1, &o->owner_schema, &o->owner_table);
}

static bool option_type(struct ddl *d, const PgQuery__DefElem *option, struct sequence_options *o)
{
    int32_t typmod;
    struct analyze_context unplaced = d->analyze;
    unplaced.text = (struct str){ 0 };
    if (!analyze_type_name(&unplaced, option->arg->type_name, &o->type, &typmod, NULL))
        return false;
    if (o->type != TYPE_OID_int2 && o->type != TYPE_OID_int4 && o->type != TYPE_OID_int8)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "sequence type must be smallint, integer, or bigint");
    return true;
}

struct given {
    bool start, min, max, increment;
    bool no_min, no_max; /* said to be the type's own */
};

static bool take_option(struct ddl *d, const PgQuery__DefElem *option, struct sequence_options *o, struct given *given)
{
    const char *name = option->defname;
    bool has_value = option->arg != NULL;
    int64_t ignored;
    if (strcmp(name, "as") == 0)
        return option_type(d, option, o);
    if (strcmp(name, "increment") == 0)
        return given->increment = true, option_integer(d, option, &o->increment);
    if (strcmp(name, "start") == 0)
        return given->start = true, option_integer(d, option, &o->start);
    if (strcmp(name, "restart") == 0)
        return o->has_restart = true, o->restarts_at_start = !has_value,
               (!has_value || option_integer(d, option, &o->restart));
    if (strcmp(name, "minvalue") == 0)
        return given->min = has_value, given->no_min = !has_value, !has_value || option_integer(d, option, &o->min);
    if (strcmp(name, "maxvalue") == 0)
        return given->max = has_value, given->no_max = !has_value, !has_value || option_integer(d, option, &o->max);
    if (strcmp(name, "cycle") == 0)
        return o->cycle = has_value && option->arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN
                              ? option->arg->boolean->boolval
                              : true,
               true;
    if (strcmp(name, "cache") == 0) /* every value is fetched by itself here: correct for any cache */
        return option_integer(d, option, &ignored) &&
               (ignored > 0 || err_set(d->err, SQLSTATE_INVALID_PARAMETER_VALUE,
                                       "CACHE (%lld) must be greater than zero", (long long)ignored));
    if (strcmp(name, "owned_by") == 0)
        return option_owner(d, option, o);
    return ddl_refuse(d, option->location, NULL, "sequence option %s", name);
}

static bool comes_once(struct ddl *d, Node *const *options, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(options[k]->def_elem->defname, options[i]->def_elem->defname) == 0)
            return ddl_fail_at(d, options[i]->def_elem->location, SQLSTATE_SYNTAX_ERROR,
                               "conflicting or redundant options");
    return true;
}

static bool check_sequence(struct ddl *d, const struct sequence_options *o)
{
    int64_t limit = type_limit(o->type);
    if (o->increment == 0)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "INCREMENT must not be zero");
    if (o->max > limit || o->max < -limit - 1)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "MAXVALUE (%lld) is out of range for sequence data type %s", (long long)o->max,
                           limit == INT16_MAX   ? "smallint"
                           : limit == INT32_MAX ? "integer"
                                                : "bigint");
    if (o->min < -limit - 1 || o->min > limit)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "MINVALUE (%lld) is out of range for sequence data type %s", (long long)o->min,
                           limit == INT16_MAX   ? "smallint"
                           : limit == INT32_MAX ? "integer"
                                                : "bigint");
    if (o->min >= o->max)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "MINVALUE (%lld) must be less than MAXVALUE (%lld)",
                           (long long)o->min, (long long)o->max);
    if (o->start < o->min)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "START value (%lld) cannot be less than MINVALUE (%lld)", (long long)o->start,
                           (long long)o->min);
    if (o->start > o->max)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "START value (%lld) cannot be greater than MAXVALUE (%lld)", (long long)o->start,
                           (long long)o->max);
    if (o->has_restart && o->restart < o->min)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "RESTART value (%lld) cannot be less than MINVALUE (%lld)", (long long)o->restart,
                           (long long)o->min);
    if (o->has_restart && o->restart > o->max)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "RESTART value (%lld) cannot be greater than MAXVALUE (%lld)", (long long)o->restart,
                           (long long)o->max);
    return true;
}

bool ddl_sequence_options(struct ddl *d, Node *const *options, size_t n, const struct relation *old, oid_t type,
                          struct sequence_options *ret)
{
    struct sequence_options o = { .type = type ? type : TYPE_OID_int8, .increment = 1 };
    struct given given = { 0 };
    if (old)
        o = (struct sequence_options){ .type = old->seq_type,
                                       .start = old->seq_start,
                                       .increment = old->seq_increment,
                                       .min = old->seq_min,
                                       .max = old->seq_max,
                                       .cycle = old->seq_cycle };
    for (size_t i = 0; i < n; i++)
        if (!comes_once(d, options, i) || !take_option(d, options[i]->def_elem, &o, &given))
            return false;
    bool up = o.increment > 0, typed = old && o.type != old->seq_type;
    /* A bound that was the old type's own becomes the new one's, whichever way the sequence goes. */
    bool new_min = typed && old->seq_min == -type_limit(old->seq_type) - 1,
         new_max = typed && old->seq_max == type_limit(old->seq_type);
    if (!given.min && (!old || given.no_min || new_min))
        o.min = up && !new_min ? 1 : -type_limit(o.type) - 1;
    if (!given.max && (!old || given.no_max || new_max))
        o.max = up || new_max ? type_limit(o.type) : -1;
    if (!given.start && !old)
        o.start = up ? o.min : o.max;
    if (o.restarts_at_start) /* START may stand behind RESTART */
        o.restart = o.start;
    if (!check_sequence(d, &o))
        return false;
    *ret = o;
    return true;
}

static void add_decimal(struct ddl *d, cJSON *detail, const char *member, int64_t value)
{
    ddl_side_text(detail, member, ddl_printf(d, "%lld", (long long)value));
}

/* fresh: the sequence starts anew; else its value stays unless RESTART says otherwise. */
bool ddl_write_sequence(struct ddl *d, struct str schema, struct str name, const struct sequence_options *o, bool fresh)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_type(d, detail, "type", "type_schema", o->type, -1);
    add_decimal(d, detail, "start", o->start);
    add_decimal(d, detail, "increment", o->increment);
    add_decimal(d, detail, "min", o->min);
    add_decimal(d, detail, "max", o->max);
    cJSON_AddBoolToObject(detail, "cycle", o->cycle);
    if (o->has_owner && o->owner_table.n) {
        ddl_side_text(detail, "owner_table", o->owner_table);
        ddl_side_text(detail, "owner_column", o->owner_column);
    } else if (o->has_owner) {
        cJSON_AddNullToObject(detail, "owner_table");
        cJSON_AddNullToObject(detail, "owner_column");
    }
    if (!ddl_side_put(d, "sequence", schema, name, detail))
        return false;
    d->sequence_used = true;
    int64_t value = o->has_restart ? o->restart : o->start;
    if (!fresh && !o->has_restart)
        return true;
    struct str sqlite_name = ddl_sqlite_name(d, schema, name);
    struct str sql = ddl_printf(d,
                                "INSERT INTO _pgd1_sequence(name, last_value, is_called) VALUES (?1, %lld, 0)"
                                " ON CONFLICT(name) DO UPDATE SET last_value = excluded.last_value, is_called = 0",
                                (long long)value);
    return sql.p && ddl_sql_texts(d, sql.p, &sqlite_name, 1);
}

static bool check_owner(struct ddl *d, struct str schema, const struct sequence_options *o)
{
    if (!o->has_owner || !o->owner_table.n)
        return true;
    const struct relation *table = snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path,
                                                     o->owner_schema, o->owner_table);
    if (!table)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist",
                           STR_FMT(o->owner_table));
    if (!relation_column(table, o->owner_column))
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                           STR_FMT(o->owner_column), STR_FMT(o->owner_table));
    if (!str_eq(table->schema, schema))
        return ddl_fail_at(d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "sequence must be in same schema as table it is linked to");
    return true;
}

bool ddl_create_sequence(struct ddl *d, const PgQuery__CreateSeqStmt *stmt)
{
    struct str schema, name = str_from(stmt->sequence->relname);
    struct sequence_options options;
    bool exists;
    d->plan->tag = "CREATE SEQUENCE";
    if (!ddl_creation_schema(d, str_from(stmt->sequence->schemaname), stmt->sequence->location, &schema) ||
        !ddl_new_relation_name(d, schema, name, -1, stmt->if_not_exists, &exists))
        return false;
    if (exists)
        return ddl_nothing(d, "CREATE SEQUENCE");
    return ddl_sequence_options(d, stmt->options, stmt->n_options, NULL, TYPE_OID_int8, &options) &&
           check_owner(d, schema, &options) && ddl_write_sequence(d, schema, name, &options, true) &&
           ddl_unlogged_side(d, stmt->sequence, "sequence", schema);
}

/* A sequence that stands beyond its new bounds does not begin anew by itself. */
static bool guard_value(struct ddl *d, const struct relation *sequence, const struct sequence_options *o)
{
    if (o->has_restart || !d->snapshot->has_sequence_table ||
        (o->min == sequence->seq_min && o->max == sequence->seq_max))
        return true;
    struct str sql = ddl_printf(d,
                                "SELECT json_extract('{}', '!%s:RESTART value (' || last_value || ') cannot be ' || "
                                "iif(last_value < %lld, 'less than"
                                " MINVALUE (%lld)', 'greater than MAXVALUE (%lld)')) FROM _pgd1_sequence WHERE name = "
                                "?1 AND last_value NOT BETWEEN"
                                " %lld AND %lld",
                                sqlstate_code(SQLSTATE_INVALID_PARAMETER_VALUE), (long long)o->min, (long long)o->min,
                                (long long)o->max, (long long)o->min, (long long)o->max);
    return sql.p && ddl_sql_texts(d, sql.p, &sequence->sqlite_name, 1);
}

/* The rowid column a sequence stands for; NULL when it is one of pgd1's own. */
static const struct relation *rowid_table(const struct ddl *d, const struct relation *sequence)
{
    const struct relation *table =
        sequence->seq_owner_table.n
            ? snapshot_relation(d->snapshot, NULL, 0, sequence->schema, sequence->seq_owner_table)
            : NULL;
    const struct column *column = table ? relation_column(table, sequence->seq_owner_column) : NULL;
    return column && column->sequence_is_rowid && str_eq(column->sequence, sequence->name) ? table : NULL;
}

bool ddl_restart_rowid(struct ddl *d, const struct relation *table, int64_t next)
{
    struct str sql = ddl_printf(d, "UPDATE sqlite_sequence SET seq = %lld WHERE name = ?1", (long long)(next - 1));
    return sql.p && ddl_sql_texts(d, SEQUENCE_ROW_SQL, &table->sqlite_name, 1) &&
           ddl_sql_texts(d, sql.p, &table->sqlite_name, 1);
}

static bool is_of_identity(const struct ddl *d, const struct relation *sequence)
{
    const struct relation *owner =
        sequence->seq_owner_table.n
            ? snapshot_relation(d->snapshot, NULL, 0, sequence->schema, sequence->seq_owner_table)
            : NULL;
    const struct column *c = owner ? relation_column(owner, sequence->seq_owner_column) : NULL;
    return c && c->identity;
}

bool ddl_alter_sequence(struct ddl *d, const PgQuery__AlterSeqStmt *stmt)
{
    const struct relation *sequence;
    struct sequence_options options;
    d->plan->tag = "ALTER SEQUENCE";
    if (!ddl_relation(d, stmt->sequence, stmt->missing_ok, &sequence))
        return false;
    if (!sequence) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%s\" does not exist, skipping",
                   stmt->sequence->relname);
        return ddl_nothing(d, "ALTER SEQUENCE");
    }
    if (sequence->kind != RELATION_SEQUENCE)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a sequence", STR_FMT(sequence->name));
    if (!ddl_sequence_options(d, stmt->options, stmt->n_options, sequence, 0, &options))
        return false;
    if (options.has_owner && is_of_identity(d, sequence)) {
        ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot change ownership of identity sequence");
        return err_detail(d->err, "Sequence \"%.*s\" is linked to table \"%.*s\".", STR_FMT(sequence->name),
                          STR_FMT(sequence->seq_owner_table));
    }
    if (!check_owner(d, sequence->schema, &options))
        return false;
    const struct relation *table = rowid_table(d, sequence);
    if (!table)
        return guard_value(d, sequence, &options) &&
               ddl_write_sequence(d, sequence->schema, sequence->name, &options, false);
    if (options.increment != sequence->seq_increment || options.min != sequence->seq_min ||
        options.max != sequence->seq_max || options.cycle != sequence->seq_cycle || options.type != sequence->seq_type)
        return ddl_refuse(d, -1, "SQLite itself counts this column: only RESTART can be said.",
                          "ALTER SEQUENCE of a primary key's own sequence");
    if (options.has_owner && (!str_eq(options.owner_table, sequence->seq_owner_table) ||
                              !str_eq(options.owner_column, sequence->seq_owner_column)))
        return ddl_refuse(d, -1, NULL, "another owner for a primary key's own sequence");
    if (!options.has_restart)
        return ddl_nothing(d, "ALTER SEQUENCE");
    return ddl_restart_rowid(d, table, options.restart);
}

/* ---- types ---- */
bool ddl_new_type_name(struct ddl *d, Node *const *names, size_t n, struct str *ret_schema, struct str *ret_name)
{
    if (!ddl_names(d, names, n, ret_schema, ret_name) || !ddl_creation_schema(d, *ret_schema, -1, ret_schema))
        return false;
    if (ddl_find_type(d, *ret_schema, *ret_name) || snapshot_relation(d->snapshot, NULL, 0, *ret_schema, *ret_name))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "type \"%.*s\" already exists", STR_FMT(*ret_name));
    return true;
}

static bool check_label(struct ddl *d, struct str label)
{
    if (label.n <= NAME_MAX_BYTES)
        return true;
    ddl_fail_at(d, -1, SQLSTATE_INVALID_NAME, "invalid enum label \"%.*s\"", STR_FMT(label));
    return err_detail(d->err, "Labels must be %d bytes or less.", NAME_MAX_BYTES);
}

static bool put_labels(struct ddl *d, struct str schema, struct str name, const struct str *labels, size_t n)
{
    cJSON *detail = cJSON_CreateObject(), *list = detail ? cJSON_AddArrayToObject(detail, "labels") : NULL;
    bool ok = list && cJSON_AddStringToObject(detail, "kind", "e");
    for (size_t i = 0; ok && i < n; i++) {
        char *text = arena_cstr(d->arena, labels[i]);
        cJSON *item = text ? cJSON_CreateString(text) : NULL;
        ok = item && cJSON_AddItemToArray(list, item);
    }
    if (!ok) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put(d, "type", schema, name, detail);
}

bool ddl_create_enum(struct ddl *d, const PgQuery__CreateEnumStmt *stmt)
{
    struct str schema, name, *labels = DDL_ARRAY(d, struct str, stmt->n_vals);
    d->plan->tag = "CREATE TYPE";
    if (!labels || !ddl_new_type_name(d, stmt->type_name, stmt->n_type_name, &schema, &name))
        return false;
    for (size_t i = 0; i < stmt->n_vals; i++) {
        labels[i] = ddl_string(stmt->vals[i]);
        if (!check_label(d, labels[i]))
            return false;
        for (size_t k = 0; k < i; k++)
            if (str_eq(labels[k], labels[i]))
                return ddl_fail_at(d, -1, SQLSTATE_UNIQUE_VIOLATION,
                                   "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"");
    }
    return put_labels(d, schema, name, labels, stmt->n_vals);
}

static size_t label_at(const struct user_type *type, struct str label)
{
    for (size_t i = 0; i < type->n_labels; i++)
        if (str_eq(type->labels[i], label))
            return i;
    return type->n_labels;
}

/* Texts that hold the label would have to be written again. */
static bool text_has_label(struct ddl *d, struct str text, struct str label)
{
    return str_find(text, name_literal(label, d->arena)) >= 0;
}

static bool refuse_label_users(struct ddl *d, const struct user_type *type, struct str label)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        bool found = text_has_label(d, r->view_text, label);
        for (size_t k = 0; k < r->n_constraints; k++)
            found |= text_has_label(d, r->constraints[k].expression, label);
        for (size_t k = 0; k < r->n_indexes; k++)
            found |= text_has_label(d, r->indexes[k].predicate, label);
        for (size_t k = 0; k < r->n_columns; k++)
            found |= r->columns[k].type == type->array ||
                     (r->columns[k].generated && text_has_label(d, r->columns[k].default_text, label));
        if (found)
            return ddl_refuse(d, -1, "Drop what uses it first.",
                              "RENAME VALUE of a label that \"%.*s\" may use in an array, check, index or view",
                              STR_FMT(r->name));
    }
    return true;
}

/* One column for the new labels: its check, its default, its cells when a label has another name. */
static bool relabel_column(struct ddl *d, const struct user_type *now, struct str old_label, struct str new_label,
                           struct new_column *column)
{
    if (!ddl_type_check(d, column) || !old_label.n)
        return !err_is_set(d->err);
    struct str name = ddl_quote(d, column->column.name), from = emit_text_literal(old_label, d->arena),
               to = emit_text_literal(new_label, d->arena);
    column->value = ddl_printf(d, "CASE %.*s WHEN %.*s THEN %.*s ELSE %.*s END", STR_FMT(name), STR_FMT(from),
                               STR_FMT(to), STR_FMT(name));
    if (str_eq(column->sqlite_default, from)) {
        struct str shown = snapshot_format_type(d->snapshot, column->column.type, -1, d->arena);
        column->sqlite_default = to;
        column->column.default_text =
            ddl_printf(d, "%.*s::%.*s", STR_FMT(name_literal(new_label, d->arena)), STR_FMT(shown));
        column->changed = true;
    } else if (text_has_label(d, column->column.default_text, old_label)) {
        return ddl_refuse(d, -1, "Drop the default first.", "RENAME VALUE of a label in the default of \"%.*s\"",
                          STR_FMT(column->column.name));
    }
    (void)now;
    return true;
}

/* D1's own schema lists the labels in the checks of the columns: their tables are made anew. */
static bool relabel(struct ddl *d, const struct user_type *type, struct str *labels, size_t n, struct str old_label,
                    struct str new_label)
{
    struct rebuild set = { 0 };
    struct user_type now = *type;
    now.labels = labels;
    now.n_labels = n;
    d->changed_type = &now;
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns && r->kind == RELATION_TABLE; k++) {
            struct new_table *model;
            const struct user_type *user = snapshot_user_type(d->snapshot, r->columns[k].type);
            while (user && user->kind == 'd' && user->oid != type->oid)
                user = snapshot_user_type(d->snapshot, user->base);
            if (!user || user->oid != type->oid || r->columns[k].type == type->array)
                continue;
            if (!ddl_rebuild_model(d, &set, r, &model) ||
                !relabel_column(d, &now, old_label, new_label, &model->columns[k]))
                return false;
        }
    }
    if (!ddl_rebuild_run(d, &set) || !put_labels(d, type->schema, type->name, labels, n))
        return false;
    for (size_t i = 0; i < set.n; i++)
        for (size_t k = 0; set.tables[i].model && k < set.tables[i].model->n_columns; k++)
            if (set.tables[i].model->columns[k].changed &&
                !ddl_column_side(d, set.tables[i].model, &set.tables[i].model->columns[k]))
                return false;
    d->changed_type = NULL;
    return true;
}

static bool add_label(struct ddl *d, const struct user_type *type, const PgQuery__AlterEnumStmt *stmt)
{
    struct str label = str_from(stmt->new_val),
               neighbor = str_from(stmt->new_val_neighbor ? stmt->new_val_neighbor : "");
    if (!check_label(d, label))
        return false;
    if (label_at(type, label) < type->n_labels) {
        if (!stmt->skip_if_new_val_exists)
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "enum label \"%.*s\" already exists", STR_FMT(label));
        ddl_notice(d, SQLSTATE_DUPLICATE_OBJECT, "enum label \"%.*s\" already exists, skipping", STR_FMT(label));
        return ddl_nothing(d, "ALTER TYPE");
    }
    size_t at = neighbor.n ? label_at(type, neighbor) : type->n_labels;
    if (neighbor.n && at == type->n_labels)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "\"%.*s\" is not an existing enum label",
                           STR_FMT(neighbor));
    at += neighbor.n && stmt->new_val_is_after;
    struct str *labels = DDL_ARRAY(d, struct str, type->n_labels + 1);
    if (!labels)
        return false;
    memcpy(labels, type->labels, at * sizeof(*labels));
    labels[at] = label;
    memcpy(labels + at + 1, type->labels + at, (type->n_labels - at) * sizeof(*labels));
    return relabel(d, type, labels, type->n_labels + 1, STR(""), STR(""));
}

bool ddl_alter_enum(struct ddl *d, const PgQuery__AlterEnumStmt *stmt)
{
    struct str schema, name;
    d->plan->tag = "ALTER TYPE";
    if (!ddl_names(d, stmt->type_name, stmt->n_type_name, &schema, &name))
        return false;
    const struct user_type *type = ddl_find_type(d, schema, name);
    if (!type)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "type \"%.*s\" does not exist", STR_FMT(name));
    if (type->kind != 'e')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "%.*s is not an enum",
                           STR_FMT(ddl_shown(d, type->schema, type->name)));
    if (!stmt->old_val || !stmt->old_val[0])
        return add_label(d, type, stmt);
    size_t at = label_at(type, str_from(stmt->old_val));
    if (at == type->n_labels)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "\"%s\" is not an existing enum label",
                           stmt->old_val);
    if (label_at(type, str_from(stmt->new_val)) < type->n_labels)
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "enum label \"%s\" already exists", stmt->new_val);
    if (!refuse_label_users(d, type, type->labels[at]))
        return false;
    struct str *labels = DDL_ARRAY(d, struct str, type->n_labels);
    if (!labels)
        return false;
    memcpy(labels, type->labels, type->n_labels * sizeof(*labels));
    labels[at] = str_from(stmt->new_val);
    return relabel(d, type, labels, type->n_labels, type->labels[at], labels[at]);
}

/* ---- comments ---- */
static cJSON *comment_detail(const char *comment)
{
    cJSON *detail = cJSON_CreateObject();
    if (detail && comment && comment[0])
        cJSON_AddStringToObject(detail, "comment", comment);
    else if (detail)
        cJSON_AddNullToObject(detail, "comment");
    return detail;
}

/* A dotted name whose first parts name a relation and whose last names something in it. */
static bool comment_parent(struct ddl *d, const PgQuery__List *list, const struct relation **ret, struct str *ret_child)
{
    struct str schema, name;
    *ret_child = ddl_string(list->items[list->n_items - 1]);
    if (list->n_items < 2)
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "column name must be qualified");
    if (!ddl_names(d, list->items, list->n_items - 1, &schema, &name))
        return false;
    *ret = snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, name);
    if (!*ret)
        return ddl_no_relation(d, schema, name);
    if ((*ret)->is_system)
        return ddl_fail_at(d, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied: \"%.*s\" is a system catalog",
                           STR_FMT((*ret)->name));
    return true;
}

static bool comment_column(struct ddl *d, const PgQuery__CommentStmt *stmt)
{
    const struct relation *r;
    struct str child;
    if (!comment_parent(d, stmt->object->list, &r, &child))
        return false;
    if (r->kind == RELATION_SEQUENCE) {
        ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "cannot set comment on relation \"%.*s\"", STR_FMT(r->name));
        return err_detail(d->err, "This operation is not supported for sequences.");
    }
    if (!relation_column(r, child))
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                           STR_FMT(child), STR_FMT(r->name));
    return ddl_side_put_child(d, "column", r->schema, r->name, child, comment_detail(stmt->comment));
}

static bool comment_constraint(struct ddl *d, const PgQuery__CommentStmt *stmt)
{
    const struct relation *r;
    struct str child;
    if (!comment_parent(d, stmt->object->list, &r, &child))
        return false;
    for (size_t i = 0; i < r->n_constraints; i++)
        if (str_eq(r->constraints[i].name, child))
            return ddl_side_put_child(d, "constraint", r->schema, r->name, child, comment_detail(stmt->comment));
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%.*s\" for table \"%.*s\" does not exist",
                       STR_FMT(child), STR_FMT(r->name));
}

struct comment_kind {
    PgQuery__ObjectType object;
    enum relation_kind relation;
    const char *side, *word; /* side NULL: there are none */
};

static const struct comment_kind relation_comments[] = {
    { PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, RELATION_TABLE, "table", "table" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_VIEW, RELATION_VIEW, "view", "view" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE, RELATION_SEQUENCE, "sequence", "sequence" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW, RELATION_VIEW, NULL, "materialized view" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE, RELATION_VIEW, NULL, "foreign table" },
};

static bool comment_relation(struct ddl *d, const PgQuery__CommentStmt *stmt, const struct comment_kind *kind)
{
    struct str schema, name;
    const PgQuery__List *list = stmt->object->list;
    if (!ddl_names(d, list->items, list->n_items, &schema, &name))
        return false;
    const struct relation *r =
        snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, name);
    if (!r)
        return ddl_no_relation(d, schema, name);
    if (r->is_system)
        return ddl_fail_at(d, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied: \"%.*s\" is a system catalog",
                           STR_FMT(r->name));
    if (!kind->side || r->kind != kind->relation)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a %s", STR_FMT(name), kind->word);
    return ddl_side_put(d, kind->side, r->schema, r->name, comment_detail(stmt->comment));
}

static bool comment_index(struct ddl *d, const PgQuery__CommentStmt *stmt)
{
    struct str schema, name;
    const PgQuery__List *list = stmt->object->list;
    const struct relation *table;
    if (!ddl_names(d, list->items, list->n_items, &schema, &name))
        return false;
    for (size_t i = 0; i < (schema.n ? 1 : d->settings->n_search_path); i++) {
        struct str where = schema.n ? schema : d->settings->search_path[i];
        if (ddl_find_index(d, where, name, &table))
            return ddl_side_put(d, "index", where, name, comment_detail(stmt->comment));
    }
    if (snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, name))
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not an index", STR_FMT(name));
    return ddl_no_relation(d, schema, name);
}

static bool comment_type(struct ddl *d, const PgQuery__CommentStmt *stmt)
{
    struct str schema, name;
    const PgQuery__TypeName *type_name = stmt->object->type_name;
    if (!ddl_names(d, type_name->names, type_name->n_names, &schema, &name))
        return false;
    const struct user_type *type = ddl_find_type(d, schema, name);
    if (!type)
        return ddl_no_type(d, schema, name);
    if (stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN && type->kind != 'd')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a domain", STR_FMT(name));
    return ddl_side_put(d, "type", type->schema, type->name, comment_detail(stmt->comment));
}

bool ddl_comment(struct ddl *d, const PgQuery__CommentStmt *stmt)
{
    d->plan->tag = "COMMENT";
    for (size_t i = 0; i < sizeof(relation_comments) / sizeof(relation_comments[0]); i++)
        if (relation_comments[i].object == stmt->objtype)
            return comment_relation(d, stmt, &relation_comments[i]);
    switch (stmt->objtype) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
        return comment_column(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
        return comment_constraint(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        return comment_index(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        return comment_type(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: {
        struct str name = ddl_string(stmt->object);
        if (!ddl_schema_exists(d, name))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(name));
        return ddl_side_put(d, "schema", name, STR(""), comment_detail(stmt->comment));
    }
    case PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION:
        return ddl_comment_extension(d, stmt);
    default:
        if (!ddl_missing(d, stmt->objtype, stmt->object))
            return false;
        return ddl_refuse(
            d, -1, "Tables, columns, constraints, indexes, views, sequences, types and schemas can have comments.",
            "COMMENT ON this kind of object");
    }
}
