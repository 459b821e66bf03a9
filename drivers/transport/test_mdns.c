/* Messages of multicast DNS (mdns.h): what python3-zeroconf sent (tests/fuzz/corpus/mdns), and what nobody may send. */
#include <string.h>

#include "drivers/transport/mdns.h"

static void note(const TbMdnsRecord *record, gpointer data)
{
        GString *out = data;

        g_string_append_printf(out, "%d %s %u %s", record->type, record->name, record->ttl_s, record->target);
        if (record->type == TB_MDNS_A)
                g_string_append_printf(out, "%u.%u.%u.%u", record->address[0], record->address[1],
                                       record->address[2], record->address[3]);
        if (record->type == TB_MDNS_SRV)
                g_string_append_printf(out, ":%u", record->port);
        if (record->type == TB_MDNS_TXT) {
                json_t *txt = tb_mdns_txt(record->txt, record->txt_size);
                char *text = json_dumps(txt, JSON_COMPACT | JSON_SORT_KEYS); /* lint: json - sorted */
                g_string_append(out, text);
                free(text);
                json_decref(txt);
        }
        g_string_append_c(out, '\n');
}

static char *read_all(const guint8 *data, gsize size, gssize expected)
{
        g_autoptr(GString) out = g_string_new(NULL);

        g_assert_cmpint(tb_mdns_parse(data, size, note, out), ==, expected);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Every answer that zeroconf gave, whole, and cut anywhere. */
static void test_zeroconf(void)
{
        g_autoptr(GDir) folder = g_dir_open("tests/fuzz/corpus/mdns", 0, NULL);
        g_autoptr(GString) all = g_string_new(NULL);

        for (const char *name; (name = g_dir_read_name(folder));) {
                g_autofree char *path = g_build_filename("tests/fuzz/corpus/mdns", name, NULL), *data = NULL;
                gsize size;
                if (!g_str_has_prefix(name, "zeroconf"))
                        continue;
                g_assert_true(g_file_get_contents(path, &data, &size, NULL));
                bool answer = (guint8)data[2] & 0x80;
                tb_mdns_parse((guint8 *)data, size, note, all);
                for (gsize cut = 0; cut < size; cut++) {
                        g_autofree guint8 *exact = g_memdup2(data, MAX(cut, 1));
                        g_autofree char *text = read_all(exact, cut, cut < 12 || answer ? -1 : 0);
                        g_assert_cmpstr(text, ==, ""); /* half a message says nothing */
                }
        }
        static const char *const said[] = {
                "12 _shelly._tcp.local 4500 shellyplus1pm-a8032ab12345._shelly._tcp.local\n",
                "33 tasmota-4F2A10-2576._http._tcp.local 120 tasmota-4F2A10-2576.local:80\n",
                "16 shellyplus1pm-a8032ab12345._shelly._tcp.local 4500 {\"app\":\"Plus1PM\",",
                "1 kitchen.local 120 10.9.0.1\n",
                "12 _http._tcp.local 0 tasmota-4F2A10-2576._http._tcp.local\n", /* goodbye */
        };
        for (guint i = 0; i < G_N_ELEMENTS(said); i++)
                if (!strstr(all->str, said[i]))
                        g_error("not read: %s in %s", said[i], all->str);
}

/* A header of one answer, and what follows. */
#define ANSWER 0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0
#define A_RECORD 0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 10, 0, 0, 7

static void test_names(void)
{
        static const guint8 dotted[] = {ANSWER, 4,   'a', '.', '\\', 'b', 5,
                                        'l',    'o', 'c', 'a', 'l',  0,   A_RECORD};
        g_autofree char *text = read_all(dotted, sizeof dotted, sizeof dotted);
        g_assert_cmpstr(text, ==, "1 a\\.\\\\b.local 120 10.0.0.7\n");
        g_autofree char *first = tb_mdns_first_label("a\\.\\\\b.local");
        g_assert_cmpstr(first, ==, "a.\\b");

        static const guint8 self[] = {ANSWER, 0xc0, 12, A_RECORD};             /* a pointer to itself */
        static const guint8 ahead[] = {ANSWER, 0xc0, 14, 1, 'a', 0, A_RECORD}; /* forwards */
        static const guint8 header[] = {ANSWER, 0xc0, 2, A_RECORD};            /* into the header */
        static const guint8 kind[] = {ANSWER, 0x41, 'a', 0, A_RECORD}; /* a label of an unknown kind */
        static const guint8 shorter[] = {ANSWER, 1, 'a', 0, 0, 1, 0, 1, 0, 0, 0, 120, 0, 3, 10, 0, 0};
        static const guint8 control[] = {ANSWER, 2, 'a', '\n', 0, A_RECORD}; /* nothing that can be shown */
        static const guint8 latin[] = {ANSWER, 2, 'a', 0xe4, 0, A_RECORD};
        static const guint8 question[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 12, 0, 1};
        g_free(read_all(self, sizeof self, -1));
        g_free(read_all(ahead, sizeof ahead, -1));
        g_free(read_all(header, sizeof header, -1));
        g_free(read_all(kind, sizeof kind, -1));
        g_free(read_all(shorter, sizeof shorter, -1));
        g_autofree char *a = read_all(control, sizeof control, sizeof control);
        g_autofree char *b = read_all(latin, sizeof latin, sizeof latin);
        g_assert_cmpstr(a, ==, "");
        g_assert_cmpstr(b, ==, "");
        g_free(read_all(question, sizeof question, 0));
        g_autofree guint8 *huge = g_malloc0(TB_MDNS_MESSAGE + 1);
        huge[2] = 0x84;
        g_free(read_all(huge, TB_MDNS_MESSAGE + 1, -1));
}

/* A name of many parts, each pointing at the one before: 255 bytes are the most, however it is written. */
static void test_long_name(void)
{
        g_autoptr(GByteArray) message = g_byte_array_new();
        static const guint8 start[] = {0, 0, 0x84, 0, 0, 0, 0, 5, 0, 0, 0, 0};
        static const guint8 rest[] = {A_RECORD};
        guint before = 0;

        g_byte_array_append(message, start, sizeof start);
        for (guint i = 0; i < 5; i++) {
                guint8 label[64] = {63}, end[2] = {(guint8)(0xc0 | before >> 8), (guint8)before};
                memset(label + 1, 'x', 63);
                guint at = message->len;
                g_byte_array_append(message, label, sizeof label);
                g_byte_array_append(message, end, before ? 2 : 1);
                if (!before)
                        message->data[message->len - 1] = 0;
                g_byte_array_append(message, rest, sizeof rest);
                before = at;
        }
        g_free(read_all(message->data, message->len, -1)); /* the fourth is one byte too long */
        message->data[7] = 3;
        g_free(read_all(message->data, message->len, (gssize)(12 + 3 * (64 + 2 + 14) - 1)));
}

static void test_question(void)
{
        g_autoptr(GByteArray) message = tb_mdns_question_new();
        static const guint8 expected[] = {0, 0,   0,   0,   0,   1,   0, 0,   0,   0,   0,
                                          0, 4,   '_', 'r', 'f', 'b', 4, '_', 't', 'c', 'p',
                                          5, 'l', 'o', 'c', 'a', 'l', 0, 0,   12,  0,   1};

        g_assert_true(tb_mdns_question_add(message, "_rfb._tcp.local", TB_MDNS_PTR, 1400));
        g_assert_cmpmem(message->data, message->len, expected, sizeof expected);
        g_assert_true(tb_mdns_question_add(message, "a\\.b._rfb._tcp.local", TB_MDNS_SRV, 1400));
        g_assert_cmpint(message->data[5], ==, 2);
        guint before = message->len;
        g_assert_false(tb_mdns_question_add(message, "", TB_MDNS_PTR, 1400));
        g_assert_false(tb_mdns_question_add(message, "a..b", TB_MDNS_PTR, 1400));
        g_assert_false(tb_mdns_question_add(message, "a.b", TB_MDNS_PTR, before + 5));
        g_autofree char *label = g_strnfill(64, 'x');
        g_assert_false(tb_mdns_question_add(message, label, TB_MDNS_PTR, 1400));
        g_assert_cmpuint(message->len, ==, before);
}

static void test_txt(void)
{
        static const guint8 txt[] = "\x05Gen=2\x05gen=3\x04"
                                    "flag\x02=x\x03"
                                    "a=\xff\x09"
                                    "cut";
        json_t *object = tb_mdns_txt(txt, sizeof txt - 1);
        char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS); /* lint: json - sorted */

        g_assert_cmpstr(text, ==, "{\"flag\":\"\",\"gen\":\"2\"}");
        free(text);
        json_decref(object);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/mdns/zeroconf", test_zeroconf);
        g_test_add_func("/mdns/names", test_names);
        g_test_add_func("/mdns/long_name", test_long_name);
        g_test_add_func("/mdns/question", test_question);
        g_test_add_func("/mdns/txt", test_txt);
        return g_test_run();
}
