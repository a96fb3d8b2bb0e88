/*
 * local_moving.h - aggregates that cannot take a row back, as window functions: the rows of the frame are kept, and added up
 * anew for each result.
 *
 * Owns     copies of the arguments in the frame; moving_final() frees them.
 * Limits   MOVING_STEPS rows added up in one window function of one partition: 54000.
 */
#ifndef PGD1_SQL_LOCAL_MOVING_H
#define PGD1_SQL_LOCAL_MOVING_H

#include "proxy/sql/local_functions.h"

enum { MOVING_STEPS = 50000000 };

void moving_step(sqlite3_context *c, int n, sqlite3_value **args);
void moving_inverse(sqlite3_context *c, int n, sqlite3_value **args);
void moving_value(sqlite3_context *c);
void moving_final(sqlite3_context *c);

#endif
