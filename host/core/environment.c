#include "host/core/environment.h"

#include <string.h>

#include "lib/limits.h"

#define ADB_PORT 5555
#define X_SCREEN ":1" /* of the lab container */
#define VNC_PASSWORD 8

static void note(TbHostConfig *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void note(TbHostConfig *c, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_ptr_array_add(c->notes, g_strdup_vprintf(format, args));
        va_end(args);
}

/* --- one device --- */
/* What is read of DEVICE{i}_ besides its NAME. */
static const char *const of_devices[] = {"MODEL", "IP", "PORT", "VIDEO", "POWER_IP", NULL};

typedef struct Device {
        TbHostConfig *config;
        TbConfigReader *reader;
        guint number;
        json_t *attach; /* array of URIs */
        bool wrong;     /* a problem was told */
} Device;

/* The variable's value, and its name, the caller's to free. NULL: not set. */
static const char *value_of(const Device *d, const char *what, char **ret_name)
{
        *ret_name = g_strdup_printf("DEVICE%u_%s", d->number, what);
        return tb_config_env(*ret_name);
}

static void wrong(Device *d, const char *name, const char *words)
{
        tb_config_env_problem(d->reader, name, "%s", words);
        d->wrong = true;
}

static void attach(Device *d, char *uri_take)
{
        json_array_append_new(d->attach, json_string(uri_take));
        g_free(uri_take);
}

/* "10.0.0.7", "phone.lab", "fe80::1"; no port behind it */
static bool is_host(const char *text)
{
        static const char digits[] = "0123456789.",
                          letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
        gsize n = strlen(text);
        if (n > TB_LIMIT_ENV_HOST || !*text)
                return false;
        if (strchr(text, ':') || strspn(text, digits) == n)
                return g_hostname_is_ip_address(text) && !strchr(text, '%');
        return g_ascii_isalnum(*text) && strspn(text, letters) == n;
}

/* "10.0.0.7:5555", or the name of the variable that is wrong or missing was told. The caller frees; NULL: none. `standard`: 0: a
 * port must be said. */
static char *address_of(Device *d, guint standard, bool needed)
{
        g_autofree char *ip_name = NULL, *port_name = NULL;
        const char *ip = value_of(d, "IP", &ip_name), *port = value_of(d, "PORT", &port_name);
        guint64 number = standard;
        if (!ip) {
                if (needed)
                        wrong(d, ip_name, "the phone's address is missing, such as 10.0.0.7");
                return NULL;
        }
        if (!is_host(ip))
                wrong(d, ip_name,
                      "an address is expected, such as 10.0.0.7; a port stands in the variable _PORT");
        else if (port && !g_ascii_string_to_unsigned(port, 10, 1, G_MAXUINT16, &number, NULL))
                wrong(d, port_name, "a port number is expected, 1 to 65535");
        else
                return g_strdup_printf(strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip, (guint)number);
        return NULL;
}

/* A camera or capture card (/dev/video0), or an X display (:1). */
static void add_video(Device *d)
{
        g_autofree char *name = NULL;
        const char *video = value_of(d, "VIDEO", &name);
        guint64 display;
        if (!video)
                return;
        gsize digits = video[0] == ':' ? strspn(video + 1, "0123456789") : 0;
        g_autofree char *number = g_strndup(video + (digits > 0), digits);
        if (g_str_has_prefix(video, "/dev/") && !strpbrk(video, "?# %") && g_utf8_validate(video, -1, NULL))
                attach(d, g_strdup_printf("v4l2://%s", video));
        else if (digits > 0 && g_ascii_string_to_unsigned(number, 10, 0, 59535, &display, NULL))
                attach(d, g_strdup_printf("x11://:%s", number));
        else
                wrong(d, name, "a device file is expected, such as /dev/video0, or an X display, such as :1");
}

/* The machine's own screen, or by VNC that of another. */
static void add_screen(Device *d)
{
        g_autofree char *address = address_of(d, 5900, false), *video = NULL;
        const char *display = tb_config_env("DISPLAY");
        if (address)
                attach(d, g_strdup_printf("vnc://%s", address));
        else if (!d->wrong && !value_of(d, "VIDEO", &video))
                attach(d, g_strdup_printf("x11://%.*s",
                                          display && display[0] == ':' ? (int)strcspn(display, ".") : 2,
                                          display && display[0] == ':' ? display : X_SCREEN));
}

static void add_power(Device *d)
{
        g_autofree char *name = NULL;
        const char *ip = value_of(d, "POWER_IP", &name);
        if (!ip)
                return;
        if (!is_host(ip))
                wrong(d, name, "the plug's address is expected, such as 10.0.0.7");
        else
                attach(d, g_strdup_printf("tapo://%s", ip));
}

static void read_device(TbHostConfig *c, TbConfigReader *r, guint number, const char *label)
{
        static const char *const by_adb[] = {"android_mobile", "android_tv", "fire_tv", NULL};
        Device d = {.config = c, .reader = r, .number = number, .attach = json_array()};
        g_autofree char *id = g_strdup_printf("device%u", number), *name = NULL, *label_name = NULL;
        const char *model = value_of(&d, "MODEL", &name);
        value_of(&d, "NAME", &label_name);
        if (!g_utf8_validate(label, -1, NULL) || strlen(label) > TB_LIMIT_LABEL)
                wrong(&d, label_name,
                      "a name of at most " G_STRINGIFY(TB_LIMIT_LABEL) " bytes is expected, in UTF-8");
        if (model && g_strv_contains(by_adb, model)) {
                g_autofree char *address = address_of(&d, ADB_PORT, true);
                if (address)
                        attach(&d, g_strdup_printf("adb://%s", address));
        } else if (model && strcmp(model, "host_vnc") == 0) {
                add_screen(&d);
        }
        add_video(&d);
        add_power(&d);
        if (!d.wrong && json_array_size(d.attach) == 0)
                note(c,
                     "%s: nothing of %s can be attached by its model: it is left out; give it drivers in the "
                     "configuration (testbed-host --help, GET /host/drivers)",
                     name, id);
        else if (!d.wrong)
                json_object_set_new(c->devices, id,
                                    json_pack("{s:s, s:O}", "label", label, "attach", d.attach));
        json_decref(d.attach);
}

/* Variables of a device that has no name: nobody would see it, or why. */
static void note_nameless(TbHostConfig *c, guint number)
{
        g_autoptr(GString) names = g_string_new(NULL);
        for (const char *const *what = of_devices; *what; what++) {
                g_autofree char *name = g_strdup_printf("DEVICE%u_%s", number, *what);
                if (tb_config_env(name))
                        g_string_append_printf(names, "%s%s", names->len ? ", " : "", name);
        }
        if (names->len)
                note(c, "%s: there is no device%u without DEVICE%u_NAME", names->str, number, number);
}

static void read_devices(TbHostConfig *c, TbConfigReader *r)
{
        for (guint i = 1; i <= TB_LIMIT_ENV_DEVICES + 1; i++) {
                g_autofree char *name = g_strdup_printf("DEVICE%u_NAME", i);
                const char *label = tb_config_env(name);
                if (!label)
                        note_nameless(c, i);
                else if (i <= TB_LIMIT_ENV_DEVICES)
                        read_device(c, r, i, label);
                else
                        tb_config_env_problem(
                                r, name,
                                "the environment can name %d devices: put more into the configuration file",
                                TB_LIMIT_ENV_DEVICES);
        }
}

/* --- what means nothing here --- */
/* The part behind DEVICE{i}_ that is read above; NULL: it is no such variable. */
static const char *of_device(const char *name)
{
        if (!g_str_has_prefix(name, "DEVICE") || !g_ascii_isdigit(name[6]))
                return NULL;
        const char *behind = name + 6 + strspn(name + 6, "0123456789");
        return *behind == '_' ? behind + 1 : NULL;
}

static bool is_idle(const char *name)
{
        static const char *const exact[] = {"FLASK_SECRET_KEY",
                                            "FLASK_ENV",
                                            "FLASK_DEBUG",
                                            "DATABASE_URL",
                                            "REDIS_URL",
                                            "HOST_VNC_STREAM_PATH",
                                            "HOST_VIDEO_CAPTURE_PATH",
                                            "HOST_VIDEO_STREAM_PATH",
                                            "HOST_VIDEO_SOURCE",
                                            "HOST_VIDEO_AUDIO",
                                            "HOST_VIDEO_FPS",
                                            "HOST_WEB_BROWSER_PATH",
                                            NULL};
        const char *what = of_device(name);
        return g_strv_contains(exact, name) || g_str_has_prefix(name, "NEXT_PUBLIC_") ||
               (what && strcmp(what, "NAME") != 0 && !g_strv_contains(of_devices, what)) ||
               (strcmp(name, "HOST_API_URL") == 0 && tb_config_env("HOST_URL"));
}

static int by_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void note_idle(TbHostConfig *c)
{
        g_auto(GStrv) all = g_listenv();
        g_autoptr(GPtrArray) idle = g_ptr_array_new();
        for (char **name = all; *name; name++)
                if (tb_config_env(*name) && g_utf8_validate(*name, -1, NULL) && is_idle(*name))
                        g_ptr_array_add(idle, *name);
        if (idle->len == 0)
                return;
        g_ptr_array_sort(idle, by_text);
        GString *names = g_string_new(NULL);
        for (guint i = 0; i < idle->len && i < TB_LIMIT_ENV_NAMES; i++)
                g_string_append_printf(names, "%s%s", i ? ", " : "", (const char *)idle->pdata[i]);
        if (idle->len > TB_LIMIT_ENV_NAMES)
                g_string_append_printf(names, " and %u more", idle->len - TB_LIMIT_ENV_NAMES);
        note(c, "the environment sets what has no meaning for this host: %s", names->str);
        g_string_free(names, TRUE);
}

void tb_environment_read(TbHostConfig *c, TbConfigReader *r)
{
        const char *password = tb_config_env("HOST_VNC_PASSWORD");
        if (password && strlen(password) > VNC_PASSWORD)
                tb_config_env_problem(
                        r, "HOST_VNC_PASSWORD",
                        "VNC knows passwords of at most 8 characters: what is longer would not be checked");
        else
                tb_config_env_string(&c->vnc_password, "HOST_VNC_PASSWORD");
        if (!c->url)
                tb_config_env_string(&c->url, "HOST_API_URL");
        read_devices(c, r);
        note_idle(c);
}
