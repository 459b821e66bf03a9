#include "server/pairing/carry.h"

#include <string.h>

#include "lib/error.h"
#include "lib/http/route.h"
#include "lib/http/ws.h"
#include "lib/http/ws_handshake.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/proto/mux.h"
#include "lib/server_limits.h"
#include "server/pairing/carry_head.h"
#include "server/pairing/carry_private.h"

struct TbCarrier {
        const TbPartyOps *ops; /* borrowed */
        GHashTable *links;     /* TbParty -> owned TbCarryLink */
};

static void job_free(TbCarryJob *job)
{
        tb_carry_unhold(job);
        g_queue_unlink(&job->link->jobs, &job->node);
        tb_carry_socket_free(job->socket, "the host is gone");
        tb_request_read_with(job->request, NULL, NULL, NULL);
        tb_request_on_gone(job->request, NULL, NULL);
        if (job->push)
                tb_push_disown(job->push);
        tb_request_unref(job->request);
        g_free(job->user);
        g_free(job->who);
        g_free(job->session);
        g_free(job);
}

/* Nobody waits any more, or what came makes no sense. */
void tb_carry_give_up(TbCarryJob *job, const char *reason)
{
        tb_mux_reset(job->stream, reason);
        job_free(job);
}

/* The answer ends short: with an error while there is none yet, else with a cut body. */
void tb_carry_fail(TbCarryJob *job, const char *reason)
{
        if (job->push) {
                TbPush *push = g_steal_pointer(&job->push);
                tb_push_disown(push);
                tb_push_fail(push);
        } else {
                g_autoptr(GError) error =
                        g_error_new(TB_ERROR, TB_ERROR_DEVICE, "host %s: %s", job->link->host->host, reason);
                tb_request_on_gone(job->request, NULL, NULL);
                tb_request_reply_error(job->request, error);
        }
}

static void on_request_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        tb_carry_give_up(data, "the client left");
}

/* --- towards the host --- */
/* With tokens a share is a user's; without, everybody has the same name and an address has to do. */
static char *whose(TbRequest *request, const char *user)
{
        char net[TB_NET_KEY];
        tb_net_share_key(tb_request_peer(request), net);
        return g_strconcat(user, strcmp(user, "local") == 0 ? "@" : NULL, net, NULL);
}

static bool has_room(const TbCarryLink *link, const TbCarryJob *new, GError **error)
{
        guint reads = 0, viewers = 0, mine = 0;
        for (const GList *l = link->jobs.head; l; l = l->next) {
                const TbCarryJob *job = l->data;
                reads += job->reads;
                viewers += job->reads && job->role == TB_ROLE_VIEWER;
                mine += job->reads == new->reads &&strcmp(job->who, new->who) == 0;
        }
        guint each = new->reads ? tb_server_limits.carry_reads_each : tb_server_limits.carry_writes_each;
        if (mine >= each)
                tb_set_error(error, TB_ERROR_LIMIT, "%u requests of yours for host %s are under way already",
                             each, link->host->host);
        else if (new->reads && reads >= tb_server_limits.carry_reads)
                tb_set_error(error, TB_ERROR_LIMIT, "host %s answers %u requests at once, and does already",
                             link->host->host, reads);
        else if (new->reads &&new->role == TB_ROLE_VIEWER && viewers >= tb_server_limits.carry_viewers)
                tb_set_error(error, TB_ERROR_LIMIT,
                             "host %s answers %u requests of viewers at once, and does already",
                             link->host->host, viewers);
        else
                return true;
        return false;
}

static gsize take_body(const void *bytes, gsize size, gpointer data)
{
        return tb_mux_write(((TbCarryJob *)data)->stream, bytes, size, false);
}

static void take_end(gpointer data)
{
        tb_mux_write(((TbCarryJob *)data)->stream, NULL, 0, true);
}

static TbCarryLink *link_of(TbCarrier *carry, TbParty *host);

static bool start(TbCarrier *carry, TbCarryJob *job, TbParty *host, const char *path, GError **error)
{
        gsize size;
        if (host->protocol < TB_LINK_PROTOCOL) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "host %s speaks protocol %d of the link and carries no requests: update "
                             "testbed-host there (protocol %d is needed)",
                             host->host, host->protocol, TB_LINK_PROTOCOL);
                return false;
        }
        job->link = link_of(carry, host);
        if (!has_room(job->link, job, error))
                return false;
        const TbCarryAs as = {.role = job->role, .user = job->user, .session = job->session};
        g_autofree char *head =
                tb_carry_head(job->request, host->host, path, &as, job->websocket, &size, error);
        bool body = !job->websocket && tb_request_has_body(job->request);
        if (head)
                job->stream = tb_mux_open(job->link->mux, head, size, !body && !job->websocket, job, error);
        if (!job->stream)
                return false;
        job->node.data = job;
        g_queue_push_tail_link(&job->link->jobs, &job->node);
        tb_request_on_gone(job->request, on_request_gone, job);
        if (body)
                tb_request_read_with(job->request, take_body, take_end, job);
        return true;
}

char *tb_carrier_path(TbRequest *request, const char *path, const char *own)
{
        const char *query = tb_request_raw_query(request);
        GString *out = g_string_new(path);
        g_auto(GStrv) fields = g_strsplit(query ? query : "", "&", 0);
        char separator = '?';
        for (char **f = fields; *f; f++) {
                g_autofree char *name = tb_percent_decode(*f, strcspn(*f, "="), true);
                if (**f == '\0' || g_strcmp0(name, "access_token") == 0 || (own && g_strcmp0(name, own) == 0))
                        continue;
                g_string_append_c(out, separator);
                g_string_append(out, *f);
                separator = '&';
        }
        return g_string_free(out, FALSE);
}

void tb_carrier_request(TbCarrier *carry, TbRequest *request, TbParty *host, const char *path,
                        const TbCarryAs *as)
{
        const char *method = tb_request_method(request);
        g_autoptr(GError) error = NULL;
        TbCarryJob *job = g_new0(TbCarryJob, 1);
        job->request = tb_request_ref(request);
        job->user = g_strdup(as ? as->user : tb_request_user(request));
        job->who = whose(request, job->user);
        job->role = as ? as->role : tb_request_role(request);
        job->session = g_strdup(as ? as->session : NULL);
        job->websocket = tb_header_has_token(tb_request_header(request, "Upgrade"), "websocket");
        job->reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
        if (start(carry, job, host, path, &error))
                return;
        if (g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT))
                tb_request_add_header(request, "Retry-After", "1");
        tb_request_reply_error(request, error);
        tb_request_unref(job->request);
        g_free(job->user);
        g_free(job->who);
        g_free(job->session);
        g_free(job);
}

static void on_writable(TbMuxStream *stream, gpointer data G_GNUC_UNUSED)
{
        TbCarryJob *job = tb_mux_user(stream);
        if (job->socket)
                tb_carry_socket_writable(job->socket);
        else
                tb_request_read_on(job->request);
}

static void on_stream_closed(TbMuxStream *stream, const char *reason, gpointer data G_GNUC_UNUSED)
{
        TbCarryJob *job = tb_mux_user(stream);
        if (reason && !job->answered)
                tb_carry_fail(job, *reason ? reason : "the request was given up there");
        else if (reason && job->push)
                tb_carry_fail(job, reason);
        job_free(job);
}

/* --- the line --- */
static bool line_send(const void *bytes, gsize size, gpointer data)
{
        TbCarryLink *link = data;
        return link->carry->ops->binary(tb_party_connection(link->host), bytes, size);
}

/* Only a little is handed to the socket ahead of time: what is urgent waits for no more than that. */
static gsize line_room(gpointer data)
{
        TbCarryLink *link = data;
        gsize queued = link->carry->ops->queued(tb_party_connection(link->host));
        return queued < TB_LIMIT_LINK_LINE ? TB_LIMIT_LINK_LINE - queued : 0;
}

static void line_hold(bool held, gpointer data)
{
        TbCarryLink *link = data;
        link->carry->ops->pause(tb_party_connection(link->host), held);
}

static void line_broken(const GError *error, gpointer data)
{
        TbCarryLink *link = data;
        tb_party_refuse(link->host, "protocol", tb_error_detail(error));
}

static const TbMuxOps mux_ops = {.send = line_send,
                                 .room = line_room,
                                 .hold = line_hold,
                                 .broken = line_broken,
                                 .head = tb_carry_on_head,
                                 .data = tb_carry_on_data,
                                 .rest = tb_carry_on_rest,
                                 .writable = on_writable,
                                 .closed = on_stream_closed};

static TbCarryLink *link_of(TbCarrier *carry, TbParty *host)
{
        TbCarryLink *link = g_hash_table_lookup(carry->links, host);
        if (link)
                return link;
        link = g_new0(TbCarryLink, 1);
        link->carry = carry;
        link->host = host;
        link->mux = tb_mux_new(&mux_ops, link);
        g_hash_table_insert(carry->links, host, link);
        return link;
}

void tb_carrier_frames(TbCarrier *carry, TbParty *host, const guint8 *bytes, gsize size)
{
        g_autoptr(GError) error = NULL;
        if (!tb_mux_receive(link_of(carry, host)->mux, bytes, size, &error))
                tb_party_refuse(host, "protocol", tb_error_detail(error));
}

void tb_carrier_drained(TbCarrier *carry, TbParty *host)
{
        TbCarryLink *link = g_hash_table_lookup(carry->links, host);
        if (link)
                tb_mux_pump(link->mux);
}

/* --- life --- */
static void link_free(gpointer p)
{
        TbCarryLink *link = p;
        tb_mux_reset_all(link->mux, "the connection to it was lost");
        g_assert(link->jobs.length == 0);
        tb_mux_free(link->mux);
        g_free(link);
}

void tb_carrier_session_narrowed(TbCarrier *carry, const char *session, TbRole most)
{
        const char *why = most > TB_ROLE_NONE ? "this link is for watching only now"
                                              : "the session of the link has ended";
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, carry->links);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                for (GList *l = ((TbCarryLink *)value)->jobs.head, *next; l; l = next) {
                        TbCarryJob *job = l->data;
                        next = l->next;
                        if (g_strcmp0(job->session, session) != 0 || job->role <= most)
                                continue;
                        tb_carry_socket_free(g_steal_pointer(&job->socket), why);
                        if (!job->answered || job->push)
                                tb_carry_fail(job, why);
                        tb_carry_give_up(job, why);
                }
}

void tb_carrier_host_left(TbCarrier *carry, TbParty *host)
{
        g_hash_table_remove(carry->links, host);
}

TbCarrier *tb_carrier_new(const TbPartyOps *ops)
{
        TbCarrier *carry = g_new0(TbCarrier, 1);
        carry->ops = ops;
        carry->links = g_hash_table_new_full(NULL, NULL, NULL, link_free);
        return carry;
}

void tb_carrier_free(TbCarrier *carry)
{
        if (!carry)
                return;
        g_hash_table_unref(carry->links);
        g_free(carry);
}
