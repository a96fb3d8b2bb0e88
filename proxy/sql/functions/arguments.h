/*
 * arguments.h - reading arguments of the local engine's functions as the types they stand for, and giving results.
 *
 * Each reader answers false after local_fail(): the function then just returns.
 */
#ifndef PGD1_SQL_FUNCTIONS_ARGUMENTS_H
#define PGD1_SQL_FUNCTIONS_ARGUMENTS_H

#include "pgwire/datetime.h"
#include "pgwire/numeric.h"
#include "proxy/sql/local_functions.h"

/* Start of a strict function: NULL in, NULL out. */
#define STRICT(n, args)                                                                                                \
    do {                                                                                                               \
        if (local_has_null(n, args))                                                                                   \
            return;                                                                                                    \
    } while (0)

/* What a function answers when it fails with this error. */
void fail_with(sqlite3_context *c, enum sqlstate code, const char *format, ...) __attribute__((format(printf, 3, 4)));
struct arena *scratch(sqlite3_context *c);
struct err *errors(sqlite3_context *c);

bool argument_numeric(sqlite3_context *c, sqlite3_value *v, struct numeric *ret); /* ret initialised by the caller */
bool argument_date(sqlite3_context *c, sqlite3_value *v, int32_t *ret);
bool argument_time(sqlite3_context *c, sqlite3_value *v, int64_t *ret);
bool argument_timetz(sqlite3_context *c, sqlite3_value *v, struct timetz *ret);
bool argument_timestamp(sqlite3_context *c, sqlite3_value *v, int64_t *ret); /* timestamptz too: both are µs */
bool argument_interval(sqlite3_context *c, sqlite3_value *v, struct interval *ret);
bool argument_int4(sqlite3_context *c, sqlite3_value *v, int32_t *ret);
double argument_double(sqlite3_value *v); /* NaN, which SQLite has not, is text */

void result_numeric(sqlite3_context *c, const struct numeric *n);
void result_date(sqlite3_context *c, int32_t date);
void result_time(sqlite3_context *c, int64_t time);
void result_timetz(sqlite3_context *c, const struct timetz *t);
void result_timestamp(sqlite3_context *c, int64_t t);
void result_interval(sqlite3_context *c, const struct interval *v);
void result_bool(sqlite3_context *c, bool b);

const struct type_settings *settings_of(sqlite3_context *c);

#endif
