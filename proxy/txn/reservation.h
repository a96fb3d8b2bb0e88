/*
 * reservation.h - ids that open transactions have been shown, so that two of them are not shown the same.
 *
 * A row that is tried out gets the next id of its table, and is taken back: the next transaction would get the same id, and one
 * of the two could not commit. While a transaction holds a table here, others begin behind the ids it was given. At COMMIT the
 * ids are sent as they were shown.
 *
 * Owns     its entries; one goes when its last holder ends. A change of the schema makes new ones.
 * Threads  locked: all sessions of a database in this process share it. Other proxies do not: there a check at COMMIT decides.
 * Fails    without memory nothing is held: the check at COMMIT decides.
 */
#ifndef PGD1_PROXY_TXN_RESERVATION_H
#define PGD1_PROXY_TXN_RESERVATION_H

#include <pthread.h>
#include "proxy/base/str.h"

struct reservation;

struct reservations {
    pthread_mutex_t lock;
    struct reservation *first;
};

/* What one transaction holds. */
struct held {
    struct held *next;
    struct reservations *in;
    struct reservation *entry;
};

void reservations_init(struct reservations *rs);
void reservations_fini(struct reservations *rs);
/* Takes n ids of a table; answers the highest id given to anybody before, 0: none is known. */
int64_t reservation_take(struct reservations *rs, struct held **held, uint64_t version, struct str table, size_t n);
/* The id that D1 gave. */
void reservation_learn(struct reservations *rs, uint64_t version, struct str table, int64_t id);
/* Tables whose ids others than this transaction hold: calls until it answers false. */
void reservation_others(struct reservations *rs, const struct held *held, uint64_t version,
                        bool (*visit)(void *ctx, struct str table, int64_t highest), void *ctx);
/* The end of the transaction. */
void reservation_release(struct held **held);

#endif
