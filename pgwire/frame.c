/* frame.c - see frame.h. */
#include "pgwire/frame.h"

#include "pgwire/wire.h"

static const struct {
    const char *name;
    char tag;
    unsigned char phases; /* 0: backend */
    unsigned char limit;
} messages[MSG_NR] = {
#define FRONTEND(tag, name, where, limit) [MSG_##name] = { #name, tag, (where), FRAME_LIMIT_##limit },
#define BACKEND(tag, name) [MSG_##name] = { #name, tag, 0, 0 },
#include "pgwire/msg.def"
#undef FRONTEND
#undef BACKEND
    [MSG_startup] = { "startup", 0, PHASE_BIT(STARTUP), FRAME_LIMIT_STARTUP },
};

/* Tag byte -> frontend message + 1; 0: none. */
static const unsigned char by_tag[256] = {
#define FRONTEND(tag, name, where, limit) [(unsigned char)(tag)] = MSG_##name + 1,
#define BACKEND(tag, name)
#include "pgwire/msg.def"
#undef FRONTEND
#undef BACKEND
};

struct frame_limits frame_limits_default(size_t large)
{
    const size_t most = (1u << 30) - 5; /* PostgreSQL's MaxAllocSize without the length word */
    return (struct frame_limits){ .bytes = { [FRAME_LIMIT_SMALL] = 10000,
                                             [FRAME_LIMIT_AUTH] = 65535,
                                             [FRAME_LIMIT_LARGE] = large < most ? large : most,
                                             [FRAME_LIMIT_STARTUP] = 10000 } };
}

const char *msg_name(enum msg msg)
{
    return messages[msg].name;
}

char msg_tag(enum msg msg)
{
    return messages[msg].tag;
}

unsigned msg_phases(enum msg msg)
{
    return messages[msg].phases;
}

bool msg_find_frontend(char tag, enum msg *ret)
{
    unsigned char row = by_tag[(unsigned char)tag];
    if (row == 0)
        return false;
    *ret = (enum msg)(row - 1);
    return true;
}

/* PostgreSQL's words for a message that does not belong here. */
static bool refuse_tag(unsigned char tag, enum phase phase, struct err *err)
{
    if (phase == PHASE_AUTH)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "expected password response, got message type %d", tag);
    if (phase == PHASE_COPY_IN)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "unexpected message type 0x%02X during COPY from stdin", tag);
    return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid frontend message type %d", tag);
}

static bool find_welcome(unsigned char tag, enum phase phase, enum msg *ret, struct err *err)
{
    if (msg_find_frontend((char)tag, ret) && (messages[*ret].phases & (1u << phase)))
        return true;
    return refuse_tag(tag, phase, err);
}

/* The length word counts itself; a start-up packet holds at least its four-byte code. */
static bool check_length(uint32_t length, enum msg msg, const struct frame_limits *limits, struct err *err)
{
    size_t least = msg == MSG_startup ? 8 : 4;
    if (length >= least && length - 4 <= limits->bytes[messages[msg].limit])
        return true;
    return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "%s",
                   msg == MSG_startup ? "invalid length of startup packet" : "invalid message length");
}

/* The smallest length word these bytes can still become, so that a lie is refused at its first byte. */
static uint32_t least_length(const char *p, size_t n)
{
    unsigned char word[4] = { 0 };
    memcpy(word, p, n);
    return be_get32(word);
}

static enum frame_result more(struct frame *ret, size_t need)
{
    ret->need = need;
    return FRAME_MORE;
}

enum frame_result frame_next(struct str bytes, enum phase phase, const struct frame_limits *limits, struct frame *ret,
                             struct err *err)
{
    size_t tag = phase == PHASE_STARTUP ? 0 : 1, header = tag + 4;
    enum msg msg = MSG_startup;
    if (bytes.n == 0)
        return more(ret, header);
    if (tag && !find_welcome((unsigned char)bytes.p[0], phase, &msg, err))
        return FRAME_BAD;
    if (bytes.n < header) {
        uint32_t least = least_length(bytes.p + tag, bytes.n - tag);
        if (least > 8 && !check_length(least, msg, limits, err))
            return FRAME_BAD;
        return more(ret, header);
    }
    uint32_t length = be_get32(bytes.p + tag);
    if (!check_length(length, msg, limits, err))
        return FRAME_BAD;
    if (bytes.n - tag < length)
        return more(ret, tag + length);
    *ret = (struct frame){ .msg = msg,
                           .tag = messages[msg].tag,
                           .body = { bytes.p + header, length - 4 },
                           .size = tag + length,
                           .need = tag + length };
    return FRAME_OK;
}
