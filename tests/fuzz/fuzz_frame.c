/* LINK pgd1_pgwire pgd1_base */
/* A stream of messages from any bytes; the first byte chooses the phase. Cut earlier, the framer never says otherwise. */
#include "pgwire/frame.h"
#include "tests/fuzz/fuzz.h"

#define MUST(x) ((x) ? (void)0 : abort())
enum { LARGE = 300, CUTS = 40 };

static enum frame_result next(struct str bytes, enum phase phase, struct frame *f)
{
    AUTO(arena) arena = arena_new(1 << 16);
    struct frame_limits limits = frame_limits_default(LARGE);
    struct err e;
    err_init(&e, arena);
    enum frame_result result = frame_next(bytes, phase, &limits, f, &e);
    MUST((result == FRAME_BAD) == err_is_set(&e));
    return result;
}

static void check_cuts(struct str whole, enum phase phase)
{
    size_t step = whole.n / CUTS + 1;
    for (size_t n = 0; n < whole.n; n += step) {
        struct frame f;
        MUST(next((struct str){ whole.p, n }, phase, &f) == FRAME_MORE);
        MUST(f.need > n && f.need <= whole.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum phase phase = (enum phase)(data[0] % PHASE_NR);
    struct str left = { (const char *)data + 1, size - 1 };
    struct frame f;
    for (;;) {
        enum frame_result result = next(left, phase, &f);
        if (result == FRAME_MORE)
            MUST(f.need > left.n && f.need <= 65535 + 5);
        if (result != FRAME_OK)
            return 0;
        MUST(f.size <= left.n && f.body.n < f.size && f.body.p + f.body.n == left.p + f.size);
        MUST(phase == PHASE_STARTUP ? f.msg == MSG_startup : f.tag == left.p[0] && msg_tag(f.msg) == f.tag);
        check_cuts((struct str){ left.p, f.size }, phase);
        left = (struct str){ left.p + f.size, left.n - f.size };
    }
}
