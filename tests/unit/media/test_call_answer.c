/* A phone's answer to our offer: what is left of it is ours in form, whatever came. */
#include <gst/gst.h>
#include <string.h>

#include "host/media/webrtc/call_answer.h"
#include "lib/error.h"

static char *fixture(const char *name)
{
        g_autofree char *path = g_build_filename("tests/fixtures/answers", name, NULL);
        char *text = NULL;
        g_autoptr(GError) error = NULL;
        g_file_get_contents(path, &text, NULL, &error);
        g_assert_no_error(error);
        return text;
}

static GstSDPMessage *our_offer(void)
{
        g_autofree char *text = fixture("our-offer.sdp");
        GstSDPMessage *offer = NULL;
        gst_sdp_message_new(&offer);
        g_assert_cmpint(gst_sdp_message_parse_buffer((const guint8 *)text, (guint)strlen(text), offer), ==,
                        GST_SDP_OK);
        return offer;
}

static char *answered(const char *answer, guint *ret_candidates, GError **error)
{
        GstSDPMessage *offer = our_offer();
        g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
        char *clean = tb_call_answer(offer, answer, candidates, error);
        *ret_candidates = candidates->len;
        gst_sdp_message_free(offer);
        return clean;
}

static void replace(char **text, const char *from, const char *to)
{
        g_auto(GStrv) parts = g_strsplit(*text, from, -1);
        g_assert_cmpuint(g_strv_length(parts), >, 1);
        g_free(*text);
        *text = g_strjoinv(to, parts);
}

static guint times(const char *text, const char *what)
{
        g_auto(GStrv) parts = g_strsplit(text, what, -1);
        return g_strv_length(parts) - 1;
}

static void test_chromium(void)
{
        g_autoptr(GError) error = NULL;
        guint candidates;
        g_autofree char *answer = fixture("chromium.sdp"), *clean = answered(answer, &candidates, &error);
        g_assert_no_error(error);
        g_assert_nonnull(strstr(clean, "m=video 9 UDP/TLS/RTP/SAVPF 102 96 97\r\n"));
        g_assert_nonnull(strstr(clean, "a=ssrc-group:FID 3018482529 1537385699\r\n"));
        g_assert_nonnull(strstr(clean, "a=extmap:3 "));
        g_assert_cmpuint(times(clean, "a=sendonly"), ==, 2);
        g_assert_cmpuint(times(clean, "a=ice-ufrag:ZKen\r\n"), ==, 3);
        g_assert_null(strstr(clean, "msid"));
        g_assert_cmpuint(candidates, ==, 2);
}

/* Refused, sending nothing, of no codec of ours: a section in which nothing is sent, never a missing one. */
static void test_nothing_sent(void)
{
        static const char *const changes[][2] = {
                {"a=sendonly\r\na=msid:ab5a388a-f765-4bf3-8f5c-0869cf3f01b2 0ecf",
                 "a=inactive\r\na=msid:ab5a388a-f765-4bf3-8f5c-0869cf3f01b2 0ecf"},
                {"m=audio 9 ", "m=audio 0 "},
                {"SAVPF 102 96 97", "SAVPF 35"}};
        for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(GError) error = NULL;
                guint candidates;
                g_autofree char *answer = fixture("chromium.sdp"), *clean = NULL;
                replace(&answer, changes[i][0], changes[i][1]);
                clean = answered(answer, &candidates, &error);
                g_assert_no_error(error);
                g_assert_cmpuint(times(clean, "a=sendonly"), ==, 1);
                g_assert_cmpuint(times(clean, "a=inactive"), ==, 1);
                g_assert_cmpuint(times(clean, "m="), >=, 3);
        }
}

static void test_refused(void)
{
        static const char *const changes[][2] = {{"a=ice-pwd:f80B59AaOo2Fek6yCh/Do9MJ", "a=ice-pwd:short"},
                                                 {"a=ice-ufrag:ZKen", "a=ice-ufrag:Z K\"n"},
                                                 {"a=fingerprint:sha-256 0E", "a=fingerprint:md5 0E"},
                                                 {"a=setup:active", "a=setup:actpass"},
                                                 {"m=application 9 ", "m=text 9 "},
                                                 {"m=audio", "a=audio"}};
        for (guint i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(GError) error = NULL;
                guint candidates;
                g_autofree char *answer = fixture("chromium.sdp");
                replace(&answer, changes[i][0], changes[i][1]);
                g_assert_null(answered(answer, &candidates, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        gst_init(&argc, &argv);
        g_test_add_func("/media/call-answer/chromium", test_chromium);
        g_test_add_func("/media/call-answer/nothing-sent", test_nothing_sent);
        g_test_add_func("/media/call-answer/refused", test_refused);
        return g_test_run();
}
