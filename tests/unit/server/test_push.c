/* Browser push: RFC 8291's own example, the server's key in both spellings, subscriptions that are none, the token of RFC 8292. */
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits_push.h"
#include "server/notify/private.h"
#include "server/notify/push_seal.h"

/* RFC 8291, §5 and appendix A */
#define PRIVATE "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define PUBLIC "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
#define BROWSER "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define SEALED                                                                                               \
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC" \
        "8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"

#define SUBSCRIPTION(endpoint_, key_, auth_)                                                                 \
        "{\"endpoint\":\"" endpoint_ "\",\"keys\":{\"p256dh\":\"" key_ "\",\"auth\":\"" auth_ "\"}}"
#define CHROME "https://fcm.googleapis.com/fcm/send/x"

static void rfc(void)
{
        static const char text[] = "When I grow up, I want to be a watermelon";
        guint8 key[TB_PUSH_PRIVATE];
        TbPushTo to;
        gsize size = 0, n;
        g_assert_true(tb_push_private_parse(PRIVATE, key));
        g_assert_true(tb_push_to_parse(SUBSCRIPTION(CHROME, BROWSER, AUTH), &to, NULL));
        g_autofree guint8 *salt = g_base64_decode("DGv6ra1nlYgDCS1FRnbzlw==", &n),
                          *sealed = tb_push_seal(&to, key, salt, text, strlen(text), &size),
                          *other = tb_push_seal(&to, NULL, NULL, text, strlen(text), &n);
        g_autofree char *spelled = g_base64_encode(sealed, size), *public = tb_push_public(key);
        g_strdelimit(g_strdelimit(spelled, "+", '-'), "/", '_');
        spelled[strcspn(spelled, "=")] = '\0';
        g_assert_cmpstr(spelled, ==, SEALED);
        g_assert_cmpstr(public, ==, PUBLIC);
        g_assert_cmpuint(n, ==, size);
        g_assert_cmpint(memcmp(other, sealed, 16), !=, 0);           /* another salt … */
        g_assert_cmpint(memcmp(other + 21, sealed + 21, 65), !=, 0); /* … and another key */
        /* TB_LIMIT_PUSH_TEXT */
        g_autofree char *much = g_malloc0(TB_LIMIT_PUSH_TEXT + 1);
        g_assert_null(tb_push_seal(&to, NULL, NULL, much, TB_LIMIT_PUSH_TEXT + 1, &n));
        g_autofree guint8 *most = tb_push_seal(&to, NULL, NULL, much, TB_LIMIT_PUSH_TEXT, &n);
        g_assert_true(most && n <= 4096);
        tb_push_to_clear(&to);
}

static void keys(void)
{
        static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyfWPiYE+n46HLnH0\n"
                                  "KqZOF1fJJU3MYrct3AELtAQ+oRyhRANCAAT+M/SrDepxkU21WCP3O1SUj0EwbZIH\n"
                                  "Mtu5pZpTKGSCIA5Zent7wmC6HCJ5mFgJkuk5cwAvMBKiiujwa7t45ewP\n"
                                  "-----END PRIVATE KEY-----\n";
        static const char *const none[] = {
                "",
                "abc",
                "AyfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
                "-----BEGIN PRIVATE KEY-----\nAAAA\n",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* nought */
                "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE", /* the curve's order */
                "____________________________________________"};
        guint8 key[TB_PUSH_PRIVATE], same[TB_PUSH_PRIVATE];
        g_assert_true(tb_push_private_parse(PRIVATE, key) && tb_push_private_parse(pem, same));
        g_assert_cmpmem(key, sizeof key, same, sizeof same);
        g_assert_true(tb_push_private_parse(PRIVATE "=", key));
        for (guint i = 0; i < G_N_ELEMENTS(none); i++)
                g_assert_false(tb_push_private_parse(none[i], key));
}

static void subscriptions(void)
{
        static const char *const none[] = {"",
                                           "{}",
                                           "[1]",
                                           SUBSCRIPTION("ftp://x/y", BROWSER, AUTH),
                                           SUBSCRIPTION("x", BROWSER, AUTH),
                                           SUBSCRIPTION("https://a:b@fcm.googleapis.com/x", BROWSER, AUTH),
                                           SUBSCRIPTION(CHROME, BROWSER "A", AUTH),
                                           SUBSCRIPTION(CHROME, BROWSER, "BTBZMqHH6r4Tts7J_aSIg"),
                                           SUBSCRIPTION(CHROME,
                                                        "BAAAsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-"
                                                        "AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                                                        AUTH), /* a point beside the curve */
                                           SUBSCRIPTION(CHROME, BROWSER, "BTBZMqHH6r4Tts7J_aS*gg")};
        TbPushTo to;
        g_autoptr(GError) error = NULL;
        for (guint i = 0; i < G_N_ELEMENTS(none); i++)
                g_assert_false(tb_push_to_parse(none[i], &to, NULL));
        /* TB_LIMIT_PUSH_ADDRESS */
        g_autofree char *long_path = g_strnfill(TB_LIMIT_PUSH_ADDRESS, 'x'),
                        *large = g_strdup_printf(SUBSCRIPTION("https://x/%s", BROWSER, AUTH), long_path);
        g_assert_false(tb_push_to_parse(large, &to, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        static const struct {
                const char *endpoint;
                bool is;
        } table[] = {{CHROME, true},
                     {"https://updates.push.services.mozilla.com/wpush/v2/x", true},
                     {"https://WEB.push.apple.com/x", true},
                     {"https://db5p.notify.windows.com/w/?token=x", true},
                     {"http://fcm.googleapis.com/x", false},
                     {"https://fcm.googleapis.com:8443/x", false},
                     {"https://evilfcm.googleapis.com/x", false},
                     {"https://fcm.googleapis.com.evil.example/x", false},
                     {"https://169.254.169.254/latest", false},
                     {"https://push.example.org/x", true},
                     {"http://127.0.0.1:99/x", true},
                     {"http://127.0.0.1:9/x", false}};
        for (guint i = 0; i < G_N_ELEMENTS(table); i++)
                g_assert_cmpint(
                        tb_push_is_service(table[i].endpoint, "https://push.example.org http://127.0.0.1:99"),
                        ==, table[i].is);
}

static void vapid(void)
{
        guint8 key[TB_PUSH_PRIVATE];
        gsize n;
        g_assert_true(tb_push_private_parse(PRIVATE, key));
        g_autofree char *said = tb_push_vapid(key, "https://Push.Example:443/a?b", "mailto:a@b", 1000);
        g_assert_true(g_str_has_prefix(said, "vapid t=") && g_str_has_suffix(said, ", k=" PUBLIC));
        g_auto(GStrv) parts = g_strsplit_set(said + strlen("vapid t="), ".,", 0);
        g_assert_cmpuint(strlen(parts[2]), ==, 86); /* 64 bytes: it is no DER */
        g_autofree char *padded = g_strconcat(parts[1],
                                              &"===="[strlen(parts[1]) % 4 ? strlen(parts[1]) % 4 : 4], NULL),
                        *plain = g_strdelimit(g_strdelimit(g_strdup(padded), "-", '+'), "_", '/');
        g_autofree guchar *claims = g_base64_decode(plain, &n);
        json_auto_t *o = tb_json_parse((char *)claims, n, NULL);
        g_assert_cmpstr(json_string_value(json_object_get(o, "aud")), ==, "https://push.example");
        g_assert_cmpint(json_integer_value(json_object_get(o, "exp")), ==, 1000 + 12 * 3600);
        g_assert_null(tb_push_vapid(key, "no address", "mailto:a@b", 1000));
}

/* What is said is cut to what a service takes, whatever letters it is of. */
static void bounded(void)
{
        TbNotifyOptions o = {.push_key = (char *)PRIVATE, .push_subject = (char *)"mailto:a@b"};
        GString *much = g_string_new(NULL);
        for (guint i = 0; i < 3000; i++)
                g_string_append(much, "\xf0\x9f\x90\x88");
        json_auto_t *events = json_pack("[{s:s, s:s, s:s, s:s}]", "event_id", "e", "device_id", much->str,
                                        "label", "person", "summary", much->str);
        const TbNotifyWhat what = {"push", SUBSCRIPTION(CHROME, BROWSER, AUTH), NULL, events};
        TbSaid said = {.owned = g_ptr_array_new_with_free_func(g_free)};
        g_assert_true(tb_notifier_push.say(&o, &(TbNotifyPlace){.page = "https://b"}, &what, 0, &said));
        g_assert_true(said.ask.size > 2000 && said.ask.size <= 4096);
        g_assert_cmpstr(said.ask.url, ==, CHROME);
        g_ptr_array_unref(said.owned);
        const TbNotifyWhat inside = {"push", SUBSCRIPTION("https://10.0.0.1/x", BROWSER, AUTH), NULL, events};
        TbSaid none = {.owned = g_ptr_array_new_with_free_func(g_free)};
        g_assert_false(tb_notifier_push.say(&o, &(TbNotifyPlace){.page = NULL}, &inside, 0, &none));
        g_ptr_array_unref(none.owned);
        g_string_free(much, TRUE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/push/rfc", rfc);
        g_test_add_func("/push/keys", keys);
        g_test_add_func("/push/subscriptions", subscriptions);
        g_test_add_func("/push/vapid", vapid);
        g_test_add_func("/push/bounded", bounded);
        return g_test_run();
}
