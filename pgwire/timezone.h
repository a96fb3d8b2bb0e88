/*
 * timezone.h - time zones by name, offset or POSIX text, from the system's tz database.
 *
 * Owns     every zone, for the life of the process, in one locked table; a struct zone never changes once handed out.
 * Fails    zone_find answers NULL for a name PostgreSQL 15 would refuse (22023 at the caller).
 */
#ifndef PGD1_PGWIRE_TIMEZONE_H
#define PGD1_PGWIRE_TIMEZONE_H

#include "proxy/base/str.h"

struct zone;

/* UTC, as a constant for static tables. */
extern const struct zone zone_utc_instance;
static inline const struct zone *zone_utc(void)
{
    return &zone_utc_instance;
}
/* What SET TIME ZONE takes: "Europe/Berlin" (any case), "UTC", "<-03>+03", "EST5EDT", and hours east of UTC: "+02", "-3.5".
 * As in PostgreSQL not abbreviations ("CEST"): those belong to dates and to AT TIME ZONE. Thread-safe. */
const struct zone *zone_find(struct str name);
/* What stands in dates and behind AT TIME ZONE: the same without hours; "+02" is POSIX there, west of UTC. */
const struct zone *zone_find_name(struct str name);
/* A zone that is always this many seconds east of UTC (up to 167 hours). */
const struct zone *zone_fixed(int seconds_east);
/* An abbreviation of PostgreSQL's set "Default", in lower case: its offset, or the zone that tells it by date (else NULL). */
bool zone_abbreviation(struct str name, int *ret_seconds_east, bool *ret_is_dst, const struct zone **ret_zone);
/* What an abbreviation means in its zone at an instant (seconds since 1970): its latest use before then, else its first after. */
int zone_abbreviation_offset(const struct zone *zone, struct str name, int64_t utc_seconds);
/* True when the zone has had one offset for ever. */
bool zone_is_fixed(const struct zone *zone, int *ret_seconds_east);
struct str zone_name(const struct zone *zone); /* as SHOW timezone prints it */
/* Seconds east of UTC at an instant (µs since 1970); abbreviation ("CEST") when ret_abbreviation is not NULL. */
int zone_offset_at(const struct zone *zone, int64_t utc_us, struct str *ret_abbreviation);
/* Local wall clock (µs since 1970 as if it were UTC) -> instant, by PostgreSQL's rules for gaps and overlaps. */
int64_t zone_local_to_utc(const struct zone *zone, int64_t local_us);

#endif
