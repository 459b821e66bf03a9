/* Where a viewer's way ends, of two agents that connect on this machine, and whether anybody has a port: real sockets. */
#include <arpa/inet.h>
#include <nice/agent.h>
#include <string.h>
#include <unistd.h>

#include "host/media/webrtc/session_private.h"

#define COMPONENT 1
#define WAIT_US (30 * G_USEC_PER_SEC)

#define run_until(condition)                                                                                 \
        do {                                                                                                 \
                gint64 until_us = g_get_monotonic_time() + WAIT_US;                                          \
                while (!(condition) && g_get_monotonic_time() < until_us)                                    \
                        g_main_context_iteration(NULL, TRUE);                                                \
                g_assert_true(condition);                                                                    \
        } while (0)

/* --- the lookup --- */
typedef struct End {
        NiceAgent *agent; /* owned */
        guint stream;
        bool gathered, ready;
} End;

static void on_gathered(NiceAgent *agent G_GNUC_UNUSED, guint stream G_GNUC_UNUSED, End *end)
{
        end->gathered = true;
}

static void on_state(NiceAgent *agent G_GNUC_UNUSED, guint stream G_GNUC_UNUSED,
                     guint component G_GNUC_UNUSED, guint state, End *end)
{
        end->ready = state == NICE_COMPONENT_STATE_READY;
}

static void on_bytes(NiceAgent *agent G_GNUC_UNUSED, guint stream G_GNUC_UNUSED,
                     guint component G_GNUC_UNUSED, guint size G_GNUC_UNUSED, gchar *bytes G_GNUC_UNUSED,
                     gpointer data G_GNUC_UNUSED)
{
}

static gboolean on_time(gpointer data G_GNUC_UNUSED)
{
        return G_SOURCE_CONTINUE; /* run_until() looks again */
}

static void end_begin(End *end, bool controls, bool udp)
{
        end->agent = nice_agent_new(NULL, NICE_COMPATIBILITY_RFC5245);
        g_object_set(end->agent, "controlling-mode", controls, "upnp", FALSE, "ice-tcp", !udp, "ice-udp", udp,
                     NULL);
        NiceAddress here;
        nice_address_init(&here);
        nice_address_set_from_string(&here, "127.0.0.1");
        nice_agent_add_local_address(end->agent, &here);
        g_signal_connect(end->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), end);
        g_signal_connect(end->agent, "component-state-changed", G_CALLBACK(on_state), end);
        end->stream = nice_agent_add_stream(end->agent, 1);
        nice_agent_attach_recv(end->agent, end->stream, COMPONENT, NULL, on_bytes, NULL);
        g_assert_true(nice_agent_gather_candidates(end->agent, end->stream));
        run_until(end->gathered);
}

static void tell(const End *from, End *to)
{
        g_autofree char *user = NULL, *password = NULL;
        g_assert_true(nice_agent_get_local_credentials(from->agent, from->stream, &user, &password));
        g_assert_true(nice_agent_set_remote_credentials(to->agent, to->stream, user, password));
        GSList *all = nice_agent_get_local_candidates(from->agent, from->stream, COMPONENT);
        g_assert_cmpint(nice_agent_set_remote_candidates(to->agent, to->stream, COMPONENT, all), >, 0);
        g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
}

static void test_lookup(void)
{
        for (int udp = 1; udp >= 0; udp--) {
                End host = {0}, viewer = {0};
                struct sockaddr_storage to;
                guint timer = g_timeout_add(20, on_time, NULL);
                end_begin(&host, false, udp);
                end_begin(&viewer, true, udp);
                g_assert_false(tb_session_remote(host.agent, host.stream, &to)); /* nowhere yet */
                g_assert_false(tb_session_remote(host.agent, 0, &to));           /* no stream */
                tell(&viewer, &host);
                tell(&host, &viewer);
                run_until(host.ready && viewer.ready);
                NiceCandidate *local = NULL, *remote = NULL;
                g_assert_true(nice_agent_get_selected_pair(viewer.agent, viewer.stream, COMPONENT, &local,
                                                           &remote));
                bool found = tb_session_remote(host.agent, host.stream, &to);
                g_assert_cmpint(found, ==, udp); /* TCP tells of its end by itself */
                if (found) {
                        const struct sockaddr_in *in = (const struct sockaddr_in *)&to;
                        g_assert_cmpint(in->sin_family, ==, AF_INET);
                        g_assert_cmpuint(ntohl(in->sin_addr.s_addr), ==, INADDR_LOOPBACK);
                        g_assert_cmpuint(ntohs(in->sin_port), ==, nice_address_get_port(&local->addr));
                }
                g_object_unref(host.agent);
                g_object_unref(viewer.agent);
                g_source_remove(timer);
                while (g_main_context_iteration(NULL, FALSE))
                        ;
        }
}

/* --- the question --- */
static int bound(int family, struct sockaddr_storage *ret)
{
        memset(ret, 0, sizeof *ret);
        ret->ss_family = (sa_family_t)family;
        socklen_t size = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        if (family == AF_INET6)
                ((struct sockaddr_in6 *)ret)->sin6_addr = in6addr_loopback;
        else
                ((struct sockaddr_in *)ret)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)ret, size) != 0)
                return -1;
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)ret, &size), ==, 0);
        return fd;
}

static void test_port(void)
{
        static const int families[] = {AF_INET, AF_INET6};
        for (gsize i = 0; i < G_N_ELEMENTS(families); i++) {
                struct sockaddr_storage to;
                int there = bound(families[i], &to);
                if (there < 0 && families[i] == AF_INET6) /* a machine without it */
                        continue;
                g_assert_cmpint(there, >=, 0);
                int fd = tb_probe_open(&to);
                g_assert_cmpint(fd, >=, 0);
                for (int n = 0; n < 5; n++)
                        g_assert_false(tb_probe_refused(fd)); /* who is silent is there */
                close(there);
                bool refused = false;
                for (gint64 end = g_get_monotonic_time() + WAIT_US; !refused && g_get_monotonic_time() < end;)
                        refused = tb_probe_refused(fd);
                g_assert_true(refused);
                close(fd);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/media/probe/lookup", test_lookup);
        g_test_add_func("/media/probe/port", test_port);
        return g_test_run();
}
