/* Somebody is called (server/calls): the browsers that he is told by ring, also where no page is open. A call is over before a second
 * try would make sense, and no event: nothing of it is kept. */
#include "lib/clock.h"
#include "server/events/private.h"
#include "server/store/sql.h"

#define BROWSERS 8

typedef struct Ring {
        TbEvents *events;  /* borrowed */
        char *from, *call; /* owned */
} Ring;

static void on_told(const TbNotifyOutcome *outcome G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
}

static void on_browsers(const TbDbResult *rows, const GError *error G_GNUC_UNUSED, gpointer data)
{
        Ring *ring = data;
        g_autofree char *escaped = g_uri_escape_string(ring->call, NULL, false),
                        *page = g_strdup_printf("call?id=%s", escaped),
                        *words = g_strdup_printf("%s is calling you.", ring->from);
        json_auto_t *events = json_pack("[{s:s, s:s, s:s, s:s}]", "event_id", ring->call, "label", "Call",
                                        "summary", words, "page", page);
        for (guint i = 0; events && i < tb_db_rows(rows); i++) {
                const TbNotifyWhat what = {"push", tb_db_get_text(rows, i, 0), ring->from, events};
                tb_notify_try(ring->events->notify, &what, on_told, NULL, NULL);
        }
        g_free(ring->from);
        g_free(ring->call);
        g_free(ring);
}

void tb_events_ring(TbEvents *events, const char *user, const char *from, const char *call)
{
        if (!tb_notify_has(events->notify, "push"))
                return;
        Ring *ring = g_new0(Ring, 1);
        ring->events = events;
        ring->from = g_strdup(from);
        ring->call = g_strdup(call);
        g_autofree char *owner = g_strconcat(TB_EVENT_OF_ACCOUNT, user, NULL);
        TbDbCall *store = tb_db_call_reads();
        tb_db_statement(store, tb_sql_ev_endpoint_browsers);
        tb_db_text(store, owner);
        tb_db_int(store, BROWSERS);
        if (!tb_db_submit_take(events->db, store, on_browsers, ring, NULL))
                on_browsers(NULL, NULL, ring);
}
