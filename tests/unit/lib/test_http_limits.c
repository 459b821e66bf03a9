/* Limits of lib/http that tests from outside cannot meet to the byte. */
#include <stdlib.h>

#include "lib/limits.h"
#include "tests/unit/lib/http_rig.h"

static TbPush *push; /* NULL: none, or gone */

static void push_gone(TbPush *gone, gpointer data G_GNUC_UNUSED)
{
        g_assert_true(gone == push);
        push = NULL;
}

static void events(TbRequest *request, gpointer data G_GNUC_UNUSED)
{
        push = tb_request_reply_sse(request, push_gone, NULL);
}

static const TbRoute routes[] = {
        {.method = "GET", .path = "/events", .flags = TB_ROUTE_STREAMING, .handler = events},
        {.method = NULL},
};

/* What waits for a reader that does not read: the queue to its last byte, and not one more. */
static void test_sse_queue(void)
{
        static const char head[] = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        Rig rig;
        rig_start(&rig, routes, NULL, NULL);
        Client c = rig_connect(&rig);
        rig_send(&c, head, strlen(head));
        RIG_WAIT(push);
        g_autoptr(GBytes) block = g_bytes_new_take(g_malloc0(65536), 65536);
        while (tb_push_queued(push) + 65536 <= TB_LIMIT_SSE_QUEUE - 16)
                g_assert_true(tb_push_send(push, block)); /* without a turn of the loop: none goes out */
        gsize rest = TB_LIMIT_SSE_QUEUE - tb_push_queued(push) - strlen("data: \n\n");
        g_autofree char *most = g_strnfill(rest, 'x'), *more = g_strnfill(rest + 1, 'x');
        g_assert_false(tb_sse_send(push, NULL, NULL, more)); /* limit + 1 */
        g_assert_true(tb_sse_send(push, NULL, NULL, most));
        g_assert_cmpuint(tb_push_queued(push), ==, TB_LIMIT_SSE_QUEUE);
        g_assert_false(tb_sse_send(push, NULL, NULL, ""));
        tb_push_close(push); /* what was queued still arrives */
        g_autoptr(Answer) a = rig_answer(&c);
        g_assert_cmpuint(a->size, >=, TB_LIMIT_SSE_QUEUE);
        g_assert_cmpint(memcmp(a->body + a->size - rest - 2, most, rest), ==, 0);
        rig_close(&c);
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/http-limits/sse-queue", test_sse_queue);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
