/*
 * fake_script.h - one line of a fake's script (fake.h states the language) as a struct.
 *
 * Owns     a step's texts and JSON; fake_step_free() ends it.
 * Fails    42601 with the offending place, 53200.
 */
#ifndef PGD1_D1_FAKE_FAKE_SCRIPT_H
#define PGD1_D1_FAKE_FAKE_SCRIPT_H

#include <cjson/cJSON.h>
#include "d1/d1.h"
#include "proxy/base/err.h"

struct fake_step {
    /* what is expected; NULL and 0: anything */
    bool wants_read, wants_write;
    size_t n_statements;
    char *pattern, *session, *identity;
    /* what is answered */
    enum d1_error_kind kind;
    bool never, may_have_run;
    char *message, *bookmark, *previous;
    size_t failed; /* 1-based statement */
    cJSON *rows, *results, *changes;
    uint64_t after_us, retry_after_us;
    unsigned times; /* requests it still serves */
    struct fake_step *next;
};

struct fake_step *fake_step_parse(struct str line, struct err *err);
void fake_step_free(struct fake_step *s);
/* A cell as fake.h writes it; false when it is none. Texts are lent from the JSON, blobs live in arena. */
bool fake_cell(const cJSON *item, struct arena *arena, struct value *ret);

#endif
