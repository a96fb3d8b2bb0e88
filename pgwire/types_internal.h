/*
 * types_internal.h - what the codec files of pgwire share; nobody else includes it.
 *
 * A codec is the four functions PostgreSQL calls in, out, receive and send of a type. `in` and `receive` give the storage
 * form; `out` and `send` are called with a cell of the class the type is stored as (type_encode sees to it), except that a
 * codec with `takes_any` sees every class. All fail through io->err.
 */
#ifndef PGD1_PGWIRE_TYPES_INTERNAL_H
#define PGD1_PGWIRE_TYPES_INTERNAL_H

#include "pgwire/types.h"
#include "pgwire/wire.h"

struct type_io {
    const struct type_info *type;
    int32_t typmod;
    const struct type_settings *settings;
    struct arena *arena;
    struct err *err;
};

struct type_codec {
    bool (*in)(const struct type_io *io, struct str text, struct value *ret);
    bool (*out)(const struct type_io *io, const struct value *v, struct buf *out);
    bool (*receive)(const struct type_io *io, struct str bytes, struct value *ret);
    bool (*send)(const struct type_io *io, const struct value *v, struct buf *out);
    bool takes_any;    /* out and send judge cells of other classes themselves */
    bool from_numbers; /* a TEXT type whose input may be made of a number in a cell (text, json) */
};

/* The codec of a type, or NULL: 0A000. */
const struct type_codec *type_codec(const struct type_info *type);
/* in/receive and out/send of one value that is not an array or whose array is somebody else's care. */
bool codec_decode(const struct type_io *io, enum wire_format format, struct str bytes, struct value *ret);
bool codec_encode(const struct type_io *io, enum wire_format format, const struct value *v, struct buf *out);

/* Codec families, one file each. */
#define CODEC(name) extern const struct type_codec codec_##name;
#include "pgwire/codecs.def"
#undef CODEC

/* Every element of a stored array that is not NULL through `each`, put back together; io->type is the array's. */
bool array_map(const struct type_io *io, struct str stored, bool is_explicit,
               bool (*each)(const struct type_io *element, bool is_explicit, struct value *v), struct value *ret);

/* ---- errors: all answer false */
bool io_bad_text(const struct type_io *io, const char *type_name, struct str text); /* 22P02 */
bool io_short(const struct type_io *io);                                            /* 08P01 insufficient data left */
bool io_bad_binary(const struct type_io *io);                                       /* 22P03 wrong length */
bool io_bad_cell(const struct type_io *io, const struct value *v);                  /* 22P02 with the cell's text */

/* ---- big-endian words */
static inline uint16_t load_u16(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint16_t)(u[0] << 8 | u[1]);
}

static inline uint32_t load_u32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static inline uint64_t load_u64(const char *p)
{
    return (uint64_t)load_u32(p) << 32 | load_u32(p + 4);
}

static inline void store_u16(char *p, uint16_t v)
{
    p[0] = (char)(v >> 8);
    p[1] = (char)v;
}

static inline void store_u32(char *p, uint32_t v)
{
    store_u16(p, (uint16_t)(v >> 16));
    store_u16(p + 2, (uint16_t)v);
}

static inline void store_u64(char *p, uint64_t v)
{
    store_u32(p, (uint32_t)(v >> 32));
    store_u32(p + 4, (uint32_t)v);
}

void buf_add_i64_text(struct buf *b, int64_t v);
/* True when all was written; else 53200 through io. */
bool io_written(const struct type_io *io, const struct buf *out);

/* ---- shared texts */
enum { INT64_TEXT_MAX = 20, FLOAT_TEXT_MAX = 64 };
size_t int64_print(char *out, int64_t v); /* decimal, not NUL-terminated; returns the length */
/* Shortest text that reads back as the same double (or float): PostgreSQL's form, "1e+20", "-0", "NaN", "Infinity". */
size_t float8_print(char *out, double v);
size_t float4_print(char *out, float v);
/* The same as a JSON number that SQLite reads as REAL: "1.0" instead of "1"; finite values only. */
size_t float8_print_real(char *out, double v);
bool float8_parse(const struct type_io *io, struct str text, double *ret);
bool is_space(char c); /* C locale: blank, \t \n \v \f \r */
struct str text_blob_hex(struct arena *arena, struct str blob, const char *prefix); /* {NULL,0} when full */
bool text_check_utf8(struct str text, struct err *err);                             /* 22021 */

#endif
