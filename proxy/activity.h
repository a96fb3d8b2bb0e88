/*
 * activity.h - rows of the system relations that describe the server itself: pg_stat_activity, pg_settings, pg_cursors…
 *
 * Owns     nothing.
 * Fails    a relation it does not know gives no rows.
 * Not here relations that describe the schema: catalog/system.h.
 */
#ifndef PGD1_PROXY_ACTIVITY_H
#define PGD1_PROXY_ACTIVITY_H

#include "proxy/catalog/system.h"
#include "proxy/session.h"

/* What the session says to the catalogue; the search path is in the arena. */
void activity_system_state(struct session *s, const struct snapshot *snapshot, struct arena *arena,
                           struct system_state *ret);
/* What others see of the session: state and since when. No effect before the login is done. now_us: the wall clock's. */
void activity_set(struct session *s, enum activity activity, int64_t now_us);
/* The statement that begins now; copied, cut at PRESENCE_QUERY_BYTES. */
void activity_statement(struct session *s, struct str text);

/* The OIDs of the session's user and database: the same for the same names everywhere. */
oid_t activity_user_oid(struct session *s);
oid_t activity_database_oid(struct session *s);

#endif
