/* null_violation.c - see null_violation.h. */
#include "proxy/catalog/null_violation.h"

struct str null_violation_message(const struct snapshot *s, const struct relation *r, const struct column *c,
                                  struct arena *arena)
{
    if (!snapshot_ruling_domain(s, c->type, DOMAIN_NOT_NULL))
        return arena_printf(arena, "null value in column \"%.*s\" of relation \"%.*s\" violates not-null constraint",
                            STR_FMT(c->name), STR_FMT(r->name));
    struct str type = snapshot_format_type(s, c->type, -1, arena);
    return type.p ? arena_printf(arena, "domain %.*s does not allow null values", STR_FMT(type)) : type;
}

bool null_violation(const struct snapshot *s, const struct relation *r, const struct column *c, struct err *err)
{
    struct str message = null_violation_message(s, r, c, err->arena);
    if (!message.p)
        return err_oom(err);
    err_set(err, SQLSTATE_NOT_NULL_VIOLATION, "%.*s", STR_FMT(message));
    if (snapshot_ruling_domain(s, c->type, DOMAIN_NOT_NULL)) {
        const struct user_type *domain = snapshot_user_type(s, c->type);
        err->schema = domain->schema;
        err->datatype = domain->name;
        return false;
    }
    err->schema = r->schema;
    err->table = r->name;
    err->column = c->name;
    return false;
}
