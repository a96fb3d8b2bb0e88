/* raw_tree.c - see raw_tree.h. */
#include "proxy/sql/raw_tree.h"

static bool field_children(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                           bool (*visit)(ProtobufCMessage *message, void *ctx), void *ctx)
{
    char *at = (char *)message + field->offset;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n = *(size_t *)(void *)((char *)message + field->quantifier_offset);
        ProtobufCMessage **list = *(ProtobufCMessage ***)(void *)at;
        for (size_t i = 0; i < n; i++)
            if (list[i] && !visit(list[i], ctx))
                return false;
        return true;
    }
    bool is_one_of = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
    if (is_one_of && *(uint32_t *)(void *)((char *)message + field->quantifier_offset) != field->id)
        return true;
    ProtobufCMessage *one = *(ProtobufCMessage **)(void *)at;
    return !one || visit(one, ctx);
}

bool raw_children(ProtobufCMessage *message, bool (*visit)(ProtobufCMessage *message, void *ctx), void *ctx)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        if (!field_children(message, &message->descriptor->fields[i], visit, ctx))
            return false;
    return true;
}

static int leftmost(int a, int b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int list_location(PgQuery__Node *const *list, size_t n)
{
    int location = -1;
    for (size_t i = 0; i < n && location < 0; i++)
        location = raw_location(list[i]);
    return location;
}

static int cast_location(const PgQuery__TypeCast *c)
{
    int type = c->type_name ? c->type_name->location : -1;
    return leftmost(leftmost(raw_location(c->arg), type), c->location);
}

int raw_location(const PgQuery__Node *n)
{
    switch (n ? n->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
    case PG_QUERY__NODE__NODE_A_CONST:
        return n->a_const->location;
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return n->column_ref->location;
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return n->param_ref->location;
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return leftmost(n->func_call->location, list_location(n->func_call->args, n->func_call->n_args));
    case PG_QUERY__NODE__NODE_RES_TARGET:
        return n->res_target->location;
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
        return n->set_to_default->location;
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return cast_location(n->type_cast);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return leftmost(n->a_expr->location, raw_location(n->a_expr->lexpr));
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
        return leftmost(n->bool_expr->location, list_location(n->bool_expr->args, n->bool_expr->n_args));
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return leftmost(n->sub_link->location, raw_location(n->sub_link->testexpr));
    case PG_QUERY__NODE__NODE_NULL_TEST:
        return leftmost(n->null_test->location, raw_location(n->null_test->arg));
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return leftmost(n->boolean_test->location, raw_location(n->boolean_test->arg));
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return raw_location(n->collate_clause->arg);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return n->a_array_expr->location;
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return n->row_expr->location;
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return n->case_expr->location;
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return n->coalesce_expr->location;
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return n->min_max_expr->location;
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return n->sqlvalue_function->location;
    default:
        return -1;
    }
}
