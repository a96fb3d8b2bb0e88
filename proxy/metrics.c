/* metrics.c - see metrics.h. */
#include "proxy/metrics.h"

static const struct metric_row rows[METRIC_NR] = {
#define COUNTER(name, help) { #name, help, false },
#define GAUGE(name, help) { #name, help, true },
#include "proxy/metrics.def"
#undef COUNTER
#undef GAUGE
};

const struct metric_row *metric_rows(size_t *ret_n)
{
    *ret_n = METRIC_NR;
    return rows;
}
