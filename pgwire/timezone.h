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

const struct zone *zone_utc(void);
/* "Europe/Berlin" (any case), "UTC", "+02", "-3.5", "<-03>+03", "EST5EDT", abbreviations as PostgreSQL's Default set. Thread-safe. */
const struct zone *zone_find(struct str name);
struct str zone_name(const struct zone *zone); /* as SHOW timezone prints it */
/* Seconds east of UTC at an instant (µs since 1970); abbreviation ("CEST") when ret_abbreviation is not NULL. */
int zone_offset_at(const struct zone *zone, int64_t utc_us, struct str *ret_abbreviation);
/* Local wall clock (µs since 1970 as if it were UTC) -> instant, by PostgreSQL's rules for gaps and overlaps. */
int64_t zone_local_to_utc(const struct zone *zone, int64_t local_us);

#endif
