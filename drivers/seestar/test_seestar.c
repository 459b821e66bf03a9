/* What telescopes were seen to say (captures of firmware 6.70 and 7.06), what we say to each of them, and what strangers send. */
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "drivers/driver.h"
#include "drivers/seestar/seestar_image.h"
#include "drivers/seestar/seestar_proto.h"
#include "lib/error.h"

extern const TbDriver tb_driver_seestar;

/* --- the dialects --- */
static void test_dialect(void)
{
        static const struct {
                const char *method, *params; /* NULL: none */
                int firmware;
                const char *sent;
        } rows[] = {
                {"get_device_state", NULL, 2670,
                 "{\"id\":7,\"method\":\"get_device_state\",\"params\":[\"verify\"]}\r\n"},
                {"get_device_state", NULL, 0,
                 "{\"id\":7,\"method\":\"get_device_state\",\"params\":[\"verify\"]}\r\n"},
                {"get_device_state", NULL, 2582, "{\"id\":7,\"method\":\"get_device_state\"}\r\n"},
                {"get_device_state", NULL, 2583,
                 "{\"id\":7,\"method\":\"get_device_state\",\"params\":[\"verify\"]}\r\n"},
                {"iscope_start_view", "{\"mode\":\"star\"}", 2670,
                 "{\"id\":7,\"method\":\"iscope_start_view\",\"params\":{\"mode\":\"star\",\"verify\":true}}"
                 "\r\n"},
                {"iscope_start_view", "{\"mode\":\"star\"}", 2705,
                 "{\"id\":7,\"method\":\"iscope_start_view\",\"params\":{\"mode\":\"star\",\"verify\":true}}"
                 "\r\n"},
                {"iscope_start_view", "{\"mode\":\"star\"}", 2706,
                 "{\"id\":7,\"method\":\"iscope_start_view\",\"params\":{\"mode\":\"star\"}}\r\n"},
                {"set_control_value", "[\"gain\",80]", 2706,
                 "{\"id\":7,\"method\":\"set_control_value\",\"params\":[\"gain\",80,\"verify\"]}\r\n"},
                {"set_control_value", "[\"gain\",80]", 2470,
                 "{\"id\":7,\"method\":\"set_control_value\",\"params\":[\"gain\",80]}\r\n"},
                {"scope_set_track_state", "true", 2670,
                 "{\"id\":7,\"method\":\"scope_set_track_state\",\"params\":[true,\"verify\"]}\r\n"},
                {"pi_is_verified", NULL, 2718, "{\"id\":7,\"method\":\"pi_is_verified\"}\r\n"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                json_auto_t *params =
                        rows[i].params ? json_loads(rows[i].params, JSON_DECODE_ANY, NULL) : NULL;
                g_autofree char *sent = tb_seestar_request(7, rows[i].method, params, rows[i].firmware);
                g_assert_cmpstr(sent, ==, rows[i].sent);
        }
}

/* --- what it says --- */
static void hear(TbSeestarState *s, const char *text)
{
        json_auto_t *event = json_loads(text, 0, NULL);
        g_assert_nonnull(event);
        tb_seestar_hear(s, event, 1000);
}

static void test_events(void)
{
        TbSeestarState s;
        tb_seestar_state_init(&s);
        hear(&s, "{\"Event\":\"PiStatus\",\"Timestamp\":\"4508.901737361\",\"temp\":61.5}");
        hear(&s, "{\"Event\":\"PiStatus\",\"Timestamp\":\"4388.849655816\",\"battery_capacity\":70}");
        g_assert_cmpfloat(s.temperature, ==, 61.5);
        g_assert_cmpfloat(s.battery, ==, 70);
        hear(&s, "{\"Event\":\"View\",\"Timestamp\":\"4531.802180363\",\"state\":\"working\",\"lapse_ms\":0,"
                 "\"mode\":\"star\",\"cam_id\":0,"
                 "\"lp_filter\":false,\"gain\":80,\"route\":[]}");
        g_assert_cmpstr(s.mode, ==, "star");
        g_assert_cmpfloat(s.gain, ==, 80);
        hear(&s, "{\"Event\":\"AutoGoto\",\"Timestamp\":\"5137.478450199\",\"state\":\"working\",\"lapse_"
                 "ms\":0,\"count\":0,\"hint\":false,"
                 "\"route\":[\"View\"]}");
        hear(&s, "{\"Event\":\"AutoGoto\",\"Timestamp\":\"5137.485468544\",\"page\":\"preview\",\"tag\":"
                 "\"Exposure\",\"func\":\"goto_ra_dec\","
                 "\"state\":\"start\",\"target_ra_dec\":[8.691287,19.514885],\"target_name\":\"M44\"}");
        g_assert_true(tb_seestar_is_doing(&s, "goto"));
        g_assert_cmpstr(s.target, ==, "M44");
        g_assert_cmpfloat(s.target_ra, ==, 8.691287);
        hear(&s, "{\"Event\":\"PlateSolve\",\"Timestamp\":\"5148.217070209\",\"state\":\"complete\",\"lapse_"
                 "ms\":2733,"
                 "\"ra_dec\":[8.69067,19.502521],\"route\":[\"View\",\"AutoGoto\"]}");
        g_assert_cmpfloat(s.ra_hours, ==, 8.69067);
        g_assert_cmpfloat(s.dec_deg, ==, 19.502521);
        hear(&s, "{\"Event\":\"AutoGoto\",\"state\":\"fail\",\"error\":\"solve failed\",\"code\":251}");
        g_assert_false(tb_seestar_is_doing(&s, "goto"));
        hear(&s,
             "{\"Event\":\"Stack\",\"Timestamp\":\"5169.801236227\",\"state\":\"frame_complete\",\"frame_"
             "type\":\"light\",\"stacked_frame\":1,"
             "\"dropped_frame\":0,\"total_frame\":1,\"error\":\"no error\",\"lapse_ms\":5110,\"code\":0}");
        g_assert_true(tb_seestar_is_doing(&s, "stack"));
        g_assert_cmpint(s.stacked, ==, 1);
        hear(&s, "{\"Event\":\"ScopeTrack\",\"Timestamp\":\"5141.628178032\",\"state\":\"on\",\"tracking\":"
                 "true,\"manual\":false,\"route\":[]}");
        g_assert_cmpint(s.tracking, ==, 1);
        hear(&s, "{\"Event\":\"DiskSpace\",\"Timestamp\":\"5153.680591370\",\"used_percent\":35}");
        hear(&s, "{\"Event\":\"Setting\",\"Timestamp\":\"4527.116698051\",\"wide_cam\":false,\"stack\":{"
                 "\"brightness\":0.0,\"contrast\":0.5,"
                 "\"saturation\":0.0,\"dbe_enable\":false}}");
        g_assert_cmpfloat(s.disk_used, ==, 35);
        g_assert_cmpfloat(s.contrast, ==, 0.5);
        hear(&s, "{\"Event\":\"View\",\"Timestamp\":\"4527.114205770\",\"state\":\"cancel\",\"lapse_ms\":"
                 "1620385,\"mode\":\"star\",\"cam_id\":0,"
                 "\"lp_filter\":false,\"gain\":80,\"route\":[]}");
        g_assert_false(tb_seestar_is_doing(&s, "stack"));
        g_assert_cmpstr(s.mode, ==, "");
        json_auto_t *told = tb_seestar_json(&s, 2000);
        g_assert_cmpfloat(json_number_value(json_object_get(told, "ra_hours")), ==, 8.69067);
        g_assert_true(json_is_null(json_object_get(told, "alt_deg")));
}

static void test_answers(void)
{
        TbSeestarState s;
        tb_seestar_state_init(&s);
        json_auto_t *device = json_loads(
                "{\"device\":{\"name\":\"ASI AIR "
                "imager\",\"firmware_ver_int\":2670,\"firmware_ver_string\":\"6.70\",\"is_verified\":true,"
                "\"sn\":\"00000000\",\"product_model\":\"Seestar "
                "S50\",\"focal_len\":250.0},\"setting\":{\"temp_unit\":\"C\"}}",
                0, NULL);
        json_auto_t *view = json_loads("{\"View\":{\"state\":\"working\",\"lapse_ms\":1478081,\"mode\":"
                                       "\"star\",\"cam_id\":0,\"lp_filter\":false,\"gain\":80,"
                                       "\"ContinuousExposure\":{\"state\":\"working\",\"lapse_ms\":1477682,"
                                       "\"fps\":2.024126},\"stage\":\"ContinuousExposure\"}}",
                                       0, NULL);
        json_auto_t *pair = json_pack("[f, f]", 5.5, -5.4),
                    *object = json_pack("{s:f, s:f}", "ra", 5.5, "dec", -5.4),
                    *wild = json_pack("[f, f]", 5.5, -95.0);
        tb_seestar_take_device(&s, device);
        tb_seestar_take_view(&s, view, 1000);
        g_assert_cmpint(s.firmware, ==, 2670);
        g_assert_cmpstr(s.model, ==, "Seestar S50");
        g_assert_cmpstr(s.stage, ==, "ContinuousExposure");
        g_assert_true(tb_seestar_is_doing(&s, "live"));
        g_assert_true(tb_seestar_take_place(&s, pair));
        g_assert_true(tb_seestar_take_place(&s, object));
        g_assert_false(tb_seestar_take_place(&s, wild));
        g_assert_cmpfloat(s.dec_deg, ==, -5.4);
}

/* One that makes up more and more names keeps TB_LIMIT_SEESTAR_DOINGS of them. */
static void test_doings(void)
{
        TbSeestarState s;
        tb_seestar_state_init(&s);
        for (guint i = 0; i <= TB_LIMIT_SEESTAR_DOINGS; i++) {
                g_autofree char *name = g_strdup_printf("made-up-%u", i);
                tb_seestar_doing(&s, name, "working", true, NULL, 1000);
                g_assert_cmpint(tb_seestar_is_doing(&s, name), ==, i < TB_LIMIT_SEESTAR_DOINGS);
        }
        tb_seestar_doing(&s, "made-up-0", "complete", false, NULL, 1000);
        tb_seestar_doing(&s, "another", "working", true, NULL, 1000); /* what is over makes room */
        g_assert_true(tb_seestar_is_doing(&s, "another"));
        g_assert_cmpuint(s.n_doings, ==, TB_LIMIT_SEESTAR_DOINGS);
}

static void test_refusals(void)
{
        static const struct {
                const char *answer;
                int code; /* -1: none */
                const char *words;
        } rows[] = {
                {"{\"jsonrpc\":\"2.0\",\"method\":\"iscope_start_view\",\"result\":0,\"code\":0,\"id\":1}",
                 -1, NULL},
                {"{\"method\":\"set_setting\",\"error\":\"not supported\",\"code\":210,\"id\":1}",
                 TB_ERROR_UNSUPPORTED, "this model cannot do it"},
                {"{\"error\":\"stack is already running\",\"code\":259,\"id\":1}", TB_ERROR_BUSY,
                 "being stacked already"},
                {"{\"error\":\"unknown method\",\"code\":103,\"id\":1}", TB_ERROR_UNSUPPORTED,
                 "does not know"},
                {"{\"error\":\"fail to operate\",\"code\":207,\"id\":1}", TB_ERROR_UNPROCESSABLE,
                 "another program its master"},
                {"{\"error\":\"expected object param\",\"code\":107,\"id\":1}", TB_ERROR_DEVICE,
                 "other parameters"},
                {"{\"error\":7,\"code\":7,\"id\":1}", TB_ERROR_UNPROCESSABLE, "does not say why"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *answer = json_loads(rows[i].answer, 0, NULL);
                g_assert_cmpint(tb_seestar_refuses(answer, "m", &error), ==, rows[i].code >= 0);
                if (rows[i].code >= 0) {
                        g_assert_error(error, TB_ERROR, rows[i].code);
                        g_assert_nonnull(strstr(error->message, rows[i].words));
                }
        }
}

static void test_lines(void)
{
        g_autofree char *line = g_strnfill(TB_LIMIT_SEESTAR_LINE, 'x');
        g_assert_cmpint(tb_seestar_line("{}\r\n{", 5), ==, 4);
        g_assert_cmpint(tb_seestar_line("{}\r", 3), ==, 0);
        g_assert_cmpint(tb_seestar_line("", 0), ==, 0);
        g_assert_cmpint(tb_seestar_line(line, TB_LIMIT_SEESTAR_LINE - 1), ==, 0);
        g_assert_cmpint(tb_seestar_line(line, TB_LIMIT_SEESTAR_LINE), ==, -1);
        line[TB_LIMIT_SEESTAR_LINE - 1] = '\n';
        g_assert_cmpint(tb_seestar_line(line, TB_LIMIT_SEESTAR_LINE), ==, TB_LIMIT_SEESTAR_LINE);
}

static bool found(const char *text, TbSeestarFound *ret)
{
        return tb_seestar_found(text, strlen(text), "10.0.0.9", ret);
}

static void test_found(void)
{
        TbSeestarFound f;
        g_assert_true(found("{\"jsonrpc\":\"2.0\",\"method\":\"scan_iscope\",\"result\":{\"product_model\":"
                            "\"Seestar S50\",\"sn\":\"abc\","
                            "\"ip\":\"192.168.1.47\",\"is_verified\":true},\"code\":0,\"id\":201}",
                            &f));
        g_assert_cmpstr(f.ip, ==, "10.0.0.9"); /* who sent it */
        g_assert_cmpstr(f.model, ==, "Seestar S50");
        g_assert_true(found("{\"method\":\"scan_iscope\",\"result\":{\"ip\":\"no address\"}}\r\n", &f));
        g_assert_cmpstr(f.ip, ==, "10.0.0.9");
        g_assert_true(found("{\"method\":\"scan_iscope\",\"result\":{\"ip\":\"0.0.0.0\"}}", &f));
        g_assert_cmpstr(f.ip, ==, "10.0.0.9");
        g_assert_false(found(
                "{\"id\":201,\"method\":\"scan_iscope\",\"name\":\"testbed\",\"ip\":\"10.0.0.1\"}\r\n", &f));
        g_assert_false(found("nonsense", &f));
        g_assert_false(found("{\"method\":\"scan_iscope\",\"result\":1}", &f));
}

/* What a telescope's answer to the broadcast is offered as; our own question, which comes back to us, is nobody. */
static void test_probe(void)
{
        static const char answer[] = "{\"jsonrpc\":\"2.0\",\"method\":\"scan_iscope\",\"result\":{\"product_"
                                     "model\":\"Seestar S50\","
                                     "\"sn\":\"abc\",\"ip\":\"192.168.1.47\"},\"code\":0,\"id\":201}";
        const TbLanProbe *probe = tb_driver_seestar.probes;
        TbLanOffer offer = {0};
        g_autoptr(GBytes) question = probe->ask("10.0.0.1");
        gsize size = 0;
        const guint8 *own = g_bytes_get_data(question, &size);
        g_assert_cmpuint(probe->port, ==, 4720);
        g_assert_cmpuint(probe->from_port, ==, 4720);
        g_assert_false(probe->answer(own, size, "10.0.0.1", &offer));
        g_assert_true(probe->answer((const guint8 *)answer, strlen(answer), "10.0.0.9", &offer));
        g_assert_cmpstr(offer.uri, ==, "seestar://10.0.0.9");
        g_assert_cmpstr(offer.label, ==, "Seestar S50, abc");
        g_assert_nonnull(strstr(offer.why, "10.0.0.9"));
        tb_lan_offer_clear(&offer);
}

/* --- pictures --- */
static void head_of(guint8 head[TB_SEESTAR_HEAD], guint32 size, guint8 id, guint width, guint height)
{
        const guint8 begin[] = {0x03,
                                0xc3,
                                0,
                                2,
                                0,
                                0x50,
                                (guint8)(size >> 24),
                                (guint8)(size >> 16),
                                (guint8)(size >> 8),
                                (guint8)size,
                                0x73,
                                0x21,
                                0,
                                0,
                                3,
                                id,
                                (guint8)(width >> 8),
                                (guint8)width,
                                (guint8)(height >> 8),
                                (guint8)height};
        memset(head, 0, TB_SEESTAR_HEAD);
        memcpy(head, begin, sizeof begin);
}

static void test_heads(void)
{
        static const struct {
                guint32 size;
                guint8 id;
                guint width, height;
                int took;
                bool image;
        } rows[] = {
                {17, 2, 0, 0, 80, false}, /* the handshake */
                {1833419, 20, 1080, 1920, 80, true},
                {5000000, 23, 4056, 3040, 80, true},
                {1001, 21, 100, 100, 80, true},
                {1000, 21, 100, 100, 80, false},
                {1001, 21, 0, 100, 80, false},
                {1080 * 1920 * 2, 21, 0, 0, 80, true}, /* the default size */
                {5000, 99, 100, 100, 80, false},
                {100 * 100 * 6 + 65536, 21, 100, 100, 80, true},
                {100 * 100 * 6 + 65537, 21, 100, 100, -1, false},
                {TB_LIMIT_SEESTAR_PICTURE, 2, 0, 0, 80, false},
                {TB_LIMIT_SEESTAR_PICTURE + 1, 2, 0, 0, -1, false},
                {5000, 21, TB_LIMIT_VIDEO_SIDE, 10, 80, true},
                {5000, 21, TB_LIMIT_VIDEO_SIDE + 1, 10, -1, false},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                guint8 head[TB_SEESTAR_HEAD];
                TbSeestarHead h = {0};
                head_of(head, rows[i].size, rows[i].id, rows[i].width, rows[i].height);
                for (gsize n = 0; n < TB_SEESTAR_HEAD; n++) /* byte by byte */
                        g_assert_cmpint(tb_seestar_head(head, n, &h), ==, 0);
                g_assert_cmpint(tb_seestar_head(head, TB_SEESTAR_HEAD, &h), ==, rows[i].took);
                g_assert_cmpint(h.is_image, ==, rows[i].image);
        }
        TbSeestarHead h;
        g_assert_cmpint(tb_seestar_head("G", 1, &h), ==, -1);
        g_assert_cmpint(tb_seestar_head("\x03G", 2, &h), ==, -1);
}

static bool unpack(guint8 id, guint width, guint height, const guint8 *payload, gsize size,
                   TbSeestarPixels *ret, gsize *ret_size)
{
        guint8 head[TB_SEESTAR_HEAD];
        TbSeestarHead h;
        g_autoptr(GByteArray) scratch = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        const guint8 *data = NULL;
        head_of(head, (guint32)size, id, width, height);
        g_assert_cmpint(tb_seestar_head(head, TB_SEESTAR_HEAD, &h), ==, TB_SEESTAR_HEAD);
        bool fine = tb_seestar_unpack(&h, payload, scratch, &data, ret_size, ret, &error);
        g_assert_cmpint(fine, ==, error == NULL);
        return fine;
}

/* A ZIP of one member, raw_data, deflated or stored. */
static GByteArray *zip_of(const guint8 *raw, gsize size, bool stored)
{
        guint8 head[30] = {'P', 'K', 3, 4, 20, 0, 0, 0, stored ? 0 : 8};
        head[26] = 8;
        GByteArray *zip = g_byte_array_new();
        g_byte_array_append(zip, head, sizeof head);
        g_byte_array_append(zip, (const guint8 *)"raw_data", 8);
        if (stored) {
                g_byte_array_append(zip, raw, (guint)size);
                return zip;
        }
        guint at = zip->len;
        g_byte_array_set_size(zip, at + (guint)compressBound(size));
        z_stream z = {.next_in = (guint8 *)raw,
                      .avail_in = (guint)size,
                      .next_out = zip->data + at,
                      .avail_out = zip->len - at};
        g_assert_cmpint(deflateInit2(&z, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
        g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
        g_byte_array_set_size(zip, at + (guint)z.total_out);
        deflateEnd(&z);
        return zip;
}

static void test_payloads(void)
{
        enum { W = 40, H = 30 };
        guint32 rng = 7;
        g_autofree guint8 *raw = g_malloc(W * H * 6 + 2);
        for (gsize i = 0; i < W * H * 6 + 2; i++)
                raw[i] = (guint8)((rng = rng * 1664525 + 1013904223) >>
                                  24); /* so that no ZIP of it is small */
        raw[0] = 0;
        TbSeestarPixels pixels;
        gsize size = 0;
        g_assert_true(unpack(21, W, H, raw, W * H * 2, &pixels, &size));
        g_assert_cmpint(pixels, ==, TB_SEESTAR_BAYER);
        g_assert_true(unpack(23, W, H, raw, W * H * 6, &pixels, &size));
        g_assert_cmpint(pixels, ==, TB_SEESTAR_RGB);
        g_assert_false(unpack(21, W, H, raw, W * H * 2 + 2, &pixels, &size));
        g_assert_false(
                unpack(21, W - 1, H, raw, (W - 1) * H * 2, &pixels, &size)); /* no mosaic has an odd side */
        for (int stored = 0; stored < 2; stored++) {
                g_autoptr(GByteArray) zip = zip_of(raw, W * H * 6, stored);
                g_autoptr(GByteArray) more = zip_of(raw, W * H * 6 + 2, stored);
                g_assert_true(unpack(23, W, H, zip->data, zip->len, &pixels, &size));
                g_assert_cmpint(pixels, ==, TB_SEESTAR_RGB);
                g_assert_cmpuint(size, ==, W * H * 6);
                g_assert_false(unpack(23, W, H, zip->data, zip->len - 100, &pixels, &size)); /* breaks off */
                if (!stored)
                        g_assert_false(unpack(23, W, H, more->data, more->len, &pixels,
                                              &size)); /* a bomb, a small one */
        }
        memcpy(raw, "\xff\xd8\xff", 3);
        g_assert_true(unpack(20, W, H, raw, 1500, &pixels, &size));
        g_assert_cmpint(pixels, ==, TB_SEESTAR_JPEG);
}

/* --- what is shown --- */
enum { SIDE = 64 };
static guint32 shown(TbSeestarPixels pixels, const guint16 *raw, int x, int y)
{
        static guint32 out[SIDE * SIDE];
        TbSeestarShow *show = tb_seestar_show_new();
        tb_seestar_show(show, pixels, (const guint8 *)raw, SIDE, SIDE, (guint8 *)out, SIDE * 4);
        tb_seestar_show_free(show);
        return out[y * SIDE + x];
}

/* A night: the sky at 900 of 65535, one star. The sky is seen, the star is white; and red light comes out red. */
static void test_show(void)
{
        guint16 raw[SIDE * SIDE];
        for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++) {
                        bool star = x >= 30 && x < 34 && y >= 30 && y < 34,
                             red = x >= 10 && x < 20 && y >= 10 && y < 20;
                        bool is_red = (y & 1) == 0 && (x & 1) == 1;
                        int sky = 900 + (x * 7 + y * 13) % 32;
                        raw[y * SIDE + x] = GUINT16_TO_LE((guint16)(star            ? 60000
                                                                    : red && is_red ? 20000
                                                                                    : sky));
                }
        guint32 sky = shown(TB_SEESTAR_BAYER, raw, 50, 50), star = shown(TB_SEESTAR_BAYER, raw, 31, 31),
                red = shown(TB_SEESTAR_BAYER, raw, 15, 15);
        for (int shift = 0; shift < 24; shift += 8) {
                g_assert_cmpuint(sky >> shift & 0xff, >, 30);
                g_assert_cmpuint(sky >> shift & 0xff, <, 90);
                g_assert_cmpuint(star >> shift & 0xff, >, 200);
        }
        g_assert_cmpuint(red >> 16 & 0xff, >, 150); /* R */
        g_assert_cmpuint(red >> 8 & 0xff, <, 90);
        g_assert_cmpuint(red & 0xff, <, 90);
        guint16 rgb[SIDE * SIDE * 3];
        for (gsize i = 0; i < SIDE * SIDE; i++)
                for (int c = 0; c < 3; c++)
                        rgb[i * 3 + (gsize)c] =
                                GUINT16_TO_LE((guint16)(i < 100 && c == 2 ? 50000 : 900 + i * 7 % 32));
        guint32 blue = shown(TB_SEESTAR_RGB, rgb, 5, 0);
        g_assert_cmpuint(blue & 0xff, >, 200);
        g_assert_cmpuint(blue >> 16 & 0xff, <, 90);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/seestar/dialect", test_dialect);
        g_test_add_func("/seestar/events", test_events);
        g_test_add_func("/seestar/answers", test_answers);
        g_test_add_func("/seestar/doings", test_doings);
        g_test_add_func("/seestar/refusals", test_refusals);
        g_test_add_func("/seestar/lines", test_lines);
        g_test_add_func("/seestar/found", test_found);
        g_test_add_func("/seestar/probe", test_probe);
        g_test_add_func("/seestar/heads", test_heads);
        g_test_add_func("/seestar/payloads", test_payloads);
        g_test_add_func("/seestar/show", test_show);
        return g_test_run();
}
