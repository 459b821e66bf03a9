#include "drivers/adb/adb_proto.h"

#include <string.h>

#include "lib/limits.h"

static guint32 get32(const guint8 *p)
{
        return (guint32)p[0] | (guint32)p[1] << 8 | (guint32)p[2] << 16 | (guint32)p[3] << 24;
}

static guint64 get64(const guint8 *p)
{
        return (guint64)get32(p) | (guint64)get32(p + 4) << 32;
}

static void append32(GByteArray *out, guint32 v)
{
        guint8 p[4] = {(guint8)v, (guint8)(v >> 8), (guint8)(v >> 16), (guint8)(v >> 24)};

        g_byte_array_append(out, p, 4);
}

/* --- smart socket --- */

char *tb_adb_request(const char *service)
{
        gsize size = strlen(service);

        return size > TB_ADB_SERVICE_MAX ? NULL : g_strdup_printf("%04zx%s", size, service);
}

static int hex4(const guint8 *p)
{
        int value = 0;

        for (int i = 0; i < 4; i++) {
                int digit = g_ascii_xdigit_value((char)p[i]);

                if (digit < 0)
                        return -1;
                value = value * 16 + digit;
        }
        return value;
}

gssize tb_adb_parse_text(const guint8 *data, gsize size, char **ret_text)
{
        int length;

        if (size < 4)
                return 0;
        length = hex4(data);
        if (length < 0)
                return -1;
        if (size < 4 + (gsize)length)
                return 0;
        *ret_text = g_strndup((const char *)data + 4, (gsize)length);
        return 4 + length;
}

gssize tb_adb_parse_status(const guint8 *data, gsize size, bool *ret_ok, char **ret_message)
{
        gssize n;

        if (size < 4)
                return 0;
        if (memcmp(data, "OKAY", 4) == 0) {
                *ret_ok = true;
                return 4;
        }
        if (memcmp(data, "FAIL", 4) != 0)
                return -1;
        n = tb_adb_parse_text(data + 4, size - 4, ret_message);
        if (n <= 0)
                return n;
        *ret_ok = false;
        return n + 4;
}

void tb_adb_device_free(TbAdbDevice *device)
{
        if (device == NULL)
                return;
        g_free(device->serial);
        g_free(device->state);
        g_free(device->usb);
        g_free(device->product);
        g_free(device->model);
        g_free(device->device);
        g_free(device);
}

/* "usb:1-1.4 product:x model:y device:z transport_id:3" */
static void parse_properties(TbAdbDevice *device, const char *text)
{
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        const struct {
                const char *key;
                char **value;
        } keys[] = {{"usb:", &device->usb},
                    {"product:", &device->product},
                    {"model:", &device->model},
                    {"device:", &device->device}};

        for (guint i = 0; words[i] != NULL; i++)
                for (guint k = 0; k < G_N_ELEMENTS(keys); k++)
                        if (g_str_has_prefix(words[i], keys[k].key) && *keys[k].value == NULL)
                                *keys[k].value = g_strdup(words[i] + strlen(keys[k].key));
}

static const char *const states[] = {
        "device",     "offline",        "unauthorized", "authorizing", "connecting",
        "bootloader", "recovery",       "rescue",       "sideload",    "host",
        "unknown",    "no permissions", "no device",    "detached",    "no-device",
};

/* How long a state stands at `at`; what may follow it are words in brackets, a hint, or properties. */
static gsize state_length(const char *at)
{
        for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
                gsize n = strlen(states[i]);

                if (!g_str_has_prefix(at, states[i]) || (at[n] != '\0' && strchr(" ;", at[n]) == NULL))
                        continue;
                const char *next = at + n + strspn(at + n, " ");
                if (*next == '\0' || strchr("(;", *next) != NULL || strchr(next, ':') != NULL)
                        return n;
        }
        return 0;
}

/* "serial TAB state", or "serial  state usb:1-1 …" padded to 22 columns: a serial may hold blanks, and then it ends where the
 * last state begins. */
static TbAdbDevice *parse_device_line(const char *line)
{
        const char *rest = NULL;
        gsize state = 0;

        if (line[0] == '*' || g_str_has_prefix(line, "List of devices"))
                return NULL;
        for (const char *c = line + (*line != '\0'); *c != '\0'; c++) {
                gsize n = strchr(" \t", c[-1]) != NULL && strchr(" \t", *c) == NULL ? state_length(c) : 0;
                if (n > 0 && c > line + 1) {
                        rest = c;
                        state = n;
                }
        }
        if (rest == NULL)
                return NULL;
        TbAdbDevice *device = g_new0(TbAdbDevice, 1);
        device->serial = g_strchomp(g_strndup(line, (gsize)(rest - line)));
        device->state = g_strndup(rest, state);
        parse_properties(device, rest + state);
        return device;
}

GPtrArray *tb_adb_parse_devices(const char *text)
{
        GPtrArray *devices = g_ptr_array_new_with_free_func((GDestroyNotify)tb_adb_device_free);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (guint i = 0; lines[i] != NULL; i++) {
                TbAdbDevice *device = parse_device_line(g_strchomp(lines[i]));

                if (device != NULL)
                        g_ptr_array_add(devices, device);
        }
        return devices;
}

/* --- shell v2 --- */

gssize tb_adb_parse_shell(const guint8 *data, gsize size, TbAdbShellPacket *ret)
{
        guint32 length;

        if (size > 0 && data[0] > TB_ADB_SHELL_WINDOW)
                return -1;
        if (size < 5)
                return 0;
        length = get32(data + 1);
        if (length > TB_ADB_SHELL_MAX || (data[0] == TB_ADB_SHELL_EXIT && length != 1))
                return -1;
        if (size - 5 < length)
                return 0;
        *ret = (TbAdbShellPacket){data[0], data + 5, length};
        return 5 + (gssize)length;
}

void tb_adb_append_shell(GByteArray *out, guint8 id, const void *data, guint32 size)
{
        g_byte_array_append(out, &id, 1);
        append32(out, size);
        if (size > 0)
                g_byte_array_append(out, data, size);
}

/* --- sync --- */

void tb_adb_append_sync(GByteArray *out, const char id[4], const void *data, guint32 size)
{
        g_byte_array_append(out, (const guint8 *)id, 4);
        append32(out, size);
        if (size > 0 && data != NULL)
                g_byte_array_append(out, data, size);
}

/* Behind the id: error, dev, ino, mode, nlink, uid, gid, size, atime, mtime, ctime. */
static void stat_v2(const guint8 *p, TbAdbStat *ret)
{
        *ret = (TbAdbStat){.error = get32(p),
                           .mode = get32(p + 20),
                           .size = get64(p + 36),
                           .mtime_s = (gint64)get64(p + 52)};
}

static void stat_v1(const guint8 *p, TbAdbStat *ret)
{
        *ret = (TbAdbStat){.mode = get32(p), .size = get32(p + 4), .mtime_s = get32(p + 8)};
}

gssize tb_adb_parse_stat(const guint8 *data, gsize size, TbAdbStat *ret)
{
        if (size < 4)
                return 0;
        if (memcmp(data, "STAT", 4) == 0) {
                if (size < 16)
                        return 0;
                stat_v1(data + 4, ret);
                return 16;
        }
        if (memcmp(data, "STA2", 4) != 0 && memcmp(data, "LST2", 4) != 0)
                return -1;
        if (size < 72)
                return 0;
        stat_v2(data + 4, ret);
        return 72;
}

gssize tb_adb_parse_entry(const guint8 *data, gsize size, bool v2, TbAdbStat *ret, char **ret_name)
{
        gsize head = v2 ? 76 : 20;
        guint32 length;

        if (size < 4)
                return 0;
        if (memcmp(data, "DONE", 4) != 0 && memcmp(data, v2 ? "DNT2" : "DENT", 4) != 0)
                return -1;
        if (size < head)
                return 0;
        if (data[1] == 'O') {
                *ret_name = NULL;
                return (gssize)head;
        }
        length = get32(data + head - 4);
        if (length == 0 || length > TB_ADB_NAME_MAX)
                return -1;
        if (size - head < length)
                return 0;
        if (v2)
                stat_v2(data + 4, ret);
        else
                stat_v1(data + 4, ret);
        *ret_name = g_strndup((const char *)data + head, length);
        return (gssize)(head + length);
}

gssize tb_adb_parse_sync_head(const guint8 *data, gsize size, TbAdbSyncKind *ret_kind, guint32 *ret_size)
{
        static const char ids[][5] = {"OKAY", "FAIL", "DATA", "DONE"};
        guint32 length;

        if (size < 8)
                return 0;
        length = get32(data + 4);
        for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
                if (memcmp(data, ids[i], 4) != 0)
                        continue;
                if ((i == TB_ADB_SYNC_FAIL || i == TB_ADB_SYNC_DATA_CHUNK) && length > TB_ADB_SYNC_DATA)
                        return -1;
                *ret_kind = (TbAdbSyncKind)i;
                *ret_size = i == TB_ADB_SYNC_FAIL || i == TB_ADB_SYNC_DATA_CHUNK ? length : 0;
                return 8;
        }
        return -1;
}

/* --- screencap --- */

gssize tb_adb_parse_picture(const guint8 *data, gsize size, TbAdbPicture *ret)
{
        static const guint bytes[] = {0, 4, 4, 3, 2, 4};
        guint32 width, height, format;

        if (size < 12)
                return 0;
        width = get32(data);
        height = get32(data + 4);
        format = get32(data + 8);
        if (width == 0 || height == 0 || width > TB_LIMIT_VIDEO_SIDE || height > TB_LIMIT_VIDEO_SIDE ||
            format == 0 || format >= G_N_ELEMENTS(bytes))
                return -1;
        *ret = (TbAdbPicture){.width = width,
                              .height = height,
                              .format = format,
                              .bytes_per_pixel = bytes[format],
                              .header = 16};
        ret->total = 16 + (gsize)width * height * ret->bytes_per_pixel;
        return 12;
}

bool tb_adb_picture_fit(TbAdbPicture *picture, gsize total)
{
        gsize pixels = (gsize)picture->width * picture->height * picture->bytes_per_pixel;

        if (total != pixels + 12 && total != pixels + 16)
                return false;
        picture->header = total - pixels;
        picture->total = total;
        return true;
}
