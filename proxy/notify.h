/*
 * notify.h - LISTEN and NOTIFY between the sessions of one process.
 *
 * As PostgreSQL's: LISTEN, UNLISTEN and NOTIFY take effect when their transaction commits; a notification reaches its listener
 * between transactions; equal ones of one transaction are sent once. Other pgd1 processes do not hear it.
 *
 * Owns     the names a session listens to, its notifications not yet delivered or sent.
 * Fails    54000 above CHANNELS_MAX, 22023 for names and payloads too long, 53200. A full queue drops, with a metric.
 */
#ifndef PGD1_PROXY_NOTIFY_H
#define PGD1_PROXY_NOTIFY_H

#include "proxy/session.h"
#include "proxy/sql/plan.h"

enum { CHANNELS_MAX = 1000, NOTIFICATIONS_MAX = 1000, CHANNEL_NAME_MAX = 63, PAYLOAD_MAX = 7999 };

bool notify_listen(struct session *s, struct str channel, struct err *err);
bool notify_unlisten(struct session *s, struct str channel, bool all, struct err *err);
bool notify_send(struct session *s, struct str channel, struct str payload, struct err *err);
/* ROLLBACK TO the newest of so many savepoints: what came behind it is forgotten. */
void notify_rollback_to(struct session *s, size_t savepoints);
/* RELEASE: what came behind savepoints that are no more belongs to those that are left. */
void notify_release(struct session *s, size_t savepoints);
/* Makes the transaction's LISTEN, UNLISTEN and NOTIFY happen, or forgets them. */
void notify_end_transaction(struct session *s, bool commit);
/* One that arrived: kept until notify_deliver(). */
void notify_receive(struct session *s, struct str channel, struct str payload, uint32_t pid);
void notify_deliver(struct session *s); /* NotificationResponses into session.out */
void notify_fini(struct session *s);
/* Channel names for pg_listening_channels(): each in turn, NULL at the end; start with NULL. */
const struct channel *notify_channel_next(const struct session *s, const struct channel *at, struct str *ret_name);

#endif
