/* regex_tree.c - the nodes and their preferences, as PostgreSQL's compiler works them out branch by branch. */
#include "proxy/sql/functions/regex_tree.h"

#include <stdlib.h>

enum { LENGTH_MAX = 1 << 16 }; /* a longer text is one without a limit */

const struct regex_extent regex_nothing = { .order = REGEX_FIXED };
const struct regex_extent regex_character = { .order = REGEX_FIXED, .most = 1, .never_empty = true };
const struct regex_extent regex_assertion = { .order = REGEX_FIXED, .looks = true };

void regex_tree_init(struct regex_tree *t)
{
    *t = (struct regex_tree){ 0 };
}

void regex_tree_fini(struct regex_tree *t)
{
    free(t->nodes);
    *t = (struct regex_tree){ 0 };
}

/* ---- preferences ---- */

static unsigned preference(unsigned flags)
{
    return flags & (REGEX_LONGER | REGEX_SHORTER);
}

static bool is_messy(unsigned flags)
{
    return flags & (REGEX_MIXED | REGEX_CAPTURES | REGEX_REFERS);
}

/* What a part hands up to the one around it. */
static unsigned handed_up(unsigned flags)
{
    bool both = preference(flags) == (REGEX_LONGER | REGEX_SHORTER);
    return (flags & (REGEX_MIXED | REGEX_CAPTURES | REGEX_REFERS)) | (both ? REGEX_MIXED : 0u);
}

/* The first that has a preference gives it to the whole. */
static unsigned combined(unsigned a, unsigned b)
{
    return handed_up(a | b) | (preference(a) ? preference(a) : preference(b));
}

/* ---- extents ---- */

static struct regex_extent limited(struct regex_extent e, long most)
{
    e.most = most == REGEX_ANY || most > LENGTH_MAX ? REGEX_ANY : (int)most;
    if (e.order == REGEX_FIXED && e.most == REGEX_ANY)
        e.order = REGEX_UNORDERED;
    return e;
}

static struct regex_extent in_a_row(struct regex_extent a, struct regex_extent b)
{
    struct regex_extent e = { .never_empty = a.never_empty || b.never_empty, .looks = a.looks || b.looks };
    e.order = a.order == REGEX_FIXED ? b.order : b.order == REGEX_FIXED ? a.order : REGEX_UNORDERED;
    return limited(e, a.most == REGEX_ANY || b.most == REGEX_ANY ? REGEX_ANY : (long)a.most + b.most);
}

static struct regex_extent either(struct regex_extent a, struct regex_extent b)
{
    struct regex_extent e = { .never_empty = a.never_empty && b.never_empty, .looks = a.looks || b.looks };
    bool same = a.order == REGEX_FIXED && b.order == REGEX_FIXED && a.most == b.most;
    e.order = same ? REGEX_FIXED : REGEX_UNORDERED;
    return limited(e, a.most == REGEX_ANY || b.most == REGEX_ANY ? REGEX_ANY : a.most > b.most ? a.most : b.most);
}

static struct regex_extent repeated(struct regex_extent e, int least, int most, bool lazy)
{
    bool fixed = e.order == REGEX_FIXED, empty = fixed && e.most == 0;
    if (most == 0)
        return regex_nothing;
    if (least == 1 && most == 1)
        return e;
    if (fixed && !empty && least != most)
        e.order = lazy ? REGEX_SHORTEST_FIRST : REGEX_LONGEST_FIRST;
    else if (!fixed && !(most == 1 && !lazy && e.order == REGEX_LONGEST_FIRST && e.never_empty))
        e.order = REGEX_UNORDERED;
    e.never_empty = e.never_empty && least > 0;
    return limited(e, empty ? 0 : e.most == REGEX_ANY || most == REGEX_ANY ? REGEX_ANY : (long)e.most * most);
}

/* ---- nodes ---- */

static int add_node(struct regex_tree *t, struct regex_node node)
{
    if (t->n == t->size && !t->failed) {
        size_t size = t->size ? 2 * t->size : 16;
        struct regex_node *grown = realloc(t->nodes, size * sizeof(*grown));
        t->failed = !grown;
        if (grown)
            t->nodes = grown, t->size = size;
    }
    if (t->failed)
        return -1;
    t->nodes[t->n] = node;
    return (int)t->n++;
}

static int add_leaf(struct regex_tree *t, size_t from, size_t to, unsigned flags, struct regex_extent extent)
{
    return add_node(t, (struct regex_node){ .operation = REGEX_LEAF,
                                            .flags = flags,
                                            .from = from,
                                            .to = to,
                                            .least = 1,
                                            .most = 1,
                                            .child = -1,
                                            .next = -1,
                                            .perl_agrees = true,
                                            .extent = extent });
}

/* Perl tries the lengths of the left part in the order in which PostgreSQL does. */
static bool is_tried_alike(const struct regex_node *n)
{
    bool shorter = n->flags & REGEX_SHORTER;
    return n->extent.order == REGEX_FIXED || n->extent.order == (shorter ? REGEX_SHORTEST_FIRST : REGEX_LONGEST_FIRST);
}

static int add_sequence(struct regex_tree *t, int left, int right, unsigned flags)
{
    if (t->failed)
        return -1;
    const struct regex_node *l = &t->nodes[left], *r = &t->nodes[right];
    struct regex_node node = { .operation = REGEX_SEQUENCE,
                               .flags = flags,
                               .from = l->from,
                               .to = r->to,
                               .least = 1,
                               .most = 1,
                               .child = left,
                               .next = -1,
                               .perl_agrees = is_tried_alike(l) && l->perl_agrees && r->perl_agrees,
                               .extent = in_a_row(l->extent, r->extent) };
    t->nodes[left].next = right;
    return add_node(t, node);
}

int regex_tree_append(struct regex_tree *t, int last, int node)
{
    if (t->failed)
        return -1;
    t->nodes[last].next = node;
    return node;
}

struct regex_extent regex_tree_extent(const struct regex_tree *t, int node)
{
    return t->failed ? regex_nothing : t->nodes[node].extent;
}

int regex_tree_choice(struct regex_tree *t, int first, size_t from, size_t to)
{
    if (t->failed)
        return -1;
    struct regex_node node = { .operation = REGEX_CHOICE,
                               .flags = REGEX_LONGER,
                               .from = from,
                               .to = to,
                               .least = 1,
                               .most = 1,
                               .child = first,
                               .next = -1,
                               .perl_agrees = true,
                               .extent = t->nodes[first].extent };
    for (int i = first; i >= 0; i = t->nodes[i].next) {
        node.flags |= handed_up(node.flags | t->nodes[i].flags);
        node.perl_agrees = node.perl_agrees && t->nodes[i].perl_agrees;
        node.extent = either(node.extent, t->nodes[i].extent);
    }
    if (!is_messy(node.flags)) {
        node.operation = REGEX_LEAF;
        node.child = -1;
    }
    return add_node(t, node);
}

/* ---- branches ---- */

void regex_branch_start(struct regex_branch *b, size_t from)
{
    *b = (struct regex_branch){ .from = from, .extent = regex_nothing, .last = -1 };
}

void regex_branch_assertion(struct regex_branch *b, bool looks)
{
    b->has_content = true;
    b->extent.looks |= looks;
}

/* A group that is repeated: Perl's rounds are PostgreSQL's where they are all of one length; and where one round does not
 * set what another has set. */
static bool rounds_agree(const struct regex_node *round, const struct regex_atom *a)
{
    if (a->most == 1)
        return round->perl_agrees && (a->least == 1 || round->extent.never_empty);
    return round->operation == REGEX_LEAF && round->extent.order == REGEX_FIXED && round->extent.never_empty;
}

/* The atom and its quantifier. Without references x{m,n} is x{m-1,n-1}x: what counts is the last round. */
static int add_repeated(struct regex_tree *t, int atom, const struct regex_atom *a)
{
    if (t->failed)
        return -1;
    struct regex_node *round = &t->nodes[atom];
    unsigned own = round->flags & (REGEX_LONGER | REGEX_SHORTER | REGEX_MIXED);
    unsigned flags = combined(a->prefers, round->flags);
    struct regex_extent extent = repeated(a->extent, a->least, a->most, (a->prefers & REGEX_SHORTER) != 0);
    bool agrees = rounds_agree(round, a);
    int made;
    if (a->refers) {
        round->flags |= flags;
        return atom;
    }
    if (a->least == 1 && a->most == 1 && (!a->prefers || !own || a->prefers == own))
        return atom;
    if (!(round->flags & (REGEX_CAPTURES | REGEX_REFERS)))
        return add_leaf(t, a->from, a->to, flags, extent);
    if (a->least > 0 && !(round->flags & REGEX_REFERS)) {
        int before = add_leaf(t, a->from, a->body_to, preference(flags), extent);
        if (before >= 0) {
            t->nodes[before].least = a->least - 1;
            t->nodes[before].most = a->most == REGEX_ANY ? REGEX_ANY : a->most - 1;
        }
        made = add_sequence(t, before, atom, flags);
    } else {
        made = add_leaf(t, a->from, a->to, flags, extent);
        if (made >= 0) {
            t->nodes[made].operation = REGEX_LOOP;
            t->nodes[made].child = atom;
            t->nodes[made].least = a->least;
            t->nodes[made].most = a->most;
        }
    }
    if (made >= 0) {
        t->nodes[made].to = a->to;
        t->nodes[made].extent = extent;
        t->nodes[made].perl_agrees = agrees;
    }
    return made;
}

/* The group around what its parentheses hold. */
static int add_group(struct regex_tree *t, const struct regex_atom *a)
{
    int node = a->node >= 0 ? a->node : add_leaf(t, a->from, a->body_to, a->refers ? REGEX_REFERS : 0, a->extent);
    if (t->failed)
        return -1;
    if (a->group && t->nodes[node].group) {
        struct regex_node wrapper = t->nodes[node];
        wrapper.operation = REGEX_WRAPPER;
        wrapper.child = node;
        node = add_node(t, wrapper);
        if (node < 0)
            return -1;
    }
    t->nodes[node].from = a->from;
    t->nodes[node].to = a->body_to;
    if (a->group) {
        t->nodes[node].group = a->group;
        t->nodes[node].flags |= REGEX_CAPTURES;
    }
    return node;
}

void regex_branch_atom(struct regex_tree *t, struct regex_branch *b, const struct regex_atom *a)
{
    if (t->failed)
        return;
    unsigned own = a->node >= 0 ? t->nodes[a->node].flags : 0;
    unsigned flags = b->flags | a->prefers | own;
    struct regex_extent extent = repeated(a->extent, a->least, a->most, (a->prefers & REGEX_SHORTER) != 0);
    if (a->most == 0) {
        b->has_content = true;
        return;
    }
    if (!a->group && !a->refers && !is_messy(handed_up(flags))) {
        b->flags = flags;
        b->has_content = true;
        b->extent = in_a_row(b->extent, extent);
        return;
    }
    int atom = add_group(t, a);
    if (atom < 0)
        return;
    unsigned split = combined(a->prefers, t->nodes[atom].flags);
    int made = add_repeated(t, atom, a);
    int before = b->has_content ? add_leaf(t, b->from, a->from, b->flags, b->extent) : -1;
    /* until the branch ends: `least` is the leaf before, `child` the atom, `next` what was split off before */
    b->last = add_node(t, (struct regex_node){ .flags = split, .least = before, .child = made, .next = b->last });
    b->from = a->to;
    b->flags = 0;
    b->has_content = false;
    b->extent = regex_nothing;
}

/* What was split off, with the leaf before it and the rest behind it, -1 where there is none. */
static int joined(struct regex_tree *t, const struct regex_node *split, int rest)
{
    const struct regex_node *n = t->nodes;
    int before = split->least, atom = split->child;
    unsigned flags = before >= 0 ? n[before].flags : 0;
    if (rest < 0 && before < 0)
        return atom;
    if (rest < 0)
        return add_sequence(t, before, atom, flags | combined(flags, n[atom].flags));
    unsigned behind = split->flags | combined(split->flags, n[rest].flags);
    flags |= combined(flags, behind);
    if (before < 0)
        return add_sequence(t, atom, rest, flags);
    int right;
    if (n[atom].operation == REGEX_LEAF && n[rest].operation == REGEX_LEAF &&
        !is_messy(handed_up(n[atom].flags | n[rest].flags)))
        right = add_leaf(t, n[atom].from, n[rest].to, combined(n[atom].flags, n[rest].flags),
                         in_a_row(n[atom].extent, n[rest].extent));
    else
        right = add_sequence(t, atom, rest, behind);
    return add_sequence(t, before, right, flags);
}

int regex_branch_end(struct regex_tree *t, struct regex_branch *b, size_t to)
{
    int rest = -1;
    if (b->has_content || b->last < 0)
        rest = add_leaf(t, b->from, to, b->flags, b->extent);
    for (int i = b->last; i >= 0 && !t->failed;) {
        const struct regex_node split = t->nodes[i];
        rest = joined(t, &split, rest);
        i = split.next;
    }
    return t->failed ? -1 : rest;
}
