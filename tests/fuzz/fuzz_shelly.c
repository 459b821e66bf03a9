/* What a Shelly answers: the first byte says to which question. */
#include <stdint.h>
#include <string.h>

#include "drivers/shelly/shelly_proto.h"

static void check_error(const GError *error)
{
        g_assert_true(error && error->domain == TB_ERROR && g_utf8_validate(error->message, -1, NULL));
}

static void rpc(const char *text, size_t size, GError **error)
{
        ShellyAuth auth = {0};
        ShellyStatus status;
        json_auto_t *result = NULL;
        switch (shelly_rpc_parse(text, size, 1, &result, &auth, error)) {
        case SHELLY_OK: shelly_rpc_parse_switch(result, 0, &status, error); break;
        case SHELLY_CHALLENGE: {
                g_autofree char *request = shelly_rpc_request(1, 0, 1, &auth, "secret", "c");
                json_auto_t *frame = json_loads(request, 0, NULL);
                g_assert_true(json_is_object(json_object_get(frame, "auth")));
                break;
        }
        case SHELLY_BAD: check_error(*error); break;
        }
        shelly_auth_clear(&auth);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 2)
                return 0;
        g_autofree char *copy = g_memdup2(data + 1, size - 1);
        g_autoptr(GError) error = NULL;
        ShellyInfo info;
        ShellyStatus status;
        bool on, overpower, ok = true;
        size--;
        switch (data[0]) {
        case 'i':
                ok = shelly_parse_info(copy, size, &info, &error);
                g_assert_true(!ok ||
                              (info.generation >= 1 && *info.model && g_utf8_validate(info.model, -1, NULL)));
                break;
        case 's': ok = shelly_gen1_parse_status(copy, size, 0, &status, &error); break;
        case 'r': ok = shelly_gen1_parse_relay(copy, size, &on, &overpower, &error); break;
        default: rpc(copy, size, &error); break;
        }
        if (!ok)
                check_error(error);
        return 0;
}
