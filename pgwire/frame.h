/*
 * frame.h - where a message starts and ends: bytes so far -> need more, bad, or one whole message.
 *
 * Owns     nothing: the body of a frame points into the bytes given.
 * Fails    FRAME_BAD with 08P01 and PostgreSQL's wording. The byte stream is lost then: answer FATAL and close.
 * Not here the fields of a message (frontend.h, startup.h); buffering: the caller keeps the bytes, drops `size` of them
 *          after a message, and may reserve `need` after FRAME_MORE: both are within the limit already, so a length word
 *          that lies costs nothing.
 */
#ifndef PGD1_PGWIRE_FRAME_H
#define PGD1_PGWIRE_FRAME_H

#include "proxy/base/err.h"

/* Where the connection stands, as far as the framer cares. */
enum phase {
    PHASE_STARTUP, /* packets without a tag: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest */
    PHASE_AUTH,    /* an Authentication request is out: only 'p' (and Terminate) */
    PHASE_READY,   /* simple and extended queries, and skipping until Sync */
    PHASE_COPY_IN, /* CopyInResponse is out */
    PHASE_NR
};
#define PHASE_BIT(name) (1u << PHASE_##name)

enum msg {
#define FRONTEND(tag, name, where, limit) MSG_##name,
#define BACKEND(tag, name) MSG_##name,
#include "pgwire/msg.def"
#undef FRONTEND
#undef BACKEND
    MSG_startup, /* what PHASE_STARTUP yields */
    MSG_NR
};

enum frame_limit { FRAME_LIMIT_SMALL, FRAME_LIMIT_AUTH, FRAME_LIMIT_LARGE, FRAME_LIMIT_STARTUP, FRAME_LIMIT_NR };

/* Largest body in bytes of each class, without tag and length word. */
struct frame_limits {
    size_t bytes[FRAME_LIMIT_NR];
};
/* PostgreSQL's: 10,000 small, 65,535 authentication, 10,000 start-up; large as given (at most 1 GB - 5). */
struct frame_limits frame_limits_default(size_t large);

enum frame_result { FRAME_MORE, FRAME_BAD, FRAME_OK };

struct frame {
    enum msg msg;
    char tag;        /* 0 in PHASE_STARTUP */
    struct str body; /* after the length word */
    size_t size;     /* bytes of the whole message: drop as many */
    size_t need;     /* after FRAME_MORE: bytes the message takes in all, or its header while that is not complete */
};

/* One message at the start of `bytes`. Answers FRAME_BAD as soon as the bytes seen make it certain. */
enum frame_result frame_next(struct str bytes, enum phase phase, const struct frame_limits *limits, struct frame *ret,
                             struct err *err);

/* "bind", "copy_data"…: for logs and metrics. */
const char *msg_name(enum msg msg);
/* The tag byte; 0 for MSG_startup. */
char msg_tag(enum msg msg);
/* The frontend message of a tag; false when there is none. */
bool msg_find_frontend(char tag, enum msg *ret);
/* PHASE_BIT set of a frontend message; 0 for others. */
unsigned msg_phases(enum msg msg);

#endif
