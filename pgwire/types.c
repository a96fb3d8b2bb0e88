/* types.c - the table of built-in types and the way from a type to its codec; see types.h. */
#include "pgwire/types_internal.h"

#include "pgwire/timezone.h"

/* One row per type and one per array, in the order of types.def. */
enum row {
#define TYPE(name, oid, array_oid, storage, length) ROW_##name, ROW__##name,
#define TYPE_NO_ARRAY(name, oid, storage, length) ROW_##name,
#include "pgwire/types.def"
#undef TYPE
#undef TYPE_NO_ARRAY
    ROW_NR
};

static const struct type_info rows[ROW_NR] = {
#define TYPE(name, oid, array_oid, storage, length)                                                                    \
    { #name, oid, array_oid, 0, storage, length }, { "_" #name, array_oid, 0, oid, STORAGE_TEXT, -1 },
#define TYPE_NO_ARRAY(name, oid, storage, length) { #name, oid, 0, 0, storage, length },
#include "pgwire/types.def"
#undef TYPE
#undef TYPE_NO_ARRAY
};

/* OID -> row + 1, so that the hot path is one load. */
enum { OID_LIMIT = 6208 };
static const uint8_t row_of_oid[OID_LIMIT] = {
#define TYPE(name, oid, array_oid, storage, length) [oid] = ROW_##name + 1, [array_oid] = ROW__##name + 1,
#define TYPE_NO_ARRAY(name, oid, storage, length) [oid] = ROW_##name + 1,
#include "pgwire/types.def"
#undef TYPE
#undef TYPE_NO_ARRAY
};
_Static_assert(ROW_NR < UINT8_MAX, "row numbers fit a byte");

static const struct type_codec *const codec_of_row[ROW_NR] = {
#define CODEC_OF(type, codec) [ROW_##type] = &codec_##codec,
#include "pgwire/type_codecs.def"
#undef CODEC_OF
};

const struct type_info *type_find(oid_t oid)
{
    unsigned row = oid < OID_LIMIT ? row_of_oid[oid] : 0;
    return row ? &rows[row - 1] : NULL;
}

const struct type_info *type_find_name(struct str name)
{
    for (size_t i = 0; i < ROW_NR; i++)
        if (str_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

const struct type_codec *type_codec(const struct type_info *type)
{
    const struct type_codec *codec = codec_of_row[type - rows];
    if (codec || !type->element)
        return codec;
    return codec_of_row[type_find(type->element) - rows] ? &codec_array : NULL;
}

const struct type_settings *type_settings_default(void)
{
    static const struct type_settings settings = { .zone = &zone_utc_instance, .extra_float_digits = 1 };
    return &settings;
}

/* ---- errors */

bool io_bad_text(const struct type_io *io, const char *type_name, struct str text)
{
    return err_set(io->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"",
                   type_name, STR_FMT(text));
}

bool io_short(const struct type_io *io)
{
    return err_set(io->err, SQLSTATE_PROTOCOL_VIOLATION, "insufficient data left in message");
}

bool io_bad_binary(const struct type_io *io)
{
    return err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "incorrect binary data format");
}

bool io_written(const struct type_io *io, const struct buf *out)
{
    return out->failed ? err_oom(io->err) : true;
}

bool io_bad_cell(const struct type_io *io, const struct value *v)
{
    struct str name = type_format(io->type->oid, -1, io->arena);
    char text[FLOAT_TEXT_MAX];
    struct str shown = { text, 0 };
    switch (v->class) {
    case VALUE_INTEGER:
        shown.n = int64_print(text, v->integer);
        break;
    case VALUE_REAL:
        shown.n = float8_print(text, v->real);
        break;
    case VALUE_TEXT:
        shown = v->bytes;
        break;
    case VALUE_BLOB:
        shown = text_blob_hex(io->arena, v->bytes, "\\x");
        break;
    case VALUE_NULL:
        break;
    }
    return err_set(io->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %.*s: \"%.*s\"",
                   STR_FMT(name), STR_FMT(shown));
}

/* ---- decoding */

bool codec_decode(const struct type_io *io, enum wire_format format, struct str bytes, struct value *ret)
{
    const struct type_codec *codec = type_codec(io->type);
    if (!codec)
        return err_unsupported(io->err, "type %s", io->type->name);
    if (format == WIRE_TEXT)
        return codec->in(io, bytes, ret);
    if (!codec->receive)
        return err_set(io->err, SQLSTATE_UNDEFINED_FUNCTION, "no binary input function available for type %s",
                       io->type->name);
    return codec->receive(io, bytes, ret);
}

static bool unknown_type(oid_t oid, struct err *err)
{
    return err_unsupported(err, "type with OID %u", (unsigned)oid);
}

bool type_decode(oid_t oid, enum wire_format format, struct str bytes, const struct type_settings *settings,
                 struct arena *arena, struct value *ret, struct err *err)
{
    const struct type_info *type = type_find(oid);
    if (!type)
        return unknown_type(oid, err);
    const struct type_io io = { type, -1, settings, arena, err };
    if (format == WIRE_TEXT && !text_check_utf8(bytes, err))
        return false;
    return codec_decode(&io, format, bytes, ret);
}

/* ---- encoding */

static enum value_class class_of(enum type_storage storage)
{
    switch (storage) {
    case STORAGE_INTEGER:
        return VALUE_INTEGER;
    case STORAGE_REAL:
        return VALUE_REAL;
    case STORAGE_BLOB:
        return VALUE_BLOB;
    case STORAGE_NUMERIC:
    case STORAGE_TEXT:
        break;
    }
    return VALUE_TEXT;
}

/* The text of a cell whose class is not its type's, when that class can hold such a value at all. */
static bool cell_text(const struct type_io *io, const struct type_codec *codec, const struct value *v, char *room,
                      struct str *ret)
{
    enum value_class class = class_of(io->type->storage);
    bool wants_number = class == VALUE_INTEGER || class == VALUE_REAL || codec->from_numbers;
    if (v->class == VALUE_INTEGER && wants_number)
        *ret = (struct str){ room, int64_print(room, v->integer) };
    else if (v->class == VALUE_REAL && wants_number && class == VALUE_INTEGER)
        *ret = (struct str){ room, float8_print(room, v->real) };
    else if (v->class == VALUE_REAL && wants_number)
        *ret = (struct str){ room, float8_print_real(room, v->real) };
    else if (v->class == VALUE_TEXT || (v->class == VALUE_BLOB && codec->from_numbers && str_is_utf8(v->bytes, NULL)))
        *ret = v->bytes;
    else
        return io_bad_cell(io, v);
    return true;
}

/* A cell of another class than its type is stored as: converted when that loses nothing, else 22P02. */
static bool cell_convert(const struct type_io *io, const struct type_codec *codec, const struct value *v,
                         struct value *ret)
{
    char room[FLOAT_TEXT_MAX];
    struct str text;
    if (io->type->storage == STORAGE_REAL && v->class == VALUE_INTEGER) {
        *ret = value_real((double)v->integer);
        bool exact = v->integer > -(INT64_C(1) << 53) && v->integer < INT64_C(1) << 53;
        return exact || io_bad_cell(io, v);
    }
    if (io->type->storage == STORAGE_BLOB && v->class == VALUE_TEXT) {
        *ret = value_blob(v->bytes);
        return true;
    }
    if (!cell_text(io, codec, v, room, &text))
        return false;
    if (class_of(io->type->storage) == VALUE_TEXT && (text.p = arena_str(io->arena, text).p) == NULL)
        return err_oom(io->err);
    return codec->in(io, text, ret);
}

bool codec_encode(const struct type_io *io, enum wire_format format, const struct value *v, struct buf *out)
{
    const struct type_codec *codec = type_codec(io->type);
    struct value converted;
    if (!codec)
        return err_unsupported(io->err, "type %s", io->type->name);
    if (v->class == VALUE_NULL)
        return err_set(io->err, SQLSTATE_INTERNAL_ERROR, "NULL has no encoding of its own");
    if (format == WIRE_BINARY && !codec->send)
        return err_set(io->err, SQLSTATE_UNDEFINED_FUNCTION, "no binary output function available for type %s",
                       io->type->name);
    if (v->class != class_of(io->type->storage) && !codec->takes_any) {
        if (!cell_convert(io, codec, v, &converted))
            return false;
        v = &converted;
    }
    bool ok = format == WIRE_TEXT ? codec->out(io, v, out) : codec->send(io, v, out);
    return ok && io_written(io, out);
}

bool type_encode(oid_t oid, int32_t typmod, enum wire_format format, const struct value *value,
                 const struct type_settings *settings, struct arena *arena, struct buf *out, struct err *err)
{
    const struct type_info *type = type_find(oid);
    if (!type)
        return unknown_type(oid, err);
    const struct type_io io = { type, typmod, settings, arena, err };
    return codec_encode(&io, format, value, out);
}
