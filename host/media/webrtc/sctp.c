#include "host/media/webrtc/sctp.h"

#define NUMBERS 65536u /* property sctp-association-id; 0 is not given out */

static guint8 taken[NUMBERS / 8];
static guint last;

guint tb_sctp_take(void)
{
        /* in turn: one that was given back rests as long as possible. Viewers are few (TB_LIMIT_VIEWERS), so
         * one is always free. */
        do
                last = (last + 1) % NUMBERS;
        while (last == 0 || taken[last / 8] & (1u << last % 8));
        taken[last / 8] |= (guint8)(1u << last % 8);
        return last;
}

void tb_sctp_give_back(guint number)
{
        taken[number / 8] &= (guint8) ~(1u << number % 8);
}

/* Any thread. The element is not linked yet, and its state is locked until DTLS is through. */
static void on_element(GstBin *bin G_GNUC_UNUSED, GstBin *parent G_GNUC_UNUSED, GstElement *element,
                       gpointer number)
{
        if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "sctp-association-id"))
                g_object_set(element, "sctp-association-id", GPOINTER_TO_UINT(number), NULL);
}

void tb_sctp_use(GstElement *webrtc, guint number)
{
        g_signal_connect(webrtc, "deep-element-added", G_CALLBACK(on_element), GUINT_TO_POINTER(number));
}
