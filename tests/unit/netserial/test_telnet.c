/* Telnet and COM-PORT-OPTION byte by byte, against the examples and tables of RFC 854, 1143 and 2217. */
#include <string.h>

#include "host/netserial/comport.h"
#include "host/netserial/telnet.h"

enum { SE = 240, SB = 250, WILL = 251, WONT = 252, DO = 253, DONT = 254, IAC = 255 };

typedef struct Wire {
        TbTelnet telnet;
        GByteArray *data, *out;
} Wire;

#define BYTES(...) ((const guint8[]){__VA_ARGS__}), sizeof((const guint8[]){__VA_ARGS__})

static void begin(Wire *w)
{
        w->data = g_byte_array_new();
        w->out = g_byte_array_new();
        tb_telnet_init(&w->telnet, w->out);
        g_byte_array_set_size(w->out, 0);
}

static void finish(Wire *w)
{
        g_byte_array_unref(w->data);
        g_byte_array_unref(w->out);
}

static bool feed(Wire *w, const guint8 *bytes, gsize size)
{
        gsize used = 0;
        bool sub = tb_telnet_read(&w->telnet, bytes, size, &used, w->data, w->out);
        g_assert_cmpuint(used, ==, size);
        return sub;
}

static void expect(GByteArray *seen, const guint8 *bytes, gsize size)
{
        g_assert_cmpmem(seen->data, seen->len, bytes, size);
        g_byte_array_set_size(seen, 0);
}

static void test_offers(void)
{
        TbTelnet telnet;
        GByteArray *out = g_byte_array_new();
        tb_telnet_init(&telnet, out);
        expect(out, BYTES(IAC, WILL, 1, IAC, WILL, 3, IAC, WILL, 0, IAC, DO, 0));
        g_byte_array_unref(out);
}

static void test_options(void)
{
        Wire w;
        begin(&w);
        feed(&w, BYTES(IAC, DO, 1, IAC, DO, 0, IAC, WILL, 0)); /* what we offered is accepted: no word more */
        g_assert_cmpuint(w.out->len, ==, 0);
        feed(&w, BYTES(IAC, WILL, 44));
        expect(w.out, BYTES(IAC, DO, 44));
        feed(&w, BYTES(IAC, WILL, 44));
        g_assert_cmpuint(w.out->len, ==, 0);
        feed(&w, BYTES(IAC, DO, 24, IAC, WILL, 24)); /* terminal type */
        expect(w.out, BYTES(IAC, WONT, 24, IAC, DONT, 24));
        feed(&w, BYTES(IAC, DONT, 1, IAC, DONT, 1));
        expect(w.out, BYTES(IAC, WONT, 1));
        feed(&w, BYTES(IAC, WONT, 44));
        expect(w.out, BYTES(IAC, DONT, 44));
        g_assert_cmpuint(w.data->len, ==, 0);
        finish(&w);
}

static void test_data(void)
{
        Wire w;
        const guint8 wire[] = {'a', IAC, IAC, 'b', '\r', 0, 'c', IAC, 241 /* NOP */, 'd'};
        begin(&w);
        for (gsize i = 0; i < sizeof wire; i++) /* however TCP cuts it */
                feed(&w, wire + i, 1);
        expect(w.data, BYTES('a', 255, 'b', '\r', 'c', 'd'));
        feed(&w, BYTES(IAC, WILL, 0, '\r', 0)); /* BINARY: every byte is meant */
        expect(w.data, BYTES('\r', 0));
        tb_telnet_write(w.out, BYTES(1, 255, 255, 2));
        expect(w.out, BYTES(1, 255, 255, 255, 255, 2));
        tb_telnet_write_sub(w.out, 44, 101, BYTES(0, 0, 255, 0));
        expect(w.out, BYTES(IAC, SB, 44, 101, 0, 0, 255, 255, 0, IAC, SE));
        finish(&w);
}

static void test_subnegotiation(void)
{
        Wire w;
        guint8 longest[TB_TELNET_SUB];
        gsize used = 0;
        begin(&w);
        g_assert_false(feed(&w, BYTES(IAC, SB, 44, 1, 0, 0, 0, 0, IAC, SE))); /* not agreed on */
        feed(&w, BYTES(IAC, WILL, 44));
        const guint8 two[] = {'x', IAC, SB, 44, 1, 0, 1, IAC, IAC, 0, IAC, SE, 'y'};
        g_assert_true(tb_telnet_read(&w.telnet, two, sizeof two, &used, w.data, w.out));
        g_assert_cmpuint(used, ==, sizeof two - 1);
        expect(w.data, BYTES('x'));
        g_assert_cmpmem(w.telnet.sub, w.telnet.sub_size, ((const guint8[]){44, 1, 0, 1, 255, 0}), 6);
        memset(longest, 'l', sizeof longest);
        longest[0] = 44;
        feed(&w, BYTES(IAC, SB));
        feed(&w, longest, sizeof longest);
        g_assert_true(feed(&w, BYTES(IAC, SE)));
        feed(&w, BYTES(IAC, SB));
        feed(&w, longest, sizeof longest);
        g_assert_false(feed(&w, BYTES('1', IAC, SE))); /* one more: as a whole */
        feed(&w, BYTES('z'));
        expect(w.data, BYTES('z'));
        finish(&w);
}

/* --- RFC 2217 --- */
static void asks(guint8 code, guint8 value, const char *params)
{
        json_auto_t *seen = tb_comport_params(code, &value, 1),
                    *wanted = params ? json_loads(params, 0, NULL) : NULL;
        g_assert_true(wanted ? json_equal(seen, wanted) : !seen);
}

static void answers(const TbComPort *port, guint8 code, guint8 asked, guint8 wanted)
{
        guint8 value[4] = {0};
        g_assert_cmpuint(tb_comport_answer(port, code, &asked, 1, value), ==, 1);
        g_assert_cmpuint(value[0], ==, wanted);
}

static void test_settings(void)
{
        json_auto_t *baud = tb_comport_params(TB_COM_BAUD, BYTES(0, 0, 0x25, 0x80));
        g_assert_cmpint(json_integer_value(json_object_get(baud, "baud")), ==, 9600);
        g_assert_null(tb_comport_params(TB_COM_BAUD, BYTES(0, 0, 0, 0)));
        g_assert_null(tb_comport_params(TB_COM_BAUD, BYTES(0, 0, 0x25)));
        g_assert_null(tb_comport_params(TB_COM_PARITY, NULL, 0));
        asks(TB_COM_DATA_BITS, 7, "{\"data_bits\": 7}");
        asks(TB_COM_PARITY, 3, "{\"parity\": \"even\"}");
        asks(TB_COM_PARITY, 6, NULL);
        asks(TB_COM_STOP_BITS, 2, "{\"stop_bits\": 2}");
        asks(TB_COM_STOP_BITS, 3, NULL); /* 1.5 */
        asks(TB_COM_CONTROL, 2, "{\"flow\": \"xonxoff\"}");
        asks(TB_COM_CONTROL, 3, "{\"flow\": \"rtscts\"}");
        asks(TB_COM_CONTROL, 9, "{\"dtr\": false}");
        asks(TB_COM_CONTROL, 11, "{\"rts\": true}");
        asks(TB_COM_CONTROL, 5, NULL); /* break */
        asks(TB_COM_PURGE, 1, NULL);
}

static void test_answers(void)
{
        TbComPort port;
        guint8 value[4];
        tb_comport_init(&port);
        json_auto_t *settings =
                json_loads("{\"baud\": 460800, \"data_bits\": 7, \"parity\": \"odd\", \"stop_bits\": 2,"
                           " \"flow\": \"rtscts\", \"dtr\": false, \"rts\": null, \"cts\": true}",
                           0, NULL);
        tb_comport_update(&port, settings);
        g_assert_cmpuint(tb_comport_answer(&port, TB_COM_BAUD, NULL, 0, value), ==, 4);
        g_assert_cmpmem(value, 4, ((const guint8[]){0, 7, 8, 0}), 4);
        answers(&port, TB_COM_DATA_BITS, 0, 7);
        answers(&port, TB_COM_PARITY, 0, 2);
        answers(&port, TB_COM_STOP_BITS, 0, 2);
        answers(&port, TB_COM_CONTROL, 0, 3);
        answers(&port, TB_COM_CONTROL, 13, 16);
        answers(&port, TB_COM_CONTROL, 8, 9); /* asked for, not so */
        answers(&port, TB_COM_CONTROL, 10, 11);
        answers(&port, TB_COM_CONTROL, 4, 6);
        answers(&port, TB_COM_PURGE, 3, 3);
        g_assert_cmpuint(tb_comport_answer(&port, 99, value, 1, value), ==, 0);
}

static void test_modem(void)
{
        json_auto_t *some =
                json_loads("{\"cts\": true, \"dsr\": false, \"dcd\": null, \"ri\": true}", 0, NULL);
        guint8 first = tb_comport_modem(NULL, 0), then = tb_comport_modem(some, first);
        g_assert_cmphex(first, ==, 0xb0 | 0x0b);
        g_assert_cmphex(then, ==, 0xd0 | 0x02);
        g_assert_cmphex(tb_comport_modem(NULL, then), ==, 0xb0 | 0x06); /* the bell has ended */
}

/* IAC BRK stops the reading: what stood before it goes out first. */
static void test_break(void)
{
        Wire w;
        gsize used = 0;
        begin(&w);
        g_assert_true(tb_telnet_read(&w.telnet, BYTES('a', IAC, 243, 'b'), &used, w.data, w.out));
        g_assert_cmpuint(used, ==, 3);
        g_assert_true(w.telnet.brk);
        expect(w.data, BYTES('a'));
        w.telnet.brk = false;
        g_assert_false(feed(&w, BYTES('b', IAC, 242, 'c'))); /* DM of telnet's synch is nothing */
        expect(w.data, BYTES('b', 'c'));
        finish(&w);
}

static void test_line(void)
{
        json_auto_t *none = json_pack("{s:i}", "framing", 0),
                    *all = json_pack("{s:i, s:i, s:i, s:i}", "overrun", 1, "parity", 2, "framing", 3, "break",
                                     4);
        g_assert_cmpint(tb_comport_line(none), ==, 0);
        g_assert_cmpint(tb_comport_line(all), ==, 0x1e);
        g_assert_cmpint(tb_comport_line(NULL), ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/telnet/offers", test_offers);
        g_test_add_func("/telnet/options", test_options);
        g_test_add_func("/telnet/data", test_data);
        g_test_add_func("/telnet/subnegotiation", test_subnegotiation);
        g_test_add_func("/telnet/break", test_break);
        g_test_add_func("/comport/line", test_line);
        g_test_add_func("/comport/settings", test_settings);
        g_test_add_func("/comport/answers", test_answers);
        g_test_add_func("/comport/modem", test_modem);
        return g_test_run();
}
