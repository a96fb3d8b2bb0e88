/*
 * protocol.h - what each message of the query phase does: protocol_simple.c, protocol_extended.c.
 *
 * Owns     nothing.
 * Fails    OUTCOME_FAILED with err; OUTCOME_WAIT: the message is given again when the session wakes.
 */
#ifndef PGD1_PROXY_PROTOCOL_H
#define PGD1_PROXY_PROTOCOL_H

#include "pgwire/frontend.h"
#include "proxy/session.h"

enum outcome protocol_message(struct session *s, const struct frame *f, struct err *err); /* READY */
enum outcome protocol_skip(struct session *s, const struct frame *f, struct err *err);    /* SKIP */

/* The messages, by name. */
enum outcome protocol_query(struct session *s, struct str body, struct err *err);
enum outcome protocol_parse(struct session *s, struct str body, struct err *err);
enum outcome protocol_bind(struct session *s, struct str body, struct err *err);
enum outcome protocol_describe(struct session *s, struct str body, struct err *err);
enum outcome protocol_execute(struct session *s, struct str body, struct err *err);
enum outcome protocol_close(struct session *s, struct str body, struct err *err);
enum outcome protocol_flush(struct session *s, struct str body, struct err *err);
enum outcome protocol_sync(struct session *s, struct str body, struct err *err);
enum outcome protocol_function_call(struct session *s, struct str body, struct err *err);
enum outcome protocol_ignore(struct session *s, struct str body, struct err *err);
enum outcome protocol_terminate(struct session *s, struct str body, struct err *err);

#endif
