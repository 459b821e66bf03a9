/*
 * apk.c - the package name in an APK: zip -> AndroidManifest.xml -> binary XML -> <manifest package="..." split="...">
 *
 * Formats: PKWARE APPNOTE (end of central directory, central directory, local header); AOSP
 * frameworks/base/libs/androidfw ResourceTypes.h (chunks, string pool, element). Reads the manifest whole, at
 * most MANIFEST_MAX bytes of it.
 */
#include "tests/sim/android/tool.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MANIFEST_MAX (4u << 20)
#define DIRECTORY_MAX (64u << 20)

static guint16 u16(const guint8 *p)
{
        return (guint16)(p[0] | p[1] << 8);
}

static guint32 u32(const guint8 *p)
{
        return (guint32)u16(p) | (guint32)u16(p + 2) << 16;
}

static bool read_at(int fd, guint64 offset, void *data, gsize len)
{
        return pread(fd, data, len, (off_t)offset) == (ssize_t)len;
}

static GBytes *inflate_raw(const guint8 *data, gsize len, gsize size)
{
        g_autofree guint8 *out = g_malloc(size + 1);
        z_stream z = {
                .next_in = (guint8 *)data, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)size};

        if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
                return NULL;
        int rc = inflate(&z, Z_FINISH);
        inflateEnd(&z);
        return rc == Z_STREAM_END && z.total_out == size ? g_bytes_new_take(g_steal_pointer(&out), size)
                                                         : NULL;
}

/* The bytes of one entry, from its central directory record. */
static GBytes *read_entry(int fd, const guint8 *record)
{
        guint16 method = u16(record + 10);
        guint32 packed = u32(record + 20), size = u32(record + 24), offset = u32(record + 42);
        guint8 local[30];

        if (packed > MANIFEST_MAX || size > MANIFEST_MAX || !read_at(fd, offset, local, sizeof(local)) ||
            u32(local) != 0x04034b50)
                return NULL;
        g_autofree guint8 *data = g_malloc(packed + 1);
        if (!read_at(fd, (guint64)offset + 30 + u16(local + 26) + u16(local + 28), data, packed))
                return NULL;
        if (method == 0)
                return packed == size ? g_bytes_new_take(g_steal_pointer(&data), size) : NULL;
        return method == 8 ? inflate_raw(data, packed, size) : NULL;
}

static GBytes *read_manifest(int fd)
{
        struct stat st;
        guint8 tail[22 + 1024];
        gsize len, at;

        if (fstat(fd, &st) < 0 || st.st_size < 22)
                return NULL;
        len = MIN((gsize)st.st_size, sizeof(tail));
        if (!read_at(fd, (guint64)st.st_size - len, tail, len))
                return NULL;
        for (at = len - 22; u32(tail + at) != 0x06054b50; at--)
                if (at == 0)
                        return NULL;
        guint32 size = u32(tail + at + 12), offset = u32(tail + at + 16);
        if (size > DIRECTORY_MAX)
                return NULL;
        g_autofree guint8 *directory = g_malloc(size + 1);
        if (!read_at(fd, offset, directory, size))
                return NULL;
        for (gsize i = 0; i + 46 <= size;) {
                gsize name = u16(directory + i + 28),
                      all = 46 + name + u16(directory + i + 30) + u16(directory + i + 32);

                if (u32(directory + i) != 0x02014b50 || i + all > size)
                        return NULL;
                if (name == strlen("AndroidManifest.xml") &&
                    memcmp(directory + i + 46, "AndroidManifest.xml", name) == 0)
                        return read_entry(fd, directory + i);
                i += all;
        }
        return NULL;
}

/* String `index` of the pool that starts at p (a chunk of `len` bytes). */
static char *pool_string(const guint8 *p, gsize len, guint32 index)
{
        guint32 count = u32(p + 8), flags = u32(p + 16), start = u32(p + 20);

        if (index >= count || 28 + 4 * (guint64)count > len)
                return NULL;
        guint64 at = (guint64)start + u32(p + 28 + 4 * index);
        if (at + 4 > len)
                return NULL;
        if (flags & 0x100) { /* UTF-8: characters, bytes, text; a length above 127 takes two bytes */
                at += p[at] & 0x80 ? 2 : 1;
                gsize n = p[at] & 0x80 ? (gsize)((p[at] & 0x7f) << 8 | p[at + 1]) : p[at];
                at += p[at] & 0x80 ? 2 : 1;
                return at + n <= len ? g_strndup((const char *)p + at, n) : NULL;
        }
        gsize n = u16(p + at);
        at += 2;
        if (n & 0x8000 || at + 2 * n > len)
                return NULL;
        g_autofree gunichar2 *wide = g_new0(gunichar2, n + 1);
        for (gsize i = 0; i < n; i++)
                wide[i] = u16(p + at + 2 * i);
        return g_utf16_to_utf8(wide, (glong)n, NULL, NULL, NULL);
}

/* An attribute of <manifest>. */
static char *manifest_attribute(const guint8 *p, gsize len, const char *wanted)
{
        const guint8 *pool = NULL;
        gsize pool_len = 0;

        if (len < 8 || u16(p) != 0x0003)
                return NULL;
        for (gsize at = 8; at + 8 <= len;) {
                guint32 size = u32(p + at + 4);

                if (size < 8 || at + size > len)
                        return NULL;
                if (u16(p + at) == 0x0001 && size >= 28) {
                        pool = p + at;
                        pool_len = size;
                } else if (u16(p + at) == 0x0102 && pool != NULL &&
                           size >= 36) { /* first element: manifest */
                        guint16 first = u16(p + at + 24), each = u16(p + at + 26), count = u16(p + at + 28);

                        for (guint16 i = 0; i < count; i++) {
                                gsize a = at + 16 + first + (gsize)i * each;

                                if (each < 20 || a + 20 > at + size)
                                        return NULL;
                                g_autofree char *name = pool_string(pool, pool_len, u32(p + a + 4));
                                if (g_strcmp0(name, wanted) == 0)
                                        return pool_string(pool, pool_len, u32(p + a + 8));
                        }
                        return NULL;
                }
                at += size;
        }
        return NULL;
}

char *sim_apk_package(const char *path, char **ret_split, GString *err)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        g_autoptr(GBytes) manifest = fd >= 0 ? read_manifest(fd) : NULL;
        char *package = NULL;

        if (fd >= 0)
                close(fd);
        if (manifest == NULL) {
                g_string_append_printf(err, "Failure [INSTALL_PARSE_FAILED_NOT_APK: Failed to parse %s]\n",
                                       path);
                return NULL;
        }
        gsize size;
        const guint8 *xml = g_bytes_get_data(manifest, &size);
        package = manifest_attribute(xml, size, "package");
        if (package == NULL || *package == '\0' ||
            strspn(package, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._") !=
                    strlen(package)) {
                g_string_append(err, "Failure [INSTALL_PARSE_FAILED_MANIFEST_MALFORMED]\n");
                g_clear_pointer(&package, g_free);
        }
        *ret_split = package != NULL ? manifest_attribute(xml, size, "split") : NULL;
        return package;
}
