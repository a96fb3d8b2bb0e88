/* raw_returning.c - see raw_returning.h. */
#include "proxy/raw_returning.h"

#include "d1/scan.h"
#include "proxy/sql/emit.h"
#include "proxy/sql/tagged_cell.h"

/* Where the list behind the last RETURNING outside of parentheses begins; NULL: there is none. */
static const char *find_list(struct str statement, struct str *ret_head)
{
    struct scan_token t;
    struct str rest = statement;
    const char *list = NULL;
    int depth = 0;
    while (scan_next(&rest, &t)) {
        char c = t.kind == SCAN_OTHER ? t.text.p[0] : ' ';
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (depth == 0 && t.kind == SCAN_WORD && str_eq_nocase(t.text, STR("returning"))) {
            list = rest.p;
            *ret_head = (struct str){ statement.p, (size_t)(list - statement.p) };
        }
    }
    return list;
}

struct item {
    struct str text;
    bool is_star;
};

/* The next item of a list, up to a comma outside of parentheses. */
static bool next_item(struct str *list, struct item *ret)
{
    struct scan_token t;
    int depth = 0;
    size_t tokens = 0;
    *ret = (struct item){ { list->p, 0 }, false };
    while (scan_next(list, &t)) {
        char c = t.kind == SCAN_OTHER ? t.text.p[0] : ' ';
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (c == ',' && depth == 0)
            return true;
        ret->is_star = tokens++ == 0 && c == '*';
        ret->text.n = (size_t)(t.text.p + t.text.n - ret->text.p);
    }
    return tokens > 0;
}

/* The list with its star written out: without a FROM of its own a subquery has none. */
static struct str without_star(struct str list, const struct str *names, size_t n, struct arena *arena)
{
    struct str rest = list, out = STR("");
    struct item item;
    size_t items = 0, stars = 0, at = 0;
    while (next_item(&rest, &item)) {
        items++;
        stars += item.is_star;
    }
    if (stars > 1 || items - stars > n || (stars == 0 && items != n))
        return (struct str){ 0 };
    while (out.p && next_item(&list, &item)) {
        size_t columns = item.is_star ? n - (items - 1) : 1;
        for (size_t k = 0; k < columns && out.p; k++, at++) {
            struct str text = item.is_star ? emit_identifier(names[at], arena) : item.text;
            out = text.p ? arena_printf(arena, "%.*s%s%.*s", STR_FMT(out), at ? "," : "", STR_FMT(text)) : text;
        }
    }
    return out;
}

struct str raw_tagged_returning(struct str statement, const struct str *names, size_t n, size_t max_bytes,
                                struct arena *arena)
{
    struct str head, none = { 0 };
    const char *start = find_list(statement, &head);
    struct str list =
        start ? without_star((struct str){ start, (size_t)(statement.p + statement.n - start) }, names, n, arena)
              : none;
    struct buf out;
    if (!list.p)
        return none;
    buf_init(&out, max_bytes);
    buf_add_str(&out, head);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&out, "%s (WITH _pgd1_raw(", i ? "," : "");
        for (size_t k = 0; k < n; k++)
            buf_printf(&out, "%sc%zu", k ? "," : "", k);
        buf_printf(&out, ") AS MATERIALIZED (SELECT %.*s\n) SELECT ", STR_FMT(list));
        tagged_cell_sql(&out, i);
        buf_printf(&out, " FROM _pgd1_raw) AS c%zu", i);
    }
    struct str sql = out.failed ? none : arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return sql;
}
