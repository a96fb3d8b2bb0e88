/* acl.c - access lists: acldefault, aclexplode (PostgreSQL 9.26.1). An aclitem is its text here: grantee=letters/grantor. */
#include "proxy/catalog/names.h"
#include "proxy/catalog/system.h"
#include "proxy/sql/functions/catalog_objects.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

/* Letters in the order of PostgreSQL's bits. */
static const struct {
    char letter;
    const char *name;
} privileges[] = {
    { 'a', "INSERT" },     { 'r', "SELECT" },  { 'w', "UPDATE" },  { 'd', "DELETE" },       { 'D', "TRUNCATE" },
    { 'x', "REFERENCES" }, { 't', "TRIGGER" }, { 'X', "EXECUTE" }, { 'U', "USAGE" },        { 'C', "CREATE" },
    { 'T', "TEMPORARY" },  { 'c', "CONNECT" }, { 's', "SET" },     { 'A', "ALTER SYSTEM" },
};

/* What owner and public may do with a new object of a kind. */
static const struct {
    char kind;
    const char *world, *owner;
} defaults[] = {
    { 'c', "", "" },   { 'r', "", "arwdDxt" }, { 's', "", "rwU" }, { 'd', "Tc", "CTc" }, { 'f', "X", "X" },
    { 'l', "U", "U" }, { 'L', "", "rw" },      { 'n', "", "UC" },  { 'p', "", "sA" },    { 't', "", "C" },
    { 'F', "", "U" },  { 'S', "", "U" },       { 'T', "U", "U" },
};

static void add_item(sqlite3_context *c, struct buf *list, struct str text)
{
    struct value v = value_text(text);
    buf_add_str(list, list->n > 1 ? STR(",") : STR(""));
    add_cell(list, scratch(c), &v);
}

/* acldefault("char", oid) */
static void default_acl(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct system_source source = catalog_source(c);
    struct buf list;
    STRICT(n, args);
    struct str kind = local_text(args[0]);
    struct str owner = system_role_name(&source, (oid_t)sqlite3_value_int64(args[1]), scratch(c));
    owner = owner.p ? name_quote(owner, scratch(c))
                    : arena_printf(scratch(c), "%u", (unsigned)sqlite3_value_int64(args[1]));
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (kind.n != 1 || defaults[i].kind != kind.p[0])
            continue;
        buf_init(&list, MAX_RESULT);
        buf_add_char(&list, '[');
        if (defaults[i].world[0])
            add_item(c, &list, arena_printf(scratch(c), "=%s/%.*s", defaults[i].world, STR_FMT(owner)));
        if (defaults[i].owner[0])
            add_item(c, &list,
                     arena_printf(scratch(c), "%.*s=%s/%.*s", STR_FMT(owner), defaults[i].owner, STR_FMT(owner)));
        buf_add_char(&list, ']');
        result_buf(c, &list);
        return;
    }
    fail_with(c, SQLSTATE_INTERNAL_ERROR, "unrecognized object type abbreviation: %.*s", STR_FMT(kind));
}

struct acl_item {
    struct str grantee, letters, grantor;
};

/* A name up to `end`, out of its quotes. */
static struct str take_name(struct arena *arena, struct str *text, char end)
{
    char *out = arena_alloc(arena, text->n + 1);
    size_t n = 0, at = 0;
    bool quoted = false;
    for (; out && at < text->n && (quoted || text->p[at] != end); at++) {
        if (text->p[at] != '"')
            out[n++] = text->p[at];
        else if (quoted && at + 1 < text->n && text->p[at + 1] == '"')
            out[n++] = text->p[at++];
        else
            quoted = !quoted;
    }
    *text = at < text->n ? (struct str){ text->p + at + 1, text->n - at - 1 } : (struct str){ text->p + text->n, 0 };
    return out ? (struct str){ out, n } : (struct str){ 0 };
}

static bool add_privileges(sqlite3_context *c, struct rows *rows, const struct acl_item *item)
{
    struct system_source source = catalog_source(c);
    struct value cells[] = { value_integer(system_role_oid(&source, item->grantor)),
                             value_integer(item->grantee.n ? system_role_oid(&source, item->grantee) : 0), value_null(),
                             value_null() };
    for (size_t i = 0; i < sizeof(privileges) / sizeof(privileges[0]); i++) {
        const char *at = item->letters.n ? memchr(item->letters.p, privileges[i].letter, item->letters.n) : NULL;
        if (!at)
            continue;
        bool last = at + 1 == item->letters.p + item->letters.n;
        cells[2] = value_text(str_from(privileges[i].name));
        cells[3] = value_integer(!last && at[1] == '*');
        if (!rows_add(rows, cells, 4))
            return false;
    }
    return true;
}

/* aclexplode(aclitem[]): grantor, grantee, privilege, whether it may be passed on; a row each. */
static void explode(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value list;
    struct rows rows;
    STRICT(n, args);
    if (!json_parse(local_text(args[0]), scratch(c), &list, errors(c))) {
        local_fail(c);
        return;
    }
    rows_start(&rows, c);
    for (size_t i = 0; list.kind == JSON_ARRAY && i < list.array.n; i++) {
        struct str rest = list.array.items[i].text;
        struct acl_item item = { .grantee = take_name(scratch(c), &rest, '=') };
        item.letters = take_name(scratch(c), &rest, '/');
        item.grantor = take_name(scratch(c), &rest, '\0');
        if (!add_privileges(c, &rows, &item)) {
            rows_drop(&rows);
            return;
        }
    }
    rows_give(&rows);
}

static const struct local_function functions[] = {
    { .name = "pg_acldefault_sql", .n_args = 2, .flags = LOCAL_STRICT, .call = default_acl },
    { .name = "pg_aclexplode", .n_args = 1, .flags = LOCAL_STRICT, .call = explode },
};

const struct local_family local_family_acl = { .functions = functions,
                                               .n_functions = sizeof(functions) / sizeof(functions[0]) };
