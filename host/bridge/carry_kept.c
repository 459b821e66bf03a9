#include "host/bridge/carry_kept.h"

#include <sys/epoll.h>

#include "lib/error.h"
#include "lib/limits.h"

#define IDLE 32                                             /* so many are kept */
#define IDLE_US (TB_LIMIT_HTTP_IDLE_S / 2 * G_USEC_PER_SEC) /* so long: the other end has twice the time */

struct TbCarryLines {
        TbHttp *http;     /* borrowed */
        TbPoller *poller; /* borrowed */
        GQueue idle;      /* owned TbCarryKept, the last used first */
};

struct TbCarryKept {
        TbCarryLines *lines;  /* borrowed */
        TbHttpPair *pair;     /* owned */
        TbPollerEntry *entry; /* owned */
        TbPollerCall call;    /* NULL: idle */
        gpointer data;
        GList link;      /* in idle */
        gint64 since_us; /* idle */
        uint32_t waits_for;
};

TbCarryLines *tb_carry_lines_new(TbHttp *http, TbPoller *poller)
{
        TbCarryLines *lines = g_new0(TbCarryLines, 1);
        lines->http = http;
        lines->poller = poller;
        return lines;
}

static void kept_free(TbCarryKept *kept)
{
        tb_poller_remove(kept->entry);
        tb_http_pair_free(kept->pair);
        g_free(kept);
}

static void drop_idle(TbCarryKept *kept)
{
        g_queue_unlink(&kept->lines->idle, &kept->link);
        kept_free(kept);
}

void tb_carry_lines_free(TbCarryLines *lines)
{
        if (!lines)
                return;
        while (lines->idle.head)
                drop_idle(lines->idle.head->data);
        g_free(lines);
}

static void on_events(uint32_t events, gpointer data)
{
        TbCarryKept *kept = data;
        if (kept->call)
                kept->call(events, kept->data);
        else /* nobody asked: it is the end */
                drop_idle(kept);
}

static TbCarryKept *kept_new(TbCarryLines *lines, GError **error)
{
        TbHttpPair *pair = tb_http_pair_new(lines->http, error);
        if (!pair)
                return NULL;
        TbCarryKept *kept = g_new0(TbCarryKept, 1);
        *kept = (TbCarryKept){.lines = lines, .pair = pair, .waits_for = EPOLLIN};
        kept->entry = tb_poller_add(lines->poller, tb_http_pair_fd(pair), EPOLLIN, on_events, kept);
        if (kept->entry)
                return kept;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the kernel has no room to wait for one more");
        kept_free(kept);
        return NULL;
}

/* NULL: none. The server ends those on which nothing is asked for long; one that is about to do so is not asked. */
static TbCarryKept *idle_one(TbCarryLines *lines)
{
        while (lines->idle.head) {
                TbCarryKept *kept = lines->idle.head->data;
                if (g_get_monotonic_time() - kept->since_us >= IDLE_US) {
                        drop_idle(kept);
                        continue;
                }
                g_queue_unlink(&lines->idle, &kept->link);
                return kept;
        }
        return NULL;
}

TbCarryKept *tb_carry_kept_take(TbCarryLines *lines, TbPollerCall call, gpointer data, GError **error)
{
        TbCarryKept *kept = idle_one(lines);
        if (!kept)
                kept = kept_new(lines, error);
        if (!kept)
                return NULL;
        kept->call = call;
        kept->data = data;
        return kept;
}

TbHttpPair *tb_carry_kept_pair(const TbCarryKept *kept)
{
        return kept->pair;
}

void tb_carry_kept_wait_for(TbCarryKept *kept, uint32_t events)
{
        if (kept->waits_for != events)
                tb_poller_change(kept->entry, events);
        kept->waits_for = events;
}

uint32_t tb_carry_kept_waits_for(const TbCarryKept *kept)
{
        return kept->waits_for;
}

void tb_carry_kept_give(TbCarryKept *kept, bool clean)
{
        TbCarryLines *lines = kept->lines;
        if (!clean || lines->idle.length >= IDLE) {
                kept_free(kept);
                return;
        }
        tb_carry_kept_wait_for(kept, EPOLLIN);
        kept->call = NULL;
        kept->since_us = g_get_monotonic_time();
        kept->link.data = kept;
        g_queue_push_head_link(&lines->idle, &kept->link);
}
