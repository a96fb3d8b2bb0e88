/*
 * timezone.c - see timezone.h.
 *
 * The system's TZif files (RFC 8536) are read here and not through GLib, whose GTimeZone (2.74) was measured wrong where
 * PostgreSQL is right: Dublin after 2037, and daylight saving time in far years.
 */
#include "pgwire/timezone.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "proxy/base/fault.h"
#include "proxy/base/map.h"

enum {
    NAME_LIMIT = 255,
    FILE_LIMIT = 256 * 1024,
    ABBREVIATION_LIMIT = 48,
    MAX_TYPES = 256,
    MAX_MADE = 2048, /* zones not made of a file: POSIX texts and plain offsets, which clients may invent */
    SECONDS_PER_DAY = 86400,
};
static const char zone_folder[] = "/usr/share/zoneinfo";

struct zone_type {
    int32_t offset;
    char name[ABBREVIATION_LIMIT];
};

/* A yearly change: day by one of POSIX's three ways, seconds of local time after its midnight. */
struct change {
    enum { CHANGE_JULIAN, CHANGE_DAY, CHANGE_MONTH } kind;
    int day, week, month;
    int32_t seconds;
};

struct zone {
    char name[NAME_LIMIT + 1];
    size_t changes_n, types_n;
    int64_t *at;   /* seconds since 1970 */
    uint8_t *type; /* type that holds from at[i] on */
    struct zone_type *types;
    /* What holds after the last change, for ever. */
    enum { TAIL_NONE, TAIL_STANDARD, TAIL_RULES } tail;
    struct zone_type standard, saving;
    struct change to_saving, to_standard;
};

/* ---- days of the rules; years around now only matter, int is enough */

static int64_t days_of_year(int64_t year) /* days from 1970-01-01 to January 1st */
{
    int64_t y = year - 1;
    return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* n-th day d of a month (0 Sunday; week 5: the last), as a day of the year from 0. */
static int month_rule_day(const struct change *c, int64_t year)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
    int leap = is_leap(year) && c->month > 2, length = before[c->month] - before[c->month - 1];
    if (c->month == 2 && is_leap(year))
        length = 29;
    int first = before[c->month - 1] + leap;
    int64_t weekday = ((days_of_year(year) + first) % 7 + 11) % 7; /* 1970-01-01 was a Thursday */
    int day = (c->day - (int)weekday + 7) % 7 + 7 * (c->week - 1);
    while (day >= length)
        day -= 7;
    return first + day;
}

/* The instant of a change in a year, given the offset in force before it. */
static int64_t change_at(const struct change *c, int64_t year, int32_t offset_before)
{
    int day = 0;
    switch (c->kind) {
    case CHANGE_JULIAN:
        day = c->day - 1 + (is_leap(year) && c->day >= 60);
        break;
    case CHANGE_DAY:
        day = c->day;
        break;
    case CHANGE_MONTH:
        day = month_rule_day(c, year);
        break;
    }
    return (days_of_year(year) + day) * SECONDS_PER_DAY + c->seconds - offset_before;
}

/* ---- which type holds when */

struct period {
    const struct zone_type *type;
    int64_t end; /* when the next one starts; INT64_MAX: never */
    const struct zone_type *next;
};

/* What held before the first change. */
static const struct zone_type *first_type(const struct zone *z)
{
    return z->types_n ? &z->types[0] : &z->standard;
}

/* The rule period around t, which is after the last change of the table. */
static struct period rule_period(const struct zone *z, int64_t t)
{
    int64_t year = 1970 + (int64_t)floor((double)t / (365.2425 * SECONDS_PER_DAY));
    struct period p = { NULL, INT64_MAX, NULL };
    int64_t start = INT64_MIN;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        const struct {
            int64_t at;
            const struct zone_type *type;
        } both[] = { { change_at(&z->to_saving, y, z->standard.offset), &z->saving },
                     { change_at(&z->to_standard, y, z->saving.offset), &z->standard } };
        for (int i = 0; i < 2; i++) {
            if (both[i].at <= t && both[i].at >= start) {
                start = both[i].at;
                p.type = both[i].type;
            } else if (both[i].at > t && both[i].at < p.end) {
                p.end = both[i].at;
                p.next = both[i].type;
            }
        }
    }
    return p;
}

static struct period tail_period(const struct zone *z, int64_t t)
{
    const struct zone_type *last = z->changes_n ? &z->types[z->type[z->changes_n - 1]] : first_type(z);
    if (z->tail == TAIL_RULES)
        return rule_period(z, t);
    return (struct period){ last, INT64_MAX, NULL };
}

/* How many changes of the table are not after t. */
static size_t changes_until(const struct zone *z, int64_t t)
{
    size_t low = 0, high = z->changes_n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct period period_at(const struct zone *z, int64_t t)
{
    size_t n = changes_until(z, t);
    if (n == z->changes_n && (n == 0 || z->tail == TAIL_RULES))
        return tail_period(z, t);
    struct period p = { n ? &z->types[z->type[n - 1]] : first_type(z), INT64_MAX, NULL };
    if (n < z->changes_n) {
        p.end = z->at[n];
        p.next = &z->types[z->type[n]];
    }
    return p;
}

static int64_t floor_seconds(int64_t us)
{
    return us >= 0 ? us / 1000000 : -((999999 - us) / 1000000);
}

int zone_offset_at(const struct zone *zone, int64_t utc_us, struct str *ret_abbreviation)
{
    struct period p = period_at(zone, floor_seconds(utc_us));
    if (ret_abbreviation)
        *ret_abbreviation = str_from(p.type->name);
    return p.type->offset;
}

/* Looks for the first change after the day before. A time that a change skips is read by the offset before it; of two
 * readings of a repeated time the later one is taken, by the offset after the change. */
int64_t zone_local_to_utc(const struct zone *zone, int64_t local_us)
{
    int64_t local = floor_seconds(local_us);
    struct period p = period_at(zone, local - SECONDS_PER_DAY);
    int32_t offset = p.type->offset;
    if (p.next) {
        int64_t before = local - p.type->offset, after = local - p.next->offset;
        if (before < p.end && after < p.end)
            offset = p.type->offset;
        else if (before > p.end && after >= p.end)
            offset = p.next->offset;
        else
            offset = before > after ? p.type->offset : p.next->offset;
    }
    return local_us - (int64_t)offset * 1000000;
}

bool zone_is_fixed(const struct zone *zone, int *ret_seconds_east)
{
    if (zone->tail == TAIL_RULES && zone->standard.offset != zone->saving.offset)
        return false;
    const struct zone_type *type = tail_period(zone, 0).type;
    for (size_t i = 0; i < zone->changes_n; i++)
        if (zone->types[zone->type[i]].offset != type->offset)
            return false;
    if (zone->types_n && first_type(zone)->offset != type->offset)
        return false;
    *ret_seconds_east = type->offset;
    return true;
}

struct str zone_name(const struct zone *zone)
{
    return str_from(zone->name);
}

int zone_abbreviation_offset(const struct zone *zone, struct str name, int64_t utc_seconds)
{
    size_t n = changes_until(zone, utc_seconds);
    for (size_t i = n; i-- > 0;)
        if (str_eq_nocase(str_from(zone->types[zone->type[i]].name), name))
            return zone->types[zone->type[i]].offset;
    if (zone->types_n && str_eq_nocase(str_from(first_type(zone)->name), name))
        return first_type(zone)->offset;
    for (size_t i = n; i < zone->changes_n; i++)
        if (str_eq_nocase(str_from(zone->types[zone->type[i]].name), name))
            return zone->types[zone->type[i]].offset;
    return period_at(zone, utc_seconds).type->offset;
}

/* ---- POSIX texts: "CET-1CEST,M3.5.0,M10.5.0/3", "<-03>3" */

struct scan {
    const char *p, *end;
};

static bool scan_char(struct scan *s, char c)
{
    bool is = s->p < s->end && *s->p == c;
    s->p += is;
    return is;
}

static bool scan_digit(const struct scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool scan_number(struct scan *s, int min, int max, int *ret)
{
    int v = 0;
    if (!scan_digit(s))
        return false;
    for (; scan_digit(s); s->p++)
        if ((v = v * 10 + (*s->p - '0')) > max)
            return false;
    *ret = v;
    return v >= min;
}

/* Letters, or anything in <>. May be empty, as PostgreSQL lets it. */
static bool scan_name(struct scan *s, char *out)
{
    const char *start = s->p;
    bool quoted = scan_char(s, '<');
    if (quoted)
        start++;
    while (s->p < s->end && (quoted ? *s->p != '>' : !scan_digit(s) && !memchr(",+-", *s->p, 3)))
        s->p++;
    size_t n = (size_t)(s->p - start);
    if (n >= ABBREVIATION_LIMIT || (quoted && !scan_char(s, '>')))
        return false;
    memcpy(out, start, n);
    out[n] = 0;
    return true;
}

/* [+-]hh[:mm[:ss]], up to 167 hours */
static bool scan_seconds(struct scan *s, int32_t *ret)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = scan_char(s, '-');
    if (!negative)
        scan_char(s, '+');
    if (!scan_number(s, 0, 167, &hours))
        return false;
    if (scan_char(s, ':') && !scan_number(s, 0, 59, &minutes))
        return false;
    if (minutes >= 0 && scan_char(s, ':') && !scan_number(s, 0, 60, &seconds))
        return false;
    int32_t v = hours * 3600 + minutes * 60 + seconds;
    *ret = negative ? -v : v;
    return true;
}

static bool scan_change(struct scan *s, struct change *ret)
{
    *ret = (struct change){ .kind = CHANGE_DAY, .seconds = 2 * 3600 };
    bool ok;
    if (scan_char(s, 'J')) {
        ret->kind = CHANGE_JULIAN;
        ok = scan_number(s, 1, 365, &ret->day);
    } else if (scan_char(s, 'M')) {
        ret->kind = CHANGE_MONTH;
        ok = scan_number(s, 1, 12, &ret->month) && scan_char(s, '.') && scan_number(s, 1, 5, &ret->week) &&
             scan_char(s, '.') && scan_number(s, 0, 6, &ret->day);
    } else {
        ok = scan_number(s, 0, 365, &ret->day);
    }
    return ok && (!scan_char(s, '/') || scan_seconds(s, &ret->seconds));
}

/* POSIX counts west of UTC. */
static bool scan_type(struct scan *s, bool needs_offset, struct zone_type *t)
{
    int32_t west;
    if (!scan_name(s, t->name))
        return false;
    if (!needs_offset && (s->p == s->end || *s->p == ','))
        return true;
    if (!scan_seconds(s, &west))
        return false;
    t->offset = -west;
    return true;
}

static bool posix_parse(struct zone *z, struct str text)
{
    static const char usual_rules[] = ",M3.2.0,M11.1.0"; /* where the text names a summer time and no rule */
    struct scan s = { text.p, text.p + text.n };
    if (!scan_type(&s, true, &z->standard))
        return false;
    z->tail = TAIL_STANDARD;
    if (s.p == s.end)
        return true;
    z->saving = (struct zone_type){ .offset = z->standard.offset + 3600 };
    if (!scan_type(&s, false, &z->saving) || !z->saving.name[0])
        return false;
    if (s.p == s.end)
        s = (struct scan){ usual_rules, usual_rules + sizeof(usual_rules) - 1 };
    z->tail = TAIL_RULES;
    return scan_char(&s, ',') && scan_change(&s, &z->to_saving) && scan_char(&s, ',') &&
           scan_change(&s, &z->to_standard) && s.p == s.end;
}

/* ---- TZif files */

struct tzif {
    const unsigned char *p;
    uint32_t isut, isstd, leap, times, types, chars;
};

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p)
{
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

enum { TZIF_HEADER = 44, TZIF_TYPE = 6 };

/* Reads a header; gives the length of the block behind it with times of `width` bytes, 0 when it does not fit. */
static size_t tzif_header(const unsigned char *p, size_t left, size_t width, struct tzif *ret)
{
    if (left < TZIF_HEADER || memcmp(p, "TZif", 4) != 0)
        return 0;
    *ret = (struct tzif){ p + TZIF_HEADER, be32(p + 20), be32(p + 24), be32(p + 28),
                          be32(p + 32),    be32(p + 36), be32(p + 40) };
    if (ret->times > 5000 || ret->types > MAX_TYPES || ret->chars > 5000 || ret->leap > 0 || ret->types == 0 ||
        ret->isut > MAX_TYPES || ret->isstd > MAX_TYPES)
        return 0;
    size_t n = ret->times * (width + 1) + ret->types * TZIF_TYPE + ret->chars + ret->isstd + ret->isut;
    return n <= left - TZIF_HEADER ? TZIF_HEADER + n : 0;
}

static bool tzif_types(struct zone *z, const struct tzif *f)
{
    z->types = fault_calloc(f->types, sizeof(*z->types));
    if (!z->types)
        return false;
    const unsigned char *types = f->p + f->times * 9;
    const char *chars = (const char *)types + f->types * TZIF_TYPE;
    for (size_t i = 0; i < f->types; i++) {
        const unsigned char *t = types + i * TZIF_TYPE;
        if (t[5] >= f->chars)
            return false;
        size_t n = strnlen(chars + t[5], f->chars - t[5]);
        if (n >= ABBREVIATION_LIMIT)
            return false;
        z->types[i].offset = (int32_t)be32(t);
        memcpy(z->types[i].name, chars + t[5], n);
    }
    z->types_n = f->types;
    return true;
}

static bool tzif_changes(struct zone *z, const struct tzif *f)
{
    z->at = fault_calloc(f->times + 1, sizeof(*z->at));
    z->type = fault_calloc(f->times + 1, 1);
    if (!z->at || !z->type)
        return false;
    for (size_t i = 0; i < f->times; i++) {
        z->at[i] = be64(f->p + 8 * i);
        z->type[i] = f->p[8 * f->times + i];
        if (z->type[i] >= f->types || (i > 0 && z->at[i] <= z->at[i - 1]))
            return false;
    }
    z->changes_n = f->times;
    return true;
}

static bool tzif_parse(struct zone *z, const unsigned char *p, size_t n)
{
    struct tzif f;
    size_t first = tzif_header(p, n, 4, &f);
    if (!first || p[4] < '2') /* version 1 has 32-bit times only; nothing in use is that old */
        return false;
    size_t second = tzif_header(p + first, n - first, 8, &f);
    if (!second || !tzif_types(z, &f) || !tzif_changes(z, &f))
        return false;
    const char *footer = (const char *)p + first + second, *end = (const char *)p + n;
    if (footer >= end || *footer++ != '\n')
        return true;
    const char *line = memchr(footer, '\n', (size_t)(end - footer));
    return !line || line == footer || posix_parse(z, (struct str){ footer, (size_t)(line - footer) });
}

static bool read_file(const char *path, unsigned char *room, size_t size, size_t *ret)
{
    FILE *f = fopen(path, "rbe");
    if (!f)
        return false;
    *ret = fread(room, 1, size, f);
    bool ok = !ferror(f) && feof(f);
    fclose(f);
    return ok;
}

/* The entry of a folder with that name in any case, never a hidden one; written over `name`. */
static bool find_entry(const char *folder, char *name)
{
    DIR *dir = name[0] == '.' ? NULL : opendir(folder);
    bool found = false;
    if (!dir)
        return false;
    for (const struct dirent *e; !found && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && str_eq_nocase(str_from(e->d_name), str_from(name))) {
            memcpy(name, e->d_name, strlen(name));
            found = true;
        }
    closedir(dir);
    return found;
}

/* Turns z->name into the spelling of the files; false when there is no such path. */
static bool spell_as_file(char *name, char *path, size_t size)
{
    size_t length = (size_t)snprintf(path, size, "%s", zone_folder);
    for (char *part = name; part;) {
        char *slash = strchr(part, '/');
        if (slash)
            *slash = 0;
        bool found = *part && find_entry(path, part);
        length += (size_t)snprintf(path + length, size - length, "/%s", part);
        if (slash)
            *slash = '/';
        if (!found || length >= size)
            return false;
        part = slash ? slash + 1 : NULL;
    }
    return true;
}

static bool load_file(struct zone *z)
{
    char path[sizeof(zone_folder) + NAME_LIMIT + 2];
    unsigned char *bytes = fault_malloc(FILE_LIMIT);
    size_t n;
    bool ok = bytes && spell_as_file(z->name, path, sizeof(path)) && read_file(path, bytes, FILE_LIMIT, &n) &&
              tzif_parse(z, bytes, n);
    free(bytes);
    return ok;
}

/* ---- the table of all zones */

static struct {
    pthread_mutex_t lock;
    struct map zones; /* key: the name in upper case, kept with the zone */
    size_t made;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void zone_drop(struct zone *z)
{
    if (z) {
        free(z->at);
        free(z->type);
        free(z->types);
    }
    free(z);
}

static void upper(char *to, struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        to[i] = name.p[i] >= 'a' && name.p[i] <= 'z' ? (char)(name.p[i] - 32) : name.p[i];
    to[name.n] = 0;
}

static struct zone *zone_new(struct str name)
{
    struct zone *z = fault_calloc(1, sizeof(*z));
    if (z)
        memcpy(z->name, name.p, name.n);
    return z;
}

/* A zone by its upper-case name: from a file, else from the name read as a POSIX text. */
static struct zone *zone_load(struct str name, struct str upper_name)
{
    struct zone *z = zone_new(name);
    if (z && load_file(z))
        return z;
    zone_drop(z);
    if (table.made >= MAX_MADE || (z = zone_new(upper_name)) == NULL)
        return NULL;
    if (upper_name.p[0] != ':' && posix_parse(z, upper_name)) {
        table.made++;
        return z;
    }
    zone_drop(z);
    return NULL;
}

static const struct zone *zone_get(struct str name)
{
    char key[NAME_LIMIT + 1];
    if (name.n == 0 || name.n > NAME_LIMIT || memchr(name.p, 0, name.n))
        return NULL;
    upper(key, name);
    struct str upper_name = { key, name.n };
    pthread_mutex_lock(&table.lock);
    struct zone *z = map_get(&table.zones, upper_name);
    if (!z && (z = zone_load(name, upper_name)) != NULL) {
        char *kept = fault_malloc(name.n);
        if (kept)
            memcpy(kept, key, name.n);
        if (!kept || !map_set(&table.zones, (struct str){ kept, name.n }, z)) {
            free(kept);
            zone_drop(z);
            z = NULL;
        }
    }
    pthread_mutex_unlock(&table.lock);
    return z;
}

const struct zone zone_utc_instance = { .name = "UTC", .tail = TAIL_STANDARD, .standard = { .name = "UTC" } };

const struct zone *zone_find_name(struct str name)
{
    return str_eq_nocase(name, STR("UTC")) ? zone_utc() : zone_get(name);
}

const struct zone *zone_fixed(int seconds_east)
{
    char east[16], name[48];
    int rest = abs(seconds_east);
    if (rest > 167 * 3600)
        return NULL;
    int n = snprintf(east, sizeof(east), "%02d", rest / 3600);
    if (rest % 3600)
        n += snprintf(east + n, sizeof(east) - (size_t)n, ":%02d", rest / 60 % 60);
    if (rest % 60)
        snprintf(east + n, sizeof(east) - (size_t)n, ":%02d", rest % 60);
    snprintf(name, sizeof(name), seconds_east >= 0 ? "<+%s>-%s" : "<-%s>+%s", east, east);
    return zone_get(str_from(name));
}

const struct zone *zone_find(struct str name)
{
    char text[NAME_LIMIT + 1], *end;
    if (name.n == 0 || name.n > NAME_LIMIT || memchr(name.p, 0, name.n))
        return NULL;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    double hours = strtod(text, &end);
    if (end == text || *end)
        return zone_find_name(name);
    return fabs(hours) <= 167 ? zone_fixed((int)(hours * 3600)) : NULL;
}

/* ---- abbreviations */

bool zone_abbreviation(struct str name, int *ret_seconds_east, bool *ret_is_dst, const struct zone **ret_zone)
{
    static const struct {
        const char *name, *zone;
        int seconds_east;
        bool is_dst;
    } rows[] = {
#define ABBREVIATION(name, seconds, dst) { name, NULL, seconds, dst },
#define ABBREVIATION_OF(name, zone) { name, zone, 0, false },
#include "pgwire/timezone_abbreviations.def"
#undef ABBREVIATION
#undef ABBREVIATION_OF
    };
    size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = str_cmp(str_from(rows[middle].name), name);
        if (c == 0) {
            *ret_seconds_east = rows[middle].seconds_east;
            *ret_is_dst = rows[middle].is_dst;
            *ret_zone = rows[middle].zone ? zone_find_name(str_from(rows[middle].zone)) : NULL;
            return !rows[middle].zone || *ret_zone;
        }
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
