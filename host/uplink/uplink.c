#include "host/uplink/uplink.h"

#include <string.h>

#include "host/core/uplink_config.h"
#include "host/uplink/queue.h"
#include "lib/error.h"
#include "lib/thread.h"

struct TbUplink {
        TbCore *core;         /* borrowed */
        char *to;             /* owned: in words; NULL: nowhere */
        TbUplinkQueue *queue; /* owned; NULL: nowhere */
        json_t *clips;        /* owned: {clip: {"state","percent","why"?,"next"?}} */
        guint subscription;
};

typedef struct Word {
        TbUplink *uplink;
        TbUplinkSays *says; /* owned */
} Word;

static void on_word(gpointer data)
{
        Word *word = data;
        const TbUplinkSays *s = word->says;
        TbUplink *u = word->uplink;
        if (!s->state) {
                json_object_del(u->clips, s->clip);
        } else {
                json_t *o = json_pack("{s:s, s:i, s:s*}", "state", s->state, "percent", s->percent, "why",
                                      s->why);
                if (s->next_ms)
                        json_object_set_new(o, "next", json_integer(s->next_ms));
                json_object_set_new(u->clips, s->clip, o);
                bool lasts = strcmp(s->state, "done") == 0 || strcmp(s->state, "failed") == 0;
                json_t *said = json_pack("{s:s, s:s, s:i, s:s*}", "clip", s->clip, "state", s->state,
                                         "percent", s->percent, "why", s->why);
                if (lasts && s->news)
                        tb_bus_publish(tb_core_bus(u->core), "recording.uplink", s->device, NULL, said);
                else
                        tb_bus_publish_transient(tb_core_bus(u->core), "recording.uplink", s->device, NULL,
                                                 said);
        }
        tb_uplink_says_free(word->says);
        g_free(word);
}

/* The queue's thread. */
static void says(void *data, TbUplinkSays *take)
{
        Word *word = g_new(Word, 1);
        *word = (Word){data, take};
        if (tb_main_post(on_word, word))
                return;
        tb_uplink_says_free(take);
        g_free(word);
}

static void on_event(const TbEvent *event, gpointer data)
{
        const TbUplink *u = data;
        bool clip =
                strcmp(event->type, "recording.clip") == 0 || strcmp(event->type, "recording.removed") == 0;
        if (clip)
                tb_uplink_queue_look(u->queue);
}

TbUplink *tb_uplink_new(TbCore *core, GError **error)
{
        const TbHostConfig *c = tb_core_config(core);
        TbUplink *u = g_new0(TbUplink, 1);
        u->core = core;
        u->clips = json_object();
        if (!c->uplink)
                return u;
        char *key = tb_uplink_key(c->uplink, c->server_token, error);
        if (key) {
                TbUplinkTarget *target = tb_uplink_target_new(c->uplink, key);
                u->to = g_strdup(tb_uplink_target_name(target));
                u->queue = tb_uplink_queue_new(c->recording_dir,
                                               json_string_value(json_object_get(c->uplink, "prefix")),
                                               c->name, target, says, u, error);
                explicit_bzero(key, strlen(key));
                g_free(key);
        }
        if (!u->queue) {
                tb_uplink_free(u);
                return NULL;
        }
        u->subscription = tb_bus_subscribe(tb_core_bus(core), on_event, u);
        return u;
}

void tb_uplink_free(TbUplink *u)
{
        if (!u)
                return;
        tb_bus_unsubscribe(tb_core_bus(u->core), u->subscription);
        tb_uplink_queue_free(u->queue);
        json_decref(u->clips);
        g_free(u->to);
        g_free(u);
}

/* --- REST --- */
static void get(TbRequest *request, gpointer data)
{
        const TbUplink *u = data;
        tb_request_reply_json(request, 200, json_pack("{s:s?, s:O}", "to", u->to, "clips", u->clips));
}

static void again(TbRequest *request, gpointer data)
{
        const TbUplink *u = data;
        if (!u->queue) {
                g_autoptr(GError) error =
                        g_error_new_literal(TB_ERROR, TB_ERROR_BUSY,
                                            "clips of this host go nowhere: its configuration has no uplink");
                tb_request_reply_error(request, error);
                return;
        }
        tb_uplink_queue_again(u->queue);
        tb_request_reply_empty(request, 204);
}

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/uplink",
         .role = TB_ROLE_VIEWER,
         .handler = get,
         .tag = "recording",
         .summary = "Where clips go (to; null: nowhere), and how far each is: waiting, sending, done, "
                    "failed: why",
         .answers = "200 application/json Uplink"},
        {.method = "POST",
         .path = "/host/uplink/retry",
         .role = TB_ROLE_OPERATOR,
         .handler = again,
         .tag = "recording",
         .summary = "Send at once what waits for its next try, and what failed",
         .answers = "204; 409"},
        {.method = NULL},
};

void tb_uplink_add_routes(TbUplink *uplink, TbHttp *http)
{
        tb_http_add_routes(http, routes, uplink);
}
