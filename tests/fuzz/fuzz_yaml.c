#include "lib/yaml.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/param.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TbYaml) yaml = tb_yaml_parse("fuzz", (const char *)data, size, &error);
        g_assert((yaml == NULL) == (error != NULL));
        if (error)
                g_assert(g_utf8_validate(error->message, -1, NULL));
        if (!yaml)
                return 0;
        char *text =
                json_dumps(tb_yaml_root(yaml), JSON_ENCODE_ANY); /* the tree must be one that JSON can say */
        g_assert(text);
        free(text);
        return 0;
}
