/*
 * run.h - one batch being run on one connection, statement by statement, with pauses.
 *
 * Owns     the prepared statement under way. Rows, results and failure belong to the task.
 * Threads  one at a time, as its connection.
 * Fails    RUN_FAILED with *failure set; run->code keeps SQLite's code, connection->brake.stopped why it was braked.
 * Not here transactions and savepoints: reader.c, pool.c, writer.c put them around.
 */
#ifndef PGD1_D1_EMBEDDED_RUN_H
#define PGD1_D1_EMBEDDED_RUN_H

#include "d1/embedded/connection.h"
#include "d1/embedded/rows.h"

enum emb_run_end { EMB_RUN_DONE, EMB_RUN_FAILED, EMB_RUN_FULL };

struct emb_run {
    struct emb_connection *connection;
    const struct d1_request *request;
    struct d1_result *results; /* one per statement */
    struct emb_rows *rows;
    struct emb_failure *failure;
    uint64_t max_bytes; /* of all cells */

    size_t at, offset; /* statement of the batch; bytes of its text that are done (several statements in one text) */
    struct emb_statement *statement;
    uint64_t bytes;
    bool any;
    int code;
};

/* Runs on until the batch ends, fails, or the rows not yet taken exceed `room` bytes (EMB_RUN_FULL: call again). */
enum emb_run_end emb_run_more(struct emb_run *run, size_t room);
/* d1_error.failed: 1 + the statement that failed, n_statements + 1 when that was found after the last; 0: none did.
 * Asked before emb_run_rewind(). */
size_t emb_run_failed(const struct emb_run *run);
/* Lets go of the statement under way; the run may then start over. */
void emb_run_rewind(struct emb_run *run);

#endif
