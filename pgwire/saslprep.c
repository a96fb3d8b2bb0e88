/*
 * saslprep.c - SASLprep (RFC 4013) of a password: scram_saslprep(), see scram.h.
 *
 * The tables of RFC 3454 come from libidn; the normalization is GLib's, because libidn's stops at Unicode 3.2 where
 * PostgreSQL uses today's. PostgreSQL, and so libpq at the other end, checks for prohibited characters before normalizing,
 * not after as the RFC has it; so do we, or a password with such a character would not fit.
 */
#include "pgwire/scram.h"

#include <glib.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <stringprep.h>
#include "proxy/base/fault.h"

enum { STEPS_MAX = 32 };

/* The steps of libidn's SASLprep before its normalization, or those after it; false: more than expected. */
static bool copy_steps(bool is_mapping, Stringprep_profile ret[STEPS_MAX])
{
    size_t n = 0;
    for (const Stringprep_profile *step = stringprep_saslprep; step->operation; step++) {
        if (step->operation == STRINGPREP_NFKC || (step->operation == STRINGPREP_MAP_TABLE) != is_mapping)
            continue;
        if (n == STEPS_MAX - 1)
            return false;
        ret[n++] = *step;
    }
    memset(&ret[n], 0, sizeof(ret[n]));
    return true;
}

/* Runs the steps on NUL-terminated UTF-8 in place: none of them makes it longer. */
static bool run_steps(bool is_mapping, char *text)
{
    Stringprep_profile steps[STEPS_MAX];
    return copy_steps(is_mapping, steps) &&
           stringprep(text, strlen(text) + 1, STRINGPREP_NO_UNASSIGNED, steps) == STRINGPREP_OK;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] > 0x7F)
            return false;
    return true;
}

static void wipe(char *p)
{
    if (p)
        OPENSSL_cleanse(p, strlen(p));
}

/* The normal form, to be wiped and g_free()d, or NULL. Changes text. */
static char *normalize(char *text)
{
    bool is_good = run_steps(true, text) && text[0] && run_steps(false, text);
    return is_good ? g_utf8_normalize(text, -1, G_NORMALIZE_NFKC) : NULL;
}

bool scram_saslprep(struct str password, struct buf *out)
{
    if (is_ascii(password)) {
        buf_add_str(out, password);
        return !out->failed;
    }
    char *text = str_is_utf8(password, NULL) ? fault_malloc(password.n + 1) : NULL;
    if (!text)
        return false;
    memcpy(text, password.p, password.n);
    text[password.n] = 0;
    char *normal = normalize(text);
    bool is_normal = normal != NULL;
    if (is_normal)
        buf_add(out, normal, strlen(normal));
    wipe(normal);
    g_free(normal);
    OPENSSL_cleanse(text, password.n);
    free(text);
    return is_normal && !out->failed;
}
