/* history.c - see history.h. */
#include "d1/embedded/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGES_A_STEP = 1000, /* between two looks at the brake */
    LOCK_PAUSE_US = 5000,
    RANDOM_BYTES = 16,
    SECOND_US = 1000000,
};

#define TEMPORARY "tmp-"

/* ---- the folder ---- */

struct history {
    int folder; /* its descriptor, locked; -1: not open */
    char path[PATH_MAX];
};

static bool system_failure(struct emb_failure *f, const char *what)
{
    char text[256], reason[128];
    snprintf(text, sizeof(text), "%s: %s", what, strerror_r(errno, reason, sizeof(reason)));
    emb_failure_set(f, D1_ERROR_SQL, text);
    return false;
}

static bool find_path(const struct embedded_options *o, struct history *h, struct emb_failure *f)
{
    h->folder = -1;
    int n = snprintf(h->path, sizeof(h->path), "%.*s" EMB_SNAPSHOTS_ENDING, STR_FMT(o->path));
    if (str_is(o->path, ":memory:"))
        emb_failure_set(f, D1_ERROR_SQL, "a database in memory has no snapshots");
    else if (!o->snapshots)
        emb_failure_set(f, D1_ERROR_SQL, "snapshots are turned off");
    else if (n < 0 || (size_t)n + EMB_BOOKMARK_CHARS + sizeof(TEMPORARY) + 1 >= sizeof(h->path))
        emb_failure_set(f, D1_ERROR_SQL, "the path of the snapshots is too long");
    return f->kind == D1_OK;
}

static bool lock_folder(const struct history *h, struct emb_connection *c, uint64_t busy_us, struct emb_failure *f)
{
    uint64_t since = clock_monotonic_us(c->clock);
    while (flock(h->folder, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return system_failure(f, "could not lock the folder of snapshots");
        enum emb_stop stop = emb_brake_check(c);
        if (stop != EMB_STOP_NONE)
            emb_brake_failure(f, stop);
        else if (clock_monotonic_us(c->clock) - since >= busy_us)
            emb_failure_set(f, D1_ERROR_OVERLOADED, EMB_LOCKED);
        if (f->kind != D1_OK)
            return false;
        struct timespec pause = { 0, LOCK_PAUSE_US * 1000L };
        nanosleep(&pause, NULL);
    }
    return true;
}

static bool open_folder(const struct embedded_options *o, struct emb_connection *c, struct history *h,
                        struct emb_failure *f)
{
    if (!find_path(o, h, f))
        return false;
    if (mkdir(h->path, 0700) != 0 && errno != EEXIST)
        return system_failure(f, "could not make the folder of snapshots");
    h->folder = open(h->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (h->folder < 0)
        return system_failure(f, "could not open the folder of snapshots");
    return lock_folder(h, c, o->busy_us, f);
}

static void close_folder(struct history *h)
{
    if (h->folder >= 0)
        close(h->folder); /* and its lock goes */
    h->folder = -1;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_copy(const struct dirent *e)
{
    return d1_is_bookmark(str_from(e->d_name));
}

static int is_ours(const struct dirent *e)
{
    return is_copy(e) || str_starts(str_from(e->d_name), STR(TEMPORARY));
}

/* The copies, oldest first; -1: the folder cannot be read. */
static int list(const struct history *h, int (*filter)(const struct dirent *e), struct dirent ***ret)
{
    return scandir(h->path, ret, filter, by_name);
}

static void free_list(struct dirent **names, int n)
{
    for (int i = 0; i < n; i++)
        free(names[i]);
    if (n >= 0)
        free((void *)names);
}

static void path_of(const struct history *h, const char *prefix, const struct emb_bookmark *b, char ret[PATH_MAX])
{
    int n = snprintf(ret, PATH_MAX, "%s/%s%s", h->path, prefix, b->text);
    if (n < 0 || n >= PATH_MAX)
        ret[0] = '\0'; /* find_path() has seen that it fits */
}

/* ---- bookmarks ---- */

static int64_t time_of(const char *bookmark)
{
    int64_t seconds = (int64_t)strtoul(bookmark, NULL, 16);
    return seconds * SECOND_US + (int64_t)strtoul(bookmark + 9, NULL, 16);
}

static bool name_now(const struct history *h, const struct embedded_options *o, struct emb_bookmark *ret,
                     struct emb_failure *f)
{
    struct dirent **names;
    unsigned char bytes[RANDOM_BYTES];
    char digits[2 * RANDOM_BYTES + 1];
    int64_t now = clock_wall_us(o->clock);
    int n = list(h, is_copy, &names);
    if (n < 0)
        return system_failure(f, "could not read the folder of snapshots");
    if (n > 0 && time_of(names[n - 1]->d_name) >= now)
        now = time_of(names[n - 1]->d_name) + 1;
    free_list(names, n);
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return system_failure(f, "could not generate random values");
    str_hex((struct str){ (const char *)bytes, sizeof(bytes) }, digits);
    digits[2 * RANDOM_BYTES] = '\0';
    snprintf(ret->text, sizeof(ret->text), "%08x-%08x-00000000-%s", (unsigned)(now / SECOND_US),
             (unsigned)(now % SECOND_US), digits);
    return true;
}

bool emb_history_find(const struct embedded_options *o, int64_t at_us, struct emb_bookmark *ret, struct emb_failure *f)
{
    struct history h;
    struct dirent **names;
    *ret = (struct emb_bookmark){ 0 };
    if (!find_path(o, &h, f))
        return false;
    int n = list(&h, is_copy, &names), at = n;
    while (at > 0 && time_of(names[at - 1]->d_name) > at_us)
        at--;
    if (at > 0)
        snprintf(ret->text, sizeof(ret->text), "%.*s", EMB_BOOKMARK_CHARS, names[at - 1]->d_name);
    free_list(names, n);
    if (at <= 0)
        emb_failure_set(f, D1_ERROR_SQL, "there is no snapshot of this time or of one before it");
    return at > 0;
}

/* ---- copying ---- */

static sqlite3 *open_copy(const char *path, int flags, struct emb_failure *f)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        return db;
    if (db)
        emb_failure_sqlite(f, db, rc);
    else
        emb_failure_no_memory(f);
    sqlite3_close(db);
    return NULL;
}

/* One read transaction there, one write transaction here. */
static bool copy_pages(struct emb_connection *c, sqlite3 *to, sqlite3 *from, struct emb_failure *f)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (!b) {
        emb_failure_sqlite(f, to, sqlite3_errcode(to));
        return false;
    }
    enum emb_stop stop = EMB_STOP_NONE;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && stop == EMB_STOP_NONE) {
        rc = sqlite3_backup_step(b, PAGES_A_STEP);
        stop = rc == SQLITE_OK ? emb_brake_check(c) : EMB_STOP_NONE;
    }
    int end = sqlite3_backup_finish(b);
    if (stop != EMB_STOP_NONE)
        emb_brake_failure(f, stop);
    else if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
        emb_failure_set(f, D1_ERROR_OVERLOADED, EMB_LOCKED);
    else if (rc != SQLITE_DONE || end != SQLITE_OK)
        emb_failure_sqlite(f, to, rc != SQLITE_DONE ? rc : end);
    return f->kind == D1_OK;
}

/* A file of its own, without a log beside it. */
static bool write_copy(struct emb_connection *c, const char *path, struct emb_failure *f)
{
    sqlite3 *to = open_copy(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, f);
    bool ok = to && copy_pages(c, to, c->db, f);
    int rc = ok ? sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) : SQLITE_OK;
    if (rc != SQLITE_OK)
        emb_failure_sqlite(f, to, rc);
    sqlite3_close(to);
    return f->kind == D1_OK;
}

static bool sync_file(const char *path, struct emb_failure *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        system_failure(f, "could not write the snapshot to disk");
    if (fd >= 0)
        close(fd);
    return ok;
}

bool emb_history_take(struct emb_connection *c, const struct embedded_options *o, struct emb_bookmark *ret,
                      struct emb_failure *f)
{
    struct history h;
    char unfinished[PATH_MAX], path[PATH_MAX];
    *ret = (struct emb_bookmark){ 0 };
    bool ok = open_folder(o, c, &h, f) && name_now(&h, o, ret, f);
    if (ok) {
        path_of(&h, TEMPORARY, ret, unfinished);
        path_of(&h, "", ret, path);
        ok = write_copy(c, unfinished, f) && sync_file(unfinished, f);
        if (ok && (rename(unfinished, path) != 0 || fsync(h.folder) != 0))
            ok = system_failure(f, "could not name the snapshot");
        if (!ok)
            unlink(unfinished);
    }
    close_folder(&h);
    if (!ok)
        ret->text[0] = '\0';
    return ok;
}

bool emb_history_has(const struct embedded_options *o, const struct emb_bookmark *b, struct emb_failure *f)
{
    struct history h;
    struct stat file;
    char path[PATH_MAX];
    if (!find_path(o, &h, f))
        return false;
    path_of(&h, "", b, path);
    if (d1_is_bookmark(str_from(b->text)) && stat(path, &file) == 0)
        return true;
    emb_failure_set(f, D1_ERROR_SQL, "there is no snapshot of this bookmark");
    return false;
}

bool emb_history_restore(struct emb_connection *c, const struct embedded_options *o, const struct emb_bookmark *from,
                         struct emb_failure *f)
{
    struct history h;
    char path[PATH_MAX];
    if (!emb_history_has(o, from, f) || !find_path(o, &h, f))
        return false;
    path_of(&h, "", from, path);
    sqlite3 *copy = open_copy(path, SQLITE_OPEN_READONLY, f);
    bool ok = copy && copy_pages(c, c->db, copy, f);
    if (copy && f->kind == D1_ERROR_SQL && (sqlite3_errcode(c->db) & 0xff) == SQLITE_IOERR) {
        f->kind = D1_ERROR_LOST; /* the log may hold the commit or not */
        f->may_have_run = true;
    }
    sqlite3_close(copy);
    return ok;
}

/* ---- what goes ---- */

/* A half-made copy belongs to nobody: who makes one has the folder's lock. */
void emb_history_trim(const struct embedded_options *o)
{
    struct history h;
    struct emb_failure f;
    struct dirent **names;
    emb_failure_init(&f);
    bool ok = find_path(o, &h, &f) && (h.folder = open(h.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 &&
              flock(h.folder, LOCK_EX | LOCK_NB) == 0;
    emb_failure_fini(&f);
    int n = ok ? list(&h, is_ours, &names) : -1, copies = 0;
    for (int i = 0; i < n; i++)
        copies += is_copy(names[i]);
    for (int i = 0; i < n; i++) {
        bool goes = !is_copy(names[i]) || copies > (int)o->snapshots;
        copies -= goes && is_copy(names[i]);
        if (goes)
            unlinkat(h.folder, names[i]->d_name, 0);
    }
    free_list(names, n);
    close_folder(&h);
}
