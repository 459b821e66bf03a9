#pragma once
/*
 * Token buckets: `rate` units a second, at most `burst` at once. Times are g_get_monotonic_time()
 * microseconds, given by the caller: pure. TbRates keeps one bucket per key (address) and forgets full ones,
 * so that its memory is bounded by what happened lately. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbBucket {
        double tokens;
        gint64 at_us; /* 0: never used, full */
} TbBucket;

/* False when `n` units are not there; *ret_wait_s (nullable) then says when they will be. */
bool tb_bucket_take(TbBucket *bucket, double rate, double burst, double n, gint64 now_us, double *ret_wait_s);

typedef struct TbRates TbRates;
TbRates *tb_rates_new(double rate, double burst);
bool tb_rates_take(TbRates *rates, const char *key, double n, gint64 now_us, double *ret_wait_s);
/* Whether `n` units are there, without taking them. */
bool tb_rates_has(TbRates *rates, const char *key, double n, gint64 now_us, double *ret_wait_s);
guint tb_rates_size(TbRates *rates);
void tb_rates_free(TbRates *rates);
