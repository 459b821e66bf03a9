/*
 * Requests take turns. What handlers do in one turn of the loop has a budget of time; when it is spent, or others wait,
 * a request waits in the queue of who asks, and the queues take turns: a crowd of one user's requests is his own
 * to wait for. The bytes of answers that nobody has read yet are counted for who asked: above the ceiling his next
 * requests wait until he reads, and are refused in words when he does not. So are those of bodies that are collected.
 */
#include <string.h>

#include "lib/http/private.h"
#include "lib/limits.h"

#define COUNTED 4096                 /* bytes: shorter answers are in the kernel at once */
#define LOOK_US (G_USEC_PER_SEC / 4) /* how often those are looked at who wait for a reader */

struct TbAsker {
        char *key;      /* owned */
        GQueue waiting; /* TbRequest, the oldest first; not owned */
        gsize bytes;    /* of answers under way */
        gsize bodies;   /* bytes of bodies under way */
        GList link;     /* in http->askers_waiting while somebody waits */
};

typedef struct TurnSource {
        GSource source;
        TbHttp *http; /* borrowed */
} TurnSource;

static TbAsker *find_asker(TbRequest *request, bool make)
{
        TbHttp *http = request->http;
        char net[TB_NET_KEY];
        tb_net_share_key(request->peer, net);
        /* Whose token is known is one asker, wherever he says that he is. */
        bool known = request->caller.role > TB_ROLE_NONE && !tb_auth_is_open(http->auth);
        g_autofree char *key = known ? g_strconcat("user ", request->caller.user, NULL) : g_strdup(net);
        TbAsker *a = g_hash_table_lookup(http->askers, key);
        if (!a && make) {
                a = g_new0(TbAsker, 1);
                a->key = g_steal_pointer(&key);
                a->link.data = a;
                g_hash_table_insert(http->askers, a->key, a);
        }
        return a;
}

static void asker_free(gpointer p)
{
        TbAsker *a = p;
        g_free(a->key);
        g_free(a);
}

/* It neither waits nor has bytes that count: its asker is forgotten with the last one. */
static void let_go(TbRequest *request)
{
        TbAsker *a = request->asker;
        if (request->waits || request->counted || request->body_counted)
                return;
        request->asker = NULL;
        if (a->bytes == 0 && a->bodies == 0 && a->waiting.length == 0)
                g_hash_table_remove(request->http->askers, a->key);
}

/* What one may have of `all`: the rest is kept for who controls. */
static gsize most_for(const TbRequest *request, gsize all)
{
        return request->caller.role < TB_ROLE_OPERATOR ? all - all / 4 : all;
}

static bool must_read_first(const TbRequest *request, const TbAsker *a)
{
        gsize own = a ? a->bytes : 0;
        if (!request->match->is_large || (own == 0 && request->caller.role >= TB_ROLE_OPERATOR))
                return false;
        return own >= TB_LIMIT_HTTP_ANSWERS_OF_ONE ||
               request->http->answers >= most_for(request, TB_LIMIT_HTTP_ANSWERS);
}

static void leave_queue(TbRequest *request)
{
        TbHttp *http = request->http;
        TbAsker *a = request->asker;
        g_queue_unlink(&a->waiting, &request->turn_link);
        request->waits = false;
        http->waiting_turns--;
        if (a->waiting.length == 0)
                g_queue_unlink(&http->askers_waiting, &a->link);
}

static void refuse(TbRequest *request)
{
        tb_request_add_header(request, "Retry-After", "1");
        tb_respond_error(request, TB_ERROR_LIMIT,
                         "%" G_GSIZE_FORMAT
                         " KB of answers to your requests wait to be read: read them first",
                         request->asker->bytes / 1024);
}

/* The one whose turn it is: handled, refused, or left to wait for its reader. False: it waits. */
static bool take_one(TbHttp *http, TbAsker *a, gint64 now_us)
{
        TbRequest *request = g_queue_peek_head(&a->waiting);
        bool waits = must_read_first(request, a);
        g_queue_unlink(&http->askers_waiting, &a->link);
        g_queue_push_tail_link(&http->askers_waiting, &a->link);
        if (waits && now_us - request->turn_us < TB_LIMIT_HTTP_READ_FIRST_S * G_USEC_PER_SEC)
                return false;
        tb_request_ref(request);
        leave_queue(request);
        if (waits)
                refuse(request);
        else
                tb_dispatch_handle(request);
        if (request->asker)
                let_go(request);
        tb_request_unref(request);
        return true;
}

static gboolean dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbHttp *http = ((TurnSource *)source)->http;
        gint64 now_us = g_get_monotonic_time(), until_us = now_us + TB_LIMIT_TURN_US;
        g_source_set_ready_time(source, -1);
        for (guint idle = 0; http->waiting_turns > 0 && idle < http->askers_waiting.length;) {
                idle = take_one(http, g_queue_peek_head(&http->askers_waiting), now_us) ? 0 : idle + 1;
                now_us = g_get_monotonic_time();
                if (now_us >= until_us && http->waiting_turns > 0) {
                        g_source_set_ready_time(source, 0);
                        return G_SOURCE_CONTINUE;
                }
        }
        if (http->waiting_turns > 0)
                g_source_set_ready_time(source, now_us + LOOK_US);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs turn_funcs = {.dispatch = dispatch};

void tb_http_turns_start(TbHttp *http)
{
        http->askers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, asker_free);
        http->turns = g_source_new(&turn_funcs, sizeof(TurnSource));
        ((TurnSource *)http->turns)->http = http;
        g_source_set_name(http->turns, "tb_http_turns");
        g_source_attach(http->turns, g_main_context_get_thread_default());
}

void tb_http_turns_stop(TbHttp *http)
{
        if (!http->turns)
                return;
        g_assert(http->waiting_turns == 0 && g_hash_table_size(http->askers) == 0);
        g_source_destroy(http->turns);
        g_source_unref(http->turns);
        g_hash_table_unref(http->askers);
}

void tb_http_turns_begin(TbHttp *http)
{
        http->turn_until_us = g_get_monotonic_time() + TB_LIMIT_TURN_US;
}

bool tb_turn_take(TbRequest *request)
{
        TbHttp *http = request->http;
        gint64 now_us = g_get_monotonic_time();
        if (http->waiting_turns == 0 && now_us < http->turn_until_us &&
            (http->answers < TB_LIMIT_HTTP_ANSWERS_OF_ONE ||
             !must_read_first(request, find_asker(request, false))))
                return true;
        TbAsker *a = request->asker = find_asker(request, true);
        request->turn_us = now_us;
        request->turn_link.data = request;
        request->waits = true;
        if (a->waiting.length == 0)
                g_queue_push_tail_link(&http->askers_waiting, &a->link);
        g_queue_push_tail_link(&a->waiting, &request->turn_link);
        http->waiting_turns++;
        g_source_set_ready_time(http->turns, 0);
        return false;
}

void tb_turn_count(TbRequest *request, gsize bytes)
{
        if (!request->http || bytes < COUNTED || request->counted)
                return;
        request->asker = find_asker(request, true);
        request->counted = bytes;
        if (request->match)
                request->match->is_large = true;
        request->asker->bytes += bytes;
        request->http->answers += bytes;
}

bool tb_turn_count_body(TbRequest *request)
{
        TbHttp *http = request->http;
        if (request->received <= COUNTED)
                return true;
        TbAsker *a = request->asker = find_asker(request, true);
        gsize n = request->received - request->body_counted;
        bool fits = a->bodies + n <= TB_LIMIT_HTTP_BODIES_OF_ONE &&
                    (a->bodies == 0 || http->bodies + n <= most_for(request, TB_LIMIT_HTTP_BODIES));
        if (fits) {
                request->body_counted += n;
                a->bodies += n;
                http->bodies += n;
        }
        let_go(request);
        return fits;
}

void tb_turn_leave(TbRequest *request)
{
        TbHttp *http = request->http;
        TbAsker *a = request->asker;
        if (!a)
                return;
        if (request->waits)
                leave_queue(request);
        a->bytes -= request->counted;
        a->bodies -= request->body_counted;
        http->answers -= request->counted;
        http->bodies -= request->body_counted;
        request->counted = request->body_counted = 0;
        let_go(request);
        if (http->waiting_turns > 0)
                g_source_set_ready_time(http->turns, 0);
}
