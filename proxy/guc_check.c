/* guc_check.c - see guc_check.h. Units and texts as PostgreSQL's guc.c has them. */
#include "proxy/guc_check.h"

#include <errno.h>
#include <math.h>
#include "pgwire/timezone.h"
#include "proxy/catalog/encoding.h"
#include "proxy/sql/functions/text_search_words.h"

const char *const guc_isolation_words[4] = { "read uncommitted", "read committed", "repeatable read", "serializable" };

/* ---- units ---- */

struct unit {
    const char *name;
    double factor; /* in bytes or microseconds */
};
static const struct unit memory_units[] = { { "TB", 1099511627776.0 }, { "GB", 1073741824.0 }, { "MB", 1048576.0 },
                                            { "kB", 1024.0 },          { "B", 1.0 },           { NULL, 0 } };
static const struct unit time_units[] = { { "d", 86400e6 }, { "h", 3600e6 }, { "min", 60e6 }, { "s", 1e6 },
                                          { "ms", 1e3 },    { "us", 1 },     { NULL, 0 } };

static const struct unit *unit_find(const struct unit *units, struct str name)
{
    for (; units->name; units++)
        if (str_is(name, units->name))
            return units;
    return NULL;
}

/* The family of a setting's unit and the unit's own factor; NULL: it has none. */
static const struct unit *family_of(const struct guc *row, double *ret_factor)
{
    struct str unit = str_from(row->unit);
    if (unit.n == 0)
        return NULL;
    if (str_is(unit, "8kB")) {
        *ret_factor = 8192;
        return memory_units;
    }
    const struct unit *u = unit_find(time_units, unit);
    const struct unit *family = u ? time_units : memory_units;
    if (!u)
        u = unit_find(memory_units, unit);
    *ret_factor = u ? u->factor : 1;
    return u ? family : NULL;
}

static bool invalid(const struct guc *row, struct str value, struct err *err)
{
    return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": \"%.*s\"", row->name,
                   STR_FMT(value));
}

static bool bad_unit(const struct guc *row, struct str value, const struct unit *family, struct err *err)
{
    invalid(row, value, err);
    if (family == memory_units)
        return err_hint(err, "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
    if (family == time_units)
        return err_hint(err, "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".");
    return false;
}

/* A number with an optional unit, in units of the row. */
static bool number_in(const struct guc *row, struct str value, struct arena *arena, double *ret, struct err *err)
{
    struct str text = str_trim(value);
    char *s = arena_cstr(arena, text), *end;
    double factor = 1;
    const struct unit *family = family_of(row, &factor);
    if (!s)
        return err_oom(err);
    errno = 0;
    double v = row->type == GUC_INT ? (double)strtol(s, &end, 0) : strtod(s, &end); /* 010 is 8, as in C */
    if (row->type == GUC_INT && (errno || *end == '.' || *end == 'e' || *end == 'E')) {
        errno = 0;
        v = strtod(s, &end);
    }
    if (end == s || errno || !isfinite(v))
        return invalid(row, value, err);
    struct str unit = str_trim(str_from(end));
    if (unit.n) {
        const struct unit *u = family ? unit_find(family, unit) : NULL;
        if (!u)
            return bad_unit(row, value, family, err);
        v = v * u->factor / factor;
        if (u[1].name) /* a fraction keeps whole ones of the next smaller unit */
            v = rint(v / (u[1].factor / factor)) * (u[1].factor / factor);
    }
    *ret = v;
    return true;
}

static bool out_of_range(const struct guc *row, struct str shown, struct err *err)
{
    return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE,
                   "%.*s%s%s is outside the valid range for parameter \"%s\" (%s .. %s)", STR_FMT(shown),
                   row->unit[0] ? " " : "", row->unit, row->name, row->min, row->max);
}

static bool check_int(const struct guc *row, struct str value, struct arena *arena, struct str *ret, struct err *err)
{
    double v;
    if (!number_in(row, value, arena, &v, err))
        return false;
    v = rint(v);
    if (fabs(v) > 2147483647.0) {
        invalid(row, value, err);
        return err_hint(err, "Value exceeds integer range.");
    }
    struct str shown = arena_printf(arena, "%d", (int)v);
    if ((row->min[0] && v < strtod(row->min, NULL)) || (row->max[0] && v > strtod(row->max, NULL)))
        return out_of_range(row, shown, err);
    *ret = shown;
    return shown.p || err_oom(err);
}

static bool check_real(const struct guc *row, struct str value, struct arena *arena, struct str *ret, struct err *err)
{
    double v;
    if (!number_in(row, value, arena, &v, err))
        return false;
    struct str shown = arena_printf(arena, "%g", v);
    if ((row->min[0] && v < strtod(row->min, NULL)) || (row->max[0] && v > strtod(row->max, NULL)))
        return out_of_range(row, shown, err);
    *ret = shown;
    return shown.p || err_oom(err);
}

/* ---- booleans and words ---- */

/* Unique prefixes of true, false, yes, no, on, off; 1 and 0: as parse_bool does. */
static bool bool_in(struct str v, bool *ret)
{
    static const struct {
        const char *word;
        size_t least;
        bool value;
    } words[] = { { "true", 1, true }, { "false", 1, false }, { "yes", 1, true }, { "no", 1, false },
                  { "on", 2, true },   { "off", 2, false },   { "1", 1, true },   { "0", 1, false } };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct str word = str_from(words[i].word);
        if (v.n >= words[i].least && str_starts_nocase(word, v)) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

static bool check_bool(const struct guc *row, struct str value, struct str *ret, struct err *err)
{
    bool v;
    if (!bool_in(value, &v))
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "parameter \"%s\" requires a Boolean value", row->name);
    *ret = v ? STR("on") : STR("off");
    return true;
}

static bool next_word(struct str *list, struct str *ret)
{
    if (list->n == 0)
        return false;
    ptrdiff_t comma = str_find(*list, STR(","));
    size_t n = comma < 0 ? list->n : (size_t)comma;
    *ret = str_trim((struct str){ list->p, n });
    *list = comma < 0 ? (struct str){ 0 } : (struct str){ list->p + n + 1, list->n - n - 1 };
    return true;
}

static bool check_enum(const struct guc *row, struct str value, struct arena *arena, struct str *ret, struct err *err)
{
    struct str list = str_from(row->words), word;
    bool truth, is_bool = bool_in(value, &truth);
    while (next_word(&list, &word)) {
        bool alias = (is_bool && str_is(word, truth ? "on" : "off")) ||
                     (str_is(word, "debug2") && str_eq_nocase(value, STR("debug")));
        if (str_eq_nocase(word, value) || alias) {
            *ret = word;
            return true;
        }
    }
    invalid(row, value, err);
    struct buf b;
    buf_init(&b, 4096);
    list = str_from(row->words);
    while (next_word(&list, &word))
        buf_printf(&b, "%s%.*s", b.n ? ", " : "", STR_FMT(word));
    err_hint(err, "Available values: %.*s.", STR_FMT(buf_str(&b)));
    buf_fini(&b);
    (void)arena;
    return false;
}

/* ---- settings with rules of their own ---- */

struct date_words {
    int style, order; /* -1: not said */
    bool conflict;
};

static void put(int *field, int value, bool *conflict)
{
    *conflict |= *field >= 0 && *field != value;
    *field = value;
}

static bool date_word(struct str w, struct date_words *d)
{
    if (str_eq_nocase(w, STR("ISO")))
        put(&d->style, DATE_STYLE_ISO, &d->conflict);
    else if (str_eq_nocase(w, STR("SQL")))
        put(&d->style, DATE_STYLE_SQL, &d->conflict);
    else if (str_starts_nocase(w, STR("POSTGRES")))
        put(&d->style, DATE_STYLE_POSTGRES, &d->conflict);
    else if (str_starts_nocase(w, STR("GERMAN"))) {
        put(&d->style, DATE_STYLE_GERMAN, &d->conflict);
        if (d->order < 0)
            d->order = DATE_ORDER_DMY;
    } else if (str_eq_nocase(w, STR("YMD")))
        put(&d->order, DATE_ORDER_YMD, &d->conflict);
    else if (str_eq_nocase(w, STR("DMY")) || str_starts_nocase(w, STR("EURO")))
        put(&d->order, DATE_ORDER_DMY, &d->conflict);
    else if (str_eq_nocase(w, STR("MDY")) || str_eq_nocase(w, STR("US")) || str_starts_nocase(w, STR("NONEURO")))
        put(&d->order, DATE_ORDER_MDY, &d->conflict);
    else
        return str_eq_nocase(w, STR("DEFAULT"));
    return true;
}

static const char *const style_names[] = { [DATE_STYLE_ISO] = "ISO",
                                           [DATE_STYLE_SQL] = "SQL",
                                           [DATE_STYLE_POSTGRES] = "Postgres",
                                           [DATE_STYLE_GERMAN] = "German" };
static const char *const order_names[] = {
    [DATE_ORDER_MDY] = "MDY", [DATE_ORDER_DMY] = "DMY", [DATE_ORDER_YMD] = "YMD"
};

static bool check_date_style(const struct guc *row, struct str value, const struct guc_live *live, struct arena *arena,
                             struct str *ret, struct err *err)
{
    struct date_words d = { -1, -1, false };
    struct str list = value, word;
    while (next_word(&list, &word)) {
        if (word.n >= 2 && word.p[0] == '"')
            word = (struct str){ word.p + 1, word.n - 2 };
        if (!date_word(word, &d)) {
            invalid(row, value, err);
            return err_detail(err, "Unrecognized key word: \"%.*s\".", STR_FMT(word));
        }
    }
    if (d.conflict) {
        invalid(row, value, err);
        return err_detail(err, "Conflicting \"datestyle\" specifications.");
    }
    *ret = arena_printf(arena, "%s, %s", style_names[d.style < 0 ? (int)live->types.date_style : d.style],
                        order_names[d.order < 0 ? (int)live->types.date_order : d.order]);
    return ret->p || err_oom(err);
}

static void apply_date_style(struct str stored, struct guc_live *live)
{
    struct date_words d = { -1, -1, false };
    struct str word;
    while (next_word(&stored, &word))
        date_word(word, &d);
    if (d.style >= 0)
        live->types.date_style = (enum date_style)d.style;
    if (d.order >= 0)
        live->types.date_order = (enum date_order)d.order;
}

static bool check_zone(const struct guc *row, struct str value, const struct guc_live *live, struct arena *arena,
                       struct str *ret, struct err *err)
{
    (void)live;
    const struct zone *zone = zone_find(value);
    if (!zone)
        return invalid(row, value, err);
    *ret = arena_str(arena, zone_name(zone));
    return ret->p || err_oom(err);
}

static void apply_zone(struct str stored, struct guc_live *live)
{
    const struct zone *zone = zone_find(stored);
    live->types.zone = zone ? zone : zone_utc();
}

static bool check_encoding(const struct guc *row, struct str value, const struct guc_live *live, struct arena *arena,
                           struct str *ret, struct err *err)
{
    (void)live;
    (void)arena;
    int number = encoding_number(value);
    if (number < 0)
        return invalid(row, value, err);
    if (number == ENCODING_UTF8 ||
        number == ENCODING_SQL_ASCII) { /* SQL_ASCII: no conversion, the bytes are the server's, UTF-8 */
        *ret = encoding_name(number);
        return true;
    }
    err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "client encoding \"%.*s\" is not supported", STR_FMT(value));
    return err_hint(err, "Use UTF8.");
}

static bool check_application_name(const struct guc *row, struct str value, const struct guc_live *live,
                                   struct arena *arena, struct str *ret, struct err *err)
{
    (void)row;
    (void)live;
    char *p = arena_cstr(arena, (struct str){ value.p, value.n > 63 ? 63 : value.n });
    if (!p)
        return err_oom(err);
    for (char *c = p; *c; c++)
        if (*c < 32 || *c > 126)
            *c = '?';
    *ret = str_from(p);
    return true;
}

static bool check_session(const struct guc *row, struct str value, const struct guc_live *live, struct arena *arena,
                          struct str *ret, struct err *err)
{
    (void)live;
    (void)arena;
    bool good = value.n > 0 && value.n <= 1000; /* a bookmark: hex digits and hyphens, as D1 gives them; kept opaque */
    for (size_t i = 0; i < value.n && good; i++)
        good = value.p[i] == '-' || value.p[i] == '_' || ((value.p[i] | 0x20) >= 'a' && (value.p[i] | 0x20) <= 'z') ||
               (value.p[i] >= '0' && value.p[i] <= '9');
    if (!good) {
        invalid(row, value, err);
        return err_hint(err, "Available values: first-primary, first-unconstrained, or a bookmark.");
    }
    *ret = value;
    return true;
}

/* Kept with its schema, as PostgreSQL does. Empty stays empty: then there is none. */
static bool check_search_configuration(const struct guc *row, struct str value, const struct guc_live *live,
                                       struct arena *arena, struct str *ret, struct err *err)
{
    (void)live;
    if (value.n == 0) {
        *ret = STR("");
        return true;
    }
    const struct ts_configuration *found = ts_configuration_named(value);
    if (!found)
        return invalid(row, value, err);
    *ret = arena_printf(arena, "pg_catalog.%s", found->name);
    return ret->p || err_oom(err);
}

static uint64_t milliseconds(struct str stored)
{
    int64_t v = 0;
    return str_to_int64(stored, &v) && v > 0 ? (uint64_t)v * 1000 : 0;
}

static void apply_statement_timeout(struct str v, struct guc_live *live)
{
    live->statement_timeout_us = milliseconds(v);
}

static void apply_row_locks(struct str v, struct guc_live *live)
{
    live->row_locks = str_is(v, "on");
}

static void apply_lock_timeout(struct str v, struct guc_live *live)
{
    live->lock_timeout_us = milliseconds(v);
}

static void apply_idle_transaction(struct str v, struct guc_live *live)
{
    live->idle_transaction_us = milliseconds(v);
}

static void apply_idle_session(struct str v, struct guc_live *live)
{
    live->idle_session_us = milliseconds(v);
}

static void apply_float_digits(struct str v, struct guc_live *live)
{
    int64_t digits = 1;
    str_to_int64(v, &digits);
    live->types.extra_float_digits = (int)digits;
}

static void apply_interval_style(struct str v, struct guc_live *live)
{
    live->types.interval_style = str_is(v, "postgres")           ? INTERVAL_STYLE_POSTGRES
                                 : str_is(v, "postgres_verbose") ? INTERVAL_STYLE_POSTGRES_VERBOSE
                                 : str_is(v, "sql_standard")     ? INTERVAL_STYLE_SQL_STANDARD
                                                                 : INTERVAL_STYLE_ISO_8601;
}

static void apply_bytea(struct str v, struct guc_live *live)
{
    live->types.bytea_output = str_is(v, "escape") ? BYTEA_OUTPUT_ESCAPE : BYTEA_OUTPUT_HEX;
}

static void apply_min_messages(struct str v, struct guc_live *live)
{
    static const struct {
        const char *word;
        enum severity severity;
    } words[] = { { "log", SEVERITY_LOG },
                  { "notice", SEVERITY_NOTICE },
                  { "warning", SEVERITY_WARNING },
                  { "error", SEVERITY_ERROR } };
    live->min_messages = SEVERITY_DEBUG;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_is(v, words[i].word))
            live->min_messages = words[i].severity;
}

static void apply_isolation(struct str v, struct guc_live *live)
{
    for (unsigned char i = 0; i < 4; i++)
        if (str_is(v, guc_isolation_words[i]))
            live->default_isolation = i;
}

static void apply_read_only(struct str v, struct guc_live *live)
{
    live->default_read_only = str_is(v, "on");
}

static void apply_deferrable(struct str v, struct guc_live *live)
{
    live->default_deferrable = str_is(v, "on");
}

static void apply_dialect(struct str v, struct guc_live *live)
{
    live->raw_sqlite = str_is(v, "sqlite");
}

/* Words of restrict_nonsystem_relation_kind, in any case. */
static bool check_relation_kinds(const struct guc *row, struct str value, const struct guc_live *live,
                                 struct arena *arena, struct str *ret, struct err *err)
{
    struct str list = value, word;
    (void)live;
    while (next_word(&list, &word))
        if (!str_eq_nocase(word, STR("view")) && !str_eq_nocase(word, STR("foreign-table"))) {
            invalid(row, value, err);
            return err_detail(err, "Unrecognized key word: \"%.*s\".", STR_FMT(word));
        }
    *ret = arena_str(arena, value);
    return ret->p || err_oom(err);
}

/* There are no foreign tables to keep anybody from. */
static void apply_relation_kinds(struct str v, struct guc_live *live)
{
    struct str word;
    live->no_views = false;
    while (next_word(&v, &word))
        live->no_views |= str_eq_nocase(word, STR("view"));
}

static void apply_max_transaction_statements(struct str v, struct guc_live *live)
{
    int64_t n;
    if (str_to_int64(v, &n))
        live->max_transaction_statements = (uint32_t)n;
}

static void apply_repeatable_read_memory(struct str v, struct guc_live *live)
{
    int64_t n;
    if (str_to_int64(v, &n))
        live->repeatable_read_bytes = (uint32_t)n * 1024;
}

static void apply_transaction_mode(struct str v, struct guc_live *live)
{
    live->batch_transactions = str_is(v, "batch");
}

static void apply_report_bookmark(struct str v, struct guc_live *live)
{
    live->report_bookmark = str_is(v, "on");
}

static const struct {
    const char *name;
    bool (*check)(const struct guc *row, struct str value, const struct guc_live *live, struct arena *arena,
                  struct str *ret, struct err *err);
    void (*apply)(struct str stored, struct guc_live *live);
} special[] = {
    { "application_name", check_application_name, NULL },
    { "bytea_output", NULL, apply_bytea },
    { "client_encoding", check_encoding, NULL },
    { "client_min_messages", NULL, apply_min_messages },
    { "DateStyle", check_date_style, apply_date_style },
    { "default_transaction_deferrable", NULL, apply_deferrable },
    { "default_transaction_isolation", NULL, apply_isolation },
    { "default_transaction_read_only", NULL, apply_read_only },
    { "default_text_search_config", check_search_configuration, NULL },
    { "extra_float_digits", NULL, apply_float_digits },
    { "idle_in_transaction_session_timeout", NULL, apply_idle_transaction },
    { "idle_session_timeout", NULL, apply_idle_session },
    { "IntervalStyle", NULL, apply_interval_style },
    { "lock_timeout", NULL, apply_lock_timeout },
    { "pgd1.dialect", NULL, apply_dialect },
    { "pgd1.max_transaction_statements", NULL, apply_max_transaction_statements },
    { "pgd1.repeatable_read_memory", NULL, apply_repeatable_read_memory },
    { "pgd1.report_bookmark", NULL, apply_report_bookmark },
    { "pgd1.row_locks", NULL, apply_row_locks },
    { "pgd1.session", check_session, NULL },
    { "pgd1.transaction_mode", NULL, apply_transaction_mode },
    { "restrict_nonsystem_relation_kind", check_relation_kinds, apply_relation_kinds },
    { "statement_timeout", NULL, apply_statement_timeout },
    { "TimeZone", check_zone, apply_zone },
};

bool guc_check(const struct guc *row, struct str value, const struct guc_live *live, struct arena *arena,
               struct str *ret, struct err *err)
{
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (special[i].check && strcmp(special[i].name, row->name) == 0)
            return special[i].check(row, value, live, arena, ret, err);
    switch (row->type) {
    case GUC_BOOL:
        return check_bool(row, value, ret, err);
    case GUC_INT:
        return check_int(row, value, arena, ret, err);
    case GUC_REAL:
        return check_real(row, value, arena, ret, err);
    case GUC_ENUM:
        return check_enum(row, value, arena, ret, err);
    case GUC_STRING:
        *ret = value;
        return true;
    }
    return false;
}

void guc_apply(const struct guc *row, struct str stored, struct guc_live *live)
{
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if (special[i].apply && strcmp(special[i].name, row->name) == 0)
            special[i].apply(stored, live);
}

bool guc_same_meaning(const struct guc *row, struct str stored)
{
    static const char *const pairs[][2] = {
        { "default_tablespace", "pg_default" },
        { "temp_tablespaces", "pg_default" },
        { "xmloption", "content" },
    };
    if (str_starts(str_from(row->name), STR("lc_")))
        return stored.n == 0 || str_is(stored, "POSIX") || str_eq_nocase(stored, STR("C.UTF-8")) ||
               str_eq_nocase(stored, STR("C.utf8"));
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (strcmp(pairs[i][0], row->name) == 0 && str_is(stored, pairs[i][1]))
            return true;
    return false;
}

struct str guc_print(const struct guc *row, struct str stored, struct arena *arena)
{
    double factor = 1;
    const struct unit *family = row->type == GUC_INT || row->type == GUC_REAL ? family_of(row, &factor) : NULL;
    const char *text = family ? arena_cstr(arena, stored) : NULL;
    double n = text ? strtod(text, NULL) : 0;
    if (n <= 0)
        return stored.n ? arena_str(arena, stored) : STR("");
    /* the largest unit that shows a whole number, or the smallest one */
    for (;; family++) {
        double v = n * factor / family->factor;
        if (!family[1].name || (v > 0 && fabs(rint(v) / v - 1) <= 1e-8))
            return arena_printf(arena, row->type == GUC_INT ? "%.0f%s" : "%g%s", v, family->name);
    }
}
