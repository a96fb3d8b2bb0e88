/*
 * app.h - what the whole process shares: configuration, worker threads, sessions by process id, schemas, channels.
 *
 * Owns     all of it. main() or a test builds one; everything else borrows it. There is no other global state.
 * Lives    as long as the process.
 * Fails    app_new and app_start with err; then app_free what there is.
 * Threads  everything here is either constant after app_start(), atomic, or behind its own lock.
 * Not here the command line and signals: main.c.
 */
#ifndef PGD1_PROXY_APP_H
#define PGD1_PROXY_APP_H

#include "d1/embedded/embedded.h"
#include "proxy/base/clock.h"
#include "proxy/advisory.h"
#include "proxy/cancel.h"
#include "proxy/metrics.h"
#include "proxy/schemas.h"
#include "proxy/serving.h"

struct app;
struct worker;

/* Opens a database for one worker; tests put a fake there. NULL with err: 08001, 58P01… */
typedef struct d1 *(*app_open_d1)(struct app *app, struct worker *worker, const struct config *config,
                                  const struct config_database *database, struct err *err);

enum { APP_SECRET_LENGTH = 32 };

struct app {
    const struct clock *clock;
    app_open_d1 open_d1;
    pthread_mutex_t lock; /* serving */
    struct serving *serving;
    struct worker **workers;    /* constant after app_start() */
    size_t n_workers, n_wanted; /* wanted: as many are being made */
    struct cancel_table sessions;
    struct advisory_table advisory;
    struct schemas schemas;
    struct embedded_stores *stores;
    unsigned char secret[APP_SECRET_LENGTH]; /* for mock verifiers */
    _Atomic size_t n_clients;
    _Atomic bool draining;               /* SHUTDOWN: no new clients, idle ones are closed */
    int64_t started_us;                  /* wall clock */
    _Atomic int64_t statistics_reset_us; /* the same; statements are counted since */
};

/* Takes the reference of config, also on failure. clock NULL: the system's. */
struct app *app_new(struct config *config, const struct clock *clock, struct err *err);
/* Makes the workers without threads; worker_start() runs one. n 0: one per processor. */
bool app_make_workers(struct app *app, size_t n, struct err *err);
void app_free(struct app *app); /* accepts NULL; worker threads have ended */

struct serving *app_serving(struct app *app); /* one reference to the current configuration */
/* Reads the file again and swaps it in; what needs a restart is logged. On failure the old one stays. */
bool app_reload(struct app *app, struct err *err);
uint64_t app_metric(const struct app *app, enum metric which); /* over all workers */
/* The worker with the fewest clients. */
struct worker *app_least_loaded(struct app *app);
/* The transport that the configuration names (the default open_d1). */
struct d1 *app_open_transport(struct app *app, struct worker *worker, const struct config *config,
                              const struct config_database *database, struct err *err);

#endif
