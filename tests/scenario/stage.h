/*
 * stage.h - one proxy to play a script on: an app with one worker, no thread, no socket; a clock that stands still; a D1 that
 * does what the script says, or the embedded one on a fresh file.
 *
 * Schemas are read from an in-memory SQLite that the script fills, and the probe for error texts is answered: those requests never reach
 * the scripted D1.
 */
#ifndef PGD1_TESTS_SCENARIO_STAGE_H
#define PGD1_TESTS_SCENARIO_STAGE_H

#include "d1/fake/fake.h"
#include "proxy/session.h"
#include "proxy/worker.h"

enum { STAGE_CLIENTS = 8 };

struct player { /* one client */
    struct stage *stage;
    struct session *session; /* NULL: not connected, or gone */
    struct buf out;          /* not taken by the session yet */
    struct buf in;           /* what it said */
    size_t seen;             /* of in */
    bool closed, inside;
};

struct stage {
    struct stage *next; /* of those that are open */
    struct fake_clock clock;
    struct app *app;
    struct worker *worker;
    struct d1 *d1;          /* the scripted one; NULL: embedded */
    struct sqlite3 *schema; /* what schema requests are answered from */
    bool embedded, in_process, bytewise;
    bool cuts_errors;   /* its error texts end after 100 bytes */
    bool tears_batches; /* a batch that fails leaves a part of itself */
    unsigned schema_reads;
    char folder[64];
    struct player players[STAGE_CLIENTS];
};

bool stage_open(struct stage *st, struct str config, bool embedded, struct err *err);
void stage_close(struct stage *st);
/* Lets everything happen that can happen without time passing. */
void stage_settle(struct stage *st);
/* Sends bytes, all at once or one by one. */
void stage_send(struct stage *st, struct player *p, struct str bytes);
void stage_connect(struct stage *st, struct player *p);

#endif
