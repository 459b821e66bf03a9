#include "host/vnc/hello.h"

#include <string.h>

#include "lib/error.h"

typedef struct Outcome {
        TbVncHelloStep step;
        TbRole role;
        bool violation, wrong;
        gsize used;
        GByteArray *out;
} Outcome;

static void outcome_clear(Outcome *o)
{
        g_byte_array_free(o->out, TRUE);
}

/* Feeds `size` bytes in pieces: all at once (0), byte by byte (1), or split at `split`. The challenge's
 * answer is put in where it is asked for. */
static Outcome play(const TbVncHelloOptions *options, const guint8 *script, gsize size, gsize first)
{
        Outcome o = {.out = g_byte_array_new()};
        g_autoptr(TbVncHello) hello = tb_vnc_hello_new(options, o.out);
        gsize have = 0, visible = first && first < size ? first : size;
        while (tb_vnc_hello_want(hello) > 0) {
                g_autoptr(GError) error = NULL;
                gssize n = tb_vnc_hello_feed(hello, script + have, visible - have, o.out, &error);
                if (n < 0) {
                        g_assert_nonnull(error);
                        o.violation = true;
                        break;
                }
                g_assert_null(error);
                if (n == 0 && visible == size)
                        break;
                if (n == 0)
                        visible = first == 1 ? visible + 1 : size;
                have += (gsize)n;
        }
        o.used = have;
        o.step = tb_vnc_hello_step(hello);
        o.role = tb_vnc_hello_role(hello);
        o.wrong = tb_vnc_hello_wrong_password(hello);
        return o;
}

static void check_out(const Outcome *o, const char *bytes, gsize size)
{
        g_assert_cmpmem(o->out->data, o->out->len, bytes, size);
}
#define OUT(o, text) check_out(o, text, sizeof text - 1)

static void test_none(void)
{
        static const struct {
                const char *in;
                gsize size;
                const char *out;
                gsize out_size;
        } rows[] = {
                {"RFB 003.008\n\x01\x01", 14, "RFB 003.008\n\x01\x01\0\0\0\0", 18},
                {"RFB 003.889\n\x01\x00", 14, "RFB 003.008\n\x01\x01\0\0\0\0", 18}, /* macOS */
                {"RFB 004.001\n\x01\x00", 14, "RFB 003.008\n\x01\x01\0\0\0\0", 18}, /* RealVNC */
                {"RFB 003.007\n\x01\x01", 14, "RFB 003.008\n\x01\x01", 14},
                {"RFB 003.003\n\x01", 13, "RFB 003.008\n\0\0\0\x01", 16},
                {"RFB 003.005\n\x01", 13, "RFB 003.008\n\0\0\0\x01", 16}, /* RFC 6143: as 3.3 */
        };
        const TbVncHelloOptions options = {.open_role = TB_ROLE_VIEWER};
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                for (gsize split = 0; split <= rows[i].size; split++) {
                        Outcome o = play(&options, (const guint8 *)rows[i].in, rows[i].size, split);
                        g_assert_cmpint(o.step, ==, TB_VNC_HELLO_DONE);
                        g_assert_cmpint(o.role, ==, TB_ROLE_VIEWER);
                        g_assert_cmpuint(o.used, ==, rows[i].size);
                        check_out(&o, rows[i].out, rows[i].out_size);
                        outcome_clear(&o);
                }
        }
}

static void test_violations(void)
{
        static const char *const bad[] = {"RFB 003.00x\n",           "GET / HTTP/1",  "RFB 003 008\n",
                                          "RFB 003.008\r",           "RFB 002.000\n", "RFB 005.000\n",
                                          "\0\0\0\0\0\0\0\0\0\0\0\0"};
        const TbVncHelloOptions options = {.open_role = TB_ROLE_OPERATOR};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                Outcome o = play(&options, (const guint8 *)bad[i], 12, 0);
                g_assert_true(o.violation);
                outcome_clear(&o);
        }
        Outcome o = play(&options, (const guint8 *)"RFB 003.008\n\x02", 13,
                         0); /* VNC authentication was not offered */
        g_assert_true(o.violation);
        outcome_clear(&o);
        const TbVncHelloOptions secret = {.password = "x", .open_role = TB_ROLE_OPERATOR};
        o = play(&secret, (const guint8 *)"RFB 003.008\n\x01", 13, 0); /* None was not offered */
        g_assert_true(o.violation);
        g_assert_cmpint(o.role, ==, TB_ROLE_NONE);
        outcome_clear(&o);
}

/* Plays a viewer that knows `password` against a hello with both. */
static Outcome log_in(const char *version, const char *password)
{
        const TbVncHelloOptions options = {
                .password = "secretpw", .view_password = "lookonly", .open_role = TB_ROLE_ADMIN};
        Outcome o = {.out = g_byte_array_new()};
        g_autoptr(TbVncHello) hello = tb_vnc_hello_new(&options, o.out);
        g_assert_cmpint(tb_vnc_hello_feed(hello, (const guint8 *)version, 12, o.out, NULL), ==, 12);
        if (tb_vnc_hello_step(hello) == TB_VNC_HELLO_SECURITY)
                g_assert_cmpint(tb_vnc_hello_feed(hello, (const guint8[]){2}, 1, o.out, NULL), ==, 1);
        g_assert_cmpint(tb_vnc_hello_step(hello), ==, TB_VNC_HELLO_AUTH);
        g_assert_cmpuint(tb_vnc_hello_want(hello), ==, TB_VNC_CHALLENGE);
        guint8 response[TB_VNC_CHALLENGE];
        tb_vnc_respond(password, o.out->data + o.out->len - TB_VNC_CHALLENGE, response);
        g_byte_array_set_size(o.out, 0);
        g_assert_cmpint(tb_vnc_hello_feed(hello, response, sizeof response, o.out, NULL), ==,
                        TB_VNC_CHALLENGE);
        o.step = tb_vnc_hello_step(hello);
        o.role = tb_vnc_hello_role(hello);
        o.wrong = tb_vnc_hello_wrong_password(hello);
        return o;
}

static void test_passwords(void)
{
        static const char *const versions[] = {"RFB 003.003\n", "RFB 003.007\n", "RFB 003.008\n"};
        for (gsize i = 0; i < G_N_ELEMENTS(versions); i++) {
                Outcome o = log_in(versions[i], "secretpw");
                g_assert_cmpint(o.step, ==, TB_VNC_HELLO_INIT);
                g_assert_cmpint(o.role, ==, TB_ROLE_OPERATOR);
                OUT(&o, "\0\0\0\0");
                outcome_clear(&o);
                o = log_in(versions[i], "lookonly");
                g_assert_cmpint(o.role, ==, TB_ROLE_VIEWER);
                outcome_clear(&o);
                o = log_in(versions[i], "secretp");
                g_assert_cmpint(o.step, ==, TB_VNC_HELLO_FAILED);
                g_assert_cmpint(o.role, ==, TB_ROLE_NONE);
                g_assert_true(o.wrong);
                if (i == 2)
                        OUT(&o, "\0\0\0\x01\0\0\0\x0ewrong password");
                else
                        OUT(&o, "\0\0\0\x01");
                outcome_clear(&o);
        }
}

/* OpenSSL's DES (mirrored key bits) gave this answer to the challenge 00 01 … 0f. */
static void test_respond(void)
{
        guint8 challenge[TB_VNC_CHALLENGE], response[TB_VNC_CHALLENGE], longer[TB_VNC_CHALLENGE];
        for (guint8 i = 0; i < sizeof challenge; i++)
                challenge[i] = i;
        tb_vnc_respond("password", challenge, response);
        tb_vnc_respond("password and what DES ignores", challenge, longer);
        g_assert_cmpmem(response, sizeof response, longer, sizeof longer);
        GString *text = g_string_new(NULL);
        for (gsize i = 0; i < sizeof response; i++)
                g_string_append_printf(text, "%02x", response[i]);
        g_assert_cmpstr(text->str, ==, "b866924125c8eebb9debc1db61c538e2");
        g_string_free(text, TRUE);
}

static void test_refuse(void)
{
        const TbVncHelloOptions options = {.open_role = TB_ROLE_OPERATOR, .refuse = "no"};
        Outcome o = play(&options, (const guint8 *)"RFB 003.008\n", 12, 0);
        g_assert_cmpint(o.step, ==, TB_VNC_HELLO_FAILED);
        g_assert_false(o.wrong);
        OUT(&o, "RFB 003.008\n\0\0\0\0\x02no");
        outcome_clear(&o);
        o = play(&options, (const guint8 *)"RFB 003.003\n", 12, 0);
        OUT(&o, "RFB 003.008\n\0\0\0\0\0\0\0\x02no");
        outcome_clear(&o);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/hello/none", test_none);
        g_test_add_func("/vnc/hello/violations", test_violations);
        g_test_add_func("/vnc/hello/passwords", test_passwords);
        g_test_add_func("/vnc/hello/respond", test_respond);
        g_test_add_func("/vnc/hello/refuse", test_refuse);
        return g_test_run();
}
