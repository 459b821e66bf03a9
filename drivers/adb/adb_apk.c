#include "drivers/adb/adb_apk.h"

#include <string.h>

#include "drivers/adb/adb_dump.h"
#include "drivers/adb/adb_zip.h"
#include "lib/error.h"
#include "lib/limits.h"

#define MANIFEST "AndroidManifest.xml"
#define CHUNK_POOL 0x0001u
#define CHUNK_XML 0x0003u
#define CHUNK_ELEMENT 0x0102u
#define POOL_UTF8 0x100u

typedef struct {
        const guint8 *data;
        gsize size;
} Span;

static bool within(Span s, guint64 at, guint64 size)
{
        return at <= s.size && size <= s.size - at;
}

static guint get16(Span s, guint64 at)
{
        return (guint)(s.data[at] | s.data[at + 1] << 8);
}

static guint32 get32(Span s, guint64 at)
{
        return (guint32)get16(s, at) | (guint32)get16(s, at + 2) << 16;
}

static bool bad(GError **error, const char *what)
{
        tb_set_error(error, TB_ERROR_INVALID, "not an APK: %s", what);
        return false;
}

/* --- binary XML --- */

/* A length of the pool: one or two units; the first one's top bit says. *at moves behind it. */
static bool pool_length(Span pool, guint64 *at, bool utf8, gsize *ret)
{
        gsize unit = utf8 ? 1 : 2;
        guint first, top = utf8 ? 0x80 : 0x8000;

        if (!within(pool, *at, unit))
                return false;
        first = utf8 ? pool.data[*at] : get16(pool, *at);
        *at += unit;
        *ret = first;
        if ((first & top) == 0)
                return true;
        if (!within(pool, *at, unit))
                return false;
        *ret = (gsize)(first & (top - 1)) << (utf8 ? 8 : 16) | (utf8 ? pool.data[*at] : get16(pool, *at));
        *at += unit;
        return true;
}

static char *pool_string(Span pool, guint32 index)
{
        guint32 count = get32(pool, 8), flags = get32(pool, 16), start = get32(pool, 20);
        bool utf8 = (flags & POOL_UTF8) != 0;
        gsize length;

        if (index >= count || !within(pool, 28 + 4 * (guint64)index, 4))
                return NULL;
        guint64 at = (guint64)start + get32(pool, 28 + 4 * (guint64)index);
        if (!pool_length(pool, &at, utf8, &length) || (utf8 && !pool_length(pool, &at, true, &length)))
                return NULL;
        if (length > 4096 || !within(pool, at, (guint64)length * (utf8 ? 1 : 2)))
                return NULL;
        if (utf8)
                return g_strndup((const char *)pool.data + at, length);
        g_autofree gunichar2 *wide = g_new0(gunichar2, length + 1);
        for (gsize i = 0; i < length; i++)
                wide[i] = (gunichar2)get16(pool, at + 2 * i);
        return g_utf16_to_utf8(wide, (glong)length, NULL, NULL, NULL);
}

static char *element_package(Span pool, Span element)
{
        guint first = get16(element, 24), each = get16(element, 26), count = get16(element, 28);

        for (guint i = 0; i < count; i++) {
                guint64 at = 16 + (guint64)first + (guint64)i * each;

                if (each < 20 || !within(element, at, 20))
                        return NULL;
                g_autofree char *name = pool_string(pool, get32(element, at + 4));
                if (g_strcmp0(name, "package") == 0)
                        return pool_string(pool, get32(element, at + 8));
        }
        return NULL;
}

char *tb_adb_manifest_package(const guint8 *xml, gsize size, GError **error)
{
        Span all = {xml, size}, pool = {NULL, 0};
        g_autofree char *package = NULL;

        if (size < 8 || get16(all, 0) != CHUNK_XML) {
                bad(error, "its manifest is not binary XML");
                return NULL;
        }
        for (guint64 at = 8; within(all, at, 8);) {
                guint type = get16(all, at);
                guint32 length = get32(all, at + 4);

                if (length < 8 || !within(all, at, length))
                        break;
                if (type == CHUNK_POOL && length >= 28)
                        pool = (Span){xml + at, length};
                if (type == CHUNK_ELEMENT && pool.data != NULL &&
                    length >= 36) { /* the first element is <manifest> */
                        package = element_package(pool, (Span){xml + at, length});
                        break;
                }
                at += length;
        }
        if (package == NULL || !tb_adb_package_valid(package)) {
                bad(error, "its manifest names no package");
                return NULL;
        }
        return g_steal_pointer(&package);
}

char *tb_adb_apk_package(const guint8 *data, gsize size, GError **error)
{
        g_autoptr(zip_t) zip = tb_adb_zip_open(data, size, "an APK", error);

        if (zip == NULL)
                return NULL;
        zip_int64_t at = zip_name_locate(zip, MANIFEST, ZIP_FL_ENC_RAW);
        if (at < 0) {
                bad(error, "no " MANIFEST);
                return NULL;
        }
        g_autoptr(GBytes) manifest = tb_adb_zip_read(zip, (guint64)at, TB_ADB_MANIFEST_MAX, error);
        return manifest != NULL ? tb_adb_manifest_package(g_bytes_get_data(manifest, NULL),
                                                          g_bytes_get_size(manifest), error)
                                : NULL;
}

bool tb_adb_apk_size(gint64 size, GError **error)
{
        if (size <= TB_LIMIT_PACKAGE)
                return true;
        tb_set_error(error, TB_ERROR_TOO_LARGE, "an app's package is limited to 4 GiB");
        return false;
}
