/* keys.c - the rows of keys.def: defaults, reading, printing, sample file, table. See config.h and loader.h. */
#include "config/loader.h"

#include <stdio.h>
#include "proxy/base/log.h"

#define WORD_COUNT(words) (sizeof(words) / sizeof((words)[0]))

/* The texts of each CHOICE key in the order of its enum. */
#define CHOICES(key) static const char *const words_##key[] = {
#define CHOICE(KEY, word, text) text,
#define CHOICES_END(key)                                                                                               \
    }                                                                                                                  \
    ;
#include "config/choices.def"
#undef CHOICES
#undef CHOICE
#undef CHOICES_END
_Static_assert((int)CONFIG_LOG_LEVEL_DEBUG == (int)LOG_LEVEL_DEBUG &&
                   (int)CONFIG_LOG_LEVEL_INFO == (int)LOG_LEVEL_INFO &&
                   (int)CONFIG_LOG_LEVEL_WARNING == (int)LOG_LEVEL_WARNING &&
                   (int)CONFIG_LOG_LEVEL_ERROR == (int)LOG_LEVEL_ERROR,
               "ORDER LOG");
_Static_assert(sizeof(enum config_log_level) == sizeof(unsigned), "an enum is stored as an unsigned");

enum key_type { KEY_BOOL, KEY_CHOICE, KEY_INT, KEY_MODE, KEY_PATH, KEY_SIZE, KEY_TEXT, KEY_TIME };

struct key_row {
    struct config_key public;
    enum key_type type;
    size_t offset;
    const char *const *words;
    size_t n_words;
};

#define OFFSET_BOOL(name) offsetof(struct config, name), NULL, 0
#define OFFSET_CHOICE(name) offsetof(struct config, name), words_##name, WORD_COUNT(words_##name)
#define OFFSET_INT(name) offsetof(struct config, name), NULL, 0
#define OFFSET_MODE(name) offsetof(struct config, name), NULL, 0
#define OFFSET_PATH(name) offsetof(struct config, name), NULL, 0
#define OFFSET_SIZE(name) offsetof(struct config, name), NULL, 0
#define OFFSET_TEXT(name) offsetof(struct config, name), NULL, 0
#define OFFSET_TIME(name) offsetof(struct config, name##_us), NULL, 0
static const struct key_row rows[] = {
#define KEY(name, type, value, min, max, effect, help)                                                                 \
    { { #name, #type, value, min, max, help, CONFIG_##effect }, KEY_##type, OFFSET_##type(name) },
#include "config/keys.def"
#undef KEY
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };
_Static_assert((int)N_ROWS <= (int)CONFIG_MAX_KEYS, "key_seen holds every row");

struct unit {
    const char *name;
    uint64_t factor;
};

/* Longest first: the printer takes the first that divides. "" is what a bare number means. */
static const struct unit time_units[] = {
    { "d", UINT64_C(86400000000) },
    { "h", 3600000000 },
    { "min", 60000000 },
    { "s", 1000000 },
    { "ms", 1000 },
    { "", 1000000 },
};
static const struct unit size_units[] = {
    { "GB", 1 << 30 }, { "MB", 1 << 20 }, { "kB", 1 << 10 }, { "B", 1 }, { "", 1 }
};
static const struct unit plain_units[] = { { "", 1 } };

static const struct unit *units_of(enum key_type type, size_t *ret_n)
{
    switch (type) {
    case KEY_TIME:
        *ret_n = WORD_COUNT(time_units);
        return time_units;
    case KEY_SIZE:
        *ret_n = WORD_COUNT(size_units);
        return size_units;
    case KEY_BOOL:
    case KEY_CHOICE:
    case KEY_INT:
    case KEY_MODE:
    case KEY_PATH:
    case KEY_TEXT:
        break;
    }
    *ret_n = WORD_COUNT(plain_units);
    return plain_units;
}

/* Digits of a base at the start of s; false when there are none or they do not fit. */
static bool scan_digits(struct str s, unsigned base, uint64_t *ret, size_t *ret_n)
{
    uint64_t v = 0;
    size_t n = 0;
    for (; n < s.n && s.p[n] >= '0' && (unsigned)(s.p[n] - '0') < base; n++)
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, (unsigned)(s.p[n] - '0'), &v))
            return false;
    *ret = v;
    *ret_n = n;
    return n > 0;
}

static bool scan_number(const struct key_row *row, struct str s, uint64_t *ret)
{
    uint64_t v;
    size_t n, n_units;
    if (!scan_digits(s, row->type == KEY_MODE ? 8 : 10, &v, &n))
        return false;
    struct str name = str_trim((struct str){ s.p + n, s.n - n });
    const struct unit *units = units_of(row->type, &n_units);
    for (size_t i = 0; i < n_units; i++)
        if (str_is(name, units[i].name))
            return !__builtin_mul_overflow(v, units[i].factor, ret);
    return false;
}

static bool scan_bool(struct str s, uint64_t *ret)
{
    static const char *const words[] = { "0", "1", "off", "on", "no", "yes", "false", "true" };
    for (size_t i = 0; i < WORD_COUNT(words); i++)
        if (str_eq_nocase(s, str_from(words[i]))) {
            *ret = i % 2;
            return true;
        }
    return false;
}

static bool scan_choice(const struct key_row *row, struct str s, uint64_t *ret)
{
    for (size_t i = 0; i < row->n_words; i++)
        if (str_is(s, row->words[i])) {
            *ret = i;
            return true;
        }
    return false;
}

static void *field_of(const struct config *c, const struct key_row *row)
{
    return (char *)(uintptr_t)c + row->offset;
}

static void store_number(struct config *c, const struct key_row *row, uint64_t v)
{
    if (row->type == KEY_BOOL)
        *(bool *)field_of(c, row) = v != 0;
    else if (row->type == KEY_TIME)
        *(uint64_t *)field_of(c, row) = v;
    else if (row->type == KEY_SIZE)
        *(size_t *)field_of(c, row) = (size_t)v;
    else
        *(unsigned *)field_of(c, row) = (unsigned)v;
}

static uint64_t load_number(const struct config *c, const struct key_row *row)
{
    if (row->type == KEY_BOOL)
        return *(const bool *)field_of(c, row);
    if (row->type == KEY_TIME)
        return *(const uint64_t *)field_of(c, row);
    if (row->type == KEY_SIZE)
        return *(const size_t *)field_of(c, row);
    return *(const unsigned *)field_of(c, row);
}

static bool in_range(const struct key_row *row, uint64_t v)
{
    uint64_t min = 0, max = UINT64_MAX;
    if (row->public.min[0] != '\0')
        scan_number(row, str_from(row->public.min), &min);
    if (row->public.max[0] != '\0')
        scan_number(row, str_from(row->public.max), &max);
    return min <= v && v <= max;
}

static bool fail_choice(struct loader *l, const struct key_row *row, struct str value)
{
    loader_fail(l, "\"%.*s\" is not a value of %s", STR_FMT(value), row->public.name);
    struct buf words;
    buf_init(&words, 4096);
    for (size_t i = 0; i < row->n_words; i++)
        buf_printf(&words, "%s%s", i ? ", " : "", row->words[i]);
    err_hint(l->err, "The values are: %.*s.", STR_FMT(buf_str(&words)));
    buf_fini(&words);
    return false;
}

static bool set_number(struct loader *l, const struct key_row *row, struct str value)
{
    static const char *const forms[] = {
        [KEY_BOOL] = "on or off",
        [KEY_INT] = "a number",
        [KEY_MODE] = "an octal file mode",
        [KEY_SIZE] = "a size such as 100, 64kB, 16MB or 1GB",
        [KEY_TIME] = "a time such as 30 (seconds), 500ms, 30s, 5min, 2h or 1d",
    };
    uint64_t v;
    bool ok = row->type == KEY_BOOL ? scan_bool(value, &v) : scan_number(row, value, &v);
    if (!ok)
        return loader_fail(l, "%s: expected %s, not \"%.*s\"", row->public.name, forms[row->type], STR_FMT(value));
    if (!in_range(row, v))
        return loader_fail(l, "%s: \"%.*s\" is outside of %s to %s", row->public.name, STR_FMT(value), row->public.min,
                           row->public.max);
    store_number(l->config, row, v);
    return true;
}

static bool set_row(struct loader *l, const struct key_row *row, struct str value)
{
    uint64_t v;
    switch (row->type) {
    case KEY_TEXT:
        return loader_text(l, value, field_of(l->config, row));
    case KEY_PATH:
        return loader_path(l, value, field_of(l->config, row));
    case KEY_CHOICE:
        if (!scan_choice(row, value, &v))
            return fail_choice(l, row, value);
        store_number(l->config, row, v);
        return true;
    case KEY_BOOL:
    case KEY_INT:
    case KEY_MODE:
    case KEY_SIZE:
    case KEY_TIME:
        break;
    }
    return set_number(l, row, value);
}

bool keys_defaults(struct loader *l)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (!set_row(l, &rows[i], str_from(rows[i].public.value)))
            return false;
    return true;
}

bool keys_set(struct loader *l, struct str name, struct str value)
{
    size_t i = 0;
    while (i < N_ROWS && !str_is(name, rows[i].public.name))
        i++;
    if (i == N_ROWS)
        return loader_fail(l, "unknown key \"%.*s\" in section [pgd1]", STR_FMT(name));
    if (l->key_seen[i])
        return loader_fail(l, "%s is given twice", rows[i].public.name);
    l->key_seen[i] = true;
    return set_row(l, &rows[i], value);
}

const struct config_key *config_key_at(size_t i)
{
    return i < N_ROWS ? &rows[i].public : NULL;
}

/* Every public part handed out is the first member of its row. */
static const struct key_row *row_of(const struct config_key *key)
{
    return (const struct key_row *)key;
}

static void print_number(const struct key_row *row, uint64_t v, struct buf *out)
{
    size_t n;
    const struct unit *units = units_of(row->type, &n);
    for (size_t i = 0; i < n; i++)
        if (units[i].name[0] != '\0' && v != 0 && v % units[i].factor == 0) {
            buf_printf(out, "%llu%s", (unsigned long long)(v / units[i].factor), units[i].name);
            return;
        }
    buf_printf(out, "%llu", (unsigned long long)v);
}

void config_key_print(const struct config *c, const struct config_key *key, struct buf *out)
{
    const struct key_row *row = row_of(key);
    switch (row->type) {
    case KEY_TEXT:
    case KEY_PATH:
        buf_printf(out, "%s", *(const char *const *)field_of(c, row));
        return;
    case KEY_BOOL:
        buf_printf(out, "%s", load_number(c, row) ? "on" : "off");
        return;
    case KEY_CHOICE:
        buf_printf(out, "%s", row->words[load_number(c, row)]);
        return;
    case KEY_MODE:
        buf_printf(out, "%04o", (unsigned)load_number(c, row));
        return;
    case KEY_INT:
    case KEY_SIZE:
    case KEY_TIME:
        break;
    }
    print_number(row, load_number(c, row), out);
}

static bool differs(const struct config *a, const struct config *b, const struct key_row *row)
{
    if (row->type == KEY_TEXT || row->type == KEY_PATH)
        return strcmp(*(const char *const *)field_of(a, row), *(const char *const *)field_of(b, row)) != 0;
    return load_number(a, row) != load_number(b, row);
}

const struct config_key *config_needs_restart(const struct config *old, const struct config *new, size_t *at)
{
    while (*at < N_ROWS) {
        const struct key_row *row = &rows[(*at)++];
        if (row->public.effect == CONFIG_RESTART && differs(old, new, row))
            return &row->public;
    }
    return NULL;
}

static void print_words(const struct key_row *row, const char *between, struct buf *out)
{
    for (size_t i = 0; i < row->n_words; i++)
        buf_printf(out, "%s%s", i ? between : "", row->words[i]);
}

static void print_range(const struct key_row *row, struct buf *out)
{
    if (row->type == KEY_CHOICE)
        print_words(row, ", ", out);
    else if (row->public.max[0] != '\0')
        buf_printf(out, "%s to %s", row->public.min, row->public.max);
}

static const char *const effects[] = {
    [CONFIG_RELOAD] = "reload", [CONFIG_SESSION] = "new sessions", [CONFIG_RESTART] = "restart"
};

void config_sample(struct buf *out)
{
    buf_printf(out,
               ";; pgd1.ini: every key of pgd1 with its default. Lines that start with ; or # are comments.\n"
               ";; A relative path starts at the folder of this file.\n\n"
               "[databases]\n"
               ";; name = where its D1 is; * is every other name, %%s the name asked for.\n"
               "app = d1=embedded path=app.db\n"
               ";app = d1=gateway url=https://gateway.example.workers.dev binding=DB token_file=gateway.token\n"
               ";app = d1=rest account=0123456789abcdef0123456789abcdef database=01234567-89ab-cdef-0123-456789abcdef "
               "token_env=CLOUDFLARE_API_TOKEN\n"
               ";app = wrangler=wrangler.jsonc env=production d1=gateway url=https://gateway.example.workers.dev "
               "token_file=gateway.token\n"
               ";* = d1=embedded path=tenants/%%s.db\n\n"
               "[users]\n"
               ";; name = 'password' or a SCRAM verifier; or see auth_file.\n"
               ";alice = 'a long secret'\n\n"
               "[pgd1]\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct key_row *row = &rows[i];
        buf_printf(out, ";; %s", row->public.help);
        if (row->type == KEY_CHOICE || row->public.max[0] != '\0') {
            buf_printf(out, " (");
            print_range(row, out);
            buf_printf(out, ")");
        }
        buf_printf(out, "\n;%s = %s\n\n", row->public.name, row->public.value);
    }
}

void config_table(struct buf *out)
{
    buf_printf(out, "| key | default | values | takes effect | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct key_row *row = &rows[i];
        buf_printf(out, "| `%s` | %s%s%s | ", row->public.name, row->public.value[0] ? "`" : "", row->public.value,
                   row->public.value[0] ? "`" : "");
        print_range(row, out);
        buf_printf(out, " | %s | %s |\n", effects[row->public.effect], row->public.help);
    }
}
