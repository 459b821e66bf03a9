#include "drivers/transport/tty_settings.h"

#include "drivers/transport/sysdev.h"

#define BAUD_TOLERANCE_PERCENT 3

static const char *const parities[] = {[TB_PARITY_NONE] = "none",
                                       [TB_PARITY_ODD] = "odd",
                                       [TB_PARITY_EVEN] = "even",
                                       [TB_PARITY_MARK] = "mark",
                                       [TB_PARITY_SPACE] = "space"};
static const char *const flows[] = {
        [TB_FLOW_NONE] = "none", [TB_FLOW_RTSCTS] = "rtscts", [TB_FLOW_XONXOFF] = "xonxoff"};

bool tb_tty_target_parse(const TbUri *uri, const json_t *params, TbTtyTarget *ret_target, GError **error)
{
        const json_t *interface = json_object_get(params, "interface");
        const char *rule = json_string_value(json_object_get(params, "usb"));
        bool no_path = !uri->path[0] || g_str_equal(uri->path, "/");

        if (rule && (uri->host[0] || !no_path)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "usb",
                                   "the URI names a line already: write %s://?usb=…", uri->scheme);
                return false;
        }
        if (rule && !tb_usbrule_check(rule, error))
                return false;

        if (uri->host[0] && !no_path) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "'%s' and '%s' both name a line: write %s:///dev/… or %s://1-1.4",
                                   uri->host, uri->path, uri->scheme, uri->scheme);
                return false;
        }
        if (uri->host[0] && !tb_sysdev_is_usb_port(uri->host)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "'%s' is no USB port such as 1-1.4 (a file takes three slashes: "
                                   "%s:///dev/ttyUSB0)",
                                   uri->host, uri->scheme);
                return false;
        }
        if (!uri->host[0] && no_path && !rule) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "the URI names no line: write %s:///dev/… or %s://1-1.4", uri->scheme,
                                   uri->scheme);
                return false;
        }
        if (interface && !uri->host[0] && !rule) {
                tb_error_set_field(error, TB_ERROR_INVALID, "interface",
                                   "an interface is only chosen with %s://<USB port>", uri->scheme);
                return false;
        }
        *ret_target = (TbTtyTarget){
                .path = uri->host[0] || rule ? NULL : uri->path,
                .port = uri->host[0] ? uri->host : NULL,
                .rule = rule,
                .interface = interface ? (int)json_integer_value(interface) : -1,
        };
        return true;
}

static int number_of(const json_t *params, const char *name, int fallback)
{
        const json_t *value = json_object_get(params, name);

        if (json_is_boolean(value))
                return json_is_true(value);
        return json_is_integer(value) ? (int)json_integer_value(value) : fallback;
}

static int index_of(const json_t *params, const char *name, const char *const *names, guint n)
{
        const char *text = json_string_value(json_object_get(params, name));

        for (guint i = 0; text && i < n; i++) {
                if (g_str_equal(names[i], text))
                        return (int)i;
        }
        return 0;
}

void tb_tty_settings_of(const json_t *params, TbSerialSettings *ret_settings)
{
        *ret_settings = (TbSerialSettings){
                .baud = number_of(params, "baud", 115200),
                .data_bits = number_of(params, "data_bits", 8),
                .stop_bits = number_of(params, "stop_bits", 1),
                .parity = (TbParity)index_of(params, "parity", parities, G_N_ELEMENTS(parities)),
                .flow = (TbFlow)index_of(params, "flow", flows, G_N_ELEMENTS(flows)),
                .dtr = number_of(params, "dtr", -1),
                .rts = number_of(params, "rts", -1),
                .cts = -1,
                .dsr = -1,
                .dcd = -1,
                .ri = -1,
        };
}

bool tb_tty_settings_check(const TbSerialSettings *s, GError **error)
{
        const char *field = NULL, *range = "0 or 1";

        if (s->baud < 1 || s->baud > TB_TTY_BAUD_MAX)
                field = "baud", range = "1 to " G_STRINGIFY(TB_TTY_BAUD_MAX);
        else if (s->data_bits < 5 || s->data_bits > 8)
                field = "data_bits", range = "5 to 8";
        else if (s->stop_bits < 1 || s->stop_bits > 2)
                field = "stop_bits", range = "1 or 2";
        else if (s->dtr < -1 || s->dtr > 1)
                field = "dtr";
        else if (s->rts < -1 || s->rts > 1)
                field = "rts";
        if (field) {
                tb_error_set_field(error, TB_ERROR_INVALID, field, "%s of a serial line must be %s", field,
                                   range);
                return false;
        }
        return true;
}

char *tb_tty_settings_text(const TbSerialSettings *s)
{
        return g_strdup_printf("%d %d%c%d%s%s", s->baud, s->data_bits, "NOEMS"[s->parity], s -> stop_bits,
                               s -> flow == TB_FLOW_NONE ? "" : " ",
                               s->flow == TB_FLOW_NONE ? "" : flows[s->flow]);
}

bool tb_tty_baud_close(int asked, int got)
{
        gint64 difference = ABS((gint64)asked - got);

        return difference * 100 <= (gint64)asked * BAUD_TOLERANCE_PERCENT;
}

json_t *tb_tty_modem_json(const TbSerialSettings *s)
{
        const struct {
                const char *name;
                int value;
        } lines[] = {{"dtr", s->dtr}, {"rts", s->rts}, {"cts", s->cts},
                     {"dsr", s->dsr}, {"dcd", s->dcd}, {"ri", s->ri}};
        json_t *modem = json_object();

        for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
                if (lines[i].value >= 0)
                        json_object_set_new(modem, lines[i].name, json_boolean(lines[i].value));
        }
        return modem;
}
