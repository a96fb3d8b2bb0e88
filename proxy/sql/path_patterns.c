/* path_patterns.c - see path_patterns.h. */
#include "proxy/sql/path_patterns.h"

#include "pgwire/jsonpath.h"
#include "proxy/sql/functions/regex_syntax.h"

static bool check(const struct jsonpath_node *n, struct err *err)
{
    for (; n; n = n->next) {
        bool is_quoted = n->flags.n && memchr(n->flags.p, 'q', n->flags.n);
        if (n->kind == JSONPATH_LIKE_REGEX && !is_quoted && !regex_check(n->text, err))
            return false;
        for (size_t i = 0; i < n->n_ranges; i++)
            if (!check(n->ranges[i].from, err) || !check(n->ranges[i].to, err))
                return false;
        if (!check(n->left, err) || !check(n->right, err))
            return false;
    }
    return true;
}

bool path_patterns_check(oid_t type, const struct value *v, struct arena *arena, struct err *err)
{
    struct jsonpath path;
    if (type != TYPE_OID_jsonpath || v->class != VALUE_TEXT || str_find(v->bytes, STR("like_regex")) < 0)
        return true;
    return jsonpath_parse(v->bytes, arena, &path, err) && check(path.root, err);
}
