/* store.c - the table of open files, found by device and inode; see store.h. */
#include "d1/embedded/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "proxy/base/fault.h"

struct embedded_stores {
    pthread_mutex_t lock;
    struct emb_store *first;
};

struct embedded_stores *embedded_stores_new(void)
{
    struct embedded_stores *s = fault_calloc(1, sizeof(*s));
    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

struct embedded_stores *embedded_stores_free(struct embedded_stores *stores)
{
    if (stores)
        pthread_mutex_destroy(&stores->lock);
    free(stores);
    return NULL;
}

#define DEFAULT(field, value) (o->field = o->field ? o->field : (value))
static void complete(struct embedded_options *o)
{
    DEFAULT(read_steps, 100000);
    DEFAULT(read_us, 5000);
    DEFAULT(pool_threads, 8);
    DEFAULT(pool_connections, 64);
    DEFAULT(pool_queue, 1024);
    DEFAULT(write_queue, 4096);
    DEFAULT(max_result_bytes, UINT64_C(64) << 20);
    DEFAULT(statement_cache, 256);
    DEFAULT(page_cache_bytes, (size_t)16 << 20);
    DEFAULT(busy_us, 30000000);
    DEFAULT(run_us, 30000000);
    DEFAULT(clock, clock_system());
}
#undef DEFAULT

static bool system_error(struct err *err, const struct embedded_options *o, int code)
{
    enum sqlstate state = code == ENOENT || code == ENOTDIR                  ? SQLSTATE_UNDEFINED_FILE
                          : code == EACCES || code == EPERM || code == EROFS ? SQLSTATE_INSUFFICIENT_PRIVILEGE
                                                                             : SQLSTATE_IO_ERROR;
    char text[128];
    return err_set(err, state, "could not open database file \"%.*s\": %s", STR_FMT(o->path),
                   strerror_r(code, text, sizeof(text)));
}

bool emb_open_error(struct err *err, const struct embedded_options *o, const struct emb_failure *f)
{
    if (f->kind == D1_ERROR_INTERNAL)
        return err_oom(err);
    return err_set(err, SQLSTATE_IO_ERROR, "could not open database file \"%.*s\": %.*s", STR_FMT(o->path),
                   STR_FMT(buf_str(&f->text)));
}

/* An existing file is never opened here: closing it again would drop the locks SQLite holds on it in this process
 * (https://www.sqlite.org/howtocorrupt.html, section 2.2). */
static bool find_or_create(const struct embedded_options *o, struct stat *ret, struct err *err)
{
    for (int tries = 0; tries < 2; tries++) {
        if (stat(o->path.p, ret) == 0)
            return S_ISREG(ret->st_mode) || system_error(err, o, S_ISDIR(ret->st_mode) ? EISDIR : EINVAL);
        if (errno != ENOENT)
            return system_error(err, o, errno);
        int fd = open(o->path.p, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return system_error(err, o, errno);
        if (fd >= 0)
            close(fd);
    }
    return stat(o->path.p, ret) == 0 || system_error(err, o, errno);
}

static void store_free(struct emb_store *s)
{
    emb_pool_free(s->pool);
    emb_writer_free(s->writer); /* last: its connection makes the final checkpoint */
    free((char *)(uintptr_t)s->o.path.p);
    free(s);
}

static struct emb_store *store_new(const struct embedded_options *o, const struct stat *file, struct err *err)
{
    struct emb_store *s = fault_calloc(1, sizeof(*s));
    if (!s)
        return err_oom(err), NULL;
    s->o = *o;
    s->device = file->st_dev;
    s->inode = file->st_ino;
    char *path = fault_malloc(o->path.n + 1);
    s->o.path = (struct str){ path, o->path.n };
    struct emb_failure f;
    emb_failure_init(&f);
    if (path) {
        memcpy(path, o->path.p, o->path.n + 1);
        s->writer = emb_writer_new(&s->o, &f);
        s->pool = s->writer ? emb_pool_new(&s->o, &f) : NULL;
    } else {
        emb_failure_no_memory(&f);
    }
    if (!s->pool) {
        emb_open_error(err, o, &f);
        store_free(s);
        s = NULL;
    }
    emb_failure_fini(&f);
    return s;
}

static struct emb_store *get_locked(struct embedded_stores *stores, const struct embedded_options *o, struct err *err)
{
    struct stat file;
    if (!find_or_create(o, &file, err))
        return NULL;
    struct emb_store *s = stores->first;
    while (s && (s->device != file.st_dev || s->inode != file.st_ino))
        s = s->next;
    if (!s) {
        s = store_new(o, &file, err);
        if (!s)
            return NULL;
        s->stores = stores;
        s->next = stores->first;
        stores->first = s;
    }
    s->references++;
    return s;
}

struct emb_store *emb_store_get(struct embedded_stores *stores, const struct embedded_options *o, struct err *err)
{
    if (o->path.n == 0 || memchr(o->path.p, '\0', o->path.n)) {
        err_set(err, SQLSTATE_UNDEFINED_FILE, "the database path is empty or contains a zero byte");
        return NULL;
    }
    struct embedded_options full = *o;
    char *path = fault_malloc(o->path.n + 1);
    if (!path)
        return err_oom(err), NULL;
    memcpy(path, o->path.p, o->path.n);
    path[o->path.n] = '\0';
    full.path.p = path;
    complete(&full);
    pthread_mutex_lock(&stores->lock);
    struct emb_store *s = get_locked(stores, &full, err);
    pthread_mutex_unlock(&stores->lock);
    free(path);
    return s;
}

/* The lock is held to the end, so that a new opener does not meet the old writer. */
void emb_store_put(struct emb_store *store)
{
    if (!store)
        return;
    struct embedded_stores *stores = store->stores;
    pthread_mutex_lock(&stores->lock);
    if (--store->references == 0) {
        struct emb_store **at = &stores->first;
        while (*at != store)
            at = &(*at)->next;
        *at = store->next;
        store_free(store);
    }
    pthread_mutex_unlock(&stores->lock);
}
