/* Everything that an adb server, a phone or an APK can make drivers/adb read. The first byte chooses the
 * parser. */
#include <stdint.h>
#include <string.h>

#include "drivers/adb/adb_apk.h"
#include "drivers/adb/adb_bundle.h"
#include "drivers/adb/adb_dump.h"
#include "drivers/adb/adb_input.h"
#include "drivers/adb/adb_proto.h"

/* Whatever is chosen is unpacked, too; names are safe in a command line, and no two are the same. */
static void bundle(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(zip_t) zip = tb_adb_zip_open(data, size, "an APK", &error);
        g_autoptr(GPtrArray) parts =
                zip != NULL && tb_adb_is_bundle(zip) ? tb_adb_bundle_parts(zip, "arm64-v8a", &error) : NULL;
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

        for (guint i = 0; parts != NULL && i < parts->len; i++) {
                const TbAdbPart *part = g_ptr_array_index(parts, i);
                g_autoptr(GBytes) bytes = tb_adb_zip_read(zip, part->index, 65536, NULL);

                g_assert(g_hash_table_add(names, part->name));
                g_assert(g_str_has_suffix(part->name, ".apk") && strlen(part->name) < 160);
                g_assert(part->name[strspn(part->name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-")] ==
                         '\0');
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void socket_answers(const uint8_t *data, size_t size)
{
        g_autofree char *message = NULL, *text = NULL;
        bool ok = true;
        gssize n = tb_adb_parse_status(data, size, &ok, &message);

        g_assert(n >= -1 && n <= (gssize)size);
        g_assert(n <= 0 || ok == (message == NULL));
        n = tb_adb_parse_text(data, size, &text);
        g_assert(n >= -1 && n <= (gssize)size && (n > 0) == (text != NULL));
}

static void packets(const uint8_t *data, size_t size)
{
        TbAdbShellPacket p;
        size_t at = 0;
        gssize n;

        while ((n = tb_adb_parse_shell(data + at, size - at, &p)) > 0) {
                g_assert(p.data >= data && p.data + p.size <= data + size);
                at += (size_t)n;
        }
}

static void sync_answers(const uint8_t *data, size_t size, bool v2)
{
        TbAdbStat st;
        TbAdbSyncKind kind;
        TbAdbPicture picture;
        guint32 length;
        size_t at = 0;
        gssize n;

        tb_adb_parse_stat(data, size, &st);
        if (tb_adb_parse_sync_head(data, size, &kind, &length) > 0)
                g_assert(length <= TB_ADB_SYNC_DATA);
        if (tb_adb_parse_picture(data, size, &picture) > 0)
                g_assert(picture.total > 16 && picture.bytes_per_pixel >= 2);
        do {
                g_autofree char *name = NULL;

                n = tb_adb_parse_entry(data + at, size - at, v2, &st, &name);
                g_assert(n >= -1 && n <= (gssize)(size - at));
                if (n <= 0 || name == NULL)
                        break;
                at += (size_t)n;
        } while (true);
}

static void dumps(const char *text)
{
        TbAdbBattery battery;
        const char *rest;
        g_autofree char *failure = tb_adb_failure(text), *package = NULL, *path = NULL;
        g_autoptr(GPtrArray) zones = tb_adb_parse_thermal(text);
        g_autoptr(GPtrArray) devices = tb_adb_parse_devices(text);
        int width, height;
        gint64 t;

        tb_adb_parse_battery(text, text, &battery);
        if (tb_adb_parse_package(text, &package, &path))
                g_assert(tb_adb_package_valid(package));
        if (tb_adb_parse_log(text, &t, &rest))
                g_assert(rest > text && rest <= text + strlen(text));
        if (tb_adb_parse_size(text, &width, &height))
                g_assert(width > 0 && height > 0);
}

/* Whatever is typed: no command holds a byte that the phone's shell would see outside quotes, beyond the
 * words that we write ourselves. */
static void input(const char *text)
{
        TbAdbInput state = {0};
        TbInput events[] = {{.type = TB_INPUT_TEXT, .text = text}, {.type = TB_INPUT_KEY, .text = text}};
        g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GArray) starts = g_array_new(FALSE, FALSE, sizeof(guint));

        for (guint i = 0; i < G_N_ELEMENTS(events); i++) {
                g_autoptr(GError) error = NULL;
                guint done;

                if (!tb_adb_input_commands(&state, &events[i], 1, 0, commands, starts, &done, &error))
                        g_assert(error != NULL);
        }
        for (guint i = 0; i < commands->len; i++) {
                g_auto(GStrv) words = NULL;
                int n = 0;

                g_assert(g_shell_parse_argv(g_ptr_array_index(commands, i), &n, &words, NULL));
                g_assert(n >= 3 && strcmp(words[0], "input") == 0);
                g_assert(strcmp(words[1], "text") != 0 || n == 3);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *package = NULL;

        if (size == 0)
                return 0;
        text = g_strndup((const char *)data + 1, size - 1);
        switch (data[0]) {
        case 's': socket_answers(data + 1, size - 1); break;
        case 'p': packets(data + 1, size - 1); break;
        case '1': sync_answers(data + 1, size - 1, false); break;
        case '2': sync_answers(data + 1, size - 1, true); break;
        case 'd': dumps(text); break;
        case 'i': input(text); break;
        case 'a': package = tb_adb_apk_package(data + 1, size - 1, &error); break;
        case 'b': bundle(data + 1, size - 1); break;
        case 'm': package = tb_adb_manifest_package(data + 1, size - 1, &error); break;
        default: return 0;
        }
        if (data[0] == 'a' || data[0] == 'm')
                g_assert((package == NULL) == (error != NULL));
        return 0;
}
