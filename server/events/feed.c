/* Who follows what happens: by Server-Sent Events here, by /ws in main. */
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "server/events/private.h"

struct TbEventFeed {
        TbEvents *events; /* borrowed */
        char *user;       /* owned; whose: "" everybody's */
        void (*send)(gpointer follower, const char *text);
        gpointer follower; /* borrowed */
        GList link;        /* in events->feeds */
};

TbEventFeed *tb_events_follow(TbEvents *events, const char *user,
                              void (*send)(gpointer follower, const char *text), gpointer follower)
{
        TbEventFeed *feed = g_new0(TbEventFeed, 1);
        *feed = (TbEventFeed){.events = events, .user = g_strdup(user), .send = send, .follower = follower};
        feed->link.data = feed;
        g_queue_push_tail_link(&events->feeds, &feed->link);
        return feed;
}

void tb_events_unfollow(TbEvents *events, TbEventFeed *feed)
{
        g_queue_unlink(&events->feeds, &feed->link);
        g_free(feed->user);
        g_free(feed);
}

/* `user`: whose event it is; NULL: nobody's. */
void tb_event_say(TbEvents *events, const char *user, json_t *message_take)
{
        char *text = events->feeds.length ? tb_json_text(message_take, NULL) : NULL;
        for (GList *l = events->feeds.head, *next; text && l; l = next) {
                TbEventFeed *feed = l->data;
                next = l->next;
                if (!*feed->user || g_strcmp0(feed->user, user) == 0)
                        feed->send(feed->follower, text);
        }
        g_free(text);
        json_decref(message_take);
}

void tb_event_changed(TbEvents *events, json_t *event, bool is_done)
{
        const char *user = json_string_value(json_object_get(event, "user_id"));
        tb_event_say(events, user, json_pack("{s:s, s:O}", "type", "event.changed", "event", event));
        if (is_done && json_is_true(json_object_get(event, "should_notify")))
                tb_tellings_wake(events);
}

/* --- GET /events/stream --- */
typedef struct Stream {
        TbEvents *events;  /* borrowed */
        TbEventFeed *feed; /* owned */
        TbPush *push;      /* borrowed */
} Stream;

static void on_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Stream *s = data;
        tb_events_unfollow(s->events, s->feed);
        g_free(s);
}

/* Who does not read fast enough is told by the end of it: he asks for the list again. */
static void send_sse(gpointer follower, const char *text)
{
        Stream *s = follower;
        if (!tb_sse_send(s->push, NULL, "event", text))
                tb_push_close(s->push);
}

void tb_event_stream(TbRequest *request, gpointer data)
{
        TbEvents *events = data;
        g_autoptr(GError) error = NULL;
        g_autofree char *user = tb_event_who(events, request, TB_NEED_READ, &error);
        if (!user) {
                tb_http_decline(request, error);
                return;
        }
        Stream *s = g_new0(Stream, 1);
        s->events = events;
        s->feed = tb_events_follow(events, user, send_sse, s);
        s->push = tb_request_reply_sse(request, on_gone, s);
        if (!s->push) {
                tb_events_unfollow(events, s->feed);
                g_free(s);
        }
}
