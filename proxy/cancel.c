/* cancel.c - see cancel.h. */
#include "proxy/cancel.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include "proxy/worker.h"

void cancel_table_init(struct cancel_table *t)
{
    pthread_mutex_init(&t->lock, NULL);
    map_init(&t->sessions);
    t->next_pid = 1000;
}

void cancel_table_fini(struct cancel_table *t)
{
    map_fini(&t->sessions);
    pthread_mutex_destroy(&t->lock);
}

static struct str key_of(const uint32_t *pid)
{
    return (struct str){ (const char *)pid, sizeof(*pid) };
}

bool cancel_add(struct cancel_table *t, struct presence *p, size_t key_length)
{
    if (RAND_bytes(p->key, (int)key_length) != 1)
        return false;
    p->key_length = (unsigned char)key_length;
    pthread_mutex_lock(&t->lock);
    do {
        p->pid = t->next_pid++;
        if (t->next_pid > INT32_MAX)
            t->next_pid = 1000;
    } while (map_get(&t->sessions, key_of(&p->pid)));
    pthread_mutex_init(&p->texts, NULL);
    bool ok = map_set(&t->sessions, key_of(&p->pid), p);
    pthread_mutex_unlock(&t->lock);
    if (!ok) {
        pthread_mutex_destroy(&p->texts);
        p->pid = 0;
    }
    return ok;
}

void cancel_remove(struct cancel_table *t, struct presence *p)
{
    if (!p->pid)
        return;
    pthread_mutex_lock(&t->lock);
    map_remove(&t->sessions, key_of(&p->pid));
    pthread_mutex_unlock(&t->lock);
    pthread_mutex_destroy(&p->texts);
    OPENSSL_cleanse(p->key, sizeof(p->key));
}

bool cancel_request(struct cancel_table *t, uint32_t pid, struct str key)
{
    pthread_mutex_lock(&t->lock);
    struct presence *p = map_get(&t->sessions, key_of(&pid));
    bool fits = p && key.n == p->key_length && CRYPTO_memcmp(p->key, key.p, key.n) == 0;
    if (fits)
        worker_post(p->worker, MAIL_CANCEL, pid, (struct str){ 0 }, (struct str){ 0 });
    pthread_mutex_unlock(&t->lock);
    return fits;
}

bool cancel_signal(struct cancel_table *t, uint32_t pid, bool terminate)
{
    pthread_mutex_lock(&t->lock);
    struct presence *p = map_get(&t->sessions, key_of(&pid));
    if (p)
        worker_post(p->worker, terminate ? MAIL_TERMINATE : MAIL_CANCEL, pid, (struct str){ 0 }, (struct str){ 0 });
    pthread_mutex_unlock(&t->lock);
    return p != NULL;
}

bool cancel_knows(struct cancel_table *t, uint32_t pid)
{
    pthread_mutex_lock(&t->lock);
    bool known = map_get(&t->sessions, key_of(&pid)) != NULL;
    pthread_mutex_unlock(&t->lock);
    return known;
}

void cancel_each(struct cancel_table *t, bool (*each)(void *ctx, const struct presence *p), void *ctx)
{
    struct str key;
    void *p;
    size_t at = 0;
    pthread_mutex_lock(&t->lock);
    while (map_next(&t->sessions, &at, &key, &p) && each(ctx, p))
        ;
    pthread_mutex_unlock(&t->lock);
}
