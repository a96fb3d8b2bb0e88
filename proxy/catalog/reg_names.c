/* reg_names.c - see reg_names.h. */
#include "proxy/catalog/reg_names.h"

#include "pgwire/types.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/system.h"

bool is_reg_type(oid_t type)
{
    return type == TYPE_OID_regclass || type == TYPE_OID_regtype || type == TYPE_OID_regproc ||
           type == TYPE_OID_regprocedure || type == TYPE_OID_regnamespace;
}

static struct str relation_name(const struct snapshot *snapshot, oid_t oid, struct arena *arena)
{
    const struct relation *r = snapshot ? snapshot_relation_by_oid(snapshot, oid) : system_relation_by_oid(oid);
    if (r && (str_is(r->schema, "public") || str_is(r->schema, "pg_catalog")))
        return name_quote(r->name, arena);
    if (r)
        return name_qualified(r->schema, r->name, arena);
    for (size_t i = 0; snapshot && i < snapshot->n_relations; i++)
        for (size_t k = 0; k < snapshot->relations[i].n_indexes; k++)
            if (snapshot->relations[i].indexes[k].oid == oid)
                return name_quote(snapshot->relations[i].indexes[k].name, arena);
    return arena_printf(arena, "%u", oid);
}

struct str reg_name(const struct snapshot *snapshot, oid_t type, oid_t oid, struct arena *arena)
{
    const struct pg_proc *proc;
    if (oid == 0)
        return STR("-");
    switch (type) {
    case TYPE_OID_regclass:
        return relation_name(snapshot, oid, arena);
    case TYPE_OID_regtype:
        return snapshot ? snapshot_format_type(snapshot, oid, -1, arena) : type_format(oid, -1, arena);
    case TYPE_OID_regproc:
    case TYPE_OID_regprocedure:
        proc = pg_proc_by_oid(oid);
        return proc ? arena_str(arena, str_from(proc->name)) : arena_printf(arena, "%u", oid);
    case TYPE_OID_regnamespace:
        if (oid == 11 || oid == 2200)
            return oid == 11 ? STR("pg_catalog") : STR("public");
        break;
    default:
        break;
    }
    return arena_printf(arena, "%u", oid);
}
