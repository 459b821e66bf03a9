#include "lib/rate.h"

#include <arpa/inet.h>
#include <string.h>

#define SWEEP_AT 1024 /* keys: from here on full buckets are looked for when a new key comes */

struct TbRates {
        double rate, burst;
        GHashTable *buckets; /* owned key -> owned TbBucket */
        guint sweep_at;
};

/* --- networks --- */
static void net_key(const char *address, guint v4_bits, guint v6_bits, char ret_key[TB_NET_KEY])
{
        struct in6_addr a;
        struct in_addr v4;
        bool is_v4 = inet_pton(AF_INET, address, &v4) == 1;
        if (!is_v4 && inet_pton(AF_INET6, address, &a) != 1) {
                g_strlcpy(ret_key, address, TB_NET_KEY);
                return;
        }
        if (!is_v4 && IN6_IS_ADDR_V4MAPPED(&a)) {
                memcpy(&v4, a.s6_addr + 12, sizeof v4);
                is_v4 = true;
        }
        guint8 *bytes = is_v4 ? (guint8 *)&v4 : a.s6_addr;
        guint all = is_v4 ? 32 : 128, bits = is_v4 ? v4_bits : v6_bits;
        memset(bytes + bits / 8, 0, (all - bits) / 8);
        inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, ret_key, TB_NET_KEY);
        gsize n = strlen(ret_key);
        if (bits < all)
                g_snprintf(ret_key + n, TB_NET_KEY - n, "/%u", bits);
}

void tb_net_share_key(const char *address, char ret_key[TB_NET_KEY])
{
        net_key(address, 32, 64, ret_key);
}

void tb_net_wide_key(const char *address, char ret_key[TB_NET_KEY])
{
        net_key(address, 24, 48, ret_key);
}

/* --- buckets --- */
static void refill(TbBucket *bucket, double rate, double burst, gint64 now_us)
{
        double elapsed_s = (double)(now_us - bucket->at_us) / G_USEC_PER_SEC;
        bucket->tokens = bucket->at_us == 0 ? burst : MIN(burst, bucket->tokens + MAX(elapsed_s, 0) * rate);
        bucket->at_us = now_us;
}

bool tb_bucket_take(TbBucket *bucket, double rate, double burst, double n, gint64 now_us, double *ret_wait_s)
{
        refill(bucket, rate, burst, now_us);
        if (bucket->tokens >= n) {
                bucket->tokens -= n;
                return true;
        }
        if (ret_wait_s)
                *ret_wait_s = (n - bucket->tokens) / rate;
        return false;
}

void tb_bucket_charge(TbBucket *bucket, double rate, double burst, double n, gint64 now_us)
{
        refill(bucket, rate, burst, now_us);
        bucket->tokens -= n;
}

TbRates *tb_rates_new(double rate, double burst)
{
        TbRates *rates = g_new0(TbRates, 1);
        rates->rate = rate;
        rates->burst = burst;
        rates->sweep_at = SWEEP_AT;
        rates->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return rates;
}

typedef struct Sweep {
        TbRates *rates;
        gint64 now_us;
} Sweep;

static gboolean is_full(gpointer key G_GNUC_UNUSED, gpointer value, gpointer data)
{
        Sweep *sweep = data;
        refill(value, sweep->rates->rate, sweep->rates->burst, sweep->now_us);
        return ((TbBucket *)value)->tokens >= sweep->rates->burst;
}

bool tb_rates_take(TbRates *rates, const char *key, double n, gint64 now_us, double *ret_wait_s)
{
        TbBucket *bucket = g_hash_table_lookup(rates->buckets, key);
        if (!bucket) {
                if (g_hash_table_size(rates->buckets) >= rates->sweep_at) {
                        Sweep sweep = {rates, now_us};
                        g_hash_table_foreach_remove(rates->buckets, is_full, &sweep);
                        rates->sweep_at =
                                MAX(SWEEP_AT,
                                    2 * g_hash_table_size(rates->buckets)); /* amortised: no sweep per key */
                }
                bucket = g_new0(TbBucket, 1);
                g_hash_table_insert(rates->buckets, g_strdup(key), bucket);
        }
        return tb_bucket_take(bucket, rates->rate, rates->burst, n, now_us, ret_wait_s);
}

bool tb_rates_has(TbRates *rates, const char *key, double n, gint64 now_us, double *ret_wait_s)
{
        TbBucket *bucket = g_hash_table_lookup(rates->buckets, key);
        if (!bucket)
                return true;
        refill(bucket, rates->rate, rates->burst, now_us);
        if (bucket->tokens < n && ret_wait_s)
                *ret_wait_s = (n - bucket->tokens) / rates->rate;
        return bucket->tokens >= n;
}

guint tb_rates_size(TbRates *rates)
{
        return g_hash_table_size(rates->buckets);
}

void tb_rates_free(TbRates *rates)
{
        if (!rates)
                return;
        g_hash_table_unref(rates->buckets);
        g_free(rates);
}
