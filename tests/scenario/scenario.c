/*
 * scenario.c - plays scripts: the whole proxy on a fake D1 and a fake clock. Each line is one act:
 *
 *   # words                     a comment
 *   config key = value          for [pgd1]; before everything else
 *   embedded                    the embedded transport on a fresh file instead of the scripted D1
 *   inprocess                   the scripted D1 says that its answers cannot be lost, and tells what ran before a failure
 *   cutserrors                  D1 does not pass on error texts whole: the probe finds out
 *   tearsbatches                D1 keeps a part of a batch that fails: likewise
 *   schema SQL                  SQLite's CREATE statement: what the schema reads
 *   d1 expect … answer …        the next request (d1/fake/fake.h);  d1 release: what waits for ever ends
 *   client[N] connect [user] [database] [options]     client N (1 when not said); done by itself at first use
 *   client[N] messages          client.h
 *   client[N] expect messages   what it was sent since, all of it, in order; `nothing` for nothing
 *   client[N] expect status …   the same with ParameterStatus, key data and authentication
 *   client[N] cancel            a cancel request for it;  client[N] gone: the connection breaks;  client[N] closed: it was closed
 *   clock +N(us|ms|s|min)       time passes
 *   metric name N               a counter of the proxy
 */
#include <stdio.h>
#include <unistd.h>
#include "client.h"
#include "proxy/cancel.h"
#include "sqlite3.h"
#include "stage.h"

struct play {
    struct stage stage;
    struct arena *arena;
    struct buf config;
    const char *path;
    int line;
    bool open, embedded, over;
    int failures;
};

static void fail(struct play *p, const char *what, struct str a, struct str b)
{
    printf("%s:%d%s: %s\n", p->path, p->line, p->stage.bytewise ? " (byte by byte)" : "", what);
    if (a.p)
        printf("    want %.*s\n", STR_FMT(a));
    if (b.p)
        printf("    got  %.*s\n", STR_FMT(b));
    p->failures++;
}

static bool begin(struct play *p)
{
    struct err err;
    err_init(&err, p->arena);
    if (p->open)
        return true;
    p->open = stage_open(&p->stage, buf_str(&p->config), p->embedded, &err);
    if (!p->open) {
        fail(p, "the stage cannot be opened", (struct str){ 0 }, err.message);
        p->over = true;
    }
    return p->open;
}

static void connect_player(struct play *p, struct player *one, struct words *w)
{
    struct word word;
    struct str user = STR("postgres"), database = STR("app"), options = { 0 };
    struct buf b;
    if (word_next(w, &word))
        user = word.text;
    if (word_next(w, &word))
        database = word.text;
    if (word_next(w, &word))
        options = word.text;
    stage_connect(&p->stage, one);
    buf_init(&b, 4096);
    client_startup(&b, user, database, options);
    stage_send(&p->stage, one, buf_str(&b));
    buf_fini(&b);
}

/* What came since the last look, each message as words, joined by ", ". */
static struct str came(struct play *p, struct player *one, bool with_status)
{
    struct str bytes = { one->in.p + one->seen, one->in.n - one->seen }, out = { 0 }, message;
    size_t before = bytes.n;
    while (client_describe(&bytes, with_status, p->arena, &message))
        out = arena_printf(p->arena, "%.*s%s%.*s", STR_FMT(out), out.n ? ", " : "", STR_FMT(message));
    one->seen += before - bytes.n;
    return out;
}

/* The wanted words in the form of what came; an E or N without its text stands for any text. */
static struct str wanted(struct play *p, struct words *w)
{
    struct str out = { 0 };
    struct word word;
    bool first = true;
    while (word_next(w, &word)) {
        bool comma = !word.quoted && str_is(word.text, ",");
        struct str shown = word.text;
        if (word.quoted) {
            struct buf b;
            buf_init(&b, 1 << 20);
            buf_add_char(&b, '"');
            for (size_t i = 0; i < word.text.n; i++) {
                unsigned char c = (unsigned char)word.text.p[i];
                if (c == '"' || c == '\\')
                    buf_printf(&b, "\\%c", c);
                else if (c == '\n' || c == '\t')
                    buf_printf(&b, "\\%c", c == '\n' ? 'n' : 't');
                else if (c < 32)
                    buf_printf(&b, "\\x%02x", c);
                else
                    buf_add_char(&b, (char)c);
            }
            buf_add_char(&b, '"');
            shown = arena_str(p->arena, buf_str(&b));
            buf_fini(&b);
        }
        out = arena_printf(p->arena, "%.*s%s%.*s", STR_FMT(out), first || comma ? "" : " ", STR_FMT(shown));
        first = false;
    }
    return out;
}

/* Past the quoted text that starts at `at`. */
static size_t skip_text(struct str s, size_t at)
{
    for (at++; at < s.n && s.p[at] != '"'; at++)
        at += s.p[at] == '\\';
    return at + 1;
}

/* The same words; what errors and notices say behind their SQLSTATE may be left out: the detail, or the message too. */
static bool fits(struct str want, struct str got)
{
    size_t i = 0, k = 0;
    bool report = false, starts = true;
    while (i < want.n || k < got.n) {
        if (report && (i >= want.n || want.p[i] == ',') && k + 1 < got.n && got.p[k] == ' ' && got.p[k + 1] == '"') {
            k = skip_text(got, k + 1);
            continue;
        }
        if (i >= want.n || k >= got.n || want.p[i] != got.p[k])
            return false;
        char c = want.p[i];
        size_t n = c == '"' ? skip_text(want, i) - i : 1;
        if (i + n > want.n || k + n > got.n || memcmp(want.p + i, got.p + k, n) != 0)
            return false;
        if (starts && c != ' ')
            report = (c == 'E' || c == 'N') && i + 1 < want.n && want.p[i + 1] == ' ';
        starts = c == ',' || (starts && c == ' ');
        i += n;
        k += n;
    }
    return true;
}

static void expect(struct play *p, struct player *one, struct words *w)
{
    struct word word;
    bool with_status = word_peek(w, &word) && str_is(word.text, "status");
    if (with_status)
        word_next(w, &word);
    struct str want = wanted(p, w), got = came(p, one, with_status);
    if (str_is(want, "nothing"))
        want = (struct str){ 0 };
    if (!fits(want, got))
        fail(p, "the client was sent something else", want.p ? want : STR("nothing"), got.p ? got : STR("nothing"));
}

static void send_words(struct play *p, struct player *one, struct words *w)
{
    struct buf b;
    const char *why = NULL;
    buf_init(&b, 64 << 20);
    if (!client_messages(w, &b, &why))
        fail(p, why, (struct str){ 0 }, (struct str){ 0 });
    stage_send(&p->stage, one, buf_str(&b));
    buf_fini(&b);
}

static void cancel(struct play *p, struct player *one)
{
    const struct presence *it = &one->session->presence;
    cancel_request(&p->stage.app->sessions, it->pid, (struct str){ (const char *)it->key, it->key_length });
    stage_settle(&p->stage);
}

static void client(struct play *p, size_t n, struct words *w)
{
    struct player *one = &p->stage.players[n];
    struct words all = *w;
    struct word word;
    if (!begin(p))
        return;
    word_next(w, &word);
    if (str_is(word.text, "connect")) {
        connect_player(p, one, w);
        return;
    }
    if (!one->stage) {
        struct words none = { p->arena, "" };
        connect_player(p, one, &none);
        came(p, one, true);
    }
    if (str_is(word.text, "expect"))
        expect(p, one, w);
    else if (str_is(word.text, "cancel"))
        cancel(p, one);
    else if (str_is(word.text, "gone")) {
        session_abandon(one->session);
        one->session = NULL;
    } else if (str_is(word.text, "closed")) {
        if (!one->closed)
            fail(p, "the connection is still open", (struct str){ 0 }, (struct str){ 0 });
    } else
        send_words(p, one, &all);
}

static void clock_on(struct play *p, struct str text)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = { { "us", 1 }, { "ms", 1000 }, { "min", 60000000 }, { "s", 1000000 } };
    for (size_t i = 0; i < 4; i++) {
        int64_t n;
        struct str unit = str_from(units[i].unit);
        if (str_starts(text, STR("+")) && str_ends(text, unit) &&
            str_to_int64((struct str){ text.p + 1, text.n - 1 - unit.n }, &n)) {
            fake_clock_advance(&p->stage.clock, (uint64_t)n * units[i].us);
            stage_settle(&p->stage);
            return;
        }
    }
    fail(p, "clock +N(us|ms|s|min)", (struct str){ 0 }, text);
}

static void d1(struct play *p, struct str line)
{
    struct err err;
    err_init(&err, p->arena);
    if (!begin(p))
        return;
    if (str_is(line, "release"))
        fake_release(p->stage.d1);
    else if (!fake_line(p->stage.d1, line, &err))
        fail(p, "not a line for d1", (struct str){ 0 }, err.message);
    stage_settle(&p->stage);
}

static void metric(struct play *p, struct words *w)
{
    size_t n;
    struct word name, want;
    const struct metric_row *rows = metric_rows(&n);
    word_next(w, &name);
    word_next(w, &want);
    for (size_t i = 0; i < n; i++)
        if (str_is(name.text, rows[i].name)) {
            if (!begin(p))
                return;
            struct str got =
                arena_printf(p->arena, "%llu", (unsigned long long)app_metric(p->stage.app, (enum metric)i));
            if (!str_eq(got, want.text))
                fail(p, rows[i].name, want.text, got);
            return;
        }
    fail(p, "no such metric", (struct str){ 0 }, name.text);
}

static void schema(struct play *p, struct str sql)
{
    if (begin(p) && sqlite3_exec(p->stage.schema, arena_cstr(p->arena, sql), NULL, NULL, NULL) != SQLITE_OK)
        fail(p, "schema", (struct str){ 0 }, str_from(sqlite3_errmsg(p->stage.schema)));
}

static void act(struct play *p, const char *line)
{
    struct words w = { p->arena, line };
    struct word word;
    if (p->over || !word_next(&w, &word) || word.text.p[0] == '#')
        return;
    if (str_is(word.text, "config")) {
        buf_add_str(&p->config, words_rest(&w));
        buf_add_char(&p->config, '\n');
    } else if (str_is(word.text, "embedded"))
        p->embedded = true;
    else if (str_is(word.text, "inprocess"))
        p->stage.in_process = true;
    else if (str_is(word.text, "cutserrors"))
        p->stage.cuts_errors = true;
    else if (str_is(word.text, "tearsbatches"))
        p->stage.tears_batches = true;
    else if (str_is(word.text, "schema"))
        schema(p, words_rest(&w));
    else if (str_is(word.text, "d1"))
        d1(p, words_rest(&w));
    else if (str_is(word.text, "metric"))
        metric(p, &w);
    else if (str_is(word.text, "clock") && word_next(&w, &word))
        clock_on(p, word.text);
    else if (str_starts(word.text, STR("client")))
        client(p, word.text.n > 6 ? (size_t)(word.text.p[6] - '1') % STAGE_CLIENTS : 0, &w);
    else
        fail(p, "not an act", (struct str){ 0 }, word.text);
}

static void close_play(struct play *p)
{
    struct err err;
    err_init(&err, p->arena);
    if (p->open && p->stage.d1 && p->stage.worker->databases && !fake_check(p->stage.d1, &err))
        fail(p, "the scripted D1 was not asked as it should have been", (struct str){ 0 }, err.message);
    if (p->open)
        stage_close(&p->stage);
    buf_fini(&p->config);
    arena_free(p->arena);
}

static int run(const char *path, bool bytewise)
{
    struct play p = { .path = path, .arena = arena_new(256 << 20) };
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    if (!f) {
        perror(path);
        return 1;
    }
    p.stage.bytewise = bytewise;
    buf_init(&p.config, 65536);
    for (ssize_t n; (n = getline(&line, &size, f)) >= 0;) {
        p.line++;
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' '))
            line[--n] = 0;
        act(&p, line);
    }
    free(line);
    fclose(f);
    close_play(&p);
    return p.failures;
}

int main(int argc, char **argv)
{
    int failures = 0;
    for (int i = 1; i < argc; i++)
        failures += run(argv[i], false) + run(argv[i], true);
    printf("%d script(s), %d failure(s)\n", argc - 1, failures);
    return failures != 0;
}
