/*
 * copy_text.h - COPY's text and csv formats: a stream of bytes <-> rows of fields.
 *
 * Reads as PostgreSQL 15 does: any of the three line ends, but one kind only; "\." ends the data; escapes of the text
 * format; quotes, doubled quotes and escapes of csv. The stream may be cut anywhere, also inside a character or an escape.
 *
 * Owns     struct copy_in: the line under construction and the fields of the last row; copy_in_fini() frees them.
 *          Fields are valid until the next copy_in_next().
 * Fails    22P04 with PostgreSQL's wording, 22021 for bytes that are not UTF-8, 54000 for a line longer than max_line,
 *          53200; all with the context "COPY t, line n…". After an error the reader stays failed.
 * Not here types: a field is bytes or NULL; CopyData framing; the binary format (copy_binary.h).
 */
#ifndef PGD1_PGWIRE_COPY_TEXT_H
#define PGD1_PGWIRE_COPY_TEXT_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

enum copy_format { COPY_TEXT, COPY_CSV, COPY_BINARY };
enum copy_header { COPY_HEADER_NONE, COPY_HEADER_LINE, COPY_HEADER_MATCH };

/* The options of COPY as the statement gave them; copy_options_check() fills in defaults. */
struct copy_options {
    enum copy_format format;
    enum copy_header header;
    struct str delimiter, null_text, quote, escape; /* p NULL: not given */
    bool freeze;
    /* FORCE_QUOTE (TO), FORCE_NOT_NULL, FORCE_NULL (FROM): one flag per column in COPY's own column order, or NULL. */
    const bool *force_quote, *force_not_null, *force_null;
    bool force_quote_all;
};

/* Checks and completes the options; 22023, 42601 and 0A000 with PostgreSQL's texts. */
bool copy_options_check(struct copy_options *o, bool is_from, struct err *err);

/* A column list and the relation's name, for messages and for HEADER. */
struct copy_target {
    struct str relation; /* as the context names it; may be empty (query) */
    const struct str *columns;
    size_t n_columns;
};

/* One field; p NULL: SQL NULL. */
struct copy_row {
    const struct str *fields;
    size_t
        n; /* target.n_columns; with COPY_ERROR: of a row that is too short, the fields it has, which PostgreSQL reads first */
};

enum copy_result { COPY_ROW, COPY_MORE, COPY_END, COPY_ERROR };
enum copy_eol { COPY_EOL_UNKNOWN, COPY_EOL_NL, COPY_EOL_CR, COPY_EOL_CRNL };

struct copy_in {
    const struct copy_options *options;
    const struct copy_target *target;
    struct str chunk;     /* what copy_in_give() lent and is not read yet */
    struct str current;   /* the line of the last row, for messages: in chunk or line */
    struct buf line;      /* a line that began in an earlier chunk */
    struct buf cells;     /* unescaped fields of the last row */
    struct str *fields;   /* target->n_columns of them */
    size_t max_line;      /* bytes */
    uint64_t line_number; /* of the line being read or last read, 1-based */
    enum copy_eol eol;    /* the first line decides */
    /* The line scanner, resumed where the last chunk ended. */
    size_t at; /* next byte to look at, from the start of the line */
    bool is_started, is_past_first, in_quote, after_escape;
    bool is_last, is_ended, is_failed, header_pending;
    bool is_special[256]; /* bytes the scanner stops at */
};

/* options (checked) and target are borrowed for the reader's life. 53200 without memory. */
bool copy_in_init(struct copy_in *c, const struct copy_options *options, const struct copy_target *target,
                  size_t max_line, struct err *err);
void copy_in_fini(struct copy_in *c);
/* Lends the next bytes of the stream (a CopyData body); only after COPY_MORE or at the start. */
void copy_in_give(struct copy_in *c, struct str chunk);
/* No more bytes will come (CopyDone). */
void copy_in_last(struct copy_in *c);
/* The next row; COPY_MORE: give a chunk or call copy_in_last(); COPY_END: after "\." or the end. Bytes after "\." are
 * dropped. A chunk stays lent, and rows point into it, until the next COPY_MORE. */
enum copy_result copy_in_next(struct copy_in *c, struct copy_row *ret, struct err *err);
/* The context of an error in a value of the last row: `COPY t, line 3, column a: "xyz"`. */
void copy_in_context(const struct copy_in *c, size_t column, struct err *err);

/* Appends the header line (options.header) or one row, line end included. fields[i].p NULL: NULL. */
void copy_out_header(const struct copy_options *o, const struct copy_target *target, struct buf *out);
void copy_out_row(const struct copy_options *o, const struct str *fields, size_t n, struct buf *out);

#endif
