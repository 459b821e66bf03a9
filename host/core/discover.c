#include "host/core/discover.h"

#include <glib/gstdio.h>
#include <string.h>

#include "drivers/driver.h"
#include "host/core/core.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define LOOK_MS 3000 /* the network is asked twice, a second apart; adb and PulseAudio are slower to answer */

/* --- configuration --- */
static const TbParam discovery_params[] = {
        {.name = "mdns",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "who announces himself by multicast DNS"},
        {.name = "broadcast",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "who answers a question to everybody"},
        TB_PARAM_END,
};

guint tb_discover_config(TbConfigReader *r, json_t *value)
{
        if (json_is_false(value))
                return 0;
        if (!value || json_is_true(value))
                return TB_DISCOVERY_MDNS | TB_DISCOVERY_BROADCAST;
        if (!json_is_object(value)) {
                tb_config_problem(r, tb_config_root(r), "discovery", "discovery",
                                  "true, false or {mdns, broadcast} is expected");
                return 0;
        }
        json_auto_t *section = tb_config_section(r, discovery_params, value, "discovery");
        return (json_is_true(json_object_get(section, "mdns")) ? TB_DISCOVERY_MDNS : 0) |
               (json_is_true(json_object_get(section, "broadcast")) ? TB_DISCOVERY_BROADCAST : 0);
}

/* --- YAML --- */
/* "FT232R USB UART A50285BI" -> "ft232r-usb-uart-a50285bi", and another one for the next of that name. */
static char *id_of(const char *label, GHashTable *taken)
{
        g_autoptr(GString) id = g_string_new(NULL);

        for (const char *c = label; *c && id->len < TB_LIMIT_ID - 4; c++) {
                if (g_ascii_isalnum(*c))
                        g_string_append_c(id, g_ascii_tolower(*c));
                else if (id->len && id->str[id->len - 1] != '-')
                        g_string_append_c(id, '-');
        }
        while (id->len && id->str[id->len - 1] == '-')
                g_string_truncate(id, id->len - 1);
        if (!id->len)
                g_string_assign(id, "device");
        gsize length = id->len;
        for (guint n = 2; g_hash_table_contains(taken, id->str); n++) {
                g_string_truncate(id, length);
                g_string_append_printf(id, "-%u", n);
        }
        g_hash_table_add(taken, g_strdup(id->str));
        return g_string_free(g_steal_pointer(&id), FALSE);
}

/* A JSON text is a double-quoted YAML one. */
static char *quoted(const char *text)
{
        json_auto_t *value = json_string(text);

        return tb_json_text(value, NULL);
}

/* For a comment: what ends a line there (YAML knows three more of these) would let a device write the configuration. */
static char *one_line(const char *text)
{
        g_autoptr(GString) line = g_string_new(NULL);

        for (const char *c = text; *c; c = g_utf8_next_char(c)) {
                gunichar u = g_utf8_get_char(c);
                g_string_append_unichar(line, g_unichar_isgraph(u) && !g_unichar_isspace(u) ? u : ' ');
        }
        return g_string_free(g_steal_pointer(&line), FALSE);
}

static void add(GString *out, const json_t *resource, GHashTable *taken)
{
        const char *label = json_string_value(json_object_get(resource, "label"));
        const char *uri = json_string_value(json_object_get(resource, "uri"));
        g_autofree char *why = one_line(json_string_value(json_object_get(resource, "why")));
        g_autofree char *id = id_of(label, taken);
        char *shown = quoted(label), *attach = quoted(uri);

        g_string_append_printf(out, "  %s: # %s\n    label: %s\n    attach: [%s]\n", id, why, shown, attach);
        free(shown);
        free(attach);
}

char *tb_discover_yaml(const json_t *resources)
{
        g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GString) out = g_string_new(NULL);
        gsize i;
        const json_t *resource;

        if (json_array_size(resources) == 0)
                return g_strdup(
                        "# Nothing was found. What is plugged in, switched on and in this network would be "
                        "listed here.\ndevices: {}\n");
        g_string_append(
                out, "# Found now; what belongs to one device can be attached to it together.\ndevices:\n");
        json_array_foreach (resources, i, resource)
                add(out, resource, taken);
        return g_string_free(g_steal_pointer(&out), FALSE);
}

/* --- looking --- */
static gboolean enough(gpointer data)
{
        g_main_loop_quit(data);
        return G_SOURCE_REMOVE;
}

static void remove_folder(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

        for (const char *name; dir && (name = g_dir_read_name(dir));) {
                g_autofree char *child = g_build_filename(path, name, NULL);
                if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
                        remove_folder(child);
                else
                        g_unlink(child);
        }
        g_rmdir(path);
}

int tb_discover(TbHostConfig *config, FILE *out)
{
        g_autoptr(GError) error = NULL;
        /* A daemon may run with the same configuration: its state is not ours, and neither are its devices. */
        g_autofree char *folder = g_dir_make_tmp("testbed-discover-XXXXXX", &error);

        if (!folder) {
                fprintf(stderr, "testbed-host: %s\n", error->message);
                return 1;
        }
        g_free(config->state_dir);
        config->state_dir = g_strdup(folder);
        json_object_clear(config->devices);
        tb_log_set_level(TB_LOG_WARNING);
        tb_main_init(NULL);
        TbCore *core = tb_core_new(config, NULL, &error);
        if (core) {
                g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
                tb_core_start(core);
                g_timeout_add(LOOK_MS, enough, loop);
                g_main_loop_run(loop);
                json_auto_t *resources = tb_core_resources_json(core);
                g_autofree char *yaml = tb_discover_yaml(resources);
                fputs(yaml, out);
                tb_core_stop(core);
        } else {
                fprintf(stderr, "testbed-host: %s\n", tb_error_detail(error));
        }
        tb_main_stop();
        tb_core_free(core);
        remove_folder(folder);
        return core ? 0 : 1;
}
