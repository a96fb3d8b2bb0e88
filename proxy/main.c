/*
 * main.c - the command line, signals, and the life of the process.
 *
 *   SIGTERM  no new clients, idle ones are closed, the others finish their transaction; a second one ends them too
 *   SIGINT   the same at once
 *   SIGHUP   reads the configuration again
 *   SIGQUIT  ends without ceremony
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>
#include "proxy/app.h"
#include "proxy/base/log.h"
#include "proxy/listener.h"
#include "proxy/worker.h"

struct options {
    const char *config, *user;
    bool verbose, quiet, check;
};

static const char help[] =
    "pgd1 " PGD1_VERSION ": PostgreSQL's protocol before Cloudflare D1\n"
    "\n"
    "  pgd1 [-v|-q] [-u user] [config.ini]  serve; without a file: ./pgd1.db on 127.0.0.1:6432 and /tmp\n"
    "  pgd1 check config.ini                read a configuration and what it names, and say what is wrong\n"
    "  pgd1 --sample-config                 print a configuration with every key\n"
    "  pgd1 --version, pgd1 --help\n"
    "\n"
    "  -v  log more        -q  log warnings and errors only        -u  change to this user first\n"
    "\n"
    "SIGTERM ends gracefully, SIGINT at once, SIGHUP reads the configuration again.\n";

static int usage(const char *what)
{
    fprintf(stderr, "pgd1: %s\nTry pgd1 --help.\n", what);
    return 2;
}

static int print_sample(void)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    config_sample(&b);
    fwrite(b.p, 1, b.n, stdout);
    buf_fini(&b);
    return 0;
}

/* Answers an exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
            return fputs(help, stdout) < 0;
        if (strcmp(a, "--version") == 0 || strcmp(a, "-V") == 0)
            return puts("pgd1 " PGD1_VERSION) < 0;
        if (strcmp(a, "--sample-config") == 0)
            return print_sample();
        if (strcmp(a, "-v") == 0)
            o->verbose = true;
        else if (strcmp(a, "-q") == 0)
            o->quiet = true;
        else if (strcmp(a, "-u") == 0 && i + 1 < argc)
            o->user = argv[++i];
        else if (strcmp(a, "check") == 0 && i == 1)
            o->check = true;
        else if (a[0] == '-' || o->config)
            return usage("unknown or incomplete argument");
        else
            o->config = a;
    }
    return o->check && !o->config ? usage("check needs a file") : -1;
}

static int fail(const struct err *err)
{
    fprintf(stderr, "pgd1: %.*s\n", STR_FMT(err->message));
    if (err->detail.n)
        fprintf(stderr, "      %.*s\n", STR_FMT(err->detail));
    if (err->hint.n)
        fprintf(stderr, "      %.*s\n", STR_FMT(err->hint));
    return 1;
}

static bool become(const char *user, struct err *err)
{
    const struct passwd *p = user ? getpwnam(user) : NULL;
    if (!user)
        return true;
    if (!p)
        return err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "user \"%s\" is not known", user);
    if (initgroups(p->pw_name, p->pw_gid) != 0 || setgid(p->pw_gid) != 0 || setuid(p->pw_uid) != 0)
        return err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "could not become user \"%s\": %s", user, strerror(errno));
    return true;
}

static bool write_pid(const char *path, struct err *err)
{
    char text[32];
    if (path[0] == 0)
        return true;
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text, (size_t)n) == n;
    if (fd >= 0)
        close(fd);
    return ok || err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "could not write pid file \"%s\": %s", path, strerror(errno));
}

static void say_where(const struct config *c, bool has_file)
{
    if (has_file) {
        log_event(LOG_LEVEL_INFO, "started", "version=%s listen=%s port=%u", PGD1_VERSION, c->listen_addr,
                  c->listen_port);
        return;
    }
    printf("pgd1 %s serves the embedded database ./pgd1.db on 127.0.0.1:%u and %s/.s.PGSQL.%u\n\n"
           "    psql -h 127.0.0.1 -p %u -U postgres\n\n",
           PGD1_VERSION, c->listen_port, c->unix_socket_dir, c->listen_port, c->listen_port);
    fflush(stdout);
}

/* ---- running ---- */

static void post_all(struct app *app, enum mail_kind kind)
{
    app->draining = true;
    for (size_t i = 0; i < app->n_workers; i++)
        worker_post(app->workers[i], kind, 0, (struct str){ 0 }, (struct str){ 0 });
}

static void reload(struct app *app)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    char reason[1024];
    err_init(&err, arena);
    if (app_reload(app, &err))
        log_event(LOG_LEVEL_INFO, "reloaded", "config=%s", app->serving->config->path);
    else
        log_event(LOG_LEVEL_ERROR, "reload_failed", "reason=%s", log_quote(reason, sizeof(reason), err.message));
}

/* Each worker that ends tells the main thread by this signal. */
enum { WORKER_ENDED = SIGUSR2 };

static void worker_ended(struct worker *w)
{
    (void)w;
    kill(getpid(), WORKER_ENDED);
}

static void serve(struct app *app, const sigset_t *signals)
{
    size_t running = app->n_workers;
    while (running) {
        int signal = 0;
        if (sigwait(signals, &signal) != 0)
            continue;
        if (signal == SIGHUP)
            reload(app);
        else if (signal == SIGTERM)
            post_all(app, app->draining ? MAIL_STOP : MAIL_DRAIN);
        else if (signal == SIGINT)
            post_all(app, MAIL_STOP);
        else if (signal == SIGQUIT)
            _exit(1);
        else if (signal == WORKER_ENDED)
            running = 0;
        for (size_t i = 0; signal == WORKER_ENDED && i < app->n_workers; i++)
            running += !app->workers[i]->has_ended;
    }
}

static bool start_workers(struct app *app, struct err *err)
{
    for (size_t i = 0; i < app->n_workers; i++)
        if (!listeners_open(app->workers[i], app->serving->config, err))
            return false;
    for (size_t i = 0; i < app->n_workers; i++) {
        app->workers[i]->ended = worker_ended;
        if (!worker_start(app->workers[i], err))
            return false;
    }
    return true;
}

static void stop_workers(struct app *app)
{
    post_all(app, MAIL_STOP);
    for (size_t i = 0; i < app->n_workers; i++)
        worker_join(app->workers[i]);
}

static bool run(struct app *app, const struct options *o, struct err *err)
{
    const struct config *c = app->serving->config;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGQUIT);
    sigaddset(&signals, WORKER_ENDED);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!app_make_workers(app, c->worker_threads, err))
        return false;
    bool ok = start_workers(app, err) && become(o->user, err) && write_pid(c->pidfile, err);
    if (ok) {
        say_where(c, o->config != NULL);
        serve(app, &signals);
        log_event(LOG_LEVEL_INFO, "stopped", "version=%s", PGD1_VERSION);
    }
    stop_workers(app);
    if (ok && c->pidfile[0])
        unlink(c->pidfile);
    return ok;
}

int main(int argc, char **argv)
{
    struct options o = { 0 };
    int status = read_options(argc, argv, &o);
    if (status >= 0)
        return status;
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    err_init(&err, arena);
    struct config *config = config_load(o.config, &err);
    if (!config)
        return fail(&err);
    log_set_level(o.verbose ? LOG_LEVEL_DEBUG : o.quiet ? LOG_LEVEL_WARNING : (enum log_level)config->log_level);
    struct app *app = app_new(config, NULL, &err);
    if (!app)
        return fail(&err);
    bool ok = true;
    if (o.check)
        printf("%s: ok\n", o.config);
    else
        ok = run(app, &o, &err);
    app_free(app);
    return ok ? 0 : fail(&err);
}
