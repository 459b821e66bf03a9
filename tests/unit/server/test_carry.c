/* Requests that are carried to a host: how much of them goes into its socket ahead of time. */
#include "server/pairing/carry.h"

#include "lib/http/ws_frame.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/proto/link_frame.h"
#include "server/pairing/carry_frame.h"
#include "server/pairing/pairing_private.h"
#include "tests/unit/lib/http_rig.h"

/* The host's socket, which takes what it is given and sends nothing. */
static struct {
        TbCarrier *carry;
        TbParty host;
        gsize queued;
        guint frames;
        bool ends;
} line;

static bool binary(gpointer connection G_GNUC_UNUSED, const void *bytes G_GNUC_UNUSED, gsize size)
{
        g_assert_true(line.ends || line.queued < TB_LIMIT_LINK_LINE);
        line.queued += size;
        line.frames++;
        return true;
}

static gsize queued(gpointer connection G_GNUC_UNUSED)
{
        return line.queued;
}

static const TbPartyOps ops = {.binary = binary, .queued = queued};

static void carry(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        tb_carrier_request(line.carry, request, &line.host, "/host/devices", NULL);
}

static const TbRoute routes[] = {
        {.method = "PUT",
         .path = "/up",
         .flags = TB_ROUTE_STREAMING,
         .body = TB_BODY_STREAM,
         .handler = carry},
        {.method = NULL},
};

/* TB_LIMIT_LINK_LINE: with so much in the socket nothing is added, with a byte less one more frame is. */
static void test_line(void)
{
        static const char head[] = "PUT /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n";
        static const char body[16 * 1024];
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        line.carry = tb_carrier_new(&ops);
        line.host = (TbParty){.host = (char *)"lab", .protocol = TB_LINK_PROTOCOL};
        Client c = rig_connect(&rig);
        rig_send(&c, head, strlen(head));
        while (line.queued < TB_LIMIT_LINK_LINE) {
                send(c.fd, body, sizeof body, MSG_DONTWAIT | MSG_NOSIGNAL);
                rig_turn(-1);
        }
        for (guint i = 0; i < 100; i++) { /* what comes now waits on its stream, and then at the client */
                send(c.fd, body, sizeof body, MSG_DONTWAIT | MSG_NOSIGNAL);
                rig_turn(-1);
        }
        g_assert_cmpuint(line.queued, <, TB_LIMIT_LINK_LINE + TB_LIMIT_LINK_CHUNK + TB_LINK_FRAME_HEADER);
        guint before = line.frames;
        for (gsize less = 0; less <= 1; less++) {
                line.queued = TB_LIMIT_LINK_LINE - less;
                tb_carrier_drained(line.carry, &line.host);
                g_assert_cmpuint(line.frames, ==, before + less);
        }
        line.ends = true; /* that of a stream is told at once */
        tb_carrier_host_left(line.carry, &line.host);
        rig_close(&c);
        tb_carrier_free(line.carry);
        rig_stop(&rig);
}

/* A frame of a host, whole, byte by byte, and with another one behind it. */
static void test_frame(void)
{
        static const guint8 two[] = {0x81, 2, 'h', 'i', 0x88, 2, 0x03, 0xe8};
        const char *why = NULL;
        TbCarryFrame f;
        for (gsize n = 0; n < 4; n++)
                g_assert_cmpint(tb_carry_frame_parse(two, n, &f, &why), ==, 0);
        for (gsize n = 4; n <= sizeof two; n++)
                g_assert_cmpint(tb_carry_frame_parse(two, n, &f, &why), ==, 4);
        g_assert_cmpint(f.opcode, ==, TB_CARRY_TEXT);
        g_assert_cmpmem(f.payload, f.size, "hi", 2);
        g_assert_cmpint(tb_carry_frame_parse(two + 4, 4, &f, &why), ==, 4);
        g_assert_cmpint(f.code, ==, 1000);
        static const guint8 none[] = {0x88, 0};
        g_assert_cmpint(tb_carry_frame_parse(none, sizeof none, &f, &why), ==, 2);
        g_assert_cmpint(f.code, ==, 1005);
        static const guint8 bad[][6] = {{0x01, 0},       {0x80, 0},    {0x83, 0},    {0xc1, 0},
                                        {0x81, 0x80},    {0x89, 126},  {0x88, 1, 0}, {0x88, 2, 0x03, 0xee},
                                        {0x81, 1, 0xff}, {0x8b + 1, 0}};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                why = NULL;
                g_assert_cmpint(tb_carry_frame_parse(bad[i], sizeof bad[i], &f, &why), ==, -1);
                g_assert_nonnull(why);
        }
        /* TB_LIMIT_WS_MESSAGE, and one more */
        g_autofree guint8 *large = g_malloc0(10 + TB_LIMIT_WS_MESSAGE);
        large[0] = 0x82;
        large[1] = 127;
        for (guint more = 0; more <= 1; more++) {
                for (guint i = 0; i < 8; i++)
                        large[2 + i] = (guint8)((guint64)(TB_LIMIT_WS_MESSAGE + more) >> (8 * (7 - i)));
                gssize n = tb_carry_frame_parse(large, 10 + TB_LIMIT_WS_MESSAGE, &f, &why);
                g_assert_cmpint(n, ==, more ? -1 : 10 + TB_LIMIT_WS_MESSAGE);
        }
}

/* What we say is a client's frame, whose mask changes nothing. */
static void test_frame_append(void)
{
        static const gsize sizes[] = {0, 125, 126, 65535};
        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autoptr(GByteArray) out = g_byte_array_new();
                g_autofree char *payload = g_strnfill(sizes[i], 'x');
                tb_carry_frame_append(out, TB_CARRY_BINARY, payload, sizes[i]);
                TbWsFrame frame;
                if (sizes[i] == 0) {
                        g_assert_cmpuint(out->len, ==, 6);
                        continue;
                }
                g_assert_true(tb_ws_frame_whole(out->data, out->len, &frame));
                g_assert_cmpuint(frame.head + frame.size, ==, out->len);
                tb_ws_unmask(out->data + frame.head, frame.size, out->data + frame.head - 4);
                g_assert_cmpmem(out->data + frame.head, frame.size, payload, sizes[i]);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/carry/line", test_line);
        g_test_add_func("/carry/frame", test_frame);
        g_test_add_func("/carry/frame-append", test_frame_append);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
