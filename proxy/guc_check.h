/*
 * guc_check.h - one setting's value: spelling -> stored form, stored form -> what SHOW prints, stored form -> parsed value.
 *
 * Owns     nothing; texts live in the arena given.
 * Fails    22023 with PostgreSQL's wording and hints, 0A000 for an encoding we do not convert.
 * Not here where values are kept: guc.h.
 */
#ifndef PGD1_PROXY_GUC_CHECK_H
#define PGD1_PROXY_GUC_CHECK_H

#include "proxy/guc.h"

bool guc_check(const struct guc *row, struct str value, const struct guc_live *live, struct arena *arena,
               struct str *ret, struct err *err);
/* Puts a checked value of a LIVE row where the session reads it. */
void guc_apply(const struct guc *row, struct str stored, struct guc_live *live);
/* Whether another value of a FIXED setting means the same as its default here ("POSIX" for "C"). */
bool guc_same_meaning(const struct guc *row, struct str stored);

#endif
