/* app.c - see app.h. */
#include "proxy/app.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <unistd.h>
#include "d1/gateway/gateway.h"
#include "d1/rest/rest.h"
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/worker.h"

/* ---- transports ---- */

static struct d1 *open_embedded(struct app *app, struct worker *w, const struct config *c,
                                const struct config_database *db, struct err *err)
{
    static const enum embedded_sync syncs[] = { [CONFIG_EMBEDDED_SYNCHRONOUS_OFF] = EMBEDDED_SYNC_OFF,
                                                [CONFIG_EMBEDDED_SYNCHRONOUS_NORMAL] = EMBEDDED_SYNC_NORMAL,
                                                [CONFIG_EMBEDDED_SYNCHRONOUS_FULL] = EMBEDDED_SYNC_FULL };
    struct embedded_options o = {
        .path = str_from(db->path),
        .synchronous = syncs[c->embedded_synchronous],
        .read_steps = c->embedded_step_budget,
        .pool_threads = c->embedded_reader_threads,
        .max_result_bytes = c->max_result_bytes,
        .snapshots = c->embedded_snapshots,
        .clock = app->clock,
    };
    return embedded_open(app->stores, &o, w->base, err);
}

static struct remote_options remote(const struct config *c, const struct config_database *db)
{
    struct remote_options o = remote_options_default();
    o.token = db->token;
    o.max_connections = c->d1_max_connections;
    o.timeout_us = c->d1_timeout_us;
    o.max_result_bytes = c->max_result_bytes;
    return o;
}

struct d1 *app_open_transport(struct app *app, struct worker *w, const struct config *c,
                              const struct config_database *db, struct err *err)
{
    struct gateway_options gateway;
    struct rest_options rest;
    switch (db->transport) {
    case CONFIG_EMBEDDED:
        return open_embedded(app, w, c, db, err);
    case CONFIG_GATEWAY:
        gateway = (struct gateway_options){ str_from(db->url), str_from(db->binding), remote(c, db) };
        return gateway_open(&gateway, w->base, app->clock, err);
    case CONFIG_REST:
        rest = (struct rest_options){ str_from(db->url), str_from(db->account), str_from(db->database), remote(c, db) };
        return rest_open(&rest, w->base, app->clock, err);
    }
    return NULL;
}

/* ---- life ---- */

struct app *app_new(struct config *config, const struct clock *clock, struct err *err)
{
    struct app *app = fault_calloc(1, sizeof(*app));
    if (!app) {
        config_unref(config);
        err_oom(err);
        return NULL;
    }
    app->clock = clock ? clock : clock_system();
    app->open_d1 = app_open_transport;
    app->started_us = clock_wall_us(app->clock);
    atomic_init(&app->statistics_reset_us, app->started_us);
    pthread_mutex_init(&app->lock, NULL);
    cancel_table_init(&app->sessions);
    advisory_init(&app->advisory);
    schemas_init(&app->schemas);
    app->stores = embedded_stores_new();
    app->serving = serving_new(config, err);
    if (app->serving && app->stores && RAND_bytes(app->secret, sizeof(app->secret)) == 1)
        return app;
    err_oom(err);
    app_free(app);
    return NULL;
}

bool app_make_workers(struct app *app, size_t n, struct err *err)
{
    if (n == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        n = processors > 0 ? (size_t)processors : 1;
    }
    app->workers = fault_calloc(n, sizeof(struct worker *));
    if (!app->workers)
        return err_oom(err);
    app->n_wanted = n;
    for (size_t i = 0; i < n; i++) {
        app->workers[i] = worker_new(app, i, err);
        if (!app->workers[i])
            return false;
        app->n_workers++;
    }
    return true;
}

void app_free(struct app *app)
{
    if (!app)
        return;
    for (size_t i = 0; i < app->n_workers; i++)
        worker_free(app->workers[i]);
    free(app->workers);
    schemas_fini(&app->schemas);
    advisory_fini(&app->advisory);
    cancel_table_fini(&app->sessions);
    embedded_stores_free(app->stores);
    serving_unref(app->serving);
    OPENSSL_cleanse(app->secret, sizeof(app->secret));
    pthread_mutex_destroy(&app->lock);
    free(app);
}

struct serving *app_serving(struct app *app)
{
    pthread_mutex_lock(&app->lock);
    struct serving *s = serving_ref(app->serving);
    pthread_mutex_unlock(&app->lock);
    return s;
}

/* ORDER LOG: config's log levels stand in the order of enum log_level. */
static void log_restarts(const struct config *old, const struct config *new)
{
    const struct config_key *key;
    for (size_t at = 0; (key = config_needs_restart(old, new, &at));)
        log_event(LOG_LEVEL_WARNING, "needs_restart", "key=%s", key->name);
}

bool app_reload(struct app *app, struct err *err)
{
    struct serving *old = app_serving(app);
    struct config *config = config_load(old->config->path[0] ? old->config->path : NULL, err);
    struct serving *new = config ? serving_new(config, err) : NULL;
    if (new) {
        log_restarts(old->config, new->config);
        log_set_level((enum log_level) new->config->log_level);
        pthread_mutex_lock(&app->lock);
        struct serving *replaced = app->serving;
        app->serving = new;
        pthread_mutex_unlock(&app->lock);
        serving_unref(replaced);
    }
    serving_unref(old);
    return new != NULL;
}

uint64_t app_metric(const struct app *app, enum metric which)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < app->n_workers; i++)
        sum += metric_read(&app->workers[i]->metrics, which);
    return sum;
}

struct worker *app_least_loaded(struct app *app)
{
    struct worker *least = app->workers[0];
    for (size_t i = 1; i < app->n_workers; i++)
        if (atomic_load_explicit(&app->workers[i]->n_sessions, memory_order_relaxed) <
            atomic_load_explicit(&least->n_sessions, memory_order_relaxed))
            least = app->workers[i];
    return least;
}
