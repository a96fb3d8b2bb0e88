/* The migrations folder: order, names, what is refused, and new files. */
/* LINK pgd1_migrate */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "proxy/migrate/folder.h"

struct fixture {
    struct arena *arena;
    struct err err;
    char path[64];
    struct migrate_folder folder;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->arena = arena_new(SIZE_MAX);
    err_init(&f->err, f->arena);
    snprintf(f->path, sizeof(f->path), "/tmp/pgd1-migrations-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    *state = f;
    return 0;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0);
    closedir(dir);
    rmdir(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    remove_all(f->path);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void put(const struct fixture *f, const char *name, const char *text, size_t n)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", f->path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    close(fd);
}

static void put_text(const struct fixture *f, const char *name, const char *text)
{
    put(f, name, text, strlen(text));
}

static void read_it(struct fixture *f)
{
    if (!migrate_folder_read(f->path, f->arena, &f->folder, &f->err))
        fail_msg("%.*s", STR_FMT(f->err.message));
}

static void fails(struct fixture *f, bool ok, enum sqlstate code, const char *part)
{
    assert_false(ok);
    assert_int_equal(f->err.code, code);
    if (str_find(f->err.message, str_from(part)) < 0)
        fail_msg("%.*s has no '%s'", STR_FMT(f->err.message), part);
    err_clear(&f->err);
}

static void files_are_ordered_by_number(void **state)
{
    struct fixture *f = *state;
    const char *order[] = { "0_zero.sql", "0001_a.sql", "2.sql", "10_b.sql", "0100_c.sql" };
    put_text(f, "10_b.sql", "SELECT 10");
    put_text(f, "2.sql", "SELECT 2");
    put_text(f, "0100_c.sql", "SELECT 100");
    put_text(f, "0001_a.sql", "SELECT 1");
    put_text(f, "0_zero.sql", "SELECT 0");
    put_text(f, "README.md", "not one");
    put_text(f, "0003_draft.sql.bak", "not one");
    read_it(f);
    assert_int_equal(f->folder.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(str_is(f->folder.files[i].name, order[i]));
    assert_true(migrate_folder_check(&f->folder, &f->err));
    assert_true(str_is(f->folder.files[1].text, "SELECT 1"));
    /* sha256sum */
    assert_true(str_is(f->folder.files[1].hash, "e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5"));
}

static void names_without_number_are_ordered_by_name(void **state)
{
    struct fixture *f = *state;
    put_text(f, "b.sql", "SELECT 2");
    put_text(f, "a.sql", "SELECT 1");
    read_it(f);
    assert_true(migrate_folder_check(&f->folder, &f->err));
    assert_true(str_is(f->folder.files[0].name, "a.sql"));
    put_text(f, "0001_c.sql", "SELECT 3");
    read_it(f);
    fails(f, migrate_folder_check(&f->folder, &f->err), SQLSTATE_INVALID_NAME, "order is not clear");
}

static void twice_is_refused(void **state)
{
    struct fixture *f = *state;
    put_text(f, "0001_a.sql", "SELECT 1");
    put_text(f, "1_b.sql", "SELECT 2");
    read_it(f);
    fails(f, migrate_folder_check(&f->folder, &f->err), SQLSTATE_DUPLICATE_OBJECT, "same number");
    put_text(f, "1_b.sql", "");
    unlink("1_b.sql");
    char path[128];
    snprintf(path, sizeof(path), "%s/1_b.sql", f->path);
    unlink(path);
    put_text(f, "0007_b.sql", "SELECT 1");
    read_it(f);
    fails(f, migrate_folder_check(&f->folder, &f->err), SQLSTATE_DUPLICATE_OBJECT,
          "\"0001_a.sql\" and \"0007_b.sql\" have the same text");
    put_text(f, "0001_a.sql", " \n");
    put_text(f, "0007_b.sql", " \n");
    read_it(f);
    assert_true(migrate_folder_check(&f->folder, &f->err));
}

static void files_are_found(void **state)
{
    struct fixture *f = *state;
    size_t at;
    put_text(f, "0001_a.sql", "SELECT 1");
    put_text(f, "0002_b.sql", "SELECT 2");
    read_it(f);
    const char *names[] = { "0002_b.sql", "0002_b", "2", "0002" };
    for (size_t i = 0; i < 4; i++) {
        assert_true(migrate_folder_find(&f->folder, str_from(names[i]), &at, &f->err));
        assert_int_equal(at, 1);
    }
    fails(f, migrate_folder_find(&f->folder, STR("b"), &at, &f->err), SQLSTATE_UNDEFINED_OBJECT, "does not exist");
    fails(f, migrate_folder_find(&f->folder, STR(""), &at, &f->err), SQLSTATE_UNDEFINED_OBJECT, "does not exist");
    put_text(f, "02_c.sql", "SELECT 3");
    read_it(f);
    fails(f, migrate_folder_find(&f->folder, STR("2"), &at, &f->err), SQLSTATE_AMBIGUOUS_FUNCTION, "not unique");
}

static void what_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    char path[256];
    fails(f, migrate_folder_read("/nowhere/at/all", f->arena, &f->folder, &f->err), SQLSTATE_UNDEFINED_FILE,
          "/nowhere/at/all");
    put(f, "0001_latin.sql", "SELECT '\xE4'", 10);
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE,
          "0001_latin.sql:1:9: byte 0xe4");
    put(f, "0001_latin.sql", "SELECT \0 1", 10);
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE,
          "0001_latin.sql:1:8: byte 0x00");
    put(f, "0001_latin.sql", "\xC3\xA4\n\xC3\xA4\xFF", 6);
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE,
          "0001_latin.sql:2:2: byte 0xff");
    put_text(f, "0001_latin.sql", "");
    snprintf(path, sizeof(path), "%s/0002_folder.sql", f->path);
    mkdir(path, 0700);
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_IO_ERROR, "is not a file");
    rmdir(path);
    mkfifo(path, 0600); /* opening it must not wait for a writer */
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_IO_ERROR, "is not a file");
    unlink(path);
    assert_int_equal(symlink("0001_latin.sql", path), 0);
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_IO_ERROR, "is a symbolic link");
    unlink(path);
    put_text(f, "0002_folder.sql", "");
    chmod(path, 0);
    bool is_root = geteuid() == 0; /* who reads every file */
    assert_true(!is_root || (chmod(f->path, 0755) == 0 && seteuid(65534) == 0));
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_IO_ERROR, "could not open");
    assert_true(!is_root || seteuid(0) == 0);
    unlink(path);
    put_text(f, "0003_long.sql", "");
    snprintf(path, sizeof(path), "%s/0003_long.sql", f->path);
    assert_int_equal(truncate(path, MIGRATE_MAX_FILE + 1), 0);
    fails(f, migrate_folder_read(f->path, f->arena, &f->folder, &f->err), SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "longer");
}

static void new_files(void **state)
{
    struct fixture *f = *state;
    struct migrate_file file;
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/migrations", f->path);
    assert_true(migrate_folder_create(folder, STR("add users"), STR(""), 1700000000123456, f->arena, &file, &f->err));
    assert_true(str_is(file.name, "0001_add_users.sql"));
    assert_true(str_is(file.text, "-- Migration number: 0001 \t 2023-11-14T22:13:20.123Z\n"));
    assert_true(migrate_folder_create(folder, STR("b"), STR("SELECT 1;"), 0, f->arena, &file, &f->err));
    assert_true(str_is(file.name, "0002_b.sql"));
    assert_true(str_is(file.text, "SELECT 1;\n"));
    assert_true(migrate_folder_read(folder, f->arena, &f->folder, &f->err));
    assert_int_equal(f->folder.n, 2); /* nothing else was left behind */
    assert_true(str_eq(f->folder.files[1].hash, file.hash));
    remove_all(folder);
    snprintf(folder, sizeof(folder), "%s/a/b", f->path);
    fails(f, migrate_folder_create(folder, STR("b"), STR(""), 0, f->arena, &file, &f->err), SQLSTATE_UNDEFINED_FILE,
          "migrations folder");
}

static void names_stay_in_the_folder(void **state)
{
    struct fixture *f = *state;
    const char *names[] = { "", "../x", "a/b", "..", ".hidden", "a\nb", "a\\b", "c:", "a\x7F" };
    struct migrate_file file;
    struct str text;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fails(f, migrate_folder_create(f->path, str_from(names[i]), STR(""), 0, f->arena, &file, &f->err),
              SQLSTATE_INVALID_NAME, "not a name for a file");
        fails(f, migrate_folder_read_beside(f->path, str_from(names[i]), f->arena, &text, &f->err),
              SQLSTATE_INVALID_NAME, "not a name for a file");
    }
    read_it(f);
    assert_int_equal(f->folder.n, 0);
}

static void a_file_beside(void **state)
{
    struct fixture *f = *state;
    struct str text;
    char folder[128];
    snprintf(folder, sizeof(folder), "%s/migrations", f->path);
    mkdir(folder, 0700);
    put_text(f, "schema.sql", "CREATE TABLE t (a int);");
    assert_true(migrate_folder_read_beside(folder, STR("schema.sql"), f->arena, &text, &f->err));
    assert_true(str_is(text, "CREATE TABLE t (a int);"));
    fails(f, migrate_folder_read_beside(folder, STR("other.sql"), f->arena, &text, &f->err), SQLSTATE_UNDEFINED_FILE,
          "other.sql");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(files_are_ordered_by_number),
        CASE(names_without_number_are_ordered_by_name),
        CASE(twice_is_refused),
        CASE(files_are_found),
        CASE(what_cannot_be_read),
        CASE(new_files),
        CASE(names_stay_in_the_folder),
        CASE(a_file_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
