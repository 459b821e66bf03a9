#include "lib/tally.h"

#include <math.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define OTHERS "others"

typedef struct Kind {
        gint64 since_us; /* the window's begin */
        guint said;
        guint64 more;
} Kind;

struct TbTally {
        guint most;
        gint64 window_us;
        TbTallySay say;
        gpointer data;     /* borrowed */
        GHashTable *kinds; /* owned key -> owned Kind */
        GSource *timer;    /* ref; NULL while there is no kind */
};

TbTally *tb_tally_new(guint most, guint window_ms, TbTallySay say, gpointer data)
{
        TbTally *tally = g_new0(TbTally, 1);
        tally->most = most;
        tally->window_us = (gint64)window_ms * 1000;
        tally->say = say;
        tally->data = data;
        tally->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return tally;
}

static void say_in_log(const char *key, guint64 more, double seconds, gpointer data G_GNUC_UNUSED)
{
        g_autofree char *text = tb_tally_text(more, seconds);
        tb_log(TB_LOG_INFO, TB_F(), "%s: %s", key, text);
}

TbTally *tb_tally_new_log(void)
{
        return tb_tally_new(TB_LIMIT_TALLY_SAID, TB_LIMIT_TALLY_S * 1000, say_in_log, NULL);
}

static void end_timer(TbTally *tally)
{
        if (!tally->timer)
                return;
        g_source_destroy(tally->timer);
        g_clear_pointer(&tally->timer, g_source_unref);
}

/* Ends the windows that began at or before `since_us`. What `say` says may be noted in its turn: a kind leaves
 * the table before it is told. */
static void end_windows(TbTally *tally, gint64 since_us)
{
        GHashTable *over = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        GHashTableIter iter;
        gpointer key, value;
        g_hash_table_iter_init(&iter, tally->kinds);
        while (g_hash_table_iter_next(&iter, &key, &value)) {
                if (((Kind *)value)->since_us > since_us)
                        continue;
                g_hash_table_iter_steal(&iter);
                g_hash_table_insert(over, key, value);
        }
        gint64 now_us = g_get_monotonic_time();
        g_hash_table_iter_init(&iter, over);
        while (g_hash_table_iter_next(&iter, &key, &value)) {
                const Kind *kind = value;
                if (kind->more > 0)
                        tally->say(key, kind->more, (double)(now_us - kind->since_us) / G_USEC_PER_SEC,
                                   tally->data);
        }
        g_hash_table_unref(over);
}

static gboolean on_timer(gpointer data)
{
        TbTally *tally = data;
        end_windows(tally, g_get_monotonic_time() - tally->window_us);
        if (g_hash_table_size(tally->kinds) > 0)
                return G_SOURCE_CONTINUE;
        end_timer(tally);
        return G_SOURCE_REMOVE;
}

bool tb_tally_note(TbTally *tally, const char *key)
{
        tb_assert_main();
        Kind *kind = g_hash_table_lookup(tally->kinds, key);
        if (!kind && g_hash_table_size(tally->kinds) >= TB_LIMIT_TALLY_KEYS) {
                key = OTHERS;
                kind = g_hash_table_lookup(tally->kinds, key);
        }
        if (!kind) {
                kind = g_new0(Kind, 1);
                kind->since_us = g_get_monotonic_time();
                g_hash_table_insert(tally->kinds, g_strdup(key), kind);
        }
        if (!tally->timer) {
                tally->timer = g_timeout_source_new((guint)MAX(tally->window_us / 2000, 1));
                g_source_set_callback(tally->timer, on_timer, tally, NULL);
                g_source_attach(tally->timer, g_main_context_get_thread_default());
        }
        if (kind->said < tally->most) {
                kind->said++;
                return true;
        }
        kind->more++;
        return false;
}

void tb_tally_flush(TbTally *tally)
{
        end_windows(tally, G_MAXINT64);
}

void tb_tally_free(TbTally *tally)
{
        if (!tally)
                return;
        end_timer(tally);
        tb_tally_flush(tally);
        end_timer(tally); /* telling may have noted something */
        g_hash_table_unref(tally->kinds);
        g_free(tally);
}

char *tb_tally_text(guint64 more, double seconds)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_string_printf(text, "%" G_GUINT64_FORMAT, more);
        for (gssize at = (gssize)text->len - 3; at > 0; at -= 3)
                g_string_insert_c(text, at, ',');
        return g_strdup_printf("and %s more in %.0f s", text->str, MAX(ceil(seconds - 0.5), 1));
}

bool tb_tally_notef(TbTally *tally, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *key = g_strdup_vprintf(format, args);
        va_end(args);
        return tb_tally_note(tally, key);
}
