/*
 * Linked with every C test: what the code under test logs is not shown while the test passes. tests/run.mjs runs one that failed
 * again with LOG_LEVEL=debug, and keeps what it says.
 */
#include "lib/log.h"

__attribute__((constructor)) static void be_quiet(void)
{
        TbLogLevel level = TB_LOG_ERROR;
        const char *asked = g_getenv("LOG_LEVEL");
        if (asked)
                tb_log_level_parse(asked, &level);
        tb_log_init(level, false);
}
