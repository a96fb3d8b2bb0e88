/*
 * log.h - one line per event on stderr: time, level, event, key=value pairs.
 *
 * Only the proxy's own folders log; libraries (pgwire, d1, sql) answer errors instead. Never give it SQL parameters or
 * secrets. Values with blanks, quotes or control characters are quoted and escaped.
 */
#ifndef PGD1_BASE_LOG_H
#define PGD1_BASE_LOG_H

#include "proxy/base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

void log_set_level(enum log_level lowest); /* before threads start, or on reload */
bool log_wants(enum log_level level);
/* log_event(LOG_LEVEL_INFO, "login", "session=%u user=%s", id, log_quote(buffer, size, user)) */
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes s quoted where needed into out (NUL-terminated, cut with … when too long); answers out. */
const char *log_quote(char *out, size_t size, struct str s);

#endif
