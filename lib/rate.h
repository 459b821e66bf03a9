#pragma once
/*
 * Who shares with whom, and how fast. A share belongs to a network: what one customer of an internet provider can have
 * at will. Token buckets: `rate` units a second, at most `burst` at once. Times are g_get_monotonic_time()
 * microseconds, given by the caller: pure. TbRates keeps one bucket per key (address) and forgets full ones,
 * so that its memory is bounded by what happened lately. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_NET_KEY 48 /* bytes that any key fits in, NUL included */

/* The key of a peer's share: an IPv4 address as it is (also when it is mapped into IPv6), an IPv6 address as its /64,
 * which is the least that a subscriber gets ("2001:db8:1:2::/64"). What is no numeric address (a name) is its own key,
 * cut. Every pool that is shared by address counts by it: connections, sessions, refusals. Pure, any thread. */
void tb_net_share_key(const char *address, char ret_key[TB_NET_KEY]);
/* The network around it: /24, /48. For what is kept for people from elsewhere. */
void tb_net_wide_key(const char *address, char ret_key[TB_NET_KEY]);

typedef struct TbBucket {
        double tokens;
        gint64 at_us; /* 0: never used, full */
} TbBucket;

/* False when `n` units are not there; *ret_wait_s (nullable) then says when they will be. */
bool tb_bucket_take(TbBucket *bucket, double rate, double burst, double n, gint64 now_us, double *ret_wait_s);

/* Takes `n` whether they are there or not: `tokens` below 0 is owed. For what has happened already. */
void tb_bucket_charge(TbBucket *bucket, double rate, double burst, double n, gint64 now_us);

typedef struct TbRates TbRates;
TbRates *tb_rates_new(double rate, double burst);
bool tb_rates_take(TbRates *rates, const char *key, double n, gint64 now_us, double *ret_wait_s);
/* Whether `n` units are there, without taking them. */
bool tb_rates_has(TbRates *rates, const char *key, double n, gint64 now_us, double *ret_wait_s);
guint tb_rates_size(TbRates *rates);
void tb_rates_free(TbRates *rates);
