/*
 * buffer.h - what a transaction block has done so far: its writes and the checks of what it was shown, in order.
 *
 * Every batch of the block begins with them, and COMMIT sends them for good. Values are bound already: now(), random(),
 * gen_random_uuid() are what they were when the statement first ran.
 *
 * Owns     copies of all statements, in an arena of its own.
 * Lives    from the first entry to the end of the block.
 * Fails    54000 above max_entries, BUFFER_MAX_STATEMENTS that are not folded, or BUFFER_MAX_BYTES: before D1's 30 seconds do; 53200.
 * Not here what an entry's statements are (capture.h), when they are sent (group.h).
 */
#ifndef PGD1_PROXY_TXN_BUFFER_H
#define PGD1_PROXY_TXN_BUFFER_H

#include "d1/d1.h"
#include "proxy/base/err.h"
#include "proxy/sql/plan.h"
#include "proxy/txn/fold.h"

enum { BUFFER_MAX_ENTRIES = 10000, BUFFER_MAX_STATEMENTS = 20000, BUFFER_MAX_BYTES = 24 << 20 };

/* What a new row has in the keys of its table: two of them that differ in each need not know of each other. */
struct row_keys {
    uint64_t version; /* of the schema whose keys they are */
    struct row_key {
        oid_t key;
        uint64_t row; /* as row_use.row */
    } * list;
    size_t n;
    oid_t counted; /* the key that SQLite counts, where the row leaves it to that; 0: it does not */
    enum {
        ID_LEFT,   /* D1 gives it at COMMIT */
        ID_SHOWN,  /* COMMIT sends what D1 gave once */
        ID_DRAWN   /* COMMIT sends what was drawn */
    } id;          /* of that key, which is in the list when it is known */
    int64_t value; /* SHOWN: it is this one; of a row to come: D1 will give a higher one */
};

/* How much of its tables a statement can see and change. */
struct row_use {
    enum {
        USE_TABLES, /* any of it */
        USE_KEYS,   /* which rows there are, by their keys: an INSERT of values, which has a new one */
        USE_ROW,    /* one row, plan_row.is_alone; of other tables, which rows there are */
    } kind;
    bool removes;                /* USE_ROW: it deletes it, and sees any part of other tables */
    oid_t key;                   /* USE_ROW: the constraint … */
    uint64_t row;                /* … and what its columns equal: as different as the rows, or the same by chance */
    const struct row_keys *keys; /* USE_KEYS: of the new row; NULL: not known */
};

struct buffer_entry {
    struct buffer_entry *next;
    uint32_t position; /* of the statement in its block */
    bool is_write;
    struct d1_statement *statements;
    size_t n_statements;
    struct d1_statement *ddl; /* of DDL: the statements without checks, for the overlay */
    size_t n_ddl;
    struct str *written; /* names of the tables it writes, as D1 knows them */
    size_t n_written;
    struct str *read; /* and those it reads */
    size_t n_read;
    struct row_use use;
    bool touches_all; /* DDL, sequences, or not known: it may touch any table */
    bool in_shadow;   /* its rows are in the shadow (overlay.h) */
    bool is_chosen;
    struct fold fold;                 /* its statements, to be sent with others like it */
    struct buffer_entry *next_in_run; /* fold.c */
    const struct repeat *repeat;      /* what a read gave, to be given again (repeat.h); NULL: not kept */
};

struct buffer {
    struct arena *arena; /* NULL: empty */
    struct buffer_entry *first, *last;
    size_t n_statements, n_bytes;  /* statements: of those that are not folded */
    size_t n_entries, max_entries; /* max: 0 is BUFFER_MAX_ENTRIES; pgd1.max_transaction_statements */
    size_t n_writes, n_ddl;        /* entries that write, that are DDL */
    struct fold newest_fold;
    size_t n_kept, max_kept; /* bytes of repeat.h, beside n_bytes; max 0: nothing is kept */
};

void buffer_fini(struct buffer *b); /* empty again */
/* Copies the statements. */
bool buffer_add(struct buffer *b, uint32_t position, const struct plan *plan, const struct d1_statement *statements,
                size_t n, struct err *err);
/* How the newest entry is sent with others like it. */
bool buffer_add_fold(struct buffer *b, const struct fold *fold, struct err *err);
/* The newest entry is DDL: its statements as they came. */
bool buffer_add_ddl(struct buffer *b, const struct d1_statement *statements, size_t n, struct err *err);
/* How much of its tables the newest entry uses; the keys are copied. */
bool buffer_set_use(struct buffer *b, const struct row_use *use, struct err *err);
/* The newest entry touches these tables and no others. */
bool buffer_set_tables(struct buffer *b, const struct str *tables, size_t n, struct err *err);
/* Takes back the entries behind a position. keeps_reads: but reads stay that none of the writes taken back could be seen by: what they
 * gave was of the block's snapshot. */
void buffer_cut(struct buffer *b, uint32_t position, bool keeps_reads);
/* Whether the plan reads or writes a table that was written. */
bool buffer_reaches(const struct buffer *b, const struct plan *plan);
/* Whether what the entry writes may be seen by the plan. */
bool buffer_entry_reaches(const struct buffer_entry *e, const struct plan *plan);
bool buffer_writes(const struct buffer *b, struct str table);
/* Whether a statement's text has these words. */
bool buffer_mentions(const struct buffer *b, struct str what);
/* What a batch is to see of the buffer: what touches the tables, directly or through others; NULL plan: all of it. */
struct visible {
    const struct plan *plan;
    const struct str *tables; /* of DDL, whose plan does not name them; none: all of it */
    size_t n_tables;
    struct row_use use;
};
/* The members of a batch that bring D1 to there. They point into the buffer and the arena. */
bool buffer_members(struct buffer *b, const struct visible *visible, struct arena *arena, struct d1_statement **ret,
                    size_t *ret_n);

#endif
