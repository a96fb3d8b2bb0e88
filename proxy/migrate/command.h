/*
 * command.h - one MIGRATE statement: which command, with which clauses. The grammar is commands.def.
 *
 * MIGRATE is not PostgreSQL's grammar: a text whose first word is MIGRATE is read here, word by word with PostgreSQL's own scanner,
 * so comments, letter case and every kind of string constant are PostgreSQL's.
 *
 * Owns     nothing: texts live in the arena given.
 * Fails    42601 with the position of the word that does not fit.
 * Not here what a command does: run.h. The functions pgd1.migrate_*(): migrate_command_of() gives them the same struct.
 */
#ifndef PGD1_MIGRATE_COMMAND_H
#define PGD1_MIGRATE_COMMAND_H

#include "proxy/base/err.h"

enum migrate_verb {
#define COMMAND(verb, number, function, synopsis, help) MIGRATE_##verb,
#define CLAUSE(verb, words, field, value)
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
    MIGRATE_VERB_NR
};

struct migrate_command {
    enum migrate_verb verb;
    /* {NULL,0}: the clause was not there; a string may be empty all the same */
    struct str name, body, to, from, confirm, bookmark, timestamp;
    bool dry_run, allow_data_loss, restore, stop;
};

struct migrate_help {
    const char *verb, *function, *synopsis, *help;
};

/* Whether the first word of the text is MIGRATE. */
bool migrate_command_is(struct str text);
/* The one statement of a text; what follows its semicolon is an error. */
bool migrate_command_parse(struct str text, struct arena *arena, struct migrate_command *ret, struct err *err);
const struct migrate_help *migrate_command_help(enum migrate_verb verb);
/* By the name of its function, "migrate_up"; MIGRATE_VERB_NR: none. */
enum migrate_verb migrate_command_by_function(struct str name);

#endif
