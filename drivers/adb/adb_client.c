#include "drivers/adb/adb_client.h"

#include <errno.h>
#include <string.h>

#include "drivers/adb/adb_proto.h"
#include "drivers/adb/adb_serial.h"
#include "drivers/transport/transport.h"
#include "lib/net.h"

#define DEFAULT_PORT 5037
#define DIAL_MS 3000
#define SERVER_WAIT_MS 3000 /* a server that the discovery worker is starting gets this long */
#define READY_WAIT_MS 3000  /* a phone that was just connected gets this long to say hello */
#define STEP_MS 100
#define CONNECT_PAUSE_MS 2000
#define RECONNECT_PAUSE_MS 3000 /* by network: costs nobody anything */
#define REPLUG_PAUSE_MS 30000   /* by USB: resets the device, which other programs may be using */

/* --- target --- */

bool tb_adb_parse_server(const char *text, char **ret_host, guint16 *ret_port, GError **error)
{
        const char *colon;
        guint64 port = DEFAULT_PORT;

        if (text == NULL || *text == '\0')
                text = g_getenv("ADB_HOST");
        if (text == NULL || *text == '\0')
                text = "127.0.0.1";
        if (g_str_has_prefix(text, "tcp:"))
                text += strlen("tcp:");
        colon = strrchr(text, ':');
        if (colon != NULL && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "server",
                                   "\"%s\" is not host:port of an adb server", text);
                return false;
        }
        *ret_port = (guint16)port;
        *ret_host = colon == NULL   ? g_strdup(text)
                    : colon == text ? g_strdup("127.0.0.1")
                                    : g_strndup(text, (gsize)(colon - text));
        return true;
}

bool tb_adb_target_init(TbAdbTarget *target, const TbInstance *instance, GError **error)
{
        const TbUri *uri = instance->uri;

        tb_adb_target_clear(target);
        if (!tb_adb_parse_server(json_string_value(json_object_get(instance->params, "server")),
                                 &target->host, &target->port, error))
                return false;
        target->local = tb_address_is_loopback(target->host);
        target->network = uri->port >= 0;
        target->serial = tb_adb_serial(uri, instance->params, error);
        return target->serial != NULL;
}

void tb_adb_target_clear(TbAdbTarget *target)
{
        g_clear_pointer(&target->host, g_free);
        g_clear_pointer(&target->serial, g_free);
        target->features = 0;
}

/* --- talking to the server --- */

bool tb_adb_server_up(TbIo *io, const char *host, guint16 port)
{
        g_autoptr(TbTransport) link = tb_transport_tcp(io, host, port, DIAL_MS, NULL);

        return link != NULL;
}

static TbTransport *dial(TbIo *io, const TbAdbTarget *target, GError **error)
{
        g_autoptr(GError) why = NULL;
        int waited = 0;

        for (;;) {
                TbTransport *link = tb_transport_tcp(io, target->host, target->port, DIAL_MS, &why);

                if (link != NULL)
                        return link;
                if (!g_error_matches(why, TB_ERROR, TB_ERROR_GONE) || !target->local ||
                    waited >= SERVER_WAIT_MS)
                        break;
                g_clear_error(&why);
                if (!tb_io_sleep(io, STEP_MS, error))
                        return NULL;
                waited += STEP_MS;
        }
        tb_error_prefix(&why, "%s%sadb server ", target->serial != NULL ? target->serial : "",
                        target->serial != NULL ? ": " : "");
        if (target->local && g_error_matches(why, TB_ERROR, TB_ERROR_GONE))
                tb_error_suffix(&why, " (\"adb start-server\" starts one)");
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
}

/* Reads OKAY or FAIL + message. *ret_fail is owned and set when the answer was FAIL. */
static bool read_status(TbTransport *link, TbIo *io, int timeout_ms, char **ret_fail, GError **error)
{
        guint8 data[8 + TB_ADB_SERVICE_MAX];
        gsize have = 4;
        bool ok = false;
        gssize n;

        if (!tb_transport_read_exact(link, io, data, 4, timeout_ms, error))
                return false;
        n = tb_adb_parse_status(data, have, &ok, ret_fail);
        if (n == 0) { /* FAIL: the length, then the message */
                if (!tb_transport_read_exact(link, io, data + 4, 4, timeout_ms, error))
                        return false;
                g_autofree char *digits = g_strndup((const char *)data + 4, 4);
                gsize length = (gsize)g_ascii_strtoull(digits, NULL, 16);

                have = 8 + MIN(length, TB_ADB_SERVICE_MAX);
                if (!tb_transport_read_exact(link, io, data + 8, have - 8, timeout_ms, error))
                        return false;
                n = tb_adb_parse_status(data, have, &ok, ret_fail);
        }
        if (n > 0)
                return true;
        tb_set_error(error, TB_ERROR_DEVICE, "what answers at %s is no adb server: is the port right?",
                     tb_transport_name(link));
        return false;
}

/* Sends a request; false with an error, or with *ret_fail when the server refused it. */
static bool request(TbTransport *link, TbIo *io, const char *service, int timeout_ms, char **ret_fail,
                    GError **error)
{
        g_autofree char *text = tb_adb_request(service);

        if (text == NULL) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "a command for adb is limited to %d bytes",
                             TB_ADB_SERVICE_MAX - 100);
                return false;
        }
        if (!tb_transport_write(link, io, text, strlen(text), timeout_ms, error))
                return false;
        return read_status(link, io, timeout_ms, ret_fail, error) && *ret_fail == NULL;
}

static void fail_error(const TbAdbTarget *target, const char *fail, GError **error)
{
        const char *about = target->serial != NULL ? target->serial : "the adb server";

        if (strstr(fail, "unauthorized") != NULL)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s: unauthorized: allow USB debugging on the phone's screen", about);
        else if (strcmp(fail, "closed") ==
                 0) /* every phone has the services we ask for: its connection is breaking */
                tb_set_error(error, TB_ERROR_GONE, "%s closed the connection", about);
        else if (strstr(fail, "not found") != NULL || strstr(fail, "offline") != NULL ||
                 strstr(fail, "authorizing") != NULL || strstr(fail, "no devices") != NULL ||
                 strstr(fail, "connecting") != NULL)
                tb_set_error(error, TB_ERROR_GONE, "%s: %s", about, fail);
        else
                tb_set_error(error, TB_ERROR_DEVICE, "%s: %s", about, fail);
}

char *tb_adb_read_text(TbTransport *link, TbIo *io, int timeout_ms, GError **error)
{
        guint8 data[4 + TB_ADB_SERVICE_MAX];
        char *text = NULL;

        if (!tb_transport_read_exact(link, io, data, 4, timeout_ms, error))
                return NULL;
        if (tb_adb_parse_text(data, 4, &text) == 0) {
                g_autofree char *digits = g_strndup((const char *)data, 4);
                gsize length = (gsize)g_ascii_strtoull(digits, NULL, 16);

                if (!tb_transport_read_exact(link, io, data + 4, length, TB_ADB_ANSWER_MS, error))
                        return NULL;
                tb_adb_parse_text(data, 4 + length, &text);
        }
        if (text == NULL)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the adb server at %s answers what is not ADB: is it of another program?",
                             tb_transport_name(link));
        return text;
}

TbTransport *tb_adb_host_service(TbIo *io, const TbAdbTarget *target, const char *service, GError **error)
{
        g_autoptr(TbTransport) link = dial(io, target, error);
        g_autofree char *fail = NULL;

        if (link == NULL)
                return NULL;
        if (!request(link, io, service, TB_ADB_CONNECT_MS, &fail, error)) {
                if (fail != NULL)
                        fail_error(target, fail, error);
                return NULL;
        }
        return g_steal_pointer(&link);
}

char *tb_adb_query(TbIo *io, const TbAdbTarget *target, const char *service, int timeout_ms, GError **error)
{
        g_autoptr(TbTransport) link = tb_adb_host_service(io, target, service, error);

        return link != NULL ? tb_adb_read_text(link, io, timeout_ms, error) : NULL;
}

/* --- healing --- */

/* When a phone was last told to connect, for all lanes of all devices: four lanes must not heal one phone
 * four times. */
static TbMutex heal_lock = {PTHREAD_MUTEX_INITIALIZER};
static GHashTable
        *heal_times; /* owned; serial -> gint64 *, protected by heal_lock; lives as long as the process */

static bool may_heal(const char *serial, int pause_ms)
{
        gint64 now = g_get_monotonic_time(), *last;
        bool yes;

        tb_mutex_lock(&heal_lock);
        if (heal_times == NULL)
                heal_times = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        last = g_hash_table_lookup(heal_times, serial);
        yes = last == NULL || now - *last >= (gint64)pause_ms * 1000;
        if (last == NULL)
                g_hash_table_insert(heal_times, g_strdup(serial), last = g_new0(gint64, 1));
        if (yes)
                *last = now;
        tb_mutex_unlock(&heal_lock);
        return yes;
}

/* Does what can be done about `why`. True: worth another try. */
static bool heal(TbIo *io, const TbAdbTarget *target, const GError *why)
{
        bool offline = strstr(why->message, "offline") != NULL;
        g_autofree char *connect = g_strdup_printf("host:connect:%s", target->serial);
        g_autofree char *disconnect = g_strdup_printf("host:disconnect:%s", target->serial);
        g_autofree char *reconnect = g_strdup_printf("host-serial:%s:reconnect", target->serial);
        g_autofree char *answer = NULL, *ignored = NULL;
        int pause = !offline ? CONNECT_PAUSE_MS : target->network ? RECONNECT_PAUSE_MS : REPLUG_PAUSE_MS;

        if (!g_error_matches(why, TB_ERROR, TB_ERROR_GONE))
                return false;
        if (!target->network && !offline)
                return false; /* a phone that is not plugged in */
        if (!may_heal(target->serial, pause))
                return tb_io_sleep(io, STEP_MS, NULL); /* another lane is at it */
        if (!target->network) {
                answer = tb_adb_query(io, target, reconnect, TB_ADB_ANSWER_MS, NULL);
                return answer != NULL;
        }
        if (offline)
                ignored = tb_adb_query(io, target, disconnect, TB_ADB_ANSWER_MS, NULL);
        answer = tb_adb_query(io, target, connect, TB_ADB_CONNECT_MS, NULL);
        return answer != NULL &&
               (g_str_has_prefix(answer, "connected") || g_str_has_prefix(answer, "already connected"));
}

/* A connection that talks to the phone. */
static TbTransport *try_transport(TbIo *io, const TbAdbTarget *target, GError **error)
{
        g_autofree char *service = g_strdup_printf("host:transport:%s", target->serial);

        return tb_adb_host_service(io, target, service, error);
}

static TbTransport *open_transport(TbIo *io, const TbAdbTarget *target, GError **error)
{
        g_autoptr(GError) why = NULL;
        TbTransport *link = try_transport(io, target, &why);
        int waited = 0;

        if (link != NULL)
                return link;
        if (heal(io, target, why)) {
                do {
                        g_clear_error(&why);
                        link = try_transport(io, target, &why);
                        if (link != NULL || !g_error_matches(why, TB_ERROR, TB_ERROR_GONE))
                                break;
                        waited += STEP_MS;
                } while (waited <= READY_WAIT_MS && tb_io_sleep(io, STEP_MS, NULL));
        }
        if (link == NULL)
                g_propagate_error(error, g_steal_pointer(&why));
        return link;
}

static TbTransport *try_service(TbIo *io, const TbAdbTarget *target, const char *service, GError **error)
{
        g_autoptr(TbTransport) link = open_transport(io, target, error);
        g_autofree char *fail = NULL;

        if (link == NULL)
                return NULL;
        tb_transport_rename(link, target->serial); /* what breaks from here on is the phone */
        if (!request(link, io, service, TB_ADB_ANSWER_MS, &fail, error)) {
                if (fail != NULL)
                        fail_error(target, fail, error);
                return NULL;
        }
        return g_steal_pointer(&link);
}

TbTransport *tb_adb_service(TbIo *io, const TbAdbTarget *target, const char *service, GError **error)
{
        g_autoptr(GError) why = NULL;
        TbTransport *link = try_service(io, target, service, &why);

        /* a connection that has just died looks alive to the server until somebody uses it */
        if (link == NULL && g_error_matches(why, TB_ERROR, TB_ERROR_GONE) &&
            strstr(why->message, "closed") != NULL && tb_io_sleep(io, 2 * STEP_MS, NULL)) {
                g_clear_error(&why);
                link = try_service(io, target, service, &why);
        }
        if (link == NULL)
                g_propagate_error(error, g_steal_pointer(&why));
        return link;
}

bool tb_adb_prepare(TbIo *io, TbAdbTarget *target, GError **error)
{
        static const struct {
                const char *name;
                guint bit;
        } known[] = {{"shell_v2", TB_ADB_SHELL_V2},
                     {"stat_v2", TB_ADB_STAT_V2},
                     {"ls_v2", TB_ADB_LS_V2},
                     {"cmd", TB_ADB_CMD}};
        g_autoptr(TbTransport) link = open_transport(io, target, error);
        g_autofree char *service = g_strdup_printf("host-serial:%s:features", target->serial), *text = NULL;

        if (link == NULL)
                return false;
        text = tb_adb_query(io, target, service, TB_ADB_ANSWER_MS, error);
        if (text == NULL)
                return false;
        g_auto(GStrv) words = g_strsplit(text, ",", -1);
        target->features = 0;
        for (guint i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_strv_contains((const char *const *)words, known[i].name))
                        target->features |= known[i].bit;
        if ((target->features & TB_ADB_SHELL_V2) != 0)
                return true;
        tb_set_error(error, TB_ERROR_DEVICE, "%s has no shell_v2: Android 7 or newer is needed",
                     target->serial);
        return false;
}
