#include "host/api/compat/pdudaemon_ask.h"

#include <string.h>

#include "host/api/compat/private.h"
#include "lib/error.h"

static bool take(const char *word, char *ret, gsize size, const char *what, GError **error)
{
        if (!*word || g_strlcpy(ret, word, size) >= size) {
                tb_error_set_field(error, TB_ERROR_INVALID, what, "%s has 1 to %u bytes", what,
                                   (unsigned)size - 1);
                return false;
        }
        return true;
}

bool tb_pdu_ask_parse(const char *text, gsize size, TbPduAsk *ret, GError **error)
{
        const char *end = memchr(text, '\n', size);
        gsize length = end ? (gsize)(end - text) : size;
        if (!g_utf8_validate(text, (gssize)length, NULL)) {
                tb_set_error(error, TB_ERROR_INVALID, "not UTF-8");
                return false;
        }
        g_autofree char *line = g_strstrip(g_strndup(text, length));
        g_auto(GStrv) words = g_strsplit(line, " ", 6);
        guint n = g_strv_length(words);
        guint64 delay = 0;
        if (n < 3 || n > 4) {
                tb_set_error(error, TB_ERROR_INVALID, "\"HOSTNAME PORT COMMAND [DELAY]\" is expected");
                return false;
        }
        *ret = (TbPduAsk){.delay_s = -1};
        if (!take(words[0], ret->hostname, sizeof ret->hostname, "hostname", error) ||
            !take(words[1], ret->port, sizeof ret->port, "port", error) ||
            !take(words[2], ret->command, sizeof ret->command, "command", error))
                return false;
        if (n == 4 && !g_ascii_string_to_unsigned(words[3], 10, 0, TB_LIMIT_CYCLE_OFF_S, &delay, NULL)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "delay", "the delay is 0 to %d s",
                                   TB_LIMIT_CYCLE_OFF_S);
                return false;
        }
        if (n == 4)
                ret->delay_s = (int)delay;
        return true;
}

const char *tb_pdu_ask_verb(const char *command, double delay_s, json_t **ret_params, GError **error)
{
        if (strcmp(command, "on") == 0 || strcmp(command, "off") == 0) {
                *ret_params = json_pack("{s:s}", "state", command);
                return "set";
        }
        if (strcmp(command, "reboot") == 0) {
                *ret_params = json_pack("{s:f}", "off_s", delay_s < 0 ? TB_COMPAT_REBOOT_OFF_S : delay_s);
                return "cycle";
        }
        tb_error_set_field(error, TB_ERROR_NOT_FOUND, "command", "there is no command %.20s: on, off, reboot",
                           command);
        return NULL;
}
