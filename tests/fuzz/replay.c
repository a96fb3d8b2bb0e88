/*
 * replay.c - runs a fuzz target on its seeds without libFuzzer: each seed, each of its beginnings (some hundred of a long one), and
 * each with one byte changed at a time. The same every time, so a failure can be repeated.
 *
 *   replay_x FOLDER-OR-FILE…        with the line a failure is searched by: PGD1_VERBOSE=1 prints each input's origin
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "tests/fuzz/fuzz.h"

enum { MAX_SEED = 1 << 20, STEPS = 200 };

static size_t inputs;

/* In a block of exactly its size, so that a sanitizer sees a read behind it. */
static void run_copy(const uint8_t *data, size_t size, size_t changed, uint8_t change)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(2);
    if (size > 0)
        memcpy(copy, data, size);
    if (changed < size)
        copy[changed] ^= change;
    LLVMFuzzerTestOneInput(copy, size);
    inputs++;
    free(copy);
}

static void run_seed(const char *path, const uint8_t *data, size_t size)
{
    static const uint8_t changes[] = { 0x01, 0x20, 0x80, 0xff };
    size_t step = size / STEPS + 1;
    if (getenv("PGD1_VERBOSE"))
        fprintf(stderr, "%s\n", path);
    run_copy(data, size, SIZE_MAX, 0);
    for (size_t i = 0; i < size; i += step) {
        run_copy(data, i, SIZE_MAX, 0);
        for (size_t k = 0; k < sizeof(changes); k++)
            run_copy(data, size, i, changes[k]);
    }
}

static bool run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(MAX_SEED);
    bool ok = f && data;
    if (ok) {
        size_t size = fread(data, 1, MAX_SEED, f);
        ok = !ferror(f);
        if (ok)
            run_seed(path, data, size);
    }
    if (!ok)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    free(data);
    if (f)
        fclose(f);
    return ok;
}

static bool run_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    bool ok = n >= 0;
    if (!ok)
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            ok = run_file(file) && ok;
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return ok;
}

int main(int argc, char **argv)
{
    bool ok = true;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        bool folder = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode);
        ok = (folder ? run_folder(argv[i]) : run_file(argv[i])) && ok;
    }
    printf("%zu inputs\n", inputs);
    return ok && inputs > 0 ? 0 : 1;
}
