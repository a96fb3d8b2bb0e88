/*
 * reg_names.h - the text of regclass, regtype, regproc, regnamespace…: the name behind an OID, as their output functions print it.
 */
#ifndef PGD1_CATALOG_REG_NAMES_H
#define PGD1_CATALOG_REG_NAMES_H

#include "proxy/catalog/snapshot.h"

bool is_reg_type(oid_t type);
/* snapshot may be NULL: built-in objects only. The number itself when nothing has that OID; {NULL,0}: the arena is full. */
struct str reg_name(const struct snapshot *snapshot, oid_t type, oid_t oid, struct arena *arena);

#endif
