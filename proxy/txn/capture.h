/*
 * capture.h - one D1 statement, asked what it gives in a batch that will be taken back, and checked later that it still does.
 *
 *            sent to learn                                   sent again in each later batch of the transaction, and to commit
 *   SELECT   each row as text (row_text.h)                    nothing is selected; a check compares all rows
 *   … RETURNING   each row as text                            the statement raises at a row that was not returned; a check of the count
 *   change   changes()                                        the statement; a check of the count
 *
 * A check that fails raises 40001 inside D1, and the batch is undone.
 *
 * Owns     nothing: everything is in the arenas given.
 * Fails    54000 when what was shown is too large to be checked; 53200.
 * Not here order and buffering (buffer.h), the batch around it (speculation.h).
 */
#ifndef PGD1_PROXY_TXN_CAPTURE_H
#define PGD1_PROXY_TXN_CAPTURE_H

#include "d1/d1.h"
#include "proxy/base/err.h"
#include "proxy/sql/plan.h"
#include "proxy/txn/fold.h"

enum capture_kind { CAPTURE_NOTHING, CAPTURE_COUNT, CAPTURE_SELECT, CAPTURE_RETURNING };
enum { CAPTURE_CHECKS_MAX = 2, CAPTURE_MAX_BYTES = 1900000 };

struct capture {
    enum capture_kind kind;
    struct d1_statement statement; /* as bound */
    size_t n_columns;
    bool has_own_names; /* its columns are not called c0… */
    bool is_fixed;      /* D1 gives its rows in no other form (plan.h, is_unwrappable): it cannot be tried out */
    /* RETURNING, and INSERTs that were asked for ids */
    struct str head, list; /* before the word RETURNING, behind it */
    struct str target;     /* the table, as written */
    char verb;             /* I, U, D */
    bool is_generated;     /* INSERT … VALUES that leaves its rowid column to D1: the identity is pinned later */
    size_t n_inserted;     /* rows of that VALUES list */
    bool may_update;       /* ON CONFLICT DO UPDATE */
    int64_t drawn;         /* the first id of its rows, which stands in the statement (capture_pin); 0: none */
    const struct relation *relation; /* the target; NULL: a table of pgd1's or SQLite's own */
    const struct plan_fold *form;    /* NULL: it is sent by itself */
    struct str identity; /* what tells the rows of UPDATE and DELETE apart, an expression: one more cell; empty: none */
    /* what it gave */
    bool has_changes;
    int64_t changes;
    struct str *rows; /* as text */
    size_t n_rows, size_rows, n_bytes;
};

/* p: the plan's statement behind it; NULL: one of COPY's. */
void capture_init(struct capture *c, const struct d1_statement *statement, const struct plan_statement *p,
                  const struct plan *plan);
/* An INSERT of values that leaves to SQLite what it counts in sqlite_sequence: how many rows, and c->relation is the table. 0: no such. */
size_t capture_wants_ids(struct capture *c, const struct plan *plan);
/* The column that SQLite counts, of such a one. */
const struct column *capture_counted(const struct capture *c);
/* Its rows get these ids, from `first` on: from now on it is an INSERT that names them. */
bool capture_pin(struct capture *c, int64_t first, size_t max_params, struct arena *arena, struct err *err);
/* The id of the one row that it inserted, which COMMIT sends: drawn, or as RETURNING showed it. 0: D1 gives it at COMMIT. */
int64_t capture_row_id(const struct capture *c);
size_t capture_cells(const struct capture *c); /* of its row texts: the columns, and the identity if there is one */
/* The form that gives its rows as text in one column c0; the statement itself when it gives none. */
bool capture_sql(const struct capture *c, struct arena *arena, struct d1_statement *ret, struct err *err);
/* A row it gave; the text is copied. */
bool capture_add(struct capture *c, struct str row, struct arena *arena, struct err *err);
/* The statement and its checks for the batches to come: at most 1 + CAPTURE_CHECKS_MAX. */
bool capture_replay(const struct capture *c, size_t max_params, struct arena *arena, struct d1_statement *ret,
                    size_t *ret_n, struct err *err);
/* The statement and its checks as a row of a fold; empty when there is none for it. */
bool capture_fold(const struct capture *c, struct arena *arena, struct fold *ret, struct err *err);
/* The check that the statement before it has changed so many rows. */
bool capture_count_check(int64_t count, struct arena *arena, struct d1_statement *ret);
/* Highest ?n in a statement's text. */
size_t capture_params(struct str sql);

#define CAPTURE_CONFLICT "!40001:could not serialize access due to concurrent update"

#endif
