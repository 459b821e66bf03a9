/* Telnet with COM-PORT-OPTION of RFC 2217: what is read does not depend on how TCP cuts it, and what we write is
 * read back as it was. */
#include <stdint.h>

#include "host/netserial/comport.h"
#include "host/netserial/telnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_sub(const TbTelnet *telnet, GByteArray *out)
{
        guint8 value[4];
        TbComPort port;
        g_assert_cmpuint(telnet->sub_size, <=, TB_TELNET_SUB);
        if (telnet->sub_size < 2)
                return;
        tb_comport_init(&port);
        json_auto_t *params = tb_comport_params(telnet->sub[1], telnet->sub + 2, telnet->sub_size - 2);
        tb_comport_update(&port, params);
        gsize n = tb_comport_answer(&port, telnet->sub[1], telnet->sub + 2, telnet->sub_size - 2, value);
        g_assert_cmpuint(n, <=, sizeof value);
        tb_telnet_write_sub(out, TB_TELNET_COM_PORT, telnet->sub[1], value, n);
}

static void read_all(const uint8_t *bytes, size_t size, size_t piece, GByteArray *data, GByteArray *out)
{
        TbTelnet telnet;
        tb_telnet_init(&telnet, out);
        for (size_t at = 0; at < size;) {
                gsize used = 0, n = MIN(piece, size - at);
                if (tb_telnet_read(&telnet, bytes + at, n, &used, data, out))
                        take_sub(&telnet, out);
                g_assert_cmpuint(used, >, 0);
                g_assert_cmpuint(used, <=, n);
                at += used;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        GByteArray *whole = g_byte_array_new(), *pieces = g_byte_array_new(), *back = g_byte_array_new();
        GByteArray *out[3] = {g_byte_array_new(), g_byte_array_new(), g_byte_array_new()};
        GByteArray *wire = g_byte_array_new();
        read_all(data, size, SIZE_MAX, whole, out[0]);
        read_all(data, size, 1, pieces, out[1]);
        g_assert_cmpmem(whole->data, whole->len, pieces->data, pieces->len);
        g_assert_cmpmem(out[0]->data, out[0]->len, out[1]->data, out[1]->len);
        g_byte_array_append(wire, (const guint8[]){255, 251, TB_TELNET_BINARY}, 3);
        tb_telnet_write(wire, data, size);
        read_all(wire->data, wire->len, 7, back, out[2]);
        g_assert_cmpmem(back->data, back->len, data, size);
        GByteArray *all[] = {whole, pieces, back, out[0], out[1], out[2], wire};
        for (gsize i = 0; i < G_N_ELEMENTS(all); i++)
                g_byte_array_unref(all[i]);
        return 0;
}
