/*
 * cursor.h - SQL cursors: DECLARE, FETCH, MOVE, CLOSE; and the rows that Execute with a limit leaves in a portal.
 *
 * A cursor's query runs at DECLARE; its rows are kept in its portal, at most finish_max_bytes of them, so that every direction works
 * and WITH HOLD costs nothing more.
 *
 * Owns     nothing: portal.h.
 * Fails    34000, 42P03, 25P01 outside a transaction without WITH HOLD, 55000 backwards on NO SCROLL, 54000.
 */
#ifndef PGD1_PROXY_CURSOR_H
#define PGD1_PROXY_CURSOR_H

#include "proxy/execute.h"

enum outcome cursor_declare(struct session *s, struct execution *x, struct err *err);
enum outcome cursor_fetch(struct session *s, struct execution *x, struct err *err);
enum outcome cursor_close(struct session *s, struct execution *x, struct err *err);

/* The next rows of a portal whose rows are stored, at most max (0: all), and CommandComplete or PortalSuspended. */
bool cursor_resume(struct session *s, struct portal *p, int64_t max, struct err *err);

#endif
