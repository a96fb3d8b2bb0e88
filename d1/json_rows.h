/*
 * json_rows.h - reads the answer of a remote D1 as it arrives: rows one by one, and the rest at the end.
 *
 * Both protocols answer a JSON document with long lists of rows inside a small frame:
 *     {"results":[{"rows":[[1,"a"],[2,null]],"changes":0}],"bookmark":"…"}              gateway
 *     {"success":true,"result":[{"results":{"columns":["c0"],"rows":[[1]]},…}],…}       REST /raw
 * A row is an array in an array under the key "rows" at a stated depth. Rows are cut out, decoded one at a time and handed to
 * the caller; the frame without them is kept and given to cJSON at the end. So memory holds one row, never the answer.
 *
 * Why rows are decoded here and not by cJSON: it ends strings at \u0000 and cannot tell, so a text with NUL would arrive
 * shortened; and it is slower (15,000 rows of 6 cells, 1.4 MB, -O2: 3.5 ms here, 9.4 ms there). tests/fuzz/fuzz_d1_json.c holds
 * the two against each other.
 *
 * Cells    number: INTEGER when integral and below 2^53 in size (beyond, digits may be lost), else REAL. string: TEXT, must be UTF-8; U+0000 stays in.
 *          null: NULL. array of integers 0…255: BLOB. true, false, objects: malformed.
 *
 * Owns     the bytes of the row under way, the frame, both capped.
 * Fails    JSON_ROWS_BAD with a reason, for good.
 * Not here meaning of the frame (gateway.c, rest.c), flow control (remote.c).
 */
#ifndef PGD1_D1_JSON_ROWS_H
#define PGD1_D1_JSON_ROWS_H

#include "proxy/base/buf.h"
#include "proxy/base/value.h"

enum json_rows_event { JSON_ROWS_MORE, JSON_ROWS_ROW, JSON_ROWS_BAD };
enum json_rows_fault { JSON_ROWS_OK, JSON_ROWS_MALFORMED, JSON_ROWS_TOO_BIG, JSON_ROWS_NO_MEMORY };

/* MAX_CELLS: SQLite's own limit of columns; D1 allows 100. */
enum { JSON_ROWS_MAX_DEPTH = 32, JSON_ROWS_MAX_CELLS = 2000 };

struct json_rows {
    /* after JSON_ROWS_ROW, valid until the next call */
    size_t result; /* index in the list of results */
    struct value *cells;
    size_t n_cells;
    /* after JSON_ROWS_BAD */
    enum json_rows_fault fault;
    const char *reason; /* a constant text */

    /* --- its own --- */
    struct buf frame, row;
    size_t cells_size;
    size_t results; /* opened so far */
    unsigned rows_depth, depth;
    unsigned row_depth; /* brackets open inside the row under way; 0: none is */
    unsigned char list; /* enum list_state: where in a list of rows */
    bool in_string, escaped, has_high;
    bool is_over;        /* the outermost bracket is closed */
    bool at_key, is_key; /* a string here would be a key; the string under way is one */
    bool key_is_rows;
    size_t key_start;
    char kinds[JSON_ROWS_MAX_DEPTH]; /* '{' or '[' */
};

/* rows_depth: containers around a row, its list included: 4 for the gateway, 5 for REST. max_row, max_frame: caps in bytes. */
void json_rows_init(struct json_rows *j, unsigned rows_depth, size_t max_row, size_t max_frame);
void json_rows_fini(struct json_rows *j);
/* Takes bytes from *in until a row is complete or they are used up; *in is what is left. */
enum json_rows_event json_rows_feed(struct json_rows *j, struct str *in);
/* The frame, rows left out, NUL-terminated; {NULL,0} when there is no memory. For cJSON_ParseWithLength after the last byte. */
struct str json_rows_frame(struct json_rows *j);

#endif
