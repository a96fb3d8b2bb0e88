/* types_datetime.c - codecs of date, time, timetz, timestamp, timestamptz and interval. */
#include "pgwire/datetime.h"
#include "pgwire/types_internal.h"

static bool fixed_length(const struct type_io *io, struct str bytes, size_t n)
{
    return bytes.n == n || (bytes.n < n ? io_short(io) : io_bad_binary(io));
}

static bool out_of_range(const struct type_io *io, const char *what)
{
    return err_set(io->err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range", what);
}

static bool store(bool ok, struct str text, struct value *ret)
{
    if (ok)
        *ret = value_text(text);
    return ok;
}

/* ---- date */

static bool date_in(const struct type_io *io, struct str text, struct value *ret)
{
    int32_t date;
    struct str stored = { 0 };
    bool ok = date_parse(text, io->settings, &date, io->err) && date_to_storage(date, io->arena, &stored, io->err);
    return store(ok, stored, ret);
}

static bool date_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    int32_t date;
    if (!date_from_storage(v->bytes, &date, io->err))
        return false;
    if (buf_reserve(out, DATETIME_TEXT_MAX))
        out->n += date_print(out->p + out->n, date, io->settings);
    return true;
}

static bool date_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (!fixed_length(io, bytes, 4))
        return false;
    int32_t date = (int32_t)load_u32(bytes.p);
    struct str stored = { 0 };
    if (date_is_finite(date)) {
        if (__builtin_add_overflow(date, DATE_2000, &date) || date < DATE_MIN || date >= civil_to_days(5874898, 1, 1))
            return out_of_range(io, "date");
    }
    return store(date_to_storage(date, io->arena, &stored, io->err), stored, ret);
}

static bool date_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    int32_t date;
    if (!date_from_storage(v->bytes, &date, io->err))
        return false;
    wr_u32(out, (uint32_t)(date_is_finite(date) ? date - DATE_2000 : date));
    return true;
}

const struct type_codec codec_date = { date_in, date_out, date_receive, date_send, false, false };

/* ---- time */

static bool time_in(const struct type_io *io, struct str text, struct value *ret)
{
    int64_t time;
    struct str stored = { 0 };
    bool ok = time_parse(text, io->settings, &time, io->err) && time_to_storage(time, io->arena, &stored, io->err);
    return store(ok, stored, ret);
}

static bool time_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    int64_t time;
    if (!time_from_storage(v->bytes, &time, io->err))
        return false;
    if (buf_reserve(out, DATETIME_TEXT_MAX))
        out->n += time_print(out->p + out->n, time);
    return true;
}

static bool time_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct str stored = { 0 };
    if (!fixed_length(io, bytes, 8))
        return false;
    int64_t time = (int64_t)load_u64(bytes.p);
    if (time < 0 || time > US_PER_DAY)
        return out_of_range(io, "time");
    return store(time_to_storage(time, io->arena, &stored, io->err), stored, ret);
}

static bool time_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    int64_t time;
    if (!time_from_storage(v->bytes, &time, io->err))
        return false;
    wr_u64(out, (uint64_t)time);
    return true;
}

const struct type_codec codec_time = { time_in, time_out, time_receive, time_send, false, false };

/* ---- timetz: on the wire the offset is west of UTC */

static bool timetz_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct timetz time;
    struct str stored = { 0 };
    bool ok = timetz_parse(text, io->settings, &time, io->err) && timetz_to_storage(&time, io->arena, &stored, io->err);
    return store(ok, stored, ret);
}

static bool timetz_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct timetz time;
    if (!timetz_from_storage(v->bytes, &time, io->err))
        return false;
    if (buf_reserve(out, DATETIME_TEXT_MAX))
        out->n += timetz_print(out->p + out->n, &time);
    return true;
}

static bool timetz_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    enum { ZONE_LIMIT = 16 * 3600 };
    struct str stored = { 0 };
    if (!fixed_length(io, bytes, 12))
        return false;
    int64_t time = (int64_t)load_u64(bytes.p);
    int32_t west = (int32_t)load_u32(bytes.p + 8);
    if (time < 0 || time > US_PER_DAY)
        return out_of_range(io, "time");
    if (west <= -ZONE_LIMIT || west >= ZONE_LIMIT)
        return err_set(io->err, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT_VALUE, "time zone displacement out of range");
    const struct timetz v = { time, -west };
    return store(timetz_to_storage(&v, io->arena, &stored, io->err), stored, ret);
}

static bool timetz_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct timetz time;
    if (!timetz_from_storage(v->bytes, &time, io->err))
        return false;
    wr_u64(out, (uint64_t)time.us);
    wr_u32(out, (uint32_t)-time.offset);
    return true;
}

const struct type_codec codec_timetz = { timetz_in, timetz_out, timetz_receive, timetz_send, false, false };

/* ---- timestamp and timestamptz: the same storage and binary form */

static bool timestamp_in(const struct type_io *io, struct str text, struct value *ret)
{
    int64_t t;
    struct str stored = { 0 };
    bool ok = timestamp_parse(text, io->settings, &t, io->err) && timestamp_to_storage(t, io->arena, &stored, io->err);
    return store(ok, stored, ret);
}

static bool timestamp_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    int64_t t;
    if (!timestamp_from_storage(v->bytes, &t, io->err))
        return false;
    if (buf_reserve(out, DATETIME_TEXT_MAX))
        out->n += timestamp_print(out->p + out->n, t, io->settings);
    return true;
}

static bool timestamp_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct str stored = { 0 };
    if (!fixed_length(io, bytes, 8))
        return false;
    int64_t t = (int64_t)load_u64(bytes.p);
    if (timestamp_is_finite(t)) {
        if (__builtin_add_overflow(t, TIMESTAMP_2000, &t) || t < TIMESTAMP_MIN || t >= TIMESTAMP_END)
            return out_of_range(io, "timestamp");
    }
    return store(timestamp_to_storage(t, io->arena, &stored, io->err), stored, ret);
}

static void timestamp_send_us(int64_t t, struct buf *out)
{
    wr_u64(out, (uint64_t)(timestamp_is_finite(t) ? t - TIMESTAMP_2000 : t));
}

static bool timestamp_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    int64_t t;
    if (!timestamp_from_storage(v->bytes, &t, io->err))
        return false;
    timestamp_send_us(t, out);
    return true;
}

const struct type_codec codec_timestamp = {
    timestamp_in, timestamp_out, timestamp_receive, timestamp_send, false, false
};

static bool timestamptz_in(const struct type_io *io, struct str text, struct value *ret)
{
    int64_t t;
    struct str stored = { 0 };
    bool ok =
        timestamptz_parse(text, io->settings, &t, io->err) && timestamp_to_storage(t, io->arena, &stored, io->err);
    return store(ok, stored, ret);
}

static bool timestamptz_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    int64_t t;
    if (!timestamptz_from_storage(v->bytes, &t, io->err))
        return false;
    if (buf_reserve(out, DATETIME_TEXT_MAX))
        out->n += timestamptz_print(out->p + out->n, t, io->settings);
    return true;
}

static bool timestamptz_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    int64_t t;
    if (!timestamptz_from_storage(v->bytes, &t, io->err))
        return false;
    timestamp_send_us(t, out);
    return true;
}

const struct type_codec codec_timestamptz = { timestamptz_in,   timestamptz_out, timestamp_receive,
                                              timestamptz_send, false,           false };

/* ---- interval */

static bool interval_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct interval v;
    struct str stored = { 0 };
    bool ok =
        interval_parse(text, -1, io->settings, &v, io->err) && interval_to_storage(&v, io->arena, &stored, io->err);
    return store(ok, stored, ret);
}

static bool interval_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct interval i;
    if (!interval_from_storage(v->bytes, &i, io->err))
        return false;
    if (buf_reserve(out, DATETIME_TEXT_MAX))
        out->n += interval_print(out->p + out->n, &i, io->settings->interval_style);
    return true;
}

static bool interval_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct str stored = { 0 };
    if (!fixed_length(io, bytes, 16))
        return false;
    const struct interval v = { .us = (int64_t)load_u64(bytes.p),
                                .days = (int32_t)load_u32(bytes.p + 8),
                                .months = (int32_t)load_u32(bytes.p + 12) };
    return store(interval_to_storage(&v, io->arena, &stored, io->err), stored, ret);
}

static bool interval_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct interval i;
    if (!interval_from_storage(v->bytes, &i, io->err))
        return false;
    wr_u64(out, (uint64_t)i.us);
    wr_u32(out, (uint32_t)i.days);
    wr_u32(out, (uint32_t)i.months);
    return true;
}

const struct type_codec codec_interval = { interval_in, interval_out, interval_receive, interval_send, false, false };
