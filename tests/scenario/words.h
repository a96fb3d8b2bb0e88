/*
 * words.h - a line of a script as words: bare, or "quoted" with \n \t \" \\ \xNN; "," and the rest of the line are words too.
 */
#ifndef PGD1_TESTS_SCENARIO_WORDS_H
#define PGD1_TESTS_SCENARIO_WORDS_H

#include "proxy/base/arena.h"

struct words {
    struct arena *arena;
    const char *at;
};

struct word {
    struct str text;
    bool quoted;
};

/* False at the end of the line. A comma outside quotes is a word of its own. */
bool word_next(struct words *w, struct word *ret);
bool word_peek(const struct words *w, struct word *ret);
struct str words_rest(struct words *w);

#endif
