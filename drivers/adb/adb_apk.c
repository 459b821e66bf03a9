#include "drivers/adb/adb_apk.h"

#include <string.h>
#include <zlib.h>

#include "drivers/adb/adb_dump.h"
#include "lib/error.h"
#include "lib/limits.h"

#define MANIFEST "AndroidManifest.xml"
#define END_SIGNATURE 0x06054b50u
#define ENTRY_SIGNATURE 0x02014b50u
#define LOCAL_SIGNATURE 0x04034b50u
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

/* --- zip --- */

/* The end record stands before a comment of at most 64 KiB. */
static bool find_end(Span zip, guint64 *ret)
{
        guint64 lowest = zip.size > 22 + 0xffff ? zip.size - 22 - 0xffff : 0;

        if (zip.size < 22)
                return false;
        for (guint64 at = zip.size - 22;; at--) {
                if (get32(zip, at) == END_SIGNATURE) {
                        *ret = at;
                        return true;
                }
                if (at == lowest)
                        return false;
        }
}

static bool inflate_entry(Span packed, guint32 size, GByteArray *out, GError **error)
{
        z_stream z = {.next_in = (guint8 *)packed.data, .avail_in = (uInt)packed.size};
        int rc;

        g_byte_array_set_size(out, size);
        z.next_out = out->data;
        z.avail_out = size;
        if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
                return bad(error, "zlib has no memory to unpack it with");
        rc = inflate(&z, Z_FINISH);
        inflateEnd(&z);
        return (rc == Z_STREAM_END && z.total_out == size) || bad(error, "its manifest is damaged");
}

/* `at` = the manifest's record in the central directory. */
static bool read_entry(Span zip, guint64 at, GByteArray *out, GError **error)
{
        guint method = get16(zip, at + 10);
        guint32 packed = get32(zip, at + 20), size = get32(zip, at + 24), local = get32(zip, at + 42);

        if (size == 0 || size > TB_ADB_MANIFEST_MAX)
                return bad(error, "its manifest has an impossible size");
        if (!within(zip, local, 30) || get32(zip, local) != LOCAL_SIGNATURE)
                return bad(error, "its directory points nowhere");
        guint64 from = (guint64)local + 30 + get16(zip, local + 26) + get16(zip, local + 28);
        if (!within(zip, from, packed))
                return bad(error, "its manifest is cut off");
        if (method == 0 && packed == size) {
                g_byte_array_append(out, zip.data + from, size);
                return true;
        }
        if (method == 8)
                return inflate_entry((Span){zip.data + from, packed}, size, out, error);
        return bad(error, "its manifest is compressed in an unknown way");
}

static bool read_manifest(Span zip, GByteArray *out, GError **error)
{
        guint64 end, at;

        if (!find_end(zip, &end))
                return bad(error, "no zip archive");
        guint count = get16(zip, end + 10);
        at = get32(zip, end + 16);
        for (guint i = 0; i < count; i++) {
                if (!within(zip, at, 46) || get32(zip, at) != ENTRY_SIGNATURE)
                        return bad(error, "its directory is damaged");
                guint name = get16(zip, at + 28);
                guint64 all = 46 + (guint64)name + get16(zip, at + 30) + get16(zip, at + 32);

                if (!within(zip, at, all))
                        return bad(error, "its directory is cut off");
                if (name == strlen(MANIFEST) && memcmp(zip.data + at + 46, MANIFEST, name) == 0)
                        return read_entry(zip, at, out, error);
                at += all;
        }
        return bad(error, "no " MANIFEST);
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
        g_autoptr(GByteArray) manifest = g_byte_array_new();

        if (!read_manifest((Span){data, size}, manifest, error))
                return NULL;
        return tb_adb_manifest_package(manifest->data, manifest->len, error);
}

bool tb_adb_apk_size(gint64 size, GError **error)
{
        if (size <= TB_LIMIT_PACKAGE)
                return true;
        tb_set_error(error, TB_ERROR_TOO_LARGE, "an APK is limited to 4 GiB");
        return false;
}
