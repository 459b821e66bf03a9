/* Requests that are carried to a host: how much of them goes into its socket ahead of time. */
#include "server/pairing/carry.h"

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/proto/link_frame.h"
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

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        tb_main_init(NULL);
        g_test_add_func("/carry/line", test_line);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
