/* loader.c - texts, secrets and files of a configuration being built; see loader.h. */
#include "config/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "proxy/base/fault.h"

bool loader_fail(struct loader *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str what = arena_vprintf(l->err->arena, format, args);
    va_end(args);
    if (l->line > 0)
        return err_set(l->err, SQLSTATE_CONFIG_FILE_ERROR, "%.*s:%d: %.*s", STR_FMT(l->file), l->line, STR_FMT(what));
    return err_set(l->err, SQLSTATE_CONFIG_FILE_ERROR, "%.*s: %.*s", STR_FMT(l->file), STR_FMT(what));
}

bool loader_text(struct loader *l, struct str s, const char **ret)
{
    char *copy = arena_cstr(l->arena, s);
    if (!copy)
        return err_oom(l->err);
    *ret = copy;
    return true;
}

bool loader_path(struct loader *l, struct str s, const char **ret)
{
    if (s.n == 0 || s.p[0] == '/' || l->folder[0] == '\0')
        return loader_text(l, s, ret);
    struct str joined = arena_printf(l->arena, "%s/%.*s", l->folder, STR_FMT(s));
    if (!joined.p)
        return err_oom(l->err);
    *ret = joined.p;
    return true;
}

static struct config_secret *secret_new(struct loader *l, size_t size)
{
    struct config_secret *s = fault_malloc(sizeof(*s) + size + 1);
    if (!s) {
        err_oom(l->err);
        return NULL;
    }
    *s = (struct config_secret){ .next = l->store->secrets, .size = size + 1 };
    l->store->secrets = s;
    return s;
}

bool loader_secret(struct loader *l, struct str s, struct str *ret)
{
    struct config_secret *block = secret_new(l, s.n);
    if (!block)
        return false;
    if (s.n > 0)
        memcpy(block->bytes, s.p, s.n);
    block->bytes[s.n] = '\0';
    *ret = (struct str){ block->bytes, s.n };
    return true;
}

static bool read_all(int fd, char *to, size_t size, size_t *ret_n)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, to + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret_n = n;
    return true;
}

/* Reads until the end: the size that stat tells is wrong for pipes and for /proc. */
static bool read_fd(struct loader *l, int fd, const char *path, const char *what, size_t cap, struct str *ret)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || S_ISDIR(info.st_mode))
        return loader_fail(l, "cannot read %s \"%s\": it is not a file", what, path);
    size_t size = S_ISREG(info.st_mode) && (uint64_t)info.st_size < cap ? (size_t)info.st_size + 1 : cap + 1;
    struct config_secret *block = secret_new(l, size);
    if (!block)
        return false;
    size_t n;
    if (!read_all(fd, block->bytes, size, &n))
        return loader_fail(l, "cannot read %s \"%s\": %s", what, path, strerror(errno));
    if (n > cap)
        return loader_fail(l, "%s \"%s\" is larger than %zu bytes", what, path, cap);
    block->bytes[n] = '\0';
    *ret = (struct str){ block->bytes, n };
    return true;
}

bool loader_read(struct loader *l, const char *path, const char *what, size_t cap, struct str *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return loader_fail(l, "cannot open %s \"%s\": %s", what, path, strerror(errno));
    bool ok = read_fd(l, fd, path, what, cap, ret);
    close(fd);
    return ok;
}

void *loader_grow(struct loader *l, void *list, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return list;
    if (n >= CONFIG_MAX_ENTRIES) {
        loader_fail(l, "more than %d entries", CONFIG_MAX_ENTRIES);
        return NULL;
    }
    size_t more = *room ? *room * 2 : 16;
    void *p = arena_array(l->arena, more, size);
    if (!p) {
        err_oom(l->err);
        return NULL;
    }
    if (n > 0)
        memcpy(p, list, n * size);
    *room = more;
    return p;
}
