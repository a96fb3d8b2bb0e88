/* startup.c - see startup.h. */
#include "pgwire/startup.h"

enum { CODE_CANCEL = 5678, CODE_SSL = 5679, CODE_GSSENC = 5680, CODE_MAJOR = 1234, MAJOR = 3 };

static bool read_cancel(struct rd *r, struct startup *ret, struct err *err)
{
    uint32_t pid = rd_u32(r);
    struct str key = rd_rest(r);
    if (r->bad || key.n < CANCEL_KEY_MIN || key.n > CANCEL_KEY_MAX)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid length of cancel request packet");
    *ret = (struct startup){ .kind = STARTUP_CANCEL, .pid = pid, .key = key };
    return true;
}

static bool read_encryption(struct rd *r, enum startup_kind kind, struct startup *ret, struct err *err)
{
    if (!rd_done(r))
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid length of startup packet");
    *ret = (struct startup){ .kind = kind };
    return true;
}

bool startup_is_protocol_option(struct str name)
{
    return str_starts(name, STR("_pq_."));
}

bool startup_is_setting(struct str name)
{
    return !str_is(name, "user") && !str_is(name, "database") && !str_is(name, "options") &&
           !str_is(name, "replication") && !startup_is_protocol_option(name);
}

bool startup_parameter(struct rd *at, struct str *ret_name, struct str *ret_value)
{
    if (at->bad || rd_left(at) == 0)
        return false;
    struct str name = rd_cstr(at), value = rd_cstr(at);
    if (at->bad)
        return false;
    *ret_name = name;
    *ret_value = value;
    return true;
}

static void note_parameter(struct startup *s, struct str name, struct str value)
{
    if (str_is(name, "user"))
        s->user = value;
    else if (str_is(name, "database"))
        s->database = value;
    else if (str_is(name, "options"))
        s->options = value;
    else if (str_is(name, "replication"))
        s->replication = value;
    else if (startup_is_protocol_option(name))
        s->negotiate = true; /* 3.2 knows none, so each is unknown */
}

/* Name/value pairs, ended by an empty name that must be the packet's last byte. */
static bool read_parameters(struct rd *r, struct startup *s, struct err *err)
{
    const unsigned char *start = r->p;
    while (!r->bad && rd_left(r) > 0 && *r->p != 0) {
        struct str name = rd_cstr(r), value = rd_cstr(r);
        if (!r->bad)
            note_parameter(s, name, value);
    }
    const unsigned char *end = r->p;
    if (r->bad || rd_left(r) != 1)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION,
                       "invalid startup packet layout: expected terminator as last byte");
    s->parameters = (struct str){ (const char *)start, (size_t)(end - start) };
    return true;
}

static bool read_session(struct rd *r, uint32_t version, struct startup *ret, struct err *err)
{
    if (version >> 16 != MAJOR)
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "unsupported frontend protocol %u.%u: server supports %u.0 to %u.%u", version >> 16,
                       version & 0xFFFF, (unsigned)MAJOR, PROTOCOL_LATEST >> 16, PROTOCOL_LATEST & 0xFFFF);
    struct startup s = { .kind = STARTUP_SESSION, .asked = version, .version = version };
    if (version > PROTOCOL_LATEST) {
        s.version = PROTOCOL_LATEST;
        s.negotiate = true;
    }
    if (!read_parameters(r, &s, err))
        return false;
    if (s.user.n == 0)
        return err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION,
                       "no PostgreSQL user name specified in startup packet");
    if (s.database.n == 0)
        s.database = s.user;
    *ret = s;
    return true;
}

bool startup_read(struct str body, struct startup *ret, struct err *err)
{
    struct rd r = rd_from(body);
    uint32_t version = rd_u32(&r);
    if (r.bad)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid length of startup packet");
    switch (version) {
    case PROTOCOL(CODE_MAJOR, CODE_CANCEL):
        return read_cancel(&r, ret, err);
    case PROTOCOL(CODE_MAJOR, CODE_SSL):
        return read_encryption(&r, STARTUP_SSL, ret, err);
    case PROTOCOL(CODE_MAJOR, CODE_GSSENC):
        return read_encryption(&r, STARTUP_GSSENC, ret, err);
    default:
        return read_session(&r, version, ret, err);
    }
}

size_t startup_cancel_key_length(uint32_t version)
{
    return version >= PROTOCOL(3, 2) ? 32 : CANCEL_KEY_MIN;
}

void startup_write_cancel(struct buf *out, uint32_t pid, struct str key)
{
    size_t mark = wr_begin(out, 0);
    wr_u32(out, PROTOCOL(CODE_MAJOR, CODE_CANCEL));
    wr_u32(out, pid);
    buf_add_str(out, key);
    wr_end(out, mark);
}

void startup_write_session(struct buf *out, uint32_t version, const struct str *pairs, size_t n)
{
    size_t mark = wr_begin(out, 0);
    wr_u32(out, version);
    for (size_t i = 0; i < n; i++)
        wr_cstr(out, pairs[i]);
    wr_u8(out, 0);
    wr_end(out, mark);
}
