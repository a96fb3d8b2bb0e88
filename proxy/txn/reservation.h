/*
 * reservation.h - ids that open transactions have been shown, so that no two are shown the same, and none is taken by others.
 *
 * A row that is tried out gets the next id of its table, and is taken back: the next transaction would get the same id, and one
 * of the two could not commit. Two ways, chosen for each transaction and table at its first INSERT:
 *
 *   quiet   nobody else inserts meanwhile: ids are D1's. While a transaction holds a table here, others of this process begin behind
 *           the ids it was given. No request of its own, and no gap.
 *   busy    another session's INSERT was sent while one was being tried out, or a transaction has failed for an id that was taken: a
 *           range of ids is drawn from D1 for good, as PostgreSQL's sequences with CACHE do, and INSERTs of transactions are tried out
 *           and sent with ids from it. Ids that are not used stay gaps. A request for each range of RANGE_MIN … RANGE_MAX ids.
 *
 *            collision                    BUSY_TRANSACTIONS transactions without one
 *   quiet -------------> busy  -----------------------------------------------> quiet
 *
 * Ids that are shown or drawn grow in the order of the transaction's statements. In a quiet table a row that was not shown gets its id at
 * COMMIT: behind those that were, when others have inserted meanwhile. INSERT … SELECT, ON CONFLICT, DEFAULT VALUES and COPY always
 * take D1's. At COMMIT ids are sent as they were shown.
 *
 * Owns     its entries; a quiet one goes when its last holder ends. A change of the schema makes new ones.
 * Threads  locked: all sessions of a database in this process share it. Other proxies do not: there a check at COMMIT decides, and makes
 *          the table busy.
 * Fails    without memory nothing is held: the check at COMMIT decides.
 */
#ifndef PGD1_PROXY_TXN_RESERVATION_H
#define PGD1_PROXY_TXN_RESERVATION_H

#include <pthread.h>
#include "proxy/base/str.h"

struct reservation;

enum { RANGE_MIN = 32, RANGE_MAX = 512, BUSY_TRANSACTIONS = 64 };

struct reservations {
    pthread_mutex_t lock;
    struct reservation *first;
};

/* What one transaction holds. */
struct held {
    struct held *next;
    struct reservations *in;
    struct reservation *entry;
    int64_t drawn;  /* the last id that it drew: the next ones lie behind it */
    size_t wanted;  /* ids of the draw that found none */
    bool is_drawn;  /* busy: ids come from ranges */
    bool is_trying; /* an INSERT is being tried out now … */
    bool was_shown; /* … or has been: the way stays */
};

void reservations_init(struct reservations *rs);
void reservations_fini(struct reservations *rs);
/* The transaction tries out an INSERT into the table. NULL: no memory. */
struct held *reservation_hold(struct reservations *rs, struct held **held, uint64_t version, struct str table);
/* quiet: takes n ids; answers the highest id given to anybody before, 0: none is known. */
int64_t reservation_take(struct held *h, size_t n);
/* busy: draws n ids that follow each other, behind those drawn before; answers the first, 0: a range is wanted. */
int64_t reservation_draw(struct held *h, size_t n);
/* How many ids a new range is to have, at least n; the next one more. */
size_t reservation_range(struct held *h, size_t n);
/* The range that D1 gave to it. Two may come in another order than they were drawn: the later one stays where it has as many as are wanted. */
void reservation_fill(struct held *h, int64_t first, int64_t last);
/* What is left of the range is of no use: one of its ids is taken. */
void reservation_spoil(struct held *h);
/* Tables may count anew: all are quiet again. */
void reservations_forget(struct reservations *rs);
/* No range can be had: the transaction takes D1's ids. */
void reservation_give_up(struct held *h);
struct str reservation_table(const struct held *h); /* as long as it is held */
/* What was tried out has come to its end. True: others have inserted meanwhile, before the transaction was shown any id of the table. It is
 * drawn from now on: to be tried out once more. */
bool reservation_tried(struct held *held);
/* An id was taken by another: the transaction's tables are busy. */
void reservation_collided(struct held *held);
/* What the transaction's next id of the table will be: drawn, or behind *ret_highest. False: not known, it holds none. */
bool reservation_next(struct reservations *rs, const struct held *held, uint64_t version, struct str table,
                      bool *ret_drawn, int64_t *ret_highest);
/* The id that D1 gave. */
void reservation_learn(struct reservations *rs, uint64_t version, struct str table, int64_t id);
/* Tables whose ids others than this transaction hold, before rows are inserted for good: visit answers whether into this one.
 * highest: 0 where none is to be left out. */
void reservation_others(struct reservations *rs, const struct held *held, uint64_t version,
                        bool (*visit)(void *ctx, struct str table, int64_t highest), void *ctx);
/* The end of the transaction. */
void reservation_release(struct held **held);

#endif
