/*
 * guc.h - the settings of a session: SET, SHOW, RESET, SET LOCAL, start-up options, with PostgreSQL's names, checks and words.
 *
 * A session stores only what differs from the defaults; the defaults (gucs.def, and what the configuration says) are shared.
 * What the hot path needs stands parsed in struct guc_live.
 *
 * Owns     struct gucs: the values set by this session and the log that takes them back when a transaction fails.
 * Lives    one session. Transactional: marks and rollbacks as PostgreSQL's own (SET is undone with its transaction, SET LOCAL
 *          at its end).
 * Fails    22023, 22P02-like texts, 42704 unknown, 55P02 not changeable, 42602 bad name, 0A000 for a value we do not offer, 53200.
 * Not here transaction_isolation and its kin, role, pgd1.bookmark: their value is the session's (session_setting.c);
 *          sending ParameterStatus.
 */
#ifndef PGD1_PROXY_GUC_H
#define PGD1_PROXY_GUC_H

#include "pgwire/backend.h"

enum guc_type { GUC_BOOL, GUC_INT, GUC_REAL, GUC_STRING, GUC_ENUM };
enum guc_context { GUC_INTERNAL, GUC_POSTMASTER, GUC_SIGHUP, GUC_BACKEND, GUC_SUSET, GUC_USERSET };
enum guc_effect { GUC_LIVE, GUC_HINT, GUC_FIXED, GUC_INFO };

struct guc {
    const char *name;
    enum guc_type type;
    const char *value, *min, *max; /* default and range; min and max empty where there is none */
    const char *words;             /* ENUM: comma-separated */
    const char *unit;              /* "ms", "s", "min", "kB", "8kB", "MB", "B" or empty */
    enum guc_context context;
    enum guc_effect effect;
    bool is_reported;
    const char *category, *help;
};

enum { GUC_REPORTED_MAX = 16 };

/* Every row, sorted by name without case. */
const struct guc *guc_table(size_t *ret_n);
const struct guc *guc_find(struct str name); /* without case; NULL: none */

/* Defaults that the configuration changes: values in stored form, by row. Immutable once built, shared by sessions. */
struct guc_defaults;
struct guc_defaults *guc_defaults_new(void); /* NULL: no memory */
/* value is copied; false: no memory or no such row */
bool guc_defaults_set(struct guc_defaults *d, const char *name, struct str value);
void guc_defaults_free(struct guc_defaults *d); /* accepts NULL */

/* Parsed values, kept current by every change. */
struct guc_live {
    struct type_settings types; /* now_us is the session's to fill in */
    uint64_t statement_timeout_us, lock_timeout_us, idle_transaction_us, idle_session_us; /* 0: none */
    uint32_t max_transaction_statements, repeatable_read_bytes;
    enum severity min_messages;
    unsigned char default_isolation; /* enum isolation of txn/transaction.h */
    bool default_read_only, default_deferrable;
    bool raw_sqlite, report_bookmark, batch_transactions, no_views, row_locks;
};

struct guc_override;
struct guc_undo;
struct gucs {
    const struct guc_defaults *defaults;
    struct guc_override *overrides;
    struct guc_undo *undo;
    uint16_t n_overrides;
    uint32_t n_undo, size_undo;
    struct guc_live live;
    uint32_t generation; /* grows with every change of a value: what was derived from settings compares it */
};

void gucs_init(struct gucs *g, const struct guc_defaults *defaults);
void gucs_fini(struct gucs *g);

enum guc_scope {
    GUC_STARTUP, /* start-up packet: becomes what RESET goes back to */
    GUC_SESSION,
    GUC_LOCAL,
};
/* Takes any spelling PostgreSQL takes ("7s", "on", 'Europe/Berlin'). A name of two parts that no row has is a custom setting. */
bool gucs_set(struct gucs *g, struct str name, struct str value, enum guc_scope scope, struct arena *arena,
              struct err *err);
bool gucs_reset(struct gucs *g, struct str name, bool is_local, struct err *err);
bool gucs_reset_all(struct gucs *g, struct err *err);
/* The value as SHOW prints it ("7s"); false with 42704 when there is no such setting (err NULL: just false). */
bool gucs_show(const struct gucs *g, struct str name, struct arena *arena, struct str *ret, struct err *err);
/* The value as pg_settings has it ("7000"): stored form. source: "default", "client" or "session". */
struct str gucs_stored(const struct gucs *g, const struct guc *row, const char **ret_source);
struct str gucs_reset_value(const struct gucs *g, const struct guc *row);
struct str guc_print(const struct guc *row, struct str stored, struct arena *arena);

/* Transactions. A mark is a position in the undo log; marks die with commit and with rollback before them. */
uint32_t gucs_mark(const struct gucs *g);
void gucs_rollback(struct gucs *g, uint32_t mark);
void gucs_commit(struct gucs *g); /* SET LOCAL ends, the rest stays; the log is empty again */

/* Words of the default_transaction_isolation setting in the order of enum isolation. */
extern const char *const guc_isolation_words[4];

#endif
