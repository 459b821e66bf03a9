#include "drivers/scpi/scpi_link.h"

#include <string.h>

#include "drivers/scpi/scpi_proto.h"
#include "drivers/transport/finder.h"
#include "drivers/transport/sysdev.h"
#include "drivers/transport/usbrule.h"

static const char *rule_of(const json_t *params)
{
        return json_string_value(json_object_get(params, "usb"));
}

static bool is_usb(const TbUri *uri, const json_t *params)
{
        return rule_of(params) || tb_sysdev_is_usb_port(uri->host);
}

bool tb_scpi_link_check(const TbUri *uri, json_t *params, GError **error)
{
        const char *rule = rule_of(params);
        if (!is_usb(uri, params))
                return tb_line_check(uri, params, error);
        if ((rule && *uri->host) || *uri->path || uri->port >= 0) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "uri",
                        "one instrument: scpi://HOST:PORT, scpi://1-1.4 (a USB port) or scpi://?usb=…");
                return false;
        }
        return !rule || tb_usbrule_check(rule, error);
}

bool tb_scpi_link_open(TbInstance *self, TbIo *io, GError **error)
{
        const char *rule = rule_of(self->params);
        if (!is_usb(self->uri, self->params))
                return tb_line_open(self, io, error);
        g_autofree char *port = rule ? tb_usbrule_find(TB_USBRULE_DEVICES, rule, "instrument", error)
                                     : g_strdup(self->uri->host);
        ((TbScpiLink *)self)->tmc = port ? tb_scpi_tmc_open(port, io, error) : NULL;
        return ((TbScpiLink *)self)->tmc != NULL;
}

void tb_scpi_link_close(TbInstance *self)
{
        g_clear_pointer(&((TbScpiLink *)self)->tmc, tb_scpi_tmc_close);
        tb_line_close(self);
}

bool tb_scpi_link_is_open(const TbScpiLink *link)
{
        return link->tmc || link->line.link;
}

bool tb_scpi_link_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbScpiLink *link = (TbScpiLink *)self;
        return link->tmc ? tb_usbdev_pump(tb_scpi_tmc_device(link->tmc), io, error)
                         : tb_line_pump(self, io, error);
}

bool tb_scpi_link_send(TbScpiLink *link, TbIo *io, const char *message, int timeout_ms, GError **error)
{
        char unasked[4096];
        gssize n = 1;
        bool sent;
        if (!tb_scpi_link_is_open(link)) {
                tb_set_error(error, TB_ERROR_GONE, "%s did not answer: the connection is opened anew",
                             link->line.base.uri->shown);
                return false;
        }
        if (link->tmc) {
                sent = tb_scpi_tmc_send(link->tmc, io, message, timeout_ms, error);
        } else {
                for (guint i = 0; i < 16 && n > 0; i++)
                        n = tb_transport_read_now(link->line.link, unasked, sizeof unasked, error);
                g_autofree char *line = g_strconcat(message, "\n", NULL);
                sent = n >= 0 &&
                       tb_transport_write(link->line.link, io, line, strlen(line), timeout_ms, error);
        }
        if (!sent)
                tb_scpi_link_close(&link->line.base);
        return sent;
}

static char *text_of(const guint8 *data, gsize size)
{
        if (size > 0 && data[size - 1] == '\n')
                size--;
        return tb_scpi_text(data, size > 0 && data[size - 1] == '\r' ? size - 1 : size);
}

static char *receive_line(TbScpiLink *link, TbIo *io, int timeout_ms, GError **error)
{
        g_autoptr(GByteArray) got = g_byte_array_new();
        gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        const char *shown = link->line.base.uri->shown, *why = NULL;
        guint8 some[16384];
        for (;;) {
                gint64 left_ms = (until - g_get_monotonic_time()) / 1000;
                gssize n = tb_transport_read(link->line.link, io, some, sizeof some, (int)MAX(left_ms, 0),
                                             error);
                if (n < 0)
                        return NULL;
                if (n == 0) {
                        tb_set_error(error, TB_ERROR_GONE, "%s: the instrument closed the connection", shown);
                        return NULL;
                }
                g_byte_array_append(got, some, (guint)n);
                gssize whole = tb_scpi_response(got->data, got->len, &why);
                if (whole < 0) {
                        tb_set_error(error, TB_ERROR_DEVICE, "%s: %s", shown, why);
                        return NULL;
                }
                if (whole > 0)
                        return text_of(got->data, (gsize)whole);
        }
}

char *tb_scpi_link_receive(TbScpiLink *link, TbIo *io, int timeout_ms, GError **error)
{
        if (!link->tmc)
                return receive_line(link, io, timeout_ms, error);
        g_autoptr(GByteArray) got = tb_scpi_tmc_receive(link->tmc, io, timeout_ms, error);
        return got ? text_of(got->data, got->len) : NULL;
}

char *tb_scpi_link_status(TbScpiLink *link, TbIo *io)
{
        return link->tmc ? tb_scpi_tmc_status(link->tmc, io) : NULL;
}

/* --- discovery --- */
/* Fit for a value of a URI's query, and of a rule, as it is. */
static bool is_plain(const char *text)
{
        for (const char *c = text; *c; c++)
                if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
                        return false;
        return *text != '\0';
}

static void offer(TbFinder *finder, const char *port)
{
        g_autofree char *dir = g_build_filename(TB_USBRULE_DEVICES, port, NULL),
                        *vendor = tb_sysdev_attr(dir, "idVendor"),
                        *product = tb_sysdev_attr(dir, "idProduct"), *serial = tb_sysdev_attr(dir, "serial"),
                        *model = tb_sysdev_attr(dir, "product"), *maker = tb_sysdev_attr(dir, "manufacturer");
        bool named = serial && is_plain(serial) && vendor && product;
        g_autofree char *uri = named ? g_strdup_printf("scpi://?usb=%s:%s,serial=%s", vendor, product, serial)
                                     : g_strdup_printf("scpi://%s", port),
                        *label =
                                g_strdup_printf("Instrument %s %s", maker ? maker : "", model ? model : port),
                        *why = g_strdup_printf(
                                "the USB device at port %s is an instrument (USBTMC); found again by its %s",
                                port, named ? "maker, product and serial number" : "port");
        json_t *properties = json_pack("{s:s}", "kind", "instrument");
        tb_offers_set(properties, "usb_port", port);
        tb_offers_set(properties, "manufacturer", maker);
        tb_offers_set(properties, "product", model);
        tb_offers_set(properties, "serial", serial);
        tb_offers_add(finder->offers, uri, label, why, properties);
}

static bool look(TbFinder *finder, TbIo *io G_GNUC_UNUSED, bool all G_GNUC_UNUSED, GError **error)
{
        g_autoptr(GPtrArray) names = tb_sysdev_names(TB_USBRULE_DEVICES, error);
        for (guint i = 0; names && i < names->len; i++) {
                TbScpiTmcEnds ends;
                if (tb_sysdev_is_usb_port(names->pdata[i]) &&
                    tb_scpi_tmc_ends(TB_USBRULE_DEVICES, names->pdata[i], &ends))
                        offer(finder, names->pdata[i]);
        }
        return names != NULL;
}

static const TbFinderOps finder_ops = {
        .source = TB_HOTPLUG_SETTLED, .subsystems = (const char *const[]){"usb", NULL}, .look = look};

TB_FINDER_DISCOVERY(tb_scpi_discovery, finder_ops);
