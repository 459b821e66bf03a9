#include <stdint.h>
#include <string.h>

#include "host/bridge/message.h"
#include "lib/error.h"
#include "lib/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted has what its type needs; what was refused says why, in UTF-8. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        g_auto(TbBridgeMessage) m = {0};
        g_autofree char *text = g_strndup((const char *)data, size);
        g_auto(TbBridgeMessage) request = {0};
        if (tb_bridge_parse_request(data, size, &request, NULL))
                g_assert(request.method && g_str_has_prefix(request.path, "/host/") &&
                         request.role >= TB_ROLE_VIEWER && request.length >= -1);
        bool ok = tb_bridge_parse(text, size, &m, &error);
        g_assert(ok == (error == NULL));
        if (!ok) {
                g_assert(g_utf8_validate(error->message, -1, NULL));
                return 0;
        }
        if (m.type == TB_BRIDGE_OFFER || m.type == TB_BRIDGE_ICE || m.type == TB_BRIDGE_BYE ||
            m.type == TB_BRIDGE_CONTROL)
                g_assert(m.session && m.peer);
        if (m.type == TB_BRIDGE_READY || m.type == TB_BRIDGE_PEER_CONNECTED) {
                g_auto(GStrv) servers = tb_ice_uris(m.ice_servers);
                g_assert(g_strv_length(servers) <= 8);
        }
        return 0;
}
