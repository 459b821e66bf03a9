#include "drivers/usbrelay/usbrelay_board.h"

#include <string.h>

#include "drivers/transport/finder.h"
#include "drivers/transport/gate.h"
#include "drivers/transport/sysdev.h"
#include "drivers/transport/usbrule.h"

#define ID "16c0:05df"
#define WHAT "relay board"
#define ANSWER_MS 1000 /* a low speed device that does all in software: it loses a request now and then */
#define TRIES 3
/* To the device, as V-USB's own host side does it: an interface would have to be taken from the kernel's driver first. */
#define READ ((TbUsbdevRequest){.type = 0xa0, .request = 1, .value = 0x0300})
#define WRITE ((TbUsbdevRequest){.type = 0x20, .request = 9, .value = 0x0300})

static char *product_of(const char *port)
{
        g_autofree char *dir = g_build_filename(TB_USBRULE_DEVICES, port, NULL);
        return tb_sysdev_attr(dir, "product");
}

GPtrArray *tb_usbrelay_ports(GError **error)
{
        GPtrArray *ports = tb_usbrule_ports(TB_USBRULE_DEVICES, ID);
        if (!ports)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot look for USB devices in %s",
                             TB_USBRULE_DEVICES);
        for (guint i = ports ? ports->len : 0; i-- > 0;) {
                g_autofree char *product = product_of(ports->pdata[i]);
                if (tb_usbrelay_count(product) == 0)
                        g_ptr_array_remove_index(ports, i);
        }
        return ports;
}

TbUsbdev *tb_usbrelay_open(const char *port, guint *ret_count, GError **error)
{
        g_autofree char *product = product_of(port), *dir = g_build_filename(TB_USBRULE_DEVICES, port, NULL);
        *ret_count = tb_usbrelay_count(product);
        if (*ret_count > 0)
                return tb_usbdev_open(port, error);
        if (!g_file_test(dir, G_FILE_TEST_IS_DIR))
                tb_set_error(error, TB_ERROR_GONE, "no USB device at %s", port);
        else
                tb_set_error(
                        error, TB_ERROR_UNPROCESSABLE,
                        "the USB device at %s is no relay board: it calls itself \"%s\", not USBRelay1 to "
                        "USBRelay8",
                        port, product ? product : "");
        return NULL;
}

/* --- asking it --- */
static bool again(const GError *why)
{
        return g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT) ||
               g_error_matches(why, TB_ERROR, TB_ERROR_DEVICE) ||
               g_error_matches(why, TB_ERROR, TB_ERROR_UNSUPPORTED);
}

static gssize transfer(TbUsbdev *board, TbIo *io, TbUsbdevRequest request, guint8 *data, GError **error)
{
        for (int i = 1;; i++) {
                GError *why = NULL;
                guint8 copy[TB_USBRELAY_REPORT];
                memcpy(copy, data, sizeof copy);
                gssize n = tb_usbdev_control(board, io, request, copy, sizeof copy, ANSWER_MS, &why);
                if (n >= 0) {
                        memcpy(data, copy, sizeof copy);
                        return n;
                }
                if (i == TRIES || !again(why) || g_get_monotonic_time() >= io->deadline_us) {
                        g_propagate_error(error, why);
                        return -1;
                }
                g_error_free(why);
        }
}

static gssize alone(TbUsbdev *board, TbIo *io, TbUsbdevRequest request, guint8 *data, GError **error)
{
        g_autofree char *key = g_strdup_printf("usb %s", tb_usbdev_port(board));
        if (!tb_gate_enter(io, key, io->in_pump, error))
                return -1;
        gssize n = transfer(board, io, request, data, error);
        tb_gate_leave(key);
        return n;
}

bool tb_usbrelay_read(TbUsbdev *board, TbIo *io, TbUsbrelayState *ret, GError **error)
{
        guint8 data[TB_USBRELAY_REPORT] = {0};
        gssize n = alone(board, io, READ, data, error);
        if (n < 0)
                return false;
        if (tb_usbrelay_parse(data, (gsize)n, ret))
                return true;
        tb_set_error(
                error, TB_ERROR_DEVICE,
                "the relay board at USB port %s answers with something else than its number and its relays",
                tb_usbdev_port(board));
        return false;
}

bool tb_usbrelay_write(TbUsbdev *board, TbIo *io, int relay, bool on, GError **error)
{
        guint8 data[TB_USBRELAY_REPORT];
        tb_usbrelay_request(relay, on, data);
        return alone(board, io, WRITE, data, error) >= 0;
}

/* --- finding it --- */
static bool number_at(TbIo *io, const char *port, char *ret_number, GError **error)
{
        guint count;
        TbUsbrelayState state;
        TbUsbdev *board = tb_usbrelay_open(port, &count, error);
        bool ok = board && tb_usbrelay_read(board, io, &state, error);
        tb_usbdev_close(board);
        if (ok)
                g_strlcpy(ret_number, state.number, TB_USBRELAY_NUMBER + 1);
        return ok;
}

char *tb_usbrelay_find(TbIo *io, const char *number, GError **error)
{
        g_autoptr(GPtrArray) ports = tb_usbrelay_ports(error);
        g_autoptr(GError) deaf = NULL;
        g_autofree char *found = NULL;
        g_autoptr(GString) others = g_string_new(NULL);
        for (guint i = 0; ports && i < ports->len; i++) {
                char own[TB_USBRELAY_NUMBER + 1];
                const char *port = ports->pdata[i];
                if (!number_at(io, port, own, deaf ? NULL : &deaf))
                        continue;
                if (strcmp(own, number) != 0) {
                        g_string_append_printf(others, "%s%s", others->len > 0 ? ", " : "", own);
                } else if (found) {
                        tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                                     "two relay boards have the number %s (at %s and %s): attach them by "
                                     "their USB "
                                     "ports",
                                     number, found, port);
                        return NULL;
                } else {
                        found = g_strdup(port);
                }
        }
        if (found || !ports)
                return g_steal_pointer(&found);
        if (deaf) {
                g_propagate_error(error, g_steal_pointer(&deaf));
                tb_error_prefix(error, "looking for the relay board %s: ", number);
                return NULL;
        }
        tb_set_error(error, TB_ERROR_GONE, "no relay board with the number %s is plugged in%s%s%s", number,
                     others->len > 0 ? " (there are " : "", others->str, others->len > 0 ? ")" : "");
        return NULL;
}

/* --- discovery --- */
typedef struct Find {
        TbFinder finder;
        GHashTable *numbers; /* "1-1.4 7" (port, device number) -> its number; "": it did not say */
} Find;

/* Asked once for each time that it is plugged in. Borrowed. */
static const char *number_of(Find *f, TbIo *io, const char *port)
{
        g_autofree char *dir = g_build_filename(TB_USBRULE_DEVICES, port, NULL),
                        *device = tb_sysdev_attr(dir, "devnum");
        char *key = g_strdup_printf("%s %s", port, device ? device : "");
        const char *known = g_hash_table_lookup(f->numbers, key);
        if (known) {
                g_free(key);
                return known;
        }
        char number[TB_USBRELAY_NUMBER + 1] = "";
        (void)number_at(io, port, number, NULL);
        for (const char *c = number; *c; c++)
                if (!g_ascii_isalnum(*c)) /* fit for a URI as it is */
                        number[0] = '\0';
        char *value = g_strdup(number);
        g_hash_table_replace(f->numbers, key, value);
        return value;
}

static void offer(Find *f, const char *port, const char *number)
{
        g_autofree char *product = product_of(port);
        guint count = tb_usbrelay_count(product);
        for (guint relay = 1; relay <= count; relay++) {
                g_autofree char
                        *uri = g_strdup_printf("usbrelay://%s?relay=%u", number ? number : port, relay),
                        *label = g_strdup_printf("Relay %u of %s %s", relay, product, number ? number : ""),
                        *why = g_strdup_printf(
                                "a relay board at USB port %s with %u relays; %s", port, count,
                                number ? "found again by its own number, wherever it is plugged in"
                                       : "by its port, as it does not say its number, or another one has "
                                         "the same");
                json_t *properties = json_pack("{s:s, s:i}", "kind", "power", "relay", (int)relay);
                tb_offers_set(properties, "usb_port", port);
                tb_offers_set(properties, "product", product);
                tb_offers_set(properties, "serial", number);
                tb_offers_add(f->finder.offers, uri, g_strchomp(label), why, properties);
        }
}

static bool look(TbFinder *finder, TbIo *io, bool all G_GNUC_UNUSED, GError **error)
{
        Find *f = (Find *)finder;
        g_autoptr(GPtrArray) ports = tb_usbrelay_ports(error);
        if (!ports)
                return false;
        if (ports->len == 0)
                g_hash_table_remove_all(f->numbers);
        for (guint i = 0; i < ports->len; i++) {
                const char *number = number_of(f, io, ports->pdata[i]);
                bool alone = *number != '\0';
                for (guint k = 0; k < ports->len && alone; k++)
                        alone = k == i || strcmp(number_of(f, io, ports->pdata[k]), number) != 0;
                offer(f, ports->pdata[i], alone ? number : NULL);
        }
        return true;
}

static const TbFinderOps finder_ops = {
        .source = TB_HOTPLUG_SETTLED, .subsystems = (const char *const[]){"usb", NULL}, .look = look};

static bool find_open(TbDiscovery *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        Find *f = (Find *)self;
        f->numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return tb_finder_open(&f->finder, &finder_ops, error);
}

static void find_close(TbDiscovery *self)
{
        tb_finder_discovery_close(self);
        g_clear_pointer(&((Find *)self)->numbers, g_hash_table_unref);
}

const TbDiscoveryOps tb_usbrelay_discovery = {
        .size = sizeof(Find), .open = find_open, .pump = tb_finder_discovery_pump, .close = find_close};
