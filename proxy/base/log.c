/* log.c - see log.h. One write(2) per line, so lines of several threads do not mix. */
#include "proxy/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static _Atomic int lowest_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level lowest)
{
    atomic_store(&lowest_level, (int)lowest);
}

bool log_wants(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

static size_t stamp(char *line, size_t size, enum log_level level, const char *event)
{
    static const char *const names[] = { "debug", "info", "warning", "error" };
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + n, size - n, ".%03ldZ %s %s ", now.tv_nsec / 1000000, names[level], event);
    return more < 0 ? n : n + (size_t)more;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_wants(level))
        return;
    char line[2048];
    size_t n = stamp(line, sizeof(line) / 2, level, event);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + n, sizeof(line) - n - 1, format, args);
    va_end(args);
    n += more < 0 ? 0 : (size_t)more;
    if (n > sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, n);
    (void)written; /* a log that cannot be written must not stop the proxy */
}

const char *log_quote(char *out, size_t size, struct str s)
{
    bool plain = s.n > 0;
    for (size_t i = 0; i < s.n && plain; i++)
        plain = (unsigned char)s.p[i] > ' ' && s.p[i] != '"' && s.p[i] != '=' && s.p[i] != 0x7f;
    size_t n = 0;
    if (!plain && n + 1 < size)
        out[n++] = '"';
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (n + 8 > size) {
            n += (size_t)snprintf(out + n, size - n, "...");
            break;
        }
        if (c < ' ' || c == 0x7f)
            n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            out[n++] = '\\', out[n++] = (char)c;
        else
            out[n++] = (char)c;
    }
    if (!plain && n + 1 < size)
        out[n++] = '"';
    out[n < size ? n : size - 1] = 0;
    return out;
}
