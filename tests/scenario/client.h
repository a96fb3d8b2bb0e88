/*
 * client.h - the client's side of a scenario: words -> messages to a session, its bytes -> words to compare.
 *
 * One line of messages, sent as one piece:
 *     Q "sql" | P name "sql" [oid…] | B portal statement [value…] | D S name | D P name | E portal [max] | C S name | C P name
 *     H | S | X | d "data" | c | f "reason" | raw "bytes"                           several are separated by commas
 * A name of nothing is "". Values are text; NULL is null; b"bytes" cannot be written: use raw.
 * What came back, in order:
 *     T name:oid …   D "value" …   C "tag"   Z I   E 42601 ["message" ["detail"]]   N 25P01   S name value   n s t oid… 1 2 3 I G H d "data" c A
 */
#ifndef PGD1_TESTS_SCENARIO_CLIENT_H
#define PGD1_TESTS_SCENARIO_CLIENT_H

#include "proxy/base/buf.h"
#include "words.h"

/* Appends the messages of the line; false with *why. */
bool client_messages(struct words *w, struct buf *out, const char **why);
void client_startup(struct buf *out, struct str user, struct str database, struct str options);
/* The next message that came, as words ("C \"UPDATE 3\""); drops it from bytes. False: none is complete. */
bool client_describe(struct str *bytes, bool with_status, struct arena *arena, struct str *ret);

#endif
