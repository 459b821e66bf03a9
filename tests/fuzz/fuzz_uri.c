/* Attach URIs. What parses must redact without its secrets, and the redacted text of a URI without secrets is
 * the URI. */
#include <stdint.h>
#include <string.h>

#include "lib/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(TbUri) uri = tb_uri_parse(text, NULL);
        if (!uri)
                return 0;
        g_autofree char *shown = tb_uri_redacted(uri, (const char *const[]){"password", NULL});
        g_autofree char *same = tb_uri_redacted(uri, NULL);
        if (!uri->password && !strchr(text, '?'))
                g_assert_cmpstr(same, ==, text);
        g_assert_true(g_utf8_validate(uri->host, -1, NULL) && g_utf8_validate(uri->path, -1, NULL));
        return 0;
}
