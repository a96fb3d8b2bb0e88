/* key_check.c - see key_check.h. The words are PostgreSQL 15's ri_triggers.c. */
#include "proxy/sql/key_check.h"

#include "proxy/sql/emit.h"

bool column_shows_itself(const struct snapshot *s, const struct column *column)
{
    switch (snapshot_base_type(s, column->type, NULL)) {
    case TYPE_OID_int2:
    case TYPE_OID_int4:
    case TYPE_OID_int8:
    case TYPE_OID_text:
    case TYPE_OID_varchar:
    case TYPE_OID_uuid:
    case TYPE_OID_date:
    case TYPE_OID_timestamp:
        return column->storage == COLUMN_NATURAL;
    default:
        return false;
    }
}

const struct relation *key_referred(const struct snapshot *s, const struct constraint *key)
{
    for (size_t i = 0; i < s->n_relations; i++)
        if (str_eq(s->relations[i].name, key->foreign_table) && str_eq(s->relations[i].schema, key->foreign_schema))
            return &s->relations[i];
    return NULL;
}

struct key_text {
    struct str from, names,
        values; /* rows whose key is missing; the columns that the words name; an expression of their values */
    bool shown;
};

static bool key_columns(const struct snapshot *s, const struct relation *child, const struct relation *parent,
                        const struct constraint *key, enum key_side side, struct arena *arena, struct key_text *ret)
{
    struct str given = STR(""), same = STR("");
    *ret = (struct key_text){ .names = STR(""), .values = STR(""), .shown = true };
    for (size_t i = 0; i < key->n_columns; i++) {
        const struct column *from = &child->columns[key->columns[i] - 1],
                            *to = &parent->columns[key->foreign_columns[i] - 1];
        struct str c = emit_identifier(from->name, arena), p = emit_identifier(to->name, arena);
        struct str shown = side == KEY_OF_REFERRING ? from->name : to->name;
        given = arena_printf(arena, "%.*s%sc.%.*s IS NOT NULL", STR_FMT(given), i ? " AND " : "", STR_FMT(c));
        same = arena_printf(arena, "%.*s%sp.%.*s=c.%.*s", STR_FMT(same), i ? " AND " : "", STR_FMT(p), STR_FMT(c));
        ret->names = arena_printf(arena, "%.*s%s%.*s", STR_FMT(ret->names), i ? ", " : "", STR_FMT(shown));
        ret->values = arena_printf(arena, "%.*s%sc.%.*s", STR_FMT(ret->values), i ? "||', '||" : "", STR_FMT(c));
        ret->shown &= column_shows_itself(s, from);
        if (!c.p || !p.p || !given.p || !same.p || !ret->names.p || !ret->values.p)
            return false;
    }
    struct str table = emit_identifier(child->sqlite_name, arena), other = emit_identifier(parent->sqlite_name, arena);
    ret->from = !table.p || !other.p
                    ? (struct str){ 0 }
                    : arena_printf(arena, "%.*s AS c WHERE %.*s AND NOT EXISTS (SELECT 1 FROM %.*s AS p WHERE %.*s)",
                                   STR_FMT(table), STR_FMT(given), STR_FMT(other), STR_FMT(same));
    return ret->from.p != NULL;
}

static struct str message(const struct relation *child, const struct relation *parent, const struct constraint *key,
                          enum key_side side, const char *head, struct arena *arena)
{
    if (side == KEY_OF_REFERRING)
        return arena_printf(arena, "%s%u:insert or update on table \"%.*s\" violates foreign key constraint \"%.*s\"",
                            head, key->oid, STR_FMT(child->name), STR_FMT(key->name));
    return arena_printf(
        arena, "%s%u:update or delete on table \"%.*s\" violates foreign key constraint \"%.*s\" on table \"%.*s\"",
        head, key->oid, STR_FMT(parent->name), STR_FMT(key->name), STR_FMT(child->name));
}

struct str key_check_sql(const struct snapshot *s, const struct relation *referring, const struct constraint *key,
                         enum key_side side, struct str also, const char *head, struct arena *arena)
{
    const struct relation *parent = key_referred(s, key);
    struct key_text text;
    struct str none = { 0 };
    if (!parent) /* SQLite refuses what touches it */
        return STR("SELECT 1 WHERE 0");
    if (!key_columns(s, referring, parent, key, side, arena, &text))
        return none;
    if (also.n)
        text.from = arena_printf(arena, "%.*s AND %.*s", STR_FMT(text.from), STR_FMT(also));
    struct str words = message(referring, parent, key, side, head, arena);
    struct str tail = side == KEY_OF_REFERRING
                          ? arena_printf(arena, ") is not present in table \"%.*s\".", STR_FMT(parent->name))
                          : arena_printf(arena, ") is still referenced from table \"%.*s\".", STR_FMT(referring->name));
    if (!words.p || !tail.p)
        return none;
    if (!text.shown) { /* a constant might be worked out before any row is looked for; an arm of CASE is not */
        words = emit_text_literal(words, arena);
        return words.p
                   ? arena_printf(arena, "SELECT CASE WHEN EXISTS(SELECT 1 FROM %.*s) THEN json_extract('{}',%.*s) END",
                                  STR_FMT(text.from), STR_FMT(words))
                   : none;
    }
    words = arena_printf(arena, "%.*s\nDETAIL: Key (%.*s)=(", STR_FMT(words), STR_FMT(text.names));
    words = words.p ? emit_text_literal(words, arena) : none;
    tail = emit_text_literal(tail, arena);
    return words.p && tail.p ? arena_printf(arena, "SELECT json_extract('{}',%.*s||%.*s||%.*s) FROM %.*s LIMIT 1",
                                            STR_FMT(words), STR_FMT(text.values), STR_FMT(tail), STR_FMT(text.from))
                             : none;
}

/* In a trigger: the columns that the key refers to, of which OLD has another value than NEW. */
static struct str key_changed(const struct relation *parent, const struct constraint *key, struct arena *arena)
{
    struct str changed = STR("");
    for (size_t i = 0; i < key->n_columns; i++) {
        struct str p = emit_identifier(parent->columns[key->foreign_columns[i] - 1].name, arena);
        changed = arena_printf(arena, "%.*s%sOLD.%.*s IS NOT NEW.%.*s", STR_FMT(changed), i ? " OR " : "", STR_FMT(p),
                               STR_FMT(p));
    }
    return changed;
}

struct restricting {
    struct str refers, values, names; /* c is a row that refers to OLD; OLD's values; the columns */
    bool shown;
};

static struct restricting restricting_columns(const struct snapshot *s, const struct relation *child,
                                              const struct relation *parent, const struct constraint *key,
                                              struct arena *arena)
{
    struct restricting t = { STR_INIT(""), STR_INIT(""), STR_INIT(""), true };
    for (size_t i = 0; i < key->n_columns; i++) {
        const struct column *to = &parent->columns[key->foreign_columns[i] - 1];
        struct str c = emit_identifier(child->columns[key->columns[i] - 1].name, arena),
                   p = emit_identifier(to->name, arena);
        t.refers =
            arena_printf(arena, "%.*s%sc.%.*s=OLD.%.*s", STR_FMT(t.refers), i ? " AND " : "", STR_FMT(c), STR_FMT(p));
        t.values = arena_printf(arena, "%.*s%sOLD.%.*s", STR_FMT(t.values), i ? "||', '||" : "", STR_FMT(p));
        t.names = arena_printf(arena, "%.*s%s%.*s", STR_FMT(t.names), i ? ", " : "", STR_FMT(to->name));
        t.shown &= column_shows_itself(s, to);
    }
    return t;
}

struct str key_restrict_sql(const struct snapshot *s, const struct relation *referring, const struct constraint *key,
                            bool deletes, struct arena *arena)
{
    const struct relation *parent = key_referred(s, key);
    struct str none = { 0 };
    if (!parent)
        return none;
    struct restricting t = restricting_columns(s, referring, parent, key, arena);
    struct str words = message(referring, parent, key, KEY_OF_REFERRED, KEY_CHECK_AFTER_STATEMENT, arena),
               tail = arena_printf(arena, ") is still referenced from table \"%.*s\".", STR_FMT(referring->name)),
               table = emit_identifier(parent->sqlite_name, arena),
               child = emit_identifier(referring->sqlite_name, arena);
    if (t.shown)
        words = arena_printf(arena, "%.*s\nDETAIL: Key (%.*s)=(", STR_FMT(words), STR_FMT(t.names));
    words = emit_text_literal(words, arena);
    tail = emit_text_literal(tail, arena);
    struct str raised =
        t.shown ? arena_printf(arena, "%.*s||%.*s||%.*s", STR_FMT(words), STR_FMT(t.values), STR_FMT(tail)) : words;
    struct str when = deletes ? STR("1") : key_changed(parent, key, arena);
    return arena_printf(arena,
                        "CREATE TRIGGER _pgd1_restrict%u BEFORE %s ON %.*s WHEN (%.*s) AND EXISTS (SELECT 1 FROM %.*s "
                        "AS c WHERE %.*s) BEGIN SELECT json_extract('{}',%.*s); END",
                        key->oid, deletes ? "DELETE" : "UPDATE", STR_FMT(table), STR_FMT(when), STR_FMT(child),
                        STR_FMT(t.refers), STR_FMT(raised));
}

struct key_note key_note_changed(const struct relation *r, const struct constraint *key, struct arena *arena)
{
    struct str columns = STR(""), old = STR(""), same = STR(""), table = emit_identifier(r->sqlite_name, arena),
               changed = key_changed(r, key, arena);
    for (size_t i = 0; i < key->n_columns; i++) {
        struct str from = emit_identifier(r->columns[key->columns[i] - 1].name, arena),
                   to = emit_identifier(r->columns[key->foreign_columns[i] - 1].name, arena);
        columns = arena_printf(arena, "%.*s%sc%zu", STR_FMT(columns), i ? ", " : "", i);
        old = arena_printf(arena, "%.*s%sOLD.%.*s", STR_FMT(old), i ? ", " : "", STR_FMT(to));
        same = arena_printf(arena, "%.*s%so.c%zu=c.%.*s", STR_FMT(same), i ? " AND " : "", i, STR_FMT(from));
    }
    return (struct key_note){
        .table = arena_printf(arena, "CREATE TABLE _pgd1_key%u(%.*s)", key->oid, STR_FMT(columns)),
        .trigger = arena_printf(arena,
                                "CREATE TRIGGER _pgd1_key%u_changed AFTER UPDATE ON %.*s WHEN %.*s BEGIN "
                                "INSERT INTO _pgd1_key%u VALUES (%.*s); END",
                                key->oid, STR_FMT(table), STR_FMT(changed), key->oid, STR_FMT(old)),
        .misses = arena_printf(arena, "EXISTS (SELECT 1 FROM _pgd1_key%u AS o WHERE %.*s)", key->oid, STR_FMT(same)),
    };
}
