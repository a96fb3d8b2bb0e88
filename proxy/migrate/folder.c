/* folder.c - see folder.h. */
#include "proxy/migrate/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool fail_errno(struct err *err, const char *what, const char *path, struct str name)
{
    enum sqlstate code = errno == ENOENT   ? SQLSTATE_UNDEFINED_FILE
                         : errno == EEXIST ? SQLSTATE_DUPLICATE_FILE
                                           : SQLSTATE_IO_ERROR;
    return err_set(err, code, "could not %s \"%s%s%.*s\": %s", what, path, name.n ? "/" : "", STR_FMT(name),
                   strerror(errno));
}

/* ---- reading ---- */

bool migrate_folder_hash(struct str text, struct arena *arena, struct str *ret)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n;
    char *hex = arena_alloc(arena, MIGRATE_HASH_CHARS + 1);
    if (!hex || EVP_Digest(text.p ? text.p : "", text.n, digest, &n, EVP_sha256(), NULL) != 1)
        return false;
    str_hex((struct str){ (const char *)digest, n }, hex);
    *ret = (struct str){ hex, MIGRATE_HASH_CHARS };
    return true;
}

/* "FILE:LINE:COLUMN: ", as errors of what the file says have it. */
static bool fail_byte(struct err *err, struct str name, struct str text, size_t bad)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < bad; i++) {
        bool ends = text.p[i] == '\n';
        line += ends;
        column = ends ? 1 : column + (((unsigned char)text.p[i] & 0xC0) != 0x80);
    }
    return err_set(err, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "%.*s:%d:%d: byte 0x%02x cannot stand in a text of UTF-8",
                   STR_FMT(name), line, column, (unsigned char)text.p[bad]);
}

/* Opened where it stands: a link could lead to any file of this machine, and its text would be told in an error. */
static int open_file(int folder, const char *name)
{
    return openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
}

static bool fail_open(struct err *err, const char *path, struct str name)
{
    if (errno != ELOOP)
        return fail_errno(err, "open", path, name);
    err_set(err, SQLSTATE_IO_ERROR, "\"%s/%.*s\" is a symbolic link", path, STR_FMT(name));
    return err_hint(err, "Put the file itself there.");
}

/* The whole file behind fd; the descriptor is closed. */
static bool read_whole(int fd, const char *path, struct str name, struct arena *arena, struct str *ret, struct err *err)
{
    struct stat st;
    bool ok = fstat(fd, &st) == 0;
    if (!ok)
        fail_errno(err, "read", path, name);
    else if (!S_ISREG(st.st_mode))
        ok = err_set(err, SQLSTATE_IO_ERROR, "\"%s/%.*s\" is not a file", path, STR_FMT(name));
    else if (st.st_size > MIGRATE_MAX_FILE)
        ok = err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "\"%s/%.*s\" is longer than %d bytes", path, STR_FMT(name),
                     MIGRATE_MAX_FILE);
    char *text = ok ? arena_alloc(arena, (size_t)st.st_size + 1) : NULL;
    if (ok && !text)
        ok = err_oom(err);
    size_t n = 0;
    while (ok && n < (size_t)st.st_size) {
        ssize_t got = read(fd, text + n, (size_t)st.st_size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            ok = fail_errno(err, "read", path, name);
        if (got <= 0)
            break; /* it has become shorter meanwhile */
        n += (size_t)got;
    }
    close(fd);
    size_t bad;
    if (ok && !str_is_utf8((struct str){ text, n }, &bad))
        ok = fail_byte(err, name, (struct str){ text, n }, bad);
    if (ok)
        *ret = (struct str){ text, n };
    return ok;
}

int64_t migrate_folder_number(struct str name)
{
    int64_t number = 0;
    size_t i = 0;
    for (; i < name.n && name.p[i] >= '0' && name.p[i] <= '9' && number < INT64_MAX / 100; i++)
        number = number * 10 + (name.p[i] - '0');
    return i ? number : -1;
}

static bool read_file(int folder, const char *path, struct str name, struct arena *arena, struct migrate_file *ret,
                      struct err *err)
{
    struct migrate_file file = { .number = migrate_folder_number(name) };
    size_t bad;
    if (!str_is_utf8(name, &bad))
        return err_set(err, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "a file name in \"%s\" is not UTF-8", path);
    char *terminated = arena_cstr(arena, name);
    if (!terminated)
        return err_oom(err);
    file.name = (struct str){ terminated, name.n };
    int fd = open_file(folder, terminated);
    if (fd < 0)
        return fail_open(err, path, name);
    if (!read_whole(fd, path, name, arena, &file.text, err))
        return false;
    if (!migrate_folder_hash(file.text, arena, &file.hash))
        return err_oom(err);
    *ret = file;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct migrate_file *x = a, *y = b;
    return x->number != y->number ? (x->number > y->number) - (x->number < y->number) : str_cmp(x->name, y->name);
}

static bool grow(struct migrate_folder *f, size_t *room, struct arena *arena, struct err *err)
{
    if (f->n == MIGRATE_MAX_FILES)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "there are more than %d migrations in \"%s\"",
                       MIGRATE_MAX_FILES, f->path);
    if (f->n < *room)
        return true;
    size_t size = *room ? *room * 2 : 64;
    struct migrate_file *bigger = ARENA_ARRAY(arena, struct migrate_file, size);
    if (!bigger)
        return err_oom(err);
    if (f->n)
        memcpy(bigger, f->files, f->n * sizeof(*bigger));
    f->files = bigger;
    *room = size;
    return true;
}

static bool read_entries(DIR *dir, struct migrate_folder *f, struct arena *arena, struct err *err)
{
    size_t room = 0, bytes = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = str_from(entry->d_name);
        if (!str_ends(name, STR(".sql")))
            continue;
        if (!grow(f, &room, arena, err) || !read_file(dirfd(dir), f->path, name, arena, &f->files[f->n], err))
            return false;
        bytes += f->files[f->n++].text.n;
        if (bytes > MIGRATE_MAX_FOLDER)
            return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the migrations in \"%s\" are longer than %d bytes",
                           f->path, MIGRATE_MAX_FOLDER);
    }
    return true;
}

bool migrate_folder_read(const char *path, struct arena *arena, struct migrate_folder *ret, struct err *err)
{
    struct migrate_folder f = { .path = path };
    DIR *dir = opendir(path);
    if (!dir) {
        fail_errno(err, "open the migrations folder", path, STR(""));
        return err_hint(err, "MIGRATE CREATE makes it; migrations_dir names another one.");
    }
    bool ok = read_entries(dir, &f, arena, err);
    closedir(dir);
    if (!ok)
        return false;
    if (f.n)
        qsort(f.files, f.n, sizeof(*f.files), by_number);
    *ret = f;
    return true;
}

/* ---- order ---- */

static int by_hash(const void *a, const void *b)
{
    const struct migrate_file *const *x = a, *const *y = b;
    int order = str_cmp((*x)->hash, (*y)->hash);
    return order ? order : str_cmp((*x)->name, (*y)->name);
}

/* Texts of nothing but white space may be there often: a file that was made and not written yet. */
static bool is_blank(const struct migrate_file *f)
{
    return str_trim(f->text).n == 0;
}

static bool check_texts(const struct migrate_folder *f, struct err *err)
{
    const struct migrate_file **sorted = calloc(f->n ? f->n : 1, sizeof(*sorted));
    if (!sorted)
        return err_oom(err);
    for (size_t i = 0; i < f->n; i++)
        sorted[i] = &f->files[i];
    qsort(sorted, f->n, sizeof(*sorted), by_hash);
    bool ok = true;
    for (size_t i = 1; ok && i < f->n; i++)
        if (str_eq(sorted[i]->hash, sorted[i - 1]->hash) && !is_blank(sorted[i])) {
            err_set(err, SQLSTATE_DUPLICATE_OBJECT, "migrations \"%.*s\" and \"%.*s\" have the same text",
                    STR_FMT(sorted[i - 1]->name), STR_FMT(sorted[i]->name));
            ok = err_hint(err, "Remove one of them.");
        }
    free(sorted);
    return ok;
}

bool migrate_folder_check(const struct migrate_folder *f, struct err *err)
{
    for (size_t i = 1; i < f->n; i++) {
        const struct migrate_file *before = &f->files[i - 1], *file = &f->files[i];
        if (before->number < 0 && file->number >= 0) {
            err_set(err, SQLSTATE_INVALID_NAME,
                    "migration \"%.*s\" has no number in its name, and \"%.*s\" has one: their order is not clear",
                    STR_FMT(before->name), STR_FMT(file->name));
            return err_hint(err, "Give each file a number: 0001_name.sql.");
        }
        if (file->number >= 0 && before->number == file->number) {
            err_set(err, SQLSTATE_DUPLICATE_OBJECT, "migrations \"%.*s\" and \"%.*s\" have the same number",
                    STR_FMT(before->name), STR_FMT(file->name));
            return err_hint(err, "Give one of them the next free number.");
        }
    }
    return check_texts(f, err);
}

static bool is_called(const struct migrate_file *f, struct str name)
{
    int64_t number;
    if (str_eq(f->name, name))
        return true;
    if (f->name.n == name.n + 4 && str_starts(f->name, name))
        return true;
    return f->number >= 0 && name.n && name.p[0] >= '0' && name.p[0] <= '9' && str_to_int64(name, &number) &&
           number == f->number;
}

bool migrate_folder_find(const struct migrate_folder *f, struct str name, size_t *ret, struct err *err)
{
    size_t found = f->n;
    for (size_t i = 0; i < f->n; i++) {
        if (!is_called(&f->files[i], name))
            continue;
        if (found < f->n)
            return err_set(err, SQLSTATE_AMBIGUOUS_FUNCTION,
                           "\"%.*s\" is not unique: \"%.*s\" and \"%.*s\" are called so", STR_FMT(name),
                           STR_FMT(f->files[found].name), STR_FMT(f->files[i].name));
        found = i;
    }
    if (found == f->n)
        return err_set(err, SQLSTATE_UNDEFINED_OBJECT, "migration \"%.*s\" does not exist", STR_FMT(name));
    *ret = found;
    return true;
}

/* ---- writing ---- */

/* A name that stays in its folder, and that a shell and a listing show as it is. */
static bool check_name(struct str name, struct err *err)
{
    enum { MAX_NAME = 200 };
    if (!name.n || name.n > MAX_NAME || name.p[0] == '.')
        return err_set(err, SQLSTATE_INVALID_NAME, "\"%.*s\" is not a name for a file", STR_FMT(name));
    for (size_t i = 0; i < name.n; i++)
        if (strchr("/\\:*?\"<>|", name.p[i]) || (unsigned char)name.p[i] < ' ' || name.p[i] == 0x7F) {
            err_set(err, SQLSTATE_INVALID_NAME, "\"%.*s\" is not a name for a file", STR_FMT(name));
            return err_hint(
                err, "It becomes part of the name of a file in the migrations folder: no path, no control characters.");
        }
    return true;
}

static struct str text_to_write(struct str text, struct str number, int64_t now_us, struct arena *arena)
{
    if (text.n)
        return text.p[text.n - 1] == '\n' ? text : arena_printf(arena, "%.*s\n", STR_FMT(text));
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm utc;
    char at[32] = "";
    if (gmtime_r(&seconds, &utc))
        strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", &utc);
    return arena_printf(arena, "-- Migration number: %.*s \t %s.%03dZ\n", STR_FMT(number), at,
                        (int)(now_us / 1000 % 1000));
}

static bool write_all(int fd, struct str text)
{
    while (text.n) {
        ssize_t put = write(fd, text.p, text.n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        text.p += put;
        text.n -= (size_t)put;
    }
    return fsync(fd) == 0;
}

/* Whole or not at all: written under another name, then linked to its own, which fails when that is there. */
static bool write_file(int folder, const char *path, struct str name, struct str text, struct arena *arena,
                       struct err *err)
{
    const char *own = arena_cstr(arena, name);
    struct str made = arena_printf(arena, ".%.*s.%ld", STR_FMT(name), (long)getpid());
    if (!own || !made.p)
        return err_oom(err);
    int fd = openat(folder, made.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_errno(err, "create", path, name);
    bool ok = write_all(fd, text);
    if (close(fd) != 0)
        ok = false;
    ok = ok && linkat(folder, made.p, folder, own, 0) == 0;
    if (!ok)
        fail_errno(err, "write", path, name);
    unlinkat(folder, made.p, 0);
    return ok && (fsync(folder) == 0 || fail_errno(err, "write", path, STR("")));
}

static bool next_number(const struct migrate_folder *f, struct arena *arena, struct str *ret, struct err *err)
{
    int64_t highest = f->n ? f->files[f->n - 1].number : 0;
    *ret = arena_printf(arena, "%04lld", (long long)(highest < 0 ? 1 : highest + 1));
    return ret->p || err_oom(err);
}

bool migrate_folder_create(const char *path, struct str name, struct str text, int64_t now_us, struct arena *arena,
                           struct migrate_file *ret, struct err *err)
{
    struct migrate_folder f;
    struct str number;
    if (!check_name(name, err))
        return false;
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return fail_errno(err, "create the migrations folder", path, STR(""));
    if (!migrate_folder_read(path, arena, &f, err) || !next_number(&f, arena, &number, err))
        return false;
    struct str whole = arena_printf(arena, "%.*s_%.*s.sql", STR_FMT(number), STR_FMT(name));
    struct str content = text_to_write(text, number, now_us, arena);
    if (!whole.p || !content.p)
        return err_oom(err);
    for (char *p = (char *)whole.p; *p; p++)
        *p = *p == ' ' ? '_' : *p;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return fail_errno(err, "open", path, STR(""));
    bool ok = write_file(folder, path, whole, content, arena, err) && read_file(folder, path, whole, arena, ret, err);
    close(folder);
    return ok;
}

bool migrate_folder_read_beside(const char *path, struct str name, struct arena *arena, struct str *ret,
                                struct err *err)
{
    if (!check_name(name, err))
        return false;
    struct str file = arena_printf(arena, "%s/../%.*s", path, STR_FMT(name));
    if (!file.p)
        return err_oom(err);
    int fd = open_file(AT_FDCWD, file.p);
    if (fd < 0)
        return fail_open(err, path, arena_printf(arena, "../%.*s", STR_FMT(name)));
    return read_whole(fd, path, name, arena, ret, err);
}
