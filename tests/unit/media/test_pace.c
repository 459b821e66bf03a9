/* What one viewer's packets may cost: budgets on a clock that the test turns, the pad probes on a pad of GStreamer's, and the
 * question whether a silent viewer's port is still there. */
#include "host/media/webrtc/session_private.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/media/webrtc/sender_private.h"

#define PACKET 1200

/* --- budgets --- */
static void test_retransmissions(void)
{
        static const double rates[] = {150, 300, 1000, 8000};
        for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
                int rtx, pace;
                tb_budget_rates(rates[i], rates[i], &rtx, &pace);
                g_assert_cmpint(rtx, <=, MAX(30, (int)(rates[i] / 5)));
                g_assert_cmpint(pace, >=, (int)(rates[i] * 2));
                /* everything is asked for again, at ten times the rate, for a minute */
                TbBudget b = {0};
                double sent = 0;
                for (gint64 us = G_USEC_PER_SEC; us < 61 * (gint64)G_USEC_PER_SEC;
                     us += (gint64)(PACKET * 800 / rates[i]))
                        if (tb_budget_take(&b, us, rtx, tb_budget_rtx_burst(rtx), PACKET))
                                sent += PACKET;
                g_test_message("%.0f kbit/s: %.1f sent again", rates[i], sent * 8 / 60000);
                g_assert_cmpfloat(sent * 8 / 60000, <=, MAX(rates[i] * 0.2, 30) * 1.03);
                g_assert_cmpfloat(sent * 8 / 60000, >=, MAX(rates[i] * 0.2, 30) * 0.9);
        }
        int rtx, pace; /* an estimate of 8 Mbit/s does not mean that a still screen may be repeated at 1.6 */
        tb_budget_rates(8000, 50, &rtx, &pace);
        g_assert_cmpint(rtx, <=, 100);
}

static void test_waits(void)
{
        TbBudget b = {0};
        gint64 now = G_USEC_PER_SEC;
        g_assert_cmpint(tb_budget_wait_us(&b, now, 1200, TB_PACE_BURST), ==, 0);
        g_assert_true(tb_budget_take(&b, now, 1200, TB_PACE_BURST, TB_PACE_BURST));
        g_assert_false(tb_budget_take(&b, now, 1200, TB_PACE_BURST, 1));
        b.bytes -= PACKET; /* who went on took more than there was */
        gint64 wait = tb_budget_wait_us(&b, now, 1200, TB_PACE_BURST);
        g_assert_cmpint(wait, ==, 8001);
        g_assert_cmpint(tb_budget_wait_us(&b, now + wait, 1200, TB_PACE_BURST), ==, 0);
        now += 3600 * (gint64)G_USEC_PER_SEC; /* an hour saves no more than a burst */
        g_assert_true(tb_budget_take(&b, now, 1200, TB_PACE_BURST, TB_PACE_BURST));
        g_assert_false(tb_budget_take(&b, now, 1200, TB_PACE_BURST, 1));
}

/* --- probes of pads --- */
typedef struct Rig {
        TbSender *sender;
        GstElement *pipeline;
        GstPad *src;
        guint16 next; /* sequence number that is to come */
        guint n, lists;
        bool in_order;
        gint64 first_us, last_us;
} Rig;

static GstFlowReturn note(Rig *r, GstBuffer *buffer)
{
        guint16 seq = 0;
        gst_buffer_extract(buffer, 2, &seq, sizeof seq);
        r->in_order = r->in_order && GUINT16_FROM_BE(seq) == r->next;
        r->next++;
        __atomic_fetch_add(&r->n, 1, __ATOMIC_RELAXED);
        r->last_us = g_get_monotonic_time();
        r->first_us = r->first_us ? r->first_us : r->last_us;
        return GST_FLOW_OK;
}

static GstFlowReturn chain(GstPad *pad, GstObject *parent G_GNUC_UNUSED, GstBuffer *buffer)
{
        GstFlowReturn flow = note(g_object_get_data(G_OBJECT(pad), "rig"), buffer);
        gst_buffer_unref(buffer);
        return flow;
}

static GstFlowReturn chain_list(GstPad *pad, GstObject *parent G_GNUC_UNUSED, GstBufferList *list)
{
        Rig *r = g_object_get_data(G_OBJECT(pad), "rig");
        r->lists++;
        for (guint i = 0; i < gst_buffer_list_length(list); i++)
                note(r, gst_buffer_list_get(list, i));
        gst_buffer_list_unref(list);
        return GST_FLOW_OK;
}

static void rig_init(Rig *r, GstPad **ret_sink, int pace_kbps)
{
        *r = (Rig){.in_order = true};
        r->sender = g_new0(TbSender, 1);
        tb_ref_init(&r->sender->ref);
        tb_mutex_init(&r->sender->pace_lock);
        tb_cond_init(&r->sender->pace_over);
        r->sender->pace_kbps = pace_kbps;
        r->src = gst_pad_new("src", GST_PAD_SRC);
        GstPad *sink = *ret_sink = gst_pad_new("sink", GST_PAD_SINK);
        g_object_set_data(G_OBJECT(sink), "rig", r);
        gst_pad_set_chain_function(sink, chain);
        gst_pad_set_chain_list_function(sink, chain_list);
        gst_pad_set_active(r->src, TRUE);
        gst_pad_set_active(sink, TRUE);
        g_assert_cmpint(gst_pad_link(r->src, sink), ==, GST_PAD_LINK_OK);
        gst_pad_push_event(r->src, gst_event_new_stream_start("rig"));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(r->src, gst_event_new_segment(&segment));
        tb_ref_inc(&r->sender->ref);
        gst_pad_add_probe(r->src, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, tb_sender_pace,
                          r->sender, tb_sender_unref);
}

static void rig_clear(Rig *r, GstPad *sink)
{
        gst_object_unref(r->src);
        gst_object_unref(sink);
        tb_sender_unref(r->sender);
}

static GstBufferList *packets(guint16 from, guint n)
{
        GstBufferList *list = gst_buffer_list_new();
        for (guint i = 0; i < n; i++) {
                guint16 seq = GUINT16_TO_BE((guint16)(from + i));
                GstBuffer *buffer = gst_buffer_new_allocate(NULL, PACKET, NULL);
                gst_buffer_memset(buffer, 0, 0x80, PACKET);
                gst_buffer_fill(buffer, 2, &seq, sizeof seq);
                gst_buffer_list_add(list, buffer);
        }
        return list;
}

static void test_pacer(void)
{
        Rig r;
        GstPad *sink;
        rig_init(&r, &sink, 4000);
        g_assert_cmpint(gst_pad_push_list(r.src, packets(0, 10)), ==,
                        GST_FLOW_OK); /* a moment's worth, at once */
        g_assert_cmpuint(r.lists, ==, 1);
        g_assert_cmpuint(r.n, ==, 10);
        /* a keyframe: every packet of it, once, in order, spread */
        r.first_us = 0;
        gst_pad_push_list(r.src, packets(10, 90));
        g_assert_cmpuint(r.n, ==, 100);
        g_assert_true(r.in_order);
        g_assert_cmpuint(r.lists, ==, 1);
        gint64 least_us = (90 * PACKET - TB_PACE_BURST - PACKET) * 8000LL / 4000;
        g_test_message("90 packets in %d ms", (int)((r.last_us - r.first_us) / 1000));
        g_assert_cmpint(r.last_us - r.first_us, >=, least_us - 1000);
        g_assert_cmpuint(r.sender->recent_n, ==, 100); /* what a probe may repeat */
        g_assert_cmpuint(r.sender->recent[99 % TB_SENDER_RECENT].seq, ==, 99);
        g_assert_cmpuint(r.sender->recent[99 % TB_SENDER_RECENT].size, ==, PACKET);
        rig_clear(&r, sink);
}

/* Whoever waits when the viewer leaves goes on at once: 1 kbit/s would take twenty minutes. */
static gpointer end_soon(gpointer data)
{
        Rig *r = data;
        while (__atomic_load_n(&r->n, __ATOMIC_RELAXED) < 5)
                g_thread_yield();
        tb_sender_end_pace(r->sender);
        return NULL;
}

static void test_pace_ends(void)
{
        Rig r;
        GstPad *sink;
        rig_init(&r, &sink, 1);
        GThread *thread = g_thread_new("end", end_soon, &r);
        gst_pad_push_list(r.src, packets(0, 150));
        g_thread_join(thread);
        g_assert_cmpuint(r.n, ==, 150);
        g_assert_true(r.in_order);
        rig_clear(&r, sink);
}

static bool asked(TbSender *sender, const char *name, bool own)
{
        GstStructure *s = gst_structure_new(name, "seqnum", G_TYPE_UINT, 7u, NULL);
        if (own)
                gst_structure_set(s, TB_SENDER_PROBE, G_TYPE_BOOLEAN, TRUE, NULL);
        GstEvent *event = gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, s);
        GstPadProbeInfo info = {.type = GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, .data = event};
        bool passes = tb_sender_rtx(NULL, &info, sender) == GST_PAD_PROBE_OK;
        gst_event_unref(event);
        return passes;
}

static void test_asked_again(void)
{
        TbSender sender = {.rtx_kbps = 30};
        guint passed = 0;
        for (int i = 0; i < 100; i++)
                passed += asked(&sender, "GstRTPRetransmissionRequest", false);
        g_assert_cmpuint(passed, >=, 3);
        g_assert_cmpuint(passed, <=, 4);
        g_assert_true(asked(&sender, "GstRTPRetransmissionRequest",
                            true)); /* ours: a probe has a budget of its own */
        g_assert_true(asked(&sender, "GstForceKeyUnit", false));
}

/* --- the port of a silent viewer --- */
static int udp(struct sockaddr_in *ret_address)
{
        socklen_t size = sizeof *ret_address;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        g_assert_cmpint(bind(fd, (struct sockaddr *)ret_address, size), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)ret_address, &size), ==, 0);
        return fd;
}

static void test_port_is_closed(void)
{
        struct sockaddr_in there;
        int viewer = udp(&there);
        TbSession session = {.probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        g_assert_cmpint(connect(session.probe, (struct sockaddr *)&there, sizeof there), ==, 0);
        for (int i = 0; i < 5; i++)
                g_assert_false(tb_session_port_is_closed(&session)); /* it is silent, and there */
        char indication[64];
        g_assert_cmpint(recv(viewer, indication, sizeof indication, MSG_DONTWAIT), ==, 20);
        g_assert_cmpint(indication[0], ==, 0x00); /* STUN Binding indication: nobody answers */
        g_assert_cmpint(indication[1], ==, 0x11);
        close(viewer);
        bool closed = false;
        for (int i = 0; i < 3 && !closed; i++) { /* the kernel's "port unreachable" comes to the next call */
                closed = tb_session_port_is_closed(&session);
                struct pollfd p = {.fd = session.probe, .events = POLLIN};
                poll(&p, 1, 1000);
        }
        g_assert_true(closed);
        tb_session_end_probe(&session);
        g_assert_cmpint(session.probe, ==, -1);
        tb_session_end_probe(&session);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(&argc, &argv);
        g_test_add_func("/media/pace/retransmissions", test_retransmissions);
        g_test_add_func("/media/pace/waits", test_waits);
        g_test_add_func("/media/pace/pacer", test_pacer);
        g_test_add_func("/media/pace/ends", test_pace_ends);
        g_test_add_func("/media/pace/asked-again", test_asked_again);
        g_test_add_func("/media/pace/port-is-closed", test_port_is_closed);
        return g_test_run();
}
