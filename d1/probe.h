/*
 * probe.h - asks a database, once at start-up, for what our transactions and our SQL rely on.
 *
 * Production may differ from the engine we test on: its SQLite version is not stated, and it may shorten or replace long
 * error texts. The probe finds out, so that the proxy falls back loudly and never silently.
 *
 * Owns     a struct probe is the caller's memory from probe_start() until its done() ran.
 * Fails    a question that could not be asked (no connection, no right) leaves its field false and is counted in
 *          result.failed, the first reason in result.first_error; a refused statement is an answer, not a failure.
 * Not here logging, and deciding what to do about the answers.
 */
#ifndef PGD1_D1_PROBE_H
#define PGD1_D1_PROBE_H

#include "d1/d1.h"

/* PROBE_TRANSACTIONS asks what writing relies on: error_text_bytes, up to 100000, error_text_faithful, and whether a batch is atomic: four
 * requests. This, and what PROBE_WRITES adds, needs the right to write: each is a batch that fails on purpose, so nothing stays. */
enum probe_depth { PROBE_TRANSACTIONS, PROBE_READS, PROBE_WRITES };

struct probe_result {
    bool reachable; /* at least one answer came */
    size_t
        error_text_bytes; /* largest payload that json_extract('{}','>'||…) carried out whole: 0, 1000, 100000 or 1900000 */
    unsigned error_texts;     /* payloads that were answered */
    bool error_text_faithful; /* quotes, control characters, backslashes and non-ASCII text came out unchanged */
    bool exact_real_text;     /* printf('%!.17g') and CAST(… AS REAL) keep a double of any size */
    bool exact_integer_text;  /* CAST(?1 AS INTEGER) keeps 2^63-1, which returns unchanged as text */
    bool null_parameters;     /* a NULL parameter is NULL */
    /* SQL features, one row each in probe.def */
#define PROBE_FEATURE(field, sql, expected) bool field;
#include "d1/probe.def"
#undef PROBE_FEATURE
    /* with PROBE_WRITES */
    bool changes_after_statement; /* changes() behind a DML tells that statement's count, without trigger effects */
    bool batch_is_atomic;         /* a failing last statement undoes the ones before it */
    bool batch_is_torn;           /* it does not: they stay (neither: it was not answered) */
    bool raise_carries_text; /* the RAISE(ABORT, NEW.v) form carries text out: the other way if error_text_bytes is 0 */

    unsigned asked, failed; /* requests; those without an answer */
    unsigned round_trips;   /* requests made to D1, repetitions included */
    struct d1_error first_error;
};

struct probe {
    struct probe_result result;
    /* Once, on a later turn of the loop, never inside probe_start(). */
    void (*done)(struct probe *p);
    void *user;
    /* --- the probe's own --- */
    struct d1 *d1;
    struct arena *arena;
    size_t pending;
};

/*
 * Sends all questions at once. p->done and p->user are set by the caller; the rest is overwritten. arena: the caller's, must
 * live until done() and keeps result.first_error's text (10 MB). deadline_us: on the monotonic clock, 0: none.
 * False when there was no memory for a single question: done() will not come.
 */
bool probe_start(struct probe *p, struct d1 *d1, enum probe_depth depth, uint64_t deadline_us, struct arena *arena);

#endif
