#include "server/accounts/reach.h"

#include <string.h>

#include "lib/http/route.h"
#include "lib/name.h"

#define DEVICES "/host/devices/"
#define EVENTS "/host/events"

/* The one device of "/host/events?device=board"; named twice, or otherwise than plainly, it is none. */
static char *device_of_query(const char *query)
{
        g_auto(GStrv) fields = g_strsplit(query ? query : "", "&", 0);
        const char *found = NULL;
        for (char **f = fields; *f; f++) {
                if (g_str_has_prefix(*f, "device=") && !found)
                        found = *f + strlen("device=");
                else if (strchr(*f, '%') || g_str_has_prefix(*f, "device"))
                        return NULL; /* it may be another `device` */
        }
        return tb_name_valid(TB_NAME_ID, found) ? g_strdup(found) : NULL;
}

/* Whatever a host or a proxy before it makes of dots and slashes in a segment, the path stays that of its device. */
static bool is_plain(const char *path)
{
        g_auto(GStrv) parts = g_strsplit(path, "/", -1);
        for (char **part = parts; *part; part++) {
                g_autofree char *plain = tb_percent_decode(*part, strlen(*part), false);
                g_auto(GStrv) inner = g_strsplit(plain ? plain : "..", "/", -1);
                if (!plain || g_strv_contains((const char *const *)inner, ".") ||
                    g_strv_contains((const char *const *)inner, "..") || strchr(plain, '\\'))
                        return false;
        }
        return true;
}

static char *device_of(const char *path, const char *query)
{
        if (strcmp(path, EVENTS) == 0)
                return device_of_query(query);
        if (!g_str_has_prefix(path, DEVICES) || !is_plain(path))
                return NULL;
        const char *name = path + strlen(DEVICES);
        g_autofree char *plain = tb_percent_decode(name, strcspn(name, "/"), false);
        return tb_name_valid(TB_NAME_ID, plain) ? g_steal_pointer(&plain) : NULL;
}

TbRole tb_reach_role(const TbCaller *caller, const char *host, const char *path, const char *query)
{
        g_autofree char *device = device_of(path, query);
        return tb_caller_role(caller, host, device);
}
