/*
 * toml.h - TOML as JSON text, by toml++; the one C++ file of the project stands behind it.
 *
 * Owns     nothing between calls: toml_free() gives back what toml_to_json() gave.
 * Fails    NULL, and *ret_problem is a text to free the same way, or NULL when there was no memory.
 */
#ifndef PGD1_CONFIG_TOML_H
#define PGD1_CONFIG_TOML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NUL-terminated JSON; *ret_line is where a problem was found, 1-based. */
char *toml_to_json(const char *text, size_t n, char **ret_problem, int *ret_line);
void toml_free(char *text); /* accepts NULL */

#ifdef __cplusplus
}
#endif

#endif
