/* types_json.c - codecs of json (kept as written), jsonb and jsonpath (kept as PostgreSQL prints them). */
#include "pgwire/jsonb.h"
#include "pgwire/jsonpath.h"
#include "pgwire/types_internal.h"

static bool copied(const struct type_io *io, struct str text, struct value *ret)
{
    struct str copy = arena_str(io->arena, text);
    *ret = value_text(copy);
    return copy.p ? true : err_oom(io->err);
}

static bool json_in(const struct type_io *io, struct str text, struct value *ret)
{
    return json_check(text, io->err) && copied(io, text, ret);
}

static bool json_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    return text_check_utf8(bytes, io->err) && json_in(io, bytes, ret);
}

static bool json_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    if (!json_check(v->bytes, io->err))
        return false;
    buf_add_str(out, v->bytes);
    return true;
}

const struct type_codec codec_json = { json_in, json_out, json_receive, json_out, false, true };

/* ---- jsonb: in binary a version byte stands before the text */

enum { JSONB_VERSION = 1 };

static bool jsonb_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct str canonical;
    if (!jsonb_normalize(text, io->arena, &canonical, io->err))
        return false;
    *ret = value_text(canonical);
    return true;
}

static bool jsonb_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (bytes.n < 1)
        return io_short(io);
    if (bytes.p[0] != JSONB_VERSION)
        return err_set(io->err, SQLSTATE_INTERNAL_ERROR, "unsupported jsonb version number %d",
                       (unsigned char)bytes.p[0]);
    bytes.p++;
    bytes.n--;
    return text_check_utf8(bytes, io->err) && jsonb_in(io, bytes, ret);
}

/* Cells may have been written by others: what is shown is canonical all the same. */
static bool jsonb_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct json_value tree;
    if (!jsonb_parse(v->bytes, io->arena, &tree, io->err))
        return false;
    jsonb_print(&tree, out);
    return true;
}

static bool jsonb_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    buf_add_char(out, JSONB_VERSION);
    return jsonb_out(io, v, out);
}

const struct type_codec codec_jsonb = { jsonb_in, jsonb_out, jsonb_receive, jsonb_send, false, true };

/* ---- jsonpath: values of a statement, never of a column */

enum { JSONPATH_BYTES = 1 << 20 };

static bool jsonpath_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct jsonpath path;
    struct buf out;
    if (!jsonpath_parse(text, io->arena, &path, io->err))
        return false;
    buf_init(&out, JSONPATH_BYTES);
    jsonpath_print(&path, &out);
    bool ok = !out.failed && copied(io, buf_str(&out), ret);
    buf_fini(&out);
    return ok || err_oom(io->err);
}

static bool jsonpath_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    (void)io;
    buf_add_str(out, v->bytes);
    return true;
}

static bool jsonpath_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (bytes.n < 1)
        return io_short(io);
    if (bytes.p[0] != JSONB_VERSION)
        return err_set(io->err, SQLSTATE_INTERNAL_ERROR, "unsupported jsonpath version number: %d",
                       (unsigned char)bytes.p[0]);
    bytes.p++;
    bytes.n--;
    return text_check_utf8(bytes, io->err) && jsonpath_in(io, bytes, ret);
}

static bool jsonpath_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    buf_add_char(out, JSONB_VERSION);
    return jsonpath_out(io, v, out);
}

const struct type_codec codec_jsonpath = { jsonpath_in, jsonpath_out, jsonpath_receive, jsonpath_send, false, true };
