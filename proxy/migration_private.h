/*
 * migration_private.h - what the files of a MIGRATE statement tell each other; nobody else includes it.
 *
 *   migration.c          the statement: its plan, its commands, its rows
 *   migration_journal.c  steps that read and write the journal
 *   migration_run.c      a run under the lease; UP: chunk after chunk
 *   migration_adopt.c    DOWN, BASELINE, REPAIR: one batch each, or one a migration
 *   migration_status.c   STATUS; what D1's schema differs in from the migrations
 *   migration_validate.c VALIDATE
 *   migration_trap.c     DROP TABLE that would act on rows of other tables, found before a run
 *   migration_replay.c   files replayed on an empty database of our own
 *   migration_generate.c GENERATE: a file out of the difference to a declared schema
 *   migration_push.c     PUSH: D1's schema made equal to a declared one
 *   migration_restore.c  RESTORE; what a run notes before, so that it can be taken back; on_failure = restore
 *   migration_travel.c   requests of travelling in time (migration_travel.h)
 *   migration_reset.c    RESET: everything dropped, then UP from the first file
 *
 * Owns     nothing: the group's arena has it all.
 * Fails    OUTCOME_FAILED with m->err.
 */
#ifndef PGD1_PROXY_MIGRATION_PRIVATE_H
#define PGD1_PROXY_MIGRATION_PRIVATE_H

#include "config/config.h"
#include "proxy/migrate/difference.h"
#include "proxy/migrate/generate.h"
#include "proxy/migrate/journal_write.h"
#include "proxy/migrate/text.h"
#include "proxy/migration.h"
#include "proxy/migration_replay.h"
#include "proxy/migration_travel.h"

enum { PLAN_ARENA_CAP = 32 << 20, MIGRATION_MAX_CELLS = 12, HOLDER_CHARS = 32 };

/* A migration that is to be applied. */
struct pending {
    const struct migrate_entry *entry;
    struct migrate_text text;
    uint64_t took_us; /* of its chunks so far */
    bool is_pushed;   /* no file of the folder: wrangler's table has no row of it */
};

enum migration_phase {
    MIGRATION_BEGIN,
    MIGRATION_LOOK,
    MIGRATION_LEASE,
    MIGRATION_CHECK,
    MIGRATION_MARK,
    MIGRATION_APPLY
};

struct migration {
    struct session *session;
    struct arena *arena;
    struct err *err;   /* of the call under way */
    struct plan *plan; /* the group keeps it */
    const struct migrate_command *command;
    struct config_database database;
    struct migrate_folder folder;
    /* the journal */
    enum migration_phase phase;
    bool assumed[MIGRATE_TABLE_NR], is_there[MIGRATE_TABLE_NR], asked, looked_again, is_reading;
    struct row_taker takers[MIGRATE_TABLE_NR + 1];
    struct migrate_table_rows {
        struct migration *migration;
        struct migrate_rows rows;
    } read[MIGRATE_TABLE_NR];
    struct migrate_journal journal;
    struct str digest; /* of it */
    /* the schema as D1 has it, read along with the journal when it is wanted */
    bool wants_schema, knows_live;
    struct snapshot_reader *schema_reader;
    struct snapshot *live; /* a reference */
    struct schema_taker {
        struct migration *migration;
        size_t statement;
        struct row_taker taker;
    } * schema_takers;
    /* the run */
    char holder[HOLDER_CHARS + 1];
    bool has_lease;
    bool claims; /* the first chunk's batch takes the lease, if the journal is still the one that was read */
    struct pending *pending;
    size_t n_pending, at, chunk;
    size_t n_added;           /* steps of the chunk that wait already: the lease's check and statements */
    bool is_sent;             /* the chunk under way is at D1, or done */
    struct database *carried; /* the schema behind chunks that are done was not read back from it; NULL: it was */
    size_t statements;        /* of the migration under way */
    uint64_t chunk_began_us;
    struct str bookmark; /* before the run, or before the migration under way; empty: the transport has none */
    struct mark {        /* how that is had (migration_restore.c) */
        size_t at;       /* 1 + index of the migration it was last had for */
        bool counts, has_counted, is_asked;
        struct row_taker taker;
        int64_t tries; /* of this migration; 0: it is not counted */
    } mark;
    /* in time */
    struct journey *journey; /* under way; NULL: none is */
    struct travel_result travel;
    struct migration_restore *restore;
    void (*after_travel)(struct migration *m);
    struct err *told; /* a notice that comes right before the error */
    /* the end of a run that failed */
    struct err *failure;
    struct surrender *surrender; /* the request that gives the lease back; NULL: none under way */
    void (*on_surrendered)(struct migration *m);
    struct migration_replay *replays;        /* what was replayed; ends with the statement */
    struct migration_generation *generation; /* of GENERATE; NULL: not begun */
    struct migration_push *push;
    struct migration_reset *reset;
    struct comparison *comparison; /* STATUS, VALIDATE */
    struct validation *validation;
    struct migration_replay *trap; /* the run's DROP TABLEs on a copy of D1's schema */
    bool plans;                    /* a statement of a file is being planned */
    /* for the client */
    struct value (*answer)[MIGRATION_MAX_CELLS];
    size_t n_answer, room_answer;
};

/* ---- migration.c ---- */
bool migration_row(struct migration *m, const struct value *cells, size_t n);
struct value migration_text(struct str s); /* empty: NULL */

/* ---- migration_journal.c ---- */
/* Whether the schema has a table of this name, as SQLite compares names. */
bool migration_has_table(const struct snapshot *schema, struct str name);
/* What kind of member: whether D1's schema changes with it. */
enum member { MEMBER_READ, MEMBER_WRITE, MEMBER_DDL };
/* A statement of ours as a step; params live in the arena. columns: of its rows. */
bool migration_member(struct migration *m, enum member member, struct str sql, const struct value *params,
                      size_t n_params, size_t columns, const struct row_taker *taker);
/* The same with text parameters. */
bool migration_texts(struct migration *m, struct str sql, const struct str *texts, size_t n);
/* Adds the steps that read the journal's tables that are there (all but drizzle's when `made`: they stand before in the batch). */
bool migration_add_journal(struct migration *m, bool made);
/* What was read, compared with the folder. *ret_again: a table came or went meanwhile, and all is to be asked once more. */
bool migration_take_journal(struct migration *m, bool *ret_again);
/* Reads it in one batch, or in none when nothing is there. */
enum outcome migration_read_journal(struct migration *m);
/* That batch failed: true when a table of the journal was dropped elsewhere, and it is read once more. */
bool migration_reads_again(struct migration *m, const struct err *err);

/* ---- migration_run.c ---- */
/* What a command does under the lease. choose: fills m->pending from the journal, none when there is nothing to do; asked twice, before
 * and behind the lease. work: runs until it is done, called again after each wait. count and would: for DRY RUN, statements and result. */
struct migration_kind {
    bool (*choose)(struct migration *m);
    enum outcome (*work)(struct migration *m);
    size_t (*count)(const struct pending *p);
    const char *would;
    bool runs_files; /* their DROP TABLEs are looked at before */
    bool marks;      /* the bookmark before it is had and told */
    bool needs_live; /* m->live is D1's schema as it is under the lease */
    bool claims;     /* the lease may come with the first batch of its work (migration.h) */
};
enum outcome migration_run(struct migration *m, const struct migration_kind *kind);
enum outcome migration_up(struct migration *m);
/* work of UP: chunk after chunk of what is pending; the lease goes with the last one. */
enum outcome migration_apply(struct migration *m);
/* 55000 on a production database unless CONFIRM names it. */
bool migration_check_confirmed(struct migration *m);
/* The schema that statements are planned on is m->live. */
enum outcome migration_know_live(struct migration *m);
enum migrate_dialect migration_dialect(const struct migration *m);
bool migration_draw_holder(struct migration *m); /* m->holder */
/* Steps: the journal's tables where they are missing, and the lease is taken. */
bool migration_add_lease(struct migration *m);
/* A step that makes a table of ours, unless it is there. */
bool migration_add_table(struct migration *m, enum migrate_create table);
/* The head of a batch: the lease is ours, and for longer; or it is taken now, if the journal is still the one that was read. */
bool migration_begin_batch(struct migration *m);
/* The head of a batch and these statements of a file as steps. May have to wait for the schema in between: then it is called again and goes
 * on behind what was added. m->err has the statement's place when it fails. */
enum outcome migration_add_statements(struct migration *m, const struct pending *p, size_t n,
                                      const struct migrate_statement *(*at)(const struct migration *m,
                                                                            const struct pending *p, size_t i));
/* The first chunk failed without the lease: another may have run meanwhile, and have made what is in its way. False: another has the lease,
 * or what became of the chunk is not known, or nobody waits any more. */
bool migration_asks_again(const struct migration *m, const struct err *err);
/* Nothing of the run has happened: all is read again, under the lease this time. */
void migration_start_over(struct migration *m);
/* Gives the lease back and notes the failure, by a request of its own; `then` runs when it has ended, however. False: there is nothing to
 * give back, or no memory, and nothing will run. */
bool migration_surrender(struct migration *m, const struct err *failure, void (*then)(struct migration *m));

/* ---- migration_status.c ---- */
/* The schema that the applied migrations lead to, compared with D1's. */
struct comparison {
    struct migration_replay replay; /* of what is applied; its schema is the wanted one */
    bool is_over;
    struct migrate_differences differences; /* is: D1's schema; wanted: the replayed one */
    const struct migrate_file *failed;      /* it cannot be replayed, and nothing is compared; NULL: all is … */
    struct err *why;                        /* … why, with its place before the message */
};
/* Reads folder, journal and D1's schema, in one batch; then compares. Again and again until it is not OUTCOME_WAIT. */
enum outcome migration_compare(struct migration *m);
/* "table users", "column audit.users.name"; {NULL,0}: no memory. */
struct str migration_object(const struct migration *m, const struct migrate_difference *d);
/* What is said in place of drift when comparison->why is there; {NULL,0}: no memory. */
struct str migration_not_compared(const struct migration *m);
enum outcome migration_status(struct migration *m);

/* ---- migration_validate.c ---- */
enum outcome migration_validate(struct migration *m);

/* ---- migration_trap.c ---- */
/* Whether what the run has before it drops anything in SQLite's dialect. */
bool migration_may_trap(const struct migration *m);
/* FAILED: a DROP TABLE would act on rows of other tables. Again and again until it is not OUTCOME_WAIT. */
enum outcome migration_check_drops(struct migration *m);

/* ---- migration_adopt.c ---- */
enum outcome migration_baseline(struct migration *m);
enum outcome migration_repair(struct migration *m);
enum outcome migration_down(struct migration *m);

/* ---- migration_push.c, migration_reset.c ---- */
enum outcome migration_push(struct migration *m);
enum outcome migration_reset(struct migration *m);

/* ---- migration_restore.c ---- */
enum outcome migration_restore(struct migration *m);
/* The command that restores this bookmark, as a hint; {NULL,0}: no memory. */
struct str migration_way_back(const struct migration *m, struct str bookmark);
/* UP is to restore when it fails. */
bool migration_wants_restore(const struct migration *m);
/* It is, and cannot: 0A000. */
bool migration_check_restores(struct migration *m);
/* What the run, or the migration under way, is to be taken back to: m->bookmark. Again and again until it is not OUTCOME_WAIT. */
enum outcome migration_mark(struct migration *m);
/* A further migration of the run is to have a bookmark of its own. */
bool migration_wants_mark(const struct migration *m);
/* Whether the migration under way is counted in the table of tries. */
bool migration_is_counted(const struct migration *m);
/* The run failed: true when the database is being taken back first, `then` runs behind that. m->failure is what the client hears. */
bool migration_restores_itself(struct migration *m, void (*then)(struct migration *m));
/* A hint says how to go back, where chunks of the migration that failed are done. */
void migration_hint_way_back(struct migration *m, struct err *err);

/* ---- migration_generate.c ---- */
enum outcome migration_generate(struct migration *m);
/* A row a step: name, step, what of the data it takes. */
bool migration_tell_steps(struct migration *m, struct str name, const struct migrate_steps *steps);
/* NOTICE: nothing is to be done for what the file `name` declares. */
bool migration_tell_nothing(struct migration *m, const char *what, struct str name);
/* The schema file that the command names, or schema.sql, beside the migrations folder. */
bool migration_read_declared(struct migration *m, struct migrate_file *ret, struct migrate_text *text);
/* 55000 for what takes data along, unless the command allows it. */
bool migration_check_loss(struct migration *m, const struct migrate_differences *differences,
                          const struct migrate_steps *steps);
/* 0A000 unless the schema that was made is the declared one. */
bool migration_check_proof(struct migration *m, const struct snapshot *made, const struct snapshot *declared);

#endif
