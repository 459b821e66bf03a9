#include "server/accounts/registered.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "lib/param.h"
#include "lib/server_limits.h"

typedef struct Host {
        char *name;   /* owned */
        char *net;    /* owned */
        json_t *info; /* owned: what is kept of its message */
        gint64 since_ms, seen_ms;
} Host;

struct TbRegistered {
        GTree *hosts; /* name (borrowed from the host) -> owned Host */
};

static Host *host_new(const char *name, const char *net, json_t *info_take, gint64 now_ms)
{
        Host *host = g_new0(Host, 1);
        host->name = g_strdup(name);
        host->net = g_strdup(net);
        host->info = info_take;
        host->since_ms = host->seen_ms = now_ms;
        return host;
}

static void host_free(gpointer p)
{
        Host *host = p;
        g_free(host->name);
        g_free(host->net);
        json_decref(host->info);
        g_free(host);
}

static int by_name(gconstpointer a, gconstpointer b, gpointer user G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

TbRegistered *tb_registered_new(void)
{
        TbRegistered *registered = g_new0(TbRegistered, 1);
        registered->hosts = g_tree_new_full(by_name, NULL, NULL, host_free);
        return registered;
}

void tb_registered_free(TbRegistered *registered)
{
        if (!registered)
                return;
        g_tree_destroy(registered->hosts);
        g_free(registered);
}

static void forget_silent(TbRegistered *registered, gint64 now_ms)
{
        GTreeNode *next;
        for (GTreeNode *n = g_tree_node_first(registered->hosts); n; n = next) {
                const Host *host = g_tree_node_value(n);
                next = g_tree_node_next(n);
                if (now_ms - host->seen_ms >= tb_server_limits.registered_s * 1000)
                        g_tree_remove(registered->hosts, host->name);
        }
}

static Host *find(TbRegistered *registered, const char *name, gint64 now_ms)
{
        forget_silent(registered, now_ms);
        return name ? g_tree_lookup(registered->hosts, name) : NULL;
}

/* --- what is kept --- */
#define TEXT(name_, max_)                                                                                    \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = max_                                          \
        }
static const TbParam device_params[] = {
        {.name = "device_id", .type = TB_PARAM_STRING, .required = true, .min = 1, .max = TB_LIMIT_ID},
        TEXT("device_name", TB_LIMIT_LABEL),
        TEXT("device_model", TB_LIMIT_ID),
        TEXT("device_ip", TB_LIMIT_LABEL),
        {.name = "device_port", .type = TB_PARAM_ANY},
        TEXT("ir_type", TB_LIMIT_ID),
        TB_PARAM_END,
};

/* A port may be a number or its text, as its host's environment had it. */
static bool check_port(json_t *object, const char *field, GError **error)
{
        json_t *port = json_object_get(object, field);
        guint64 number = (guint64)json_integer_value(port);
        if (!port || (json_is_integer(port) && number >= 1 && number <= G_MAXUINT16))
                return true;
        if (json_is_string(port) &&
            g_ascii_string_to_unsigned(json_string_value(port), 10, 1, G_MAXUINT16, &number, NULL)) {
                json_object_set_new(object, field, json_integer((json_int_t)number));
                return true;
        }
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s must be a port number, 1 to 65535", field);
        return false;
}

static json_t *devices_of(json_t *list, GError **error)
{
        json_t *out = json_array(), *device;
        size_t i;
        json_array_foreach (list, i, device) {
                g_autoptr(GError) inner = NULL;
                json_auto_t *known = json_copy(device);
                tb_params_keep_known(device_params, known);
                json_t *valid = tb_params_validate(device_params, known, &inner);
                if (valid && check_port(valid, "device_port", &inner)) {
                        json_array_append_new(out, valid);
                        continue;
                }
                json_decref(valid);
                json_decref(out);
                tb_error_set_field(error, TB_ERROR_INVALID, "devices", "devices[%zu]: %s", i,
                                   tb_error_detail(inner));
                return NULL;
        }
        return out;
}

static json_t *info_of(json_t *message, GError **error)
{
        static const char *const copied[] = {"host_name", "host_url", "host_api_url", "host_port", "host_ip"};
        const char *name = json_string_value(json_object_get(message, "host_name"));
        if (!tb_name_valid(TB_NAME_HOST, name)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "host_name", "a host's name has %s",
                                   tb_name_rule(TB_NAME_HOST));
                return NULL;
        }
        json_t *devices = devices_of(json_object_get(message, "devices"), error);
        if (!devices)
                return NULL;
        json_t *info = json_pack("{s:o, s:I}", "devices", devices, "device_count",
                                 (json_int_t)json_array_size(devices));
        for (gsize i = 0; i < G_N_ELEMENTS(copied); i++)
                if (json_object_get(message, copied[i]))
                        json_object_set(info, copied[i], json_object_get(message, copied[i]));
        if (check_port(info, "host_port", error))
                return info;
        json_decref(info);
        return NULL;
}

/* --- who is there --- */
static guint of_net(TbRegistered *registered, const char *net)
{
        guint n = 0;
        for (GTreeNode *node = g_tree_node_first(registered->hosts); node; node = g_tree_node_next(node))
                n += strcmp(((const Host *)g_tree_node_value(node))->net, net) == 0;
        return n;
}

bool tb_registered_put(TbRegistered *registered, json_t *message, const char *net, gint64 now_ms,
                       GError **error)
{
        json_t *info = info_of(message, error);
        if (!info)
                return false;
        const char *name = json_string_value(json_object_get(info, "host_name"));
        bool known = find(registered, name, now_ms) != NULL;
        if (!known && ((guint)g_tree_nnodes(registered->hosts) >= tb_server_limits.registered ||
                       of_net(registered, net) >= tb_server_limits.registered_of_net)) {
                tb_set_error(error, TB_ERROR_LIMIT,
                             "too many hosts are registered: %d at once, %d of one network; one that is not "
                             "heard of "
                             "for %d s makes room",
                             tb_server_limits.registered, tb_server_limits.registered_of_net,
                             tb_server_limits.registered_s);
                json_decref(info);
                return false;
        }
        Host *host = host_new(name, net, info, now_ms);
        g_tree_replace(registered->hosts, host->name, host);
        return true;
}

bool tb_registered_ping(TbRegistered *registered, const char *name, gint64 now_ms)
{
        Host *host = find(registered, name, now_ms);
        if (host)
                host->seen_ms = now_ms;
        return host != NULL;
}

bool tb_registered_remove(TbRegistered *registered, const char *name, gint64 now_ms)
{
        const Host *host = find(registered, name, now_ms);
        return host && g_tree_remove(registered->hosts, name);
}

static json_t *host_json(const Host *host)
{
        g_autofree char *since = tb_clock_rfc3339(tb_clock_wall_of(host->since_ms));
        json_t *o = json_copy(host->info);
        json_object_set_new(o, "status", json_string("online"));
        json_object_set_new(o, "registered_at", json_string(since));
        json_object_set_new(o, "last_seen", json_real((double)tb_clock_wall_of(host->seen_ms) / 1000));
        return o;
}

json_t *tb_registered_json(TbRegistered *registered, const char *name, gint64 now_ms)
{
        const Host *host = find(registered, name, now_ms);
        return host ? host_json(host) : NULL;
}

json_t *tb_registered_list(TbRegistered *registered, gint64 now_ms)
{
        json_t *list = json_array();
        forget_silent(registered, now_ms);
        for (GTreeNode *n = g_tree_node_first(registered->hosts); n; n = g_tree_node_next(n))
                json_array_append_new(list, host_json(g_tree_node_value(n)));
        return list;
}
