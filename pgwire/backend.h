/*
 * backend.h - writers of every message we send (protocol 55.7).
 *
 * Owns     nothing: messages are appended to the caller's buf.
 * Fails    through the buf's sticky `failed` (its cap, no memory, 2 GB): check once before sending.
 * Not here when to send what; flushing; the text of values (types.h).
 */
#ifndef PGD1_PGWIRE_BACKEND_H
#define PGD1_PGWIRE_BACKEND_H

#include "pgwire/startup.h"
#include "pgwire/types.h"
#include "pgwire/wire.h"
#include "proxy/base/err.h"

/* --- start-up --- */
void backend_auth_ok(struct buf *out);
void backend_auth_cleartext(struct buf *out);
/* mechanisms in the order of preference: "SCRAM-SHA-256-PLUS" only over TLS. */
void backend_auth_sasl(struct buf *out, const struct str *mechanisms, size_t n);
void backend_auth_sasl_continue(struct buf *out, struct str data);
void backend_auth_sasl_final(struct buf *out, struct str data);
/* key: CANCEL_KEY_MIN..CANCEL_KEY_MAX bytes; 4 for protocol 3.0. */
void backend_key_data(struct buf *out, uint32_t pid, struct str key);
void backend_parameter_status(struct buf *out, struct str name, struct str value);
/* NegotiateProtocolVersion for a start-up whose `negotiate` is set: its version and its unknown _pq_. options. */
void backend_negotiate(struct buf *out, const struct startup *startup);

/* --- query flow --- */
enum transaction_status { TRANSACTION_IDLE = 'I', TRANSACTION_OPEN = 'T', TRANSACTION_FAILED = 'E' };
void backend_ready_for_query(struct buf *out, enum transaction_status status);
void backend_command_complete(struct buf *out, struct str tag); /* "SELECT 3", "INSERT 0 1"… */
void backend_empty_query(struct buf *out);
void backend_parse_complete(struct buf *out);
void backend_bind_complete(struct buf *out);
void backend_close_complete(struct buf *out);
void backend_no_data(struct buf *out);
void backend_portal_suspended(struct buf *out);
void backend_parameter_description(struct buf *out, const oid_t *types, size_t n);
void backend_notification(struct buf *out, uint32_t pid, struct str channel, struct str payload);
/* value {NULL, 0}: NULL. */
void backend_function_call_response(struct buf *out, struct str value);

/* --- errors and notices --- */
enum severity {
    SEVERITY_DEBUG,
    SEVERITY_LOG,
    SEVERITY_INFO,
    SEVERITY_NOTICE,
    SEVERITY_WARNING,
    SEVERITY_ERROR, /* from here on an ErrorResponse */
    SEVERITY_FATAL,
    SEVERITY_PANIC,
    SEVERITY_NR
};
const char *severity_name(enum severity severity);
struct source_place { /* F, L, R; a NULL pointer leaves a field out */
    const char *file, *routine;
    int line;
};
/* ErrorResponse from ERROR up, else NoticeResponse. place may be NULL: then err's routine is told, if it has one. Empty texts of err are left out. */
void backend_report(struct buf *out, enum severity severity, const struct err *err, const struct source_place *place);

/* --- rows --- */
struct column_description {
    struct str name;
    oid_t table;       /* 0: not a table's column */
    int16_t attribute; /* 0: the same */
    oid_t type;
    int16_t type_length; /* pg_type.typlen */
    int32_t typmod;
    enum wire_format format;
};
void backend_row_description(struct buf *out, const struct column_description *columns, size_t n);

/* A DataRow written cell by cell, without a copy in between: row_begin(&w, out), for each cell row_cell(), row_null() or
 * row_cell_begin() … type_encode(…, out) … row_cell_end(), at last row_end(&w).
 * row_abandon() takes back what was written since row_begin(), as when a value cannot be encoded. */
struct row_writer {
    struct buf *out;
    size_t start, mark, cell;
    size_t n;
};
void row_begin(struct row_writer *w, struct buf *out);
void row_cell(struct row_writer *w, struct str bytes);
void row_null(struct row_writer *w);
void row_cell_begin(struct row_writer *w);
void row_cell_end(struct row_writer *w);
void row_end(struct row_writer *w); /* more than 65,535 cells fail the buf */
void row_abandon(struct row_writer *w);

/* --- COPY --- */
/* CopyInResponse, CopyOutResponse: the overall format, and the same for each of n columns. */
void backend_copy_in(struct buf *out, enum wire_format format, size_t n);
void backend_copy_out(struct buf *out, enum wire_format format, size_t n);
void backend_copy_data(struct buf *out, struct str data);
/* CopyData written in place: mark = backend_copy_data_begin(out); … backend_copy_data_end(out, mark). */
size_t backend_copy_data_begin(struct buf *out);
void backend_copy_data_end(struct buf *out, size_t mark);
void backend_copy_done(struct buf *out);

#endif
