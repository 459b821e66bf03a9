#include "drivers/_template/line/template_proto.h"

#include <math.h>
#include <string.h>

#include "lib/error.h"

char *tb_template_request_set(int outlet, bool on)
{
        return g_strdup_printf("set %d %s\n", outlet, on ? "on" : "off");
}

char *tb_template_request_get(int outlet)
{
        return g_strdup_printf("get %d\n", outlet);
}

static bool bad(const char *line, GError **error)
{
        g_autofree char *shown = g_utf8_make_valid(line, (gssize)MIN(strlen(line), 80));
        tb_set_error(error, TB_ERROR_DEVICE, "the device answered \"%s\"", shown);
        return false;
}

bool tb_template_parse(const char *line, TbTemplateState *ret, GError **error)
{
        if (g_str_has_prefix(line, "error ")) {
                g_autofree char *shown = g_utf8_make_valid(line + 6, (gssize)MIN(strlen(line + 6), 80));
                tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the device refused: %s", shown);
                return false;
        }
        bool on = g_str_has_prefix(line, "on");
        if (!on && !g_str_has_prefix(line, "off"))
                return bad(line, error);
        TbTemplateState state = {on, NAN};
        const char *rest = line + (on ? 2 : 3);
        if (*rest) {
                char *end;
                if (*rest != ' ' || !g_ascii_isdigit(rest[1]))
                        return bad(line, error);
                state.watts = g_ascii_strtod(rest + 1, &end);
                if (*end || !isfinite(state.watts))
                        return bad(line, error);
        }
        *ret = state;
        return true;
}
