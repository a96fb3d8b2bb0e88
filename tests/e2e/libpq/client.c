/* libpq against the server that PG* names: a line "ok WHAT" or "FAIL WHAT: why" per check. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMES = 7, PIPED = 50, COPIED = 1000 };

static bool why(const char *what, PGconn *c)
{
    printf("FAIL %s: %s\n", what, PQerrorMessage(c));
    return false;
}

/* Ends the result; whether it had this status. */
static bool took(PGresult *r, ExecStatusType status)
{
    bool ok = PQresultStatus(r) == status;
    if (!ok)
        printf("     status %s, not %s: %s\n", PQresStatus(PQresultStatus(r)), PQresStatus(status),
               PQresultErrorMessage(r));
    PQclear(r);
    return ok;
}

static bool run(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);
    return took(r, PQresultStatus(r) == PGRES_TUPLES_OK ? PGRES_TUPLES_OK : PGRES_COMMAND_OK);
}

/* The first value of a statement is this text; also ends the result. */
static bool is(PGresult *r, const char *text)
{
    bool ok = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0 && strcmp(PQgetvalue(r, 0, 0), text) == 0;
    if (!ok)
        printf("     %s%s, not %s\n", PQresultErrorMessage(r), PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "no row", text);
    PQclear(r);
    return ok;
}

static bool fails(PGresult *r, const char *code)
{
    const char *got = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    bool ok = got && strcmp(got, code) == 0;
    if (!ok)
        printf("     SQLSTATE %s, not %s\n", got ? got : "none", code);
    PQclear(r);
    return ok;
}

static bool create(PGconn *c)
{
    return run(c, "DROP TABLE IF EXISTS libpq_t") && run(c, "CREATE TABLE libpq_t (id int PRIMARY KEY, big int8, num "
                                                            "numeric, flag bool, txt text, at timestamp, raw bytea)");
}

static bool insert_text(PGconn *c)
{
    bool ok = true;
    for (int n = 1; ok && n <= TIMES; n++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", n);
        const char *values[] = { id,         "9007199254740993",     "12345678901234567890.50",
                                 "t",        "it's \\ \"\xc3\xbc\"", "2024-02-29 10:00:00.123456",
                                 "\\x00ff01" };
        ok = took(
            PQexecParams(c, "INSERT INTO libpq_t VALUES ($1, $2, $3, $4, $5, $6, $7)", 7, NULL, values, NULL, NULL, 0),
            PGRES_COMMAND_OK);
    }
    return ok;
}

static bool row_is_as_inserted(const PGresult *r, int n)
{
    char id[16];
    snprintf(id, sizeof(id), "%d", n);
    const char *want[] = { id,         "9007199254740993",     "12345678901234567890.50",
                           "t",        "it's \\ \"\xc3\xbc\"", "2024-02-29 10:00:00.123456",
                           "\\x00ff01" };
    bool ok = PQntuples(r) == 1 && PQnfields(r) == 7;
    for (int i = 0; ok && i < 7; i++)
        ok = strcmp(PQgetvalue(r, 0, i), want[i]) == 0 ||
             (printf("     column %d: %s\n", i, PQgetvalue(r, 0, i)), false);
    return ok;
}

static bool select_prepared(PGconn *c)
{
    bool ok = took(PQprepare(c, "select", "SELECT * FROM libpq_t WHERE id = $1", 1, NULL), PGRES_COMMAND_OK);
    PGresult *d = PQdescribePrepared(c, "select");
    ok = ok && PQnparams(d) == 1 && PQparamtype(d, 0) == 23 && PQnfields(d) == 7 && PQftype(d, 1) == 20 &&
         strcmp(PQfname(d, 2), "num") == 0;
    PQclear(d);
    for (int n = 1; ok && n <= TIMES; n++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", n);
        const char *values[] = { id };
        PGresult *r = PQexecPrepared(c, "select", 1, values, NULL, NULL, 0);
        ok = row_is_as_inserted(r, n);
        PQclear(r);
    }
    return ok && run(c, "DEALLOCATE \"select\"");
}

static bool select_binary(PGconn *c)
{
    bool ok = true;
    for (int n = 1; ok && n <= TIMES; n++) {
        uint32_t id = htonl((uint32_t)n);
        const char *values[] = { (const char *)&id };
        const int lengths[] = { 4 }, formats[] = { 1 };
        const Oid types[] = { 23 };
        PGresult *r =
            PQexecParams(c, "SELECT id, big, raw FROM libpq_t WHERE id = $1", 1, types, values, lengths, formats, 1);
        ok = PQntuples(r) == 1 && PQgetlength(r, 0, 0) == 4 && memcmp(PQgetvalue(r, 0, 0), &id, 4) == 0 &&
             PQgetlength(r, 0, 1) == 8 && memcmp(PQgetvalue(r, 0, 1), "\0\x20\0\0\0\0\0\1", 8) == 0 &&
             PQgetlength(r, 0, 2) == 3 && memcmp(PQgetvalue(r, 0, 2), "\0\xff\1", 3) == 0;
        if (!ok)
            printf("     row %d: %s\n", n, PQresultErrorMessage(r));
        PQclear(r);
    }
    return ok;
}

static bool errors(PGconn *c)
{
    bool ok = true;
    for (int n = 0; ok && n < TIMES; n++)
        ok = fails(PQexec(c, "INSERT INTO libpq_t (id) VALUES (1)"), "23505") &&
             fails(PQexecParams(c, "SELECT nosuch FROM libpq_t", 0, NULL, NULL, NULL, NULL, 0), "42703");
    return ok && is(PQexec(c, "SELECT 1"), "1");
}

static bool row_by_row(PGconn *c)
{
    int n = 0;
    bool ok = PQsendQuery(c, "SELECT id FROM libpq_t ORDER BY id") && PQsetSingleRowMode(c);
    for (PGresult *r; (r = PQgetResult(c)); PQclear(r))
        n += PQresultStatus(r) == PGRES_SINGLE_TUPLE;
    return ok && n == TIMES;
}

/* One result of a pipeline and the NULL behind it. */
static bool next_took(PGconn *c, ExecStatusType status)
{
    PGresult *r = PQgetResult(c), *end = r ? PQgetResult(c) : NULL;
    PQclear(end);
    return took(r, status) && !end;
}

/* Three statements of which the second fails. */
static bool failed_pipeline(PGconn *c)
{
    return next_took(c, PGRES_COMMAND_OK) && next_took(c, PGRES_FATAL_ERROR) && next_took(c, PGRES_PIPELINE_ABORTED) &&
           took(PQgetResult(c), PGRES_PIPELINE_SYNC);
}

/* Statements up to a Sync are one transaction: in the second half one fails and leaves nothing. */
static bool pipeline(PGconn *c)
{
    bool ok = PQenterPipelineMode(c) == 1;
    for (int n = 0; ok && n < PIPED; n++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", 100 + n);
        const char *values[] = { id };
        ok = PQsendQueryParams(c, "INSERT INTO libpq_t (id) VALUES ($1)", 1, NULL, values, NULL, NULL, 0) == 1;
    }
    ok = ok && PQpipelineSync(c) == 1 &&
         PQsendQueryParams(c, "INSERT INTO libpq_t (id) VALUES (900)", 0, NULL, NULL, NULL, NULL, 0) == 1 &&
         PQsendQueryParams(c, "INSERT INTO libpq_t (id) VALUES (100)", 0, NULL, NULL, NULL, NULL, 0) == 1 &&
         PQsendQueryParams(c, "INSERT INTO libpq_t (id) VALUES (901)", 0, NULL, NULL, NULL, NULL, 0) == 1 &&
         PQpipelineSync(c) == 1;
    for (int n = 0; ok && n < PIPED; n++)
        ok = next_took(c, PGRES_COMMAND_OK);
    ok = ok && took(PQgetResult(c), PGRES_PIPELINE_SYNC) && failed_pipeline(c);
    return ok && PQexitPipelineMode(c) == 1 && is(PQexec(c, "SELECT count(*) FROM libpq_t WHERE id >= 100"), "50");
}

static bool copy(PGconn *c)
{
    bool ok = took(PQexec(c, "COPY libpq_t (id, txt) FROM STDIN"), PGRES_COPY_IN);
    for (int n = 0; ok && n < COPIED; n++) {
        char line[64];
        int length = snprintf(line, sizeof(line), "%d\tcopied %d\n", 1000 + n, n);
        ok = PQputCopyData(c, line, length) == 1;
    }
    ok = ok && PQputCopyEnd(c, NULL) == 1 && next_took(c, PGRES_COMMAND_OK) &&
         took(PQexec(c, "COPY (SELECT txt FROM libpq_t WHERE id >= 1000 ORDER BY id) TO STDOUT"), PGRES_COPY_OUT);
    int rows = 0;
    char *line;
    while (ok && PQgetCopyData(c, &line, 0) > 0) {
        char want[64];
        snprintf(want, sizeof(want), "copied %d\n", rows++);
        ok = strcmp(line, want) == 0;
        PQfreemem(line);
    }
    return ok && rows == COPIED && next_took(c, PGRES_COMMAND_OK);
}

static bool copy_given_up(PGconn *c)
{
    return took(PQexec(c, "COPY libpq_t (id) FROM STDIN"), PGRES_COPY_IN) && PQputCopyData(c, "5000\n", 5) == 1 &&
           PQputCopyEnd(c, "enough") == 1 && next_took(c, PGRES_FATAL_ERROR) &&
           is(PQexec(c, "SELECT count(*) FROM libpq_t WHERE id = 5000"), "0");
}

static bool drop(PGconn *c)
{
    return run(c, "DROP TABLE libpq_t");
}

static const struct check {
    const char *what;
    bool (*run)(PGconn *c);
} checks[] = {
    { "create", create },
    { "insert, seven times", insert_text },
    { "select, prepared, seven times", select_prepared },
    { "select, binary, seven times", select_binary },
    { "errors have their code", errors },
    { "row by row", row_by_row },
    { "pipeline", pipeline },
    { "copy both ways", copy },
    { "copy given up", copy_given_up },
    { "drop", drop },
};

int main(void)
{
    PGconn *c = PQconnectdb("");
    int status = 0;
    if (PQstatus(c) != CONNECTION_OK)
        return !why("connect", c);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (checks[i].run(c))
            printf("ok %s\n", checks[i].what);
        else
            status = !why(checks[i].what, c);
    }
    PQfinish(c);
    return status;
}
