/* split.c - see split.h. */
#include "d1/split.h"

#include "d1/scan.h"

/* What of the statement's head was seen: [EXPLAIN [QUERY PLAN]] CREATE [TEMP | TEMPORARY] TRIGGER. */
enum head { HEAD_START, HEAD_EXPLAIN, HEAD_CREATE, HEAD_OTHER, HEAD_TRIGGER };

/* Inside a trigger: how much of "; END" stands behind us. */
enum body { BODY_IN, BODY_SEMICOLON, BODY_END };

static bool is_word(const struct scan_token *t, const char *word)
{
    return t->kind == SCAN_WORD && str_eq_nocase(t->text, str_from(word));
}

static bool is_semicolon(const struct scan_token *t)
{
    return t->kind == SCAN_OTHER && t->text.p[0] == ';';
}

static enum head next_head(enum head head, const struct scan_token *t)
{
    switch (head) {
    case HEAD_START:
        if (is_word(t, "explain"))
            return HEAD_EXPLAIN;
        return is_word(t, "create") ? HEAD_CREATE : HEAD_OTHER;
    case HEAD_EXPLAIN:
        if (is_word(t, "query") || is_word(t, "plan"))
            return HEAD_EXPLAIN;
        return is_word(t, "create") ? HEAD_CREATE : HEAD_OTHER;
    case HEAD_CREATE:
        if (is_word(t, "temp") || is_word(t, "temporary"))
            return HEAD_CREATE;
        return is_word(t, "trigger") ? HEAD_TRIGGER : HEAD_OTHER;
    case HEAD_OTHER:
    case HEAD_TRIGGER:
        break;
    }
    return head;
}

static enum body next_body(enum body body, const struct scan_token *t)
{
    if (is_semicolon(t))
        return BODY_SEMICOLON;
    return body == BODY_SEMICOLON && is_word(t, "end") ? BODY_END : BODY_IN;
}

bool split_next(struct str *rest, struct str *ret)
{
    enum head head = HEAD_START;
    enum body body = BODY_IN;
    const char *start = NULL, *end = NULL;
    struct scan_token t;
    while (scan_next(rest, &t)) {
        bool ends = is_semicolon(&t) && (head != HEAD_TRIGGER || body == BODY_END);
        if (ends && start)
            break;
        if (ends)
            continue;
        if (!start)
            start = t.text.p;
        end = t.text.p + t.text.n;
        if (head == HEAD_TRIGGER)
            body = next_body(body, &t);
        head = next_head(head, &t);
    }
    *ret = (struct str){ start, start ? (size_t)(end - start) : 0 };
    return start != NULL;
}

struct str split_word(struct str statement, size_t n)
{
    struct scan_token t;
    while (scan_next(&statement, &t))
        if (n-- == 0)
            return t.kind == SCAN_WORD ? t.text : (struct str){ 0 };
    return (struct str){ 0 };
}

bool split_is_trigger(struct str statement)
{
    enum head head = HEAD_START;
    struct scan_token t;
    while (head != HEAD_OTHER && head != HEAD_TRIGGER && scan_next(&statement, &t))
        head = next_head(head, &t);
    return head == HEAD_TRIGGER;
}

static void add_blank(struct buf *out, const char *from, const char *to)
{
    for (; from < to; from++)
        if (*from != '\r')
            buf_add_char(out, *from);
}

void split_trigger(struct str statement, struct buf *out)
{
    struct scan_token t;
    size_t cases = 0;
    bool behind_dot = false;
    const char *from = statement.p;
    while (scan_next(&statement, &t)) {
        bool begins = !behind_dot && is_word(&t, "case"), ends = !behind_dot && is_word(&t, "end");
        add_blank(out, from, t.text.p);
        from = t.text.p + t.text.n;
        behind_dot = t.kind == SCAN_OTHER && t.text.p[0] == '.';
        if (begins)
            buf_add_str(out, STR("(case"));
        else if (ends)
            buf_add_str(out, cases ? STR("end)") : STR("END"));
        else if (is_word(&t, "begin"))
            buf_add_str(out, STR("BEGIN"));
        else
            buf_add_str(out, t.text);
        cases = begins ? cases + 1 : ends && cases ? cases - 1 : cases;
    }
}
