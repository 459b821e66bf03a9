/* Two transports to which chance gave the same number, as webrtcbin does. */
#include "host/media/webrtc/sctp.h"

#include <stdbool.h>

typedef struct Transport {
        GstElement *bin, *dec, *enc; /* bin: ref */
} Transport;

static Transport transport_new(guint number)
{
        Transport t = {gst_object_ref_sink(gst_bin_new(NULL)), gst_element_factory_make("sctpdec", NULL),
                       gst_element_factory_make("sctpenc", NULL)};
        g_assert_nonnull(t.dec);
        g_assert_nonnull(t.enc);
        g_object_set(t.dec, "sctp-association-id", 4711u, NULL);
        g_object_set(t.enc, "sctp-association-id", 4711u, NULL);
        tb_sctp_use(t.bin, number);
        gst_bin_add_many(GST_BIN(t.bin), t.dec, t.enc, NULL);
        return t;
}

static guint number_of(GstElement *element)
{
        guint number = 0;
        g_object_get(element, "sctp-association-id", &number, NULL);
        return number;
}

static void test_pairs(void)
{
        guint one = tb_sctp_take(), two = tb_sctp_take();
        Transport a = transport_new(one), b = transport_new(two);
        g_assert_cmpuint(one, !=, two);
        g_assert_cmpuint(number_of(a.dec), ==, one);
        g_assert_cmpuint(number_of(a.enc), ==, one);
        g_assert_cmpuint(number_of(b.dec), ==, two);
        g_assert_cmpuint(number_of(b.enc), ==, two);
        tb_sctp_give_back(one);
        tb_sctp_give_back(two);
        gst_object_unref(a.bin);
        gst_object_unref(b.bin);
}

/* Never one that somebody has; one that was given back comes again when it is its turn. */
static void test_turn(void)
{
        guint kept = tb_sctp_take(), before = kept;
        bool again = false;
        for (guint i = 0; i < 3 * 65536; i++) {
                guint number = tb_sctp_take();
                g_assert_cmpuint(number, !=, kept);
                g_assert_cmpuint(number, !=, before);
                g_assert_cmpuint(number, >, 0);
                g_assert_cmpuint(number, <=, G_MAXUINT16);
                again |= number < before;
                before = number;
                tb_sctp_give_back(number);
        }
        g_assert_true(again);
        tb_sctp_give_back(kept);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(&argc, &argv);
        g_test_add_func("/media/sctp/pairs", test_pairs);
        g_test_add_func("/media/sctp/turn", test_turn);
        return g_test_run();
}
