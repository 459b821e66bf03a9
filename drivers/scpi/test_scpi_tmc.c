/* USBTMC's headers byte by byte, and which endpoints a device has. An instrument: tests/rig/gadgets.mjs. */
#include <glib/gstdio.h>
#include <string.h>

#include "drivers/scpi/scpi_tmc.h"
#include "tests/contract/folder.h"

/* The examples of the specification's tables 3 and 4 in form: MsgID, bTag, its inverse, size, attributes. */
static void test_out(void)
{
        static const guint8 idn[] = {1, 1, 0xfe, 0,   6,   0,   0,   0,    1, 0,
                                     0, 0, '*',  'I', 'D', 'N', '?', '\n', 0, 0};
        static const guint8 four[] = {1, 255, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 'V', '?', '?', '\n'};
        static const guint8 request[] = {2, 0x80, 0x7f, 0, 0, 0xfe, 0, 0, 0, 0, 0, 0};
        guint8 head[TB_SCPI_TMC_HEADER];
        g_autoptr(GByteArray) padded = tb_scpi_tmc_message(1, "*IDN?\n", 6),
                              whole = tb_scpi_tmc_message(255, "V??\n", 4);
        g_assert_cmpmem(padded->data, padded->len, idn, sizeof idn);
        g_assert_cmpmem(whole->data, whole->len, four, sizeof four);
        tb_scpi_tmc_request(0x80, 0xfe00, head);
        g_assert_cmpmem(head, sizeof head, request, sizeof request);
}

static void test_in(void)
{
        guint8 answer[] = {2, 7, 0xf8, 0, 3, 0, 0, 0, 1, 0, 0, 0, '1', '2', '\n', 0};
        gsize size = 99;
        bool end = false;
        for (gsize n = 0; n < 15; n++)
                g_assert_false(tb_scpi_tmc_answer(answer, n, 7, &size, &end));
        g_assert_false(tb_scpi_tmc_answer(answer, sizeof answer, 8, &size, &end)); /* another's */
        g_assert_cmpuint(size, ==, 99);
        g_assert_true(tb_scpi_tmc_answer(answer, 15, 7, &size, &end)); /* without padding */
        g_assert_true(tb_scpi_tmc_answer(answer, sizeof answer, 7, &size, &end));
        g_assert_true(size == 3 && end);
        answer[8] = 2; /* the termination character only */
        g_assert_true(tb_scpi_tmc_answer(answer, sizeof answer, 7, &size, &end));
        g_assert_false(end);
        static const guint8 bad[][2] = {{0, 1}, {2, 0xf7}, {4, 5}, {7, 0xff}}; /* byte, value */
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                guint8 copy[sizeof answer];
                memcpy(copy, answer, sizeof copy);
                copy[bad[i][0]] = bad[i][1];
                g_assert_false(tb_scpi_tmc_answer(copy, sizeof copy, 7, &size, &end));
        }
}

static void endpoint(const char *folder, const char *name, const char *address, const char *attributes)
{
        g_autofree char *dir = g_build_filename(folder, name, NULL);
        g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
        folder_put(dir, "bEndpointAddress", address);
        folder_put(dir, "bmAttributes", attributes);
}

static void test_ends(void)
{
        g_autofree char *devices = folder_new(), *first = g_build_filename(devices, "1-1:1.0", NULL),
                        *second = g_build_filename(devices, "1-1:1.1", NULL);
        TbScpiTmcEnds ends;
        g_assert_cmpint(g_mkdir(first, 0700) | g_mkdir(second, 0700), ==, 0);
        folder_put(first, "bInterfaceClass", "08\n");
        folder_put(second, "bInterfaceClass", "fe\n");
        folder_put(second, "bInterfaceSubClass", "03\n");
        folder_put(second, "bInterfaceNumber", "01\n");
        folder_put(second, "bInterfaceProtocol", "01\n");
        endpoint(second, "ep_83", "83\n", "03\n"); /* its interrupts */
        endpoint(second, "ep_02", "02\n", "02\n");
        g_assert_false(tb_scpi_tmc_ends(devices, "1-1", &ends)); /* nothing to read from */
        endpoint(second, "ep_81", "81\n", "02\n");
        g_assert_true(tb_scpi_tmc_ends(devices, "1-1", &ends));
        g_assert_true(ends.interface == 1 && ends.out == 0x02 && ends.in == 0x81 && ends.usb488);
        g_assert_false(tb_scpi_tmc_ends(devices, "1-1.1", &ends));
        g_assert_false(tb_scpi_tmc_ends(devices, "1", &ends));
        folder_put(second, "bInterfaceSubClass", "01\n"); /* DFU */
        g_assert_false(tb_scpi_tmc_ends(devices, "1-1", &ends));
        folder_remove(devices);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/scpi-tmc/out", test_out);
        g_test_add_func("/scpi-tmc/in", test_in);
        g_test_add_func("/scpi-tmc/ends", test_ends);
        return g_test_run();
}
