/* The line that a connection of another server begins with. */
#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "server/cluster/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *line = g_strndup((const char *)data, MIN(size, TB_ENTRY_LINE));
        TbClient client;
        struct sockaddr_storage address;
        if (tb_entry_line_parse(line, "secret", &client))
                g_assert_true(tb_address_parse(client.peer, &address));
        return 0;
}
