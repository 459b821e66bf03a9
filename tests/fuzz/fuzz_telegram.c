/* What Telegram tells the bot: any JSON is somebody's /start or nothing. */
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "server/notify/notify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_auto_t *update = tb_json_parse((const char *)data, size, NULL);
        gint64 number = -2;
        TbTelegramStart start = {0};
        if (tb_telegram_start(update, &number, &start)) {
                g_assert_true(start.chat && *start.chat && strlen(start.token) <= 64);
                g_assert_true(!start.username || g_utf8_validate(start.username, -1, NULL));
        } else
                g_assert_null(start.chat);
        g_assert_cmpint(number, >=, -1);
        tb_telegram_start_clear(&start);
        return 0;
}
