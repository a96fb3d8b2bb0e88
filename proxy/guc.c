/* guc.c - see guc.h. Checks and parsed values of single settings: guc_check.c. */
#include "proxy/guc.h"

#include <strings.h>
#include "proxy/base/fault.h"
#include "proxy/guc_check.h"

#define GUC(name, type, value, min, max, words, unit, context, effect, report, category, help)                         \
    { name, GUC_##type, value, min, max, words, unit, GUC_##context, GUC_##effect, GUC_IS_##report, category, help },
#define GUC_IS_REPORT true
#define GUC_IS_QUIET false
static const struct guc rows[] = {
#include "proxy/gucs.def"
};
#undef GUC

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), CUSTOM = UINT16_MAX, OVERRIDES_MAX = 1000, VALUE_MAX = 65536 };

struct guc_defaults {
    char *values[N_ROWS];
};

/* One setting that this session has touched. Texts are owned; a NULL value is the default. */
struct guc_override {
    uint16_t index; /* CUSTOM: name says which */
    bool set_by_client;
    char *name, *value, *reset;
};

struct guc_undo {
    uint16_t index;
    bool is_local;
    char *name, *value; /* what the value was */
};

const struct guc *guc_table(size_t *ret_n)
{
    *ret_n = N_ROWS;
    return rows;
}

static int name_cmp(struct str a, const char *b)
{
    size_t n = strlen(b);
    int order = strncasecmp(a.p ? a.p : "", b, a.n < n ? a.n : n);
    return order ? order : (a.n > n) - (a.n < n);
}

const struct guc *guc_find(struct str name)
{
    size_t low = 0, high = N_ROWS;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = name_cmp(name, rows[mid].name);
        if (order == 0)
            return &rows[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

static char *copied(struct str s)
{
    char *p = fault_malloc(s.n + 1);
    if (p) {
        if (s.n)
            memcpy(p, s.p, s.n);
        p[s.n] = 0;
    }
    return p;
}

struct guc_defaults *guc_defaults_new(void)
{
    return fault_calloc(1, sizeof(struct guc_defaults));
}

bool guc_defaults_set(struct guc_defaults *d, const char *name, struct str value)
{
    const struct guc *row = guc_find(str_from(name));
    char *p = row ? copied(value) : NULL;
    if (!p)
        return false;
    free(d->values[row - rows]);
    d->values[row - rows] = p;
    return true;
}

void guc_defaults_free(struct guc_defaults *d)
{
    for (size_t i = 0; d && i < N_ROWS; i++)
        free(d->values[i]);
    free(d);
}

static const char *default_of(const struct gucs *g, size_t index)
{
    return g->defaults && g->defaults->values[index] ? g->defaults->values[index] : rows[index].value;
}

/* ---- the overrides ---- */

static struct guc_override *override_find(const struct gucs *g, uint16_t index, struct str name)
{
    for (size_t i = 0; i < g->n_overrides; i++) {
        struct guc_override *o = &g->overrides[i];
        if (o->index == index && (index != CUSTOM || str_eq_nocase(str_from(o->name), name)))
            return o;
    }
    return NULL;
}

static struct guc_override *override_get(struct gucs *g, uint16_t index, struct str name, struct err *err)
{
    struct guc_override *o = override_find(g, index, name);
    if (o)
        return o;
    if (g->n_overrides >= OVERRIDES_MAX) {
        err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many settings in one session");
        return NULL;
    }
    char *own_name = index == CUSTOM ? copied(name) : NULL;
    struct guc_override *all = fault_realloc(g->overrides, (g->n_overrides + 1U) * sizeof(*all));
    if (all)
        g->overrides = all;
    if (!all || (index == CUSTOM && !own_name)) {
        free(own_name);
        err_oom(err);
        return NULL;
    }
    o = &all[g->n_overrides++];
    *o = (struct guc_override){ .index = index, .name = own_name };
    return o;
}

static const char *current_of(const struct gucs *g, size_t index, const char **ret_source)
{
    const struct guc_override *o = override_find(g, (uint16_t)index, (struct str){ 0 });
    if (ret_source)
        *ret_source = !o || (!o->value && !o->reset) ? "default" : o->value ? "session" : "client";
    return o && o->value ? o->value : o && o->reset ? o->reset : default_of(g, index);
}

static void refresh(struct gucs *g, uint16_t index)
{
    g->generation++;
    if (index != CUSTOM && rows[index].effect == GUC_LIVE)
        guc_apply(&rows[index], str_from(current_of(g, index, NULL)), &g->live);
}

static bool undo_room(struct gucs *g)
{
    if (g->n_undo < g->size_undo)
        return true;
    uint32_t size = g->size_undo ? g->size_undo * 2 : 8;
    struct guc_undo *undo = fault_realloc(g->undo, size * sizeof(*undo));
    if (!undo)
        return false;
    g->undo = undo;
    g->size_undo = size;
    return true;
}

/* Replaces the value (owned, may be NULL) and keeps the old one in the log. */
static bool change(struct gucs *g, struct guc_override *o, char *value, bool is_local, struct err *err)
{
    char *name = o->index == CUSTOM ? copied(str_from(o->name)) : NULL;
    if (!undo_room(g) || (o->index == CUSTOM && !name)) {
        free(value);
        free(name);
        return err_oom(err);
    }
    g->undo[g->n_undo++] = (struct guc_undo){ o->index, is_local, name, o->value };
    o->value = value;
    refresh(g, o->index);
    return true;
}

void gucs_init(struct gucs *g, const struct guc_defaults *defaults)
{
    *g = (struct gucs){ .defaults = defaults };
    g->live.types = *type_settings_default();
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].effect == GUC_LIVE)
            guc_apply(&rows[i], str_from(default_of(g, i)), &g->live);
}

void gucs_fini(struct gucs *g)
{
    gucs_commit(g);
    for (size_t i = 0; i < g->n_overrides; i++) {
        free(g->overrides[i].name);
        free(g->overrides[i].value);
        free(g->overrides[i].reset);
    }
    free(g->overrides);
    free(g->undo);
    *g = (struct gucs){ 0 };
}

/* ---- setting ---- */

static bool may_change(const struct guc *row, enum guc_scope scope, struct err *err)
{
    switch (row->context) {
    case GUC_INTERNAL:
        return err_set(err, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed", row->name);
    case GUC_POSTMASTER:
        return err_set(err, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM,
                       "parameter \"%s\" cannot be changed without restarting the server", row->name);
    case GUC_SIGHUP:
        return err_set(err, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed now", row->name);
    case GUC_BACKEND:
        return scope == GUC_STARTUP || err_set(err, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM,
                                               "parameter \"%s\" cannot be set after connection start", row->name);
    case GUC_SUSET:
    case GUC_USERSET:
        return true;
    }
    return true;
}

/* A custom setting is "class.name", each part an identifier; the class pgd1 is ours. */
static bool is_custom_name(struct str name)
{
    bool start = true, dot = false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool letter = c == '_' || c >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (c == '.' && !start)
            dot = start = true;
        else if (letter || (!start && (c == '$' || (c >= '0' && c <= '9'))))
            start = false;
        else
            return false;
    }
    return dot && !start;
}

static bool unknown(struct str name, struct err *err)
{
    return err &&
           err_set(err, SQLSTATE_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%.*s\"", STR_FMT(name));
}

static bool check_custom(struct str name, struct err *err)
{
    if (str_find(name, STR(".")) < 0)
        return unknown(name, err);
    if (!is_custom_name(name)) {
        err_set(err, SQLSTATE_INVALID_NAME, "invalid configuration parameter name \"%.*s\"", STR_FMT(name));
        return err_detail(err, "Custom parameter names must be two or more simple identifiers separated by dots.");
    }
    if (str_starts_nocase(name, STR("pgd1."))) {
        err_set(err, SQLSTATE_INVALID_NAME, "invalid configuration parameter name \"%.*s\"", STR_FMT(name));
        return err_detail(err, "\"pgd1\" is a reserved prefix.");
    }
    return true;
}

static bool check_fixed(const struct gucs *g, const struct guc *row, struct str stored, struct err *err)
{
    struct str fixed = str_from(default_of(g, (size_t)(row - rows)));
    if (row->effect != GUC_FIXED || str_eq_nocase(stored, fixed) || guc_same_meaning(row, stored))
        return true;
    err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "setting \"%s\" to \"%.*s\" is not supported", row->name,
            STR_FMT(stored));
    return err_hint(err, "Only \"%.*s\" is possible.", STR_FMT(fixed));
}

bool gucs_set(struct gucs *g, struct str name, struct str value, enum guc_scope scope, struct arena *arena,
              struct err *err)
{
    const struct guc *row = guc_find(name);
    if (value.n > VALUE_MAX)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "value of parameter \"%.*s\" is too long", STR_FMT(name));
    if (!row && !check_custom(name, err))
        return false;
    struct str stored = value;
    if (row && (!may_change(row, scope, err) || !guc_check(row, value, &g->live, arena, &stored, err) ||
                !check_fixed(g, row, stored, err)))
        return false;
    struct guc_override *o = override_get(g, row ? (uint16_t)(row - rows) : CUSTOM, name, err);
    char *p = o ? copied(stored) : NULL;
    if (!p)
        return err_oom(err);
    if (scope != GUC_STARTUP)
        return change(g, o, p, scope == GUC_LOCAL, err);
    free(o->reset);
    o->reset = p;
    refresh(g, o->index);
    return true;
}

bool gucs_reset(struct gucs *g, struct str name, bool is_local, struct err *err)
{
    const struct guc *row = guc_find(name);
    if (row && !may_change(row, GUC_SESSION, err))
        return false;
    if (!row && !check_custom(name, err))
        return false;
    struct guc_override *o = override_find(g, row ? (uint16_t)(row - rows) : CUSTOM, name);
    return !o || !o->value || change(g, o, NULL, is_local, err);
}

bool gucs_reset_all(struct gucs *g, struct err *err)
{
    for (size_t i = 0; i < g->n_overrides; i++) {
        struct guc_override *o = &g->overrides[i];
        /* PostgreSQL's RESET ALL leaves these alone too (GUC_NO_RESET_ALL) */
        bool stays = o->index != CUSTOM && (strcmp(rows[o->index].name, "role") == 0 ||
                                            strcmp(rows[o->index].name, "session_authorization") == 0);
        if (o->value && !stays && !change(g, o, NULL, false, err))
            return false;
    }
    return true;
}

/* ---- showing ---- */

bool gucs_show(const struct gucs *g, struct str name, struct arena *arena, struct str *ret, struct err *err)
{
    const struct guc *row = guc_find(name);
    if (row) {
        *ret = guc_print(row, str_from(current_of(g, (size_t)(row - rows), NULL)), arena);
        return ret->p || (err && err_oom(err));
    }
    const struct guc_override *o = override_find(g, CUSTOM, name);
    if (!o)
        return unknown(name, err);
    *ret = str_from(o->value ? o->value : o->reset ? o->reset : "");
    return true;
}

struct str gucs_stored(const struct gucs *g, const struct guc *row, const char **ret_source)
{
    return str_from(current_of(g, (size_t)(row - rows), ret_source));
}

struct str gucs_reset_value(const struct gucs *g, const struct guc *row)
{
    const struct guc_override *o = override_find(g, (uint16_t)(row - rows), (struct str){ 0 });
    return str_from(o && o->reset ? o->reset : default_of(g, (size_t)(row - rows)));
}

/* ---- transactions ---- */

uint32_t gucs_mark(const struct gucs *g)
{
    return g->n_undo;
}

static void restore(struct gucs *g, struct guc_undo *u)
{
    struct guc_override *o = override_find(g, u->index, str_from(u->name));
    if (o) {
        free(o->value);
        o->value = u->value;
        u->value = NULL;
        refresh(g, u->index);
    }
}

static void undo_drop(struct guc_undo *u)
{
    free(u->name);
    free(u->value);
}

void gucs_rollback(struct gucs *g, uint32_t mark)
{
    while (g->n_undo > mark) {
        struct guc_undo *u = &g->undo[--g->n_undo];
        restore(g, u);
        undo_drop(u);
    }
}

/* A later plain SET of the same setting makes it stay (PostgreSQL's SET LOCAL after SET keeps the SET value). */
static bool set_later(const struct gucs *g, uint32_t at)
{
    const struct guc_undo *u = &g->undo[at];
    for (uint32_t i = at + 1; i < g->n_undo; i++) {
        const struct guc_undo *v = &g->undo[i];
        if (!v->is_local && v->index == u->index && (u->index != CUSTOM || strcasecmp(v->name, u->name) == 0))
            return true;
    }
    return false;
}

void gucs_commit(struct gucs *g)
{
    for (uint32_t i = g->n_undo; i-- > 0;)
        if (g->undo[i].is_local && !set_later(g, i))
            restore(g, &g->undo[i]);
    for (uint32_t i = 0; i < g->n_undo; i++)
        undo_drop(&g->undo[i]);
    g->n_undo = 0;
    if (g->size_undo > 8) { /* an idle session keeps little */
        free(g->undo);
        g->undo = NULL;
        g->size_undo = 0;
    }
}
