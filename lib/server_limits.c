#include "lib/server_limits.h"

TbServerLimits tb_server_limits = {
#define TB_SERVER_LIMIT(name, macro, least, most, help) .name = TB_LIMIT_##macro,
        TB_SERVER_LIMITS(TB_SERVER_LIMIT)
#undef TB_SERVER_LIMIT
};
