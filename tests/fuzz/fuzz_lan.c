/* What answers a broadcast: the first byte says whose probe it is (k: Kasa, t: Tapo, s: Seestar). */
#include <stdint.h>
#include <string.h>

#include "drivers/driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *name = size < 1 || data[0] == 's' ? "seestar" : data[0] == 'k' ? "kasa" : "tapo";
        const TbDriver *driver = size < 1 ? NULL : tb_driver_find(name);
        TbLanOffer offer = {0};
        if (!driver || !driver->probes->answer(data + 1, size - 1, "10.0.0.9", &offer))
                return 0;
        TbUri *uri = tb_uri_parse(offer.uri, NULL);
        g_assert_true(uri && tb_driver_find(uri->scheme)); /* a Kasa of newer firmware answers as Tapos do */
        g_assert_true(g_utf8_validate(offer.label, -1, NULL) && g_utf8_validate(offer.why, -1, NULL));
        tb_uri_free(uri);
        tb_lan_offer_clear(&offer);
        return 0;
}
