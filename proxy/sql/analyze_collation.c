/* analyze_collation.c - COLLATE, of expressions and of columns, domains and indexes. */
#include "proxy/sql/analyze_internal.h"

/* Collations that compare by code point, as the database does; and names of others that PostgreSQL may have. */
static const char *const taken[] = { "C", "POSIX", "default", "ucs_basic", "C.UTF-8", "C.utf8" }, *const others[] = {
    "en_US", "en_US.utf8", "de_DE", "unicode", "und-x-icu", "en-x-icu"
};

static bool is_one_of(struct str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static bool takes_collation(A *a, oid_t type)
{
    oid_t base = type_base(a, type), element = type_element(a, base);
    oid_t one = element ? type_base(a, element) : base;
    return type_category(a, one, NULL) == 'S';
}

bool analyze_collation(A *a, Node *const *names, size_t n, oid_t type, int location)
{
    struct str schema, name;
    if (!name_parts(a, names, n, location, &schema, &name) || !check_schema(a, schema, location))
        return false;
    if (is_one_of(name, others, sizeof(others) / sizeof(others[0]))) {
        unsupported_at(a, location, "collation \"%.*s\"", STR_FMT(name));
        return err_hint(a->err, "Text is compared by code point; COLLATE \"C\" says so.");
    }
    if (!is_one_of(name, taken, sizeof(taken) / sizeof(taken[0])))
        return fail_at(a, location, SQLSTATE_UNDEFINED_OBJECT,
                       "collation \"%.*s\" for encoding \"UTF8\" does not exist", STR_FMT(name));
    return takes_collation(a, type) ||
           fail_at(a, location, SQLSTATE_DATATYPE_MISMATCH, "collations are not supported by type %.*s",
                   STR_FMT(type_text(a, type, -1)));
}
