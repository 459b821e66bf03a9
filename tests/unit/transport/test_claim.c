/* One outlet, one attachment. */
#include "drivers/transport/claim.h"

static void test_claim(void)
{
        TbInstance a = {.device = "rpi"}, b = {.device = "psu"}, c = {.device = "all"};
        g_autoptr(GError) error = NULL, whole = NULL;
        g_assert_true(tb_claim_take(&a, "usb 1-1", 1, "relay 1", NULL));
        g_assert_true(tb_claim_take(&b, "usb 1-1", 2, "relay 2", NULL)); /* its neighbour */
        g_assert_true(tb_claim_take(&b, "usb 1-2", 1, "relay 1", NULL)); /* another board */
        g_assert_false(tb_claim_take(&b, "usb 1-1", 1, "relay 1 at 1-1", &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        g_assert_cmpstr(tb_error_detail(error), ==, "relay 1 at 1-1 belongs to the device \"rpi\"");
        g_assert_false(
                tb_claim_take(&c, "usb 1-1", 0xf, "a relay", &whole)); /* all, of which some are taken */
        tb_claim_leave(&a);
        tb_claim_leave(&b);
        g_assert_true(tb_claim_take(&c, "usb 1-1", 0xf, "a relay", NULL));
        g_assert_false(tb_claim_take(&a, "usb 1-1", 8, "relay 4", NULL));
        tb_claim_leave(&c);
        tb_claim_leave(&c);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/claim/one", test_claim);
        return g_test_run();
}
