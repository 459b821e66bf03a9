/* Who answers on UDP 20002. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/tapo/tapo_find.h"

/* Answers on UDP 20002: plugp100's fixture of a P110; and what of it another plug says. */
static void test_answers(void)
{
        static const struct {
                const char *type, *way, *uri, *why;
        } rows[] = {
                {"SMART.TAPOPLUG", "\"is_support_https\":false,\"encrypt_type\":\"KLAP\",\"http_port\":80",
                 "tapo://10.0.0.9", "the app's account"},
                {"SMART.KASAPLUG", "\"encrypt_type\":\"AES\",\"http_port\":8080", "tapo://10.0.0.9:8080",
                 "the app's account"},
                {"IOT.SMARTPLUGSWITCH", "\"encrypt_type\":\"KLAP\",\"http_port\":80",
                 "kasa://10.0.0.9?protocol=klap", "TP-Link Kasa plug"},
                {"SMART.TAPOPLUG", "\"encrypt_type\":\"TPAP\"", "tapo://10.0.0.9", "Third-Party"},
                {"SMART.TAPOSWITCH", "\"is_support_https\":true", "tapo://10.0.0.9", "HTTPS"},
                {"SMART.IPCAMERA", "\"encrypt_type\":\"AES\"", NULL, NULL},
                {"SMART.TAPOBULB", "\"encrypt_type\":\"KLAP\"", NULL, NULL},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GString) packet = g_string_new_len("\2\0\0\1\0\0\21\0\1\2\3\4\0\0\0\0", 16);
                TbLanOffer offer = {0};
                g_string_append_printf(
                        packet,
                        "{\"error_code\":0,\"result\":{\"device_id\":\"00\",\"device_type\":\"%s\","
                        "\"device_model\":\"P110(UK)\",\"ip\":\"10.9.9.9\",\"mac\":\"AA-BB-CC-00-00-"
                        "01\",\"mgt_encrypt_schm\":{%s}}}",
                        rows[i].type, rows[i].way);
                g_assert_true(tb_tapo_find_answer((const guint8 *)packet->str, packet->len, "10.0.0.9",
                                                  &offer) == (rows[i].uri != NULL));
                if (!rows[i].uri)
                        continue;
                g_assert_cmpstr(offer.uri, ==, rows[i].uri); /* of who sent it, not of what it says */
                g_assert_nonnull(strstr(offer.why, rows[i].why));
                g_assert_nonnull(strstr(offer.label, "P110(UK)"));
                tb_lan_offer_clear(&offer);
                for (gsize n = 0; n < packet->len; n++)
                        g_assert_false(
                                tb_tapo_find_answer((const guint8 *)packet->str, n, "10.0.0.9", &offer));
        }
}

/* Its checksum is zlib's of the whole packet, made with Python's zlib. */
static void test_question(void)
{
        g_autoptr(GBytes) question = tb_tapo_find_question(0x01020304);
        gsize size = 0;
        const guint8 *q = g_bytes_get_data(question, &size);
        static const guint8 head[] = {2, 0, 0, 1, 1, 229, 17, 0, 1, 2, 3, 4, 0x1a, 0xd5, 0x8f, 0x08};
        g_assert_cmpmem(q, sizeof head, head, sizeof head);
        g_assert_cmpuint(size, ==, 16 + 256 * head[4] + head[5]);
        TbLanOffer own = {0}; /* one's own question is no answer */
        g_assert_false(tb_tapo_find_answer(q, size, "10.0.0.2", &own));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/tapo/find/answers", test_answers);
        g_test_add_func("/tapo/find/question", test_question);
        return g_test_run();
}
