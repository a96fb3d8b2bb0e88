/* overlay.c - see overlay.h. */
#include "proxy/txn/overlay.h"

void overlay_drop(struct overlay *o)
{
    shadow_free(o->shadow);
    snapshot_unref(o->schema);
    *o = (struct overlay){ 0 };
}

void overlay_begin(struct overlay *o, const struct snapshot *base)
{
    if (o->shadow && base && base->version != o->base)
        overlay_drop(o);
    if (o->shadow || !base)
        return;
    o->shadow = shadow_new(base);
    o->base = base->version;
}

void overlay_run(struct overlay *o, uint32_t position, const struct d1_statement *statements, size_t n)
{
    if (!o->shadow || position <= o->position)
        return;
    o->changed |= shadow_run(o->shadow, statements, n);
    o->position = position;
}

const struct snapshot *overlay_schema(struct overlay *o, struct arena *scratch)
{
    struct err err;
    if (!o->changed)
        return o->schema;
    err_init(&err, scratch);
    o->changed = false;
    snapshot_unref(o->schema);
    o->schema = shadow_schema(o->shadow, &err);
    return o->schema;
}
