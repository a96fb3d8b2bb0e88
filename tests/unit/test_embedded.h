/*
 * test_embedded.h - what the tests of the embedded transport share: a database in a new folder, a loop, a batch run to
 * its end, rows as text.
 *
 * Cells are written with their class in front: i42, r0.5, ttext, bC0FFEE, and null.
 */
#ifndef PGD1_TESTS_UNIT_TEST_EMBEDDED_H
#define PGD1_TESTS_UNIT_TEST_EMBEDDED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <event2/event.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "d1/embedded/embedded.h"
#include "proxy/base/buf.h"

struct database {
    char folder[64], path[96];
    struct embedded_stores *stores;
    struct embedded_options options;
    struct event_base *base;
    struct d1 *d1;
    struct arena *arena;
};

/* One request and what came of it. Rows are collected as "cell|cell;cell|cell;", a line break between statements. */
struct answer {
    struct d1_request request;
    struct database *db;
    struct buf rows;
    size_t n_rows, statement;
    size_t pause_after, stop_after; /* rows; 0: never */
    unsigned n_done;
    bool inside_submit, ok;
    uint64_t done_us;
    char error[512];
    void *extra; /* the test's own */
};

static inline struct err test_err(struct database *db)
{
    struct err err;
    err_init(&err, db->arena);
    return err;
}

static inline void database_open(struct database *db)
{
    struct err err = test_err(db);
    db->options.path = str_from(db->path);
    db->d1 = embedded_open(db->stores, &db->options, db->base, &err);
    if (!db->d1)
        fail_msg("%.*s", STR_FMT(err.message));
}

static inline void database_init(struct database *db, const struct embedded_options *options)
{
    *db = (struct database){ 0 };
    if (options)
        db->options = *options;
    snprintf(db->folder, sizeof(db->folder), "%s/pgd1.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(db->folder));
    snprintf(db->path, sizeof(db->path), "%s/d", db->folder);
    db->stores = embedded_stores_new();
    db->base = event_base_new();
    db->arena = arena_new(64 << 20);
    assert_non_null(db->stores);
    assert_non_null(db->base);
    assert_non_null(db->arena);
    database_open(db);
}

static inline void database_remove_files(struct database *db)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
    char name[128];
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(name, sizeof(name), "%s%s", db->path, ends[i]);
        unlink(name);
    }
    rmdir(db->folder);
}

static inline void database_fini(struct database *db)
{
    d1_close(db->d1);
    embedded_stores_free(db->stores);
    event_base_free(db->base);
    arena_free(db->arena);
    database_remove_files(db);
}

static inline void write_cell(struct buf *out, const struct value *v)
{
    switch (v->class) {
    case VALUE_NULL:
        buf_printf(out, "null");
        return;
    case VALUE_INTEGER:
        buf_printf(out, "i%lld", (long long)v->integer);
        return;
    case VALUE_REAL:
        if (isinf(v->real))
            buf_printf(out, v->real < 0 ? "r-Inf" : "rInf");
        else
            buf_printf(out, "r%.17g", v->real);
        return;
    case VALUE_TEXT:
        buf_printf(out, "t");
        buf_add_str(out, v->bytes);
        return;
    case VALUE_BLOB:
        buf_printf(out, "b");
        for (size_t i = 0; i < v->bytes.n; i++)
            buf_printf(out, "%02X", (unsigned)(unsigned char)v->bytes.p[i]);
        return;
    }
}

static inline enum d1_flow answer_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n_cells)
{
    struct answer *a = r->user;
    assert_false(a->inside_submit);
    assert_int_equal(a->n_done, 0);
    for (; a->statement < statement; a->statement++)
        buf_add_char(&a->rows, '\n');
    for (size_t i = 0; i < n_cells; i++) {
        if (i)
            buf_add_char(&a->rows, '|');
        write_cell(&a->rows, &cells[i]);
    }
    buf_add_char(&a->rows, ';');
    a->n_rows++;
    if (a->stop_after == a->n_rows)
        return D1_STOP;
    return a->pause_after == a->n_rows ? D1_PAUSE : D1_CONTINUE;
}

static inline void answer_done(struct d1_request *r)
{
    struct answer *a = r->user;
    assert_false(a->inside_submit);
    a->n_done++;
    a->done_us = clock_monotonic_us(clock_system());
    a->ok = r->error.kind == D1_OK;
    snprintf(a->error, sizeof(a->error), "%.*s", STR_FMT(r->error.message));
    buf_add_char(&a->rows, '\0');
}

static inline void answer_init(struct answer *a, struct database *db, enum d1_access access,
                               const struct d1_statement *statements, size_t n)
{
    *a = (struct answer){ .db = db };
    buf_init(&a->rows, 256 << 20);
    a->request = (struct d1_request){
        .statements = statements,
        .n_statements = n,
        .access = access,
        .on_row = answer_row,
        .done = answer_done,
        .user = a,
        .arena = db->arena,
    };
}

static inline void answer_submit(struct answer *a)
{
    a->inside_submit = true;
    d1_submit(a->db->d1, &a->request);
    a->inside_submit = false;
    assert_int_equal(a->n_done, 0);
}

/* Turns the loop until the answer is there; fails after a minute without. */
static inline void answer_wait(struct answer *a)
{
    uint64_t until = clock_monotonic_us(clock_system()) + 60000000;
    while (!a->n_done && clock_monotonic_us(clock_system()) < until)
        event_base_loop(a->db->base, EVLOOP_ONCE | (clock_monotonic_us(clock_system()) & 1 ? EVLOOP_NONBLOCK : 0));
    assert_int_equal(a->n_done, 1);
}

static inline void turn_loop(struct database *db, unsigned turns)
{
    while (turns--) {
        event_base_loop(db->base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
}

static inline void answer_fini(struct answer *a)
{
    buf_fini(&a->rows);
}

static inline const char *answer_rows(struct answer *a)
{
    return a->rows.p ? a->rows.p : "";
}

/* One statement without parameters, run to its end. */
static inline void run_one(struct answer *a, struct database *db, enum d1_access access, struct str sql)
{
    struct d1_statement s = { .sql = sql };
    answer_init(a, db, access, &s, 1);
    answer_submit(a);
    answer_wait(a);
}

static inline void must_write(struct database *db, const char *sql)
{
    struct answer a;
    run_one(&a, db, D1_WRITE, str_from(sql));
    if (!a.ok)
        fail_msg("%s: %s", sql, a.error);
    answer_fini(&a);
}

/* Asserts the rows of one reading statement. */
static inline void must_read(struct database *db, const char *sql, const char *rows)
{
    struct answer a;
    run_one(&a, db, D1_READ, str_from(sql));
    if (!a.ok)
        fail_msg("%s: %s", sql, a.error);
    assert_string_equal(answer_rows(&a), rows);
    answer_fini(&a);
}

#endif
