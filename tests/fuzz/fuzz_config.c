/* LINK pgd1_config */
/* pgd1.ini, userlist.txt and wrangler files from any bytes: the first byte says which. What loads must answer look-ups. */
#include <assert.h>
#include "config/config.h"
#include "config/wrangler.h"
#include "tests/fuzz/fuzz.h"

static void use(struct config *c, struct arena *arena)
{
    const struct config_key *key;
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; (key = config_key_at(i)); i++)
        config_key_print(c, key, &out);
    for (size_t i = 0; i < c->n_databases; i++) {
        struct config_database d;
        struct err err;
        err_init(&err, arena);
        struct str name = str_from(c->databases[i].name);
        bool found = config_database_find(c, name, arena, &d, &err);
        assert(found != str_is(name, "*"));
    }
    for (size_t i = 0; i < c->n_users; i++)
        assert(config_user_find(c, str_from(c->users[i].name)) == &c->users[i]);
    buf_fini(&out);
}

static void fuzz_ini(struct str text)
{
    AUTO(arena) arena = arena_new(64 << 20);
    struct err err;
    err_init(&err, arena);
    struct config *c = config_parse(text, "fuzz/pgd1.ini", false, &err);
    assert((c != NULL) != err_is_set(&err));
    if (c)
        use(c, arena);
    config_unref(c);
}

static void fuzz_wrangler(struct str text, const char *path)
{
    AUTO(arena) arena = arena_new(64 << 20);
    struct wrangler w = { 0 };
    struct err err;
    err_init(&err, arena);
    struct loader l = { .arena = arena, .err = &err, .folder = "" };
    bool ok = wrangler_parse(&l, path, text, STR("production"), &w) ||
              (err_clear(&err), wrangler_parse(&l, path, text, STR(""), &w));
    assert(ok != err_is_set(&err));
    assert(!ok || (w.n_databases > 0 && w.databases[0].binding[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str text = { (const char *)data + 1, size - 1 };
    if (data[0] == 'j')
        fuzz_wrangler(text, "wrangler.jsonc");
    else if (data[0] == 't')
        fuzz_wrangler(text, "wrangler.toml");
    else
        fuzz_ini(text);
    return 0;
}
