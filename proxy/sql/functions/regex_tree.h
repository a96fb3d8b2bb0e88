/*
 * regex_tree.h - a regular expression as the parts by which PostgreSQL finds what its groups remember.
 *
 * PostgreSQL first finds the whole match and then takes it to pieces: a sequence into its left part and the rest, a choice
 * into the first alternative that fits, a loop into its rounds. What has no group within and but one preference is a leaf,
 * which is not taken to pieces. The reader (regex_syntax.c) tells the atoms of each branch in order; this builds the nodes.
 *
 * Owns     the nodes, on the heap; regex_tree_fini() frees them.
 * Fails    sticky: `failed` when there is no memory.
 * Not here the text that the nodes' offsets point into (the reader's output), and taking to pieces: regex_dissect.h.
 */
#ifndef PGD1_SQL_FUNCTIONS_REGEX_TREE_H
#define PGD1_SQL_FUNCTIONS_REGEX_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum { REGEX_ANY = -1 }; /* a count without a limit */

enum regex_operator {
    REGEX_LEAF,
    REGEX_SEQUENCE, /* the child, then its sibling */
    REGEX_CHOICE,   /* one of the child and its siblings */
    REGEX_LOOP,     /* the child, up to `most` times or not at all */
    REGEX_WRAPPER,  /* the child; a second group around the same text */
};

enum regex_flag {
    REGEX_LONGER = 1,
    REGEX_SHORTER = 2,
    REGEX_MIXED = 4, /* both, somewhere within */
    REGEX_CAPTURES = 8,
    REGEX_REFERS = 16,
};

/* How Perl's search goes through the lengths that a text can match. */
enum regex_order { REGEX_FIXED, REGEX_LONGEST_FIRST, REGEX_SHORTEST_FIRST, REGEX_UNORDERED };

struct regex_extent {
    enum regex_order order;
    int most; /* characters; of a fixed one: all of them */
    bool never_empty;
    bool looks; /* what stands behind the match matters */
};

struct regex_node {
    enum regex_operator operation;
    unsigned flags;
    int group;        /* 0: none */
    size_t from, to;  /* its text, with the parentheses and the quantifier */
    int least, most;  /* times that the text stands for; of a loop: its rounds */
    int child, next;  /* -1: none */
    bool perl_agrees; /* within a given span, Perl's search gives its groups the same texts */
    struct regex_extent extent;
};

struct regex_tree {
    struct regex_node *nodes;
    size_t n, size;
    int root;
    bool failed;
};

/* One branch while it is read. */
struct regex_branch {
    size_t from; /* where the leaf begins that still grows */
    unsigned flags;
    bool has_content;
    struct regex_extent extent;
    int last; /* of the nodes split off, linked backwards by `next` */
};

/* An atom with its quantifier; {1,1} without a preference where it has none. */
struct regex_atom {
    int node; /* what stands in the parentheses; -1: no parentheses */
    int group;
    bool refers; /* a back reference */
    size_t from, body_to, to;
    int least, most;
    unsigned prefers;           /* REGEX_LONGER, REGEX_SHORTER or 0 */
    struct regex_extent extent; /* without the quantifier */
};

extern const struct regex_extent regex_nothing, regex_character, regex_assertion;

void regex_tree_init(struct regex_tree *t);
void regex_tree_fini(struct regex_tree *t);

void regex_branch_start(struct regex_branch *b, size_t from);
void regex_branch_assertion(struct regex_branch *b, bool looks); /* looks: at what follows */
void regex_branch_atom(struct regex_tree *t, struct regex_branch *b, const struct regex_atom *atom);
int regex_branch_end(struct regex_tree *t, struct regex_branch *b, size_t to); /* its node */

/* Makes `node` the sibling behind `last`; it is the last one now. */
int regex_tree_append(struct regex_tree *t, int last, int node);

/* The node of two or more branches; `first` has the others behind it. */
int regex_tree_choice(struct regex_tree *t, int first, size_t from, size_t to);

struct regex_extent regex_tree_extent(const struct regex_tree *t, int node);

#endif
